/**
 * Countdown, the task of TinyZero: reach a target from some numbers. A cold start on an oracle's solutions teaches a small
 * policy what a solution looks like; GRPO, which is told right or wrong and nothing else, makes it find more of them.
 *
 * What it shows is that pass@1 rises on held-out problems while pass@8 falls: GRPO makes likely what the policy could already
 * do. The reward reads the answer alone, so a wrong step of thought that leads to a right one is paid as well; and no
 * searching or checking in the thought appears, as it does in models of billions of parameters.
 * Takes 100 s.
 */
import { curve, lineChart, linesOf, renderSvg, type Series } from '@adjoint/report'
import { type LogRecord, readLog, run, type RunError } from '@adjoint/rl'
import { random, realize, tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, deviceFailed, main, writeText } from '../cli/example.ts'
import { common, type CommonValues, count, type FlagsOf } from '../cli/flags.ts'
import { show, tableText } from '../cli/table.ts'
import { type Figures, figuresOf, type Learning, type Length, phasesOf } from './job.ts'
import { model, sftOptimizer } from './setting.ts'

interface Flags extends CommonValues, Length {
  readonly seed: number
  readonly resume: boolean
}

const flags: FlagsOf<Flags> = {
  sftSteps: count('SFT steps of the cold start', 900),
  steps: count('GRPO steps', 120),
  exam: count('held-out problems of the exams before and after GRPO, 8 samples each', 96, { min: 1 }),
  ...common,
}

interface Outcome {
  readonly seed: number
  readonly device: string
  readonly params: number
  readonly seconds: number
  readonly sft: Figures
  readonly grpo: Figures
}

interface Finished {
  readonly outcome: Outcome
  /** Lines that show what the policy says to the same problems, before and after. */
  readonly shown: readonly string[]
  readonly chart: string
}

/** Accuracy over GRPO: of what was sampled for training, and on held-out problems. */
const seriesOf = (records: readonly LogRecord[]): readonly Series[] => {
  const steps = linesOf(records, 'step', 'grpo')
  const exams = [
    ...linesOf(records, 'evaluation', 'sft-exam').map((line) => ({ ...line, step: 0 })),
    ...linesOf(records, 'evaluation', 'grpo').map((line) => ({ ...line, step: line.step + 1 })),
    ...linesOf(records, 'evaluation', 'grpo-exam').map((line) => ({ ...line, step: steps.length })),
  ]
  return [curve(steps, 'rewards/correct/mean', 'training'), curve(exams, 'passAt1', 'held-out')]
}

const textIn = (line: LogRecord | undefined, field: string): string => {
  const value = line?.[field]
  return typeof value === 'string' ? value : ''
}

const shownOf = (records: readonly LogRecord[]): readonly string[] => {
  const after = linesOf(records, 'sample', 'grpo-exam')
  const verdict = (line: LogRecord | undefined): string =>
    `${textIn(line, 'completion')}  ${line?.['correct'] === 1 ? 'right' : 'wrong'}`
  return linesOf(records, 'sample', 'sft-exam').flatMap((line, i) => [
    textIn(line, 'prompt'),
    `  before  ${verdict(line)}`,
    `  after   ${verdict(after[i])}`,
  ])
}

const job = (given: Flags, { device, folder, bar, signal }: Bench): TE.TaskEither<RunError, Finished> => {
  const { seed, sftSteps, steps, exam, resume } = given
  const params = model.init(random.key(seed))
  const start: Learning = { params, opt: sftOptimizer(sftSteps).init(params) }
  const size = tree.leaves(params).reduce((n, x) => n + x.shape.reduce((a, b) => a * b, 1), 0)
  const chart = join(folder, 'countdown.svg')
  return pipe(
    TE.mapLeft(deviceFailed)(realize(device)(start)),
    TE.flatMap((initial) =>
      run({
        folder,
        seed,
        phases: phasesOf(device, { sftSteps, steps, exam }),
        checkpointEvery: 50,
        settings: { example: 'countdown', seed, device: device.kind, sftSteps, steps, exam },
        observe: bar.observe,
        signal,
      })(initial, { resume }),
    ),
    TE.flatMap(() => TE.Do),
    TE.bind('records', () => readLog(join(folder, 'log.jsonl'))),
    TE.bind('times', () => readLog(join(folder, 'times.jsonl'))),
    TE.tap(({ records }) => {
      const title = `Countdown, seed ${seed}: right answers over GRPO`
      return pipe(
        TE.fromTask(() => renderSvg(lineChart({ title, x: 'GRPO step', y: 'accuracy', series: seriesOf(records) }))),
        TE.flatMap((svg) => writeText(chart, svg)),
      )
    }),
    TE.map(({ records, times }) => ({
      chart,
      shown: shownOf(records),
      outcome: {
        seed,
        device: device.kind,
        params: size,
        seconds: Math.round(times.reduce((s, t) => s + Number(t['total'] ?? 0), 0) / 100) / 10,
        sft: figuresOf(records, 'sft-exam'),
        grpo: figuresOf(records, 'grpo-exam'),
      },
    })),
  )
}

const rowOf = (name: string, f: Figures): readonly string[] => [
  ...[name, show(f.passAt1, 3), show(f.passAt8, 3), show(f.formatRate, 3), show(f.meanLength, 2)],
]

await main({
  name: 'countdown',
  about:
    'Cold-start SFT on solutions of countdown, then GRPO for right answers, from random weights; writes a log, a checkpoint and countdown.svg.',
  flags,
  job,
  text: ({ outcome, shown, chart }) =>
    [
      tableText(
        ['', 'pass@1', 'pass@8', 'format', 'mean length'],
        [rowOf('after SFT', outcome.sft), rowOf('after GRPO', outcome.grpo)],
      ),
      ...shown,
      `${outcome.params} parameters, ${outcome.device}, ${outcome.seconds} s; ${chart}`,
    ].join('\n'),
  json: ({ outcome }) => outcome,
})
