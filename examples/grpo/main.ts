/**
 * GRPO on a published model: an adapter of SmolLM2-135M-Instruct, or of another, learns sums from nothing but whether the number that
 * it says is right. On a CPU this takes a quarter of a minute a step.
 * Takes 14 min.
 */
import { linesOf, reportRuns } from '@adjoint/report'
import { hostKey, type LogRecord, problems, readLog, run } from '@adjoint/rl'
import { random, realize, tree } from '@adjoint/tensor'
import { isLeft } from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Control, CONTROLS } from '../cli/controls.ts'
import { type Bench, deviceFailed, type JobError, main } from '../cli/example.ts'
import { choice, common, type CommonValues, count, type FlagsOf, folder as path, real } from '../cli/flags.ts'
import { modelPath } from '../cli/models.ts'
import { show, tableText } from '../cli/table.ts'
import { type Learning, optimizerOf, phasesOf, task } from './job.ts'
import { adaptedModel } from './model.ts'

interface Flags extends CommonValues {
  readonly model: string | null
  readonly seed: number
  readonly steps: number
  readonly prompts: number
  readonly group: number
  readonly micro: number
  readonly maxTokens: number
  readonly rank: number
  readonly learningRate: number
  readonly exam: number
  readonly control: Control | null
  readonly resume: boolean
}

const flags: FlagsOf<Flags> = {
  model: path(
    'a folder of the Hugging Face hub, a GGUF file, or a part of the name of one in ADJOINT_MODELS, such as smollm2 (default: what is there)',
  ),
  steps: count('GRPO steps', 40),
  prompts: count('problems of a step', 6, { min: 1 }),
  group: count('completions to a problem', 8, { min: 2 }),
  micro: count('completions that are learnt from at once', 16, { min: 1 }),
  maxTokens: count('tokens of a completion, at most', 20, { min: 1 }),
  rank: count('rank of the adapter', 16, { min: 1 }),
  learningRate: real('learning rate', 3e-4, { min: 0 }),
  exam: count('held-out problems of the exams before and after, 8 samples each', 96, { min: 4 }),
  control: choice('shuffled or random rewards: the curve must stay flat', CONTROLS),
  ...common,
}

/** Questions by which it is known how long they are. */
const asked = problems(task, 'train', { count: 512 })(hostKey(0)).map(task.prompt)

interface Figures {
  readonly passAt1: number
  /** 95 % of it, by drawing the problems anew. */
  readonly interval: readonly [low: number, high: number]
  readonly passAt8: number
  readonly meanLength: number
}
const figuresOf = (records: readonly LogRecord[], phase: string): Figures => {
  const line = linesOf(records, 'evaluation', phase).at(-1)
  const at = (field: string): number => Number(line?.[field] ?? NaN)
  const between = [at('passAt1Low'), at('passAt1High')] as const
  return { passAt1: at('passAt1'), interval: between, passAt8: at('passAtK'), meanLength: at('meanLength') }
}

interface Finished {
  readonly seed: number
  readonly device: string
  readonly trained: number
  readonly seconds: number
  readonly before: Figures
  readonly after: Figures
  readonly report: string
}

const job = (given: Flags, { device, folder, bar, signal }: Bench): TE.TaskEither<JobError, Finished> => {
  const { seed, steps, prompts, group, micro, maxTokens, rank, learningRate, exam, control, resume } = given
  const found = modelPath(given.model)
  if (isLeft(found)) return TE.fromEither(found)
  const at = found.right
  return pipe(
    TE.Do,
    TE.bindW('adapted', () => adaptedModel({ path: at, rank, asked, maxTokens, device })),
    TE.bindW('start', ({ adapted: { adapters, base } }) => {
      const params = adapters.init(base)(random.key(seed))
      const start: Learning = { params, opt: optimizerOf({ learningRate }).init(params) }
      return TE.mapLeft(deviceFailed)(realize(device)(start))
    }),
    TE.bindW('last', ({ adapted: { policy }, start }) =>
      run<Learning>({
        folder,
        seed,
        phases: phasesOf({ device, policy, steps, prompts, group, micro, maxTokens, learningRate, exam, control }),
        checkpointEvery: 5,
        settings: {
          ...{ example: 'grpo', task: task.name, model: at, seed, device: device.kind, steps, prompts, group, micro },
          ...{ maxTokens, rank, learningRate, exam, control },
        },
        observe: bar.observe,
        signal,
      })(start, { resume }),
    ),
    TE.tap(({ adapted, last }) => adapted.save(join(folder, 'adapter'), last.params)),
    TE.bindW('records', () => readLog(join(folder, 'log.jsonl'))),
    TE.bindW('times', () => readLog(join(folder, 'times.jsonl'))),
    TE.bindW('report', () =>
      reportRuns(folder, {
        title: `GRPO on ${task.name}, seed ${seed}${control === null ? '' : `, control: ${control} rewards`}`,
        lead: [`An adapter of rank ${rank} of ${at}, by ${device.kind}; the model itself stays as it was.`],
      }),
    ),
    TE.map(({ start, records, times, report }) => ({
      ...{ seed, device: device.kind, trained: tree.size(start.params), report },
      seconds: Math.round(times.reduce((s, t) => s + Number(t['total'] ?? 0), 0) / 1000),
      before: figuresOf(records, 'before'),
      after: figuresOf(records, 'after'),
    })),
  )
}

const rowOf = (name: string, f: Figures): readonly string[] => [
  ...[name, show(f.passAt1, 3), f.interval.map((x) => show(x, 3)).join(' to ')],
  ...[show(f.passAt8, 3), show(f.meanLength, 1)],
]

await main({
  name: 'grpo',
  about:
    'GRPO of an adapter on a published language model: sums, right or wrong; writes a log, a checkpoint and report.html.',
  flags,
  job,
  text: ({ before, after, trained, device, seconds, report }) =>
    `${tableText(['', 'pass@1', '95 %', 'pass@8', 'mean length'], [rowOf('before', before), rowOf('after', after)])}\n` +
    `${trained} trained parameters, ${device}, ${seconds} s; ${report}`,
  json: (outcome) => outcome,
})
