/**
 * The GRPO family side by side: every preset trains one policy from one SFT checkpoint on one task, and nothing else
 * differs. Their curves are in one chart, accuracy on held-out problems over steps.
 * Takes 2 min.
 */
import type { TransformerParams } from '@adjoint/nn'
import { lineChart, renderSvg } from '@adjoint/report'
import { type GrpoState, grpoStep, type Preset, presets, type RunError, syncReference } from '@adjoint/rl'
import type { Device } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, main, writeText } from '../cli/example.ts'
import { show, tableText } from '../cli/table.ts'
import { type Branch, follow, logOf, startOf } from './branches.ts'
import { type Flags, flags } from './flags.ts'
import { curveOf, examOf, type Followed, mean, overSeeds, type Row, rowOf, summaryOf } from './outcome.ts'
import { MAX_TOKENS, MINIBATCHES, type Opt, optimizer, sampling } from './setting.ts'

const variants: Readonly<Record<string, Preset>> = {
  ...presets,
  drGrpo: presets.drGrpo(MAX_TOKENS),
  gdpo: presets.gdpo({ correct: 1, format: 0.1 }),
}

/** The states of all variants are alike; the reference is the start, where a preset has a KL term. */
type State = GrpoState<TransformerParams, Opt>

const branchOf = (variant: string, preset: Preset, seed: number, device: Device): Branch<State> => ({
  name: `${variant}-${seed}`,
  seed,
  settings: { example: 'variants', preset: variant },
  enter: (params) => ({ params, opt: optimizer.init(params), reference: preset.objective.beta === 0 ? null : params }),
  step: () => {
    const improve = grpoStep({ ...sampling, ...preset, minibatches: MINIBATCHES, optimizer, device })
    const sync = syncReference({ every: Infinity, alpha: 1 }, device)
    return (state, key, number) =>
      pipe(
        sync(state, number),
        TE.flatMap((from) => improve(from, key)),
      )
  },
})

interface Outcome {
  readonly device: string
  readonly seconds: number
  readonly start: { readonly passAt1: number; readonly meanLength: number }
  readonly table: readonly Row[]
  readonly happened: string
}

const job = (
  given: Flags,
  bench: Bench,
): TE.TaskEither<RunError, { readonly outcome: Outcome; readonly chart: string }> => {
  const { device, folder } = bench
  const began = performance.now()
  const chart = join(folder, 'variants.svg')
  const trained = (start: TransformerParams) =>
    pipe(
      given.seeds.flatMap((seed) =>
        Object.entries(variants).map(([name, preset]) => branchOf(name, preset, seed, device)),
      ),
      TE.traverseSeqArray((branch) => follow(given, bench)(branch, start)),
    )
  const logs = (name: string): TE.TaskEither<RunError, Followed> =>
    pipe(
      given.seeds,
      TE.traverseSeqArray((seed) => logOf(folder, `${name}-${seed}`)),
      TE.map((all) => ({ name, logs: all })),
    )
  return pipe(
    startOf(given, given.seed, bench),
    TE.flatMap(trained),
    TE.flatMap(() => TE.Do),
    TE.bind('start', () => logOf(folder, 'start')),
    TE.bind('followed', () => TE.traverseSeqArray(logs)(Object.keys(variants))),
    TE.tap(({ start, followed }) => {
      const series = followed.map((f) => curveOf(f, 'passAt1', examOf(start, 'passAt1')))
      const title = `The GRPO family from one start: ${overSeeds(given.seeds.length)}`
      return pipe(
        TE.fromTask(() => renderSvg(lineChart({ title, x: 'step', y: 'pass@1, held-out problems', series }))),
        TE.flatMap((svg) => writeText(chart, svg)),
      )
    }),
    TE.map(({ start, followed }) => ({
      chart,
      outcome: {
        device: device.kind,
        seconds: Math.round((performance.now() - began) / 100) / 10,
        start: { passAt1: examOf(start, 'passAt1'), meanLength: examOf(start, 'meanLength') },
        table: followed.map(rowOf),
        happened: summaryOf(followed.map(rowOf)),
      },
    })),
  )
}

const textOf = ({ device, seconds, start, table, happened }: Outcome): string => {
  const spread = (xs: readonly number[]): string => xs.map((x) => show(x, 3)).join(' / ')
  const rows = [...table]
    .sort((x, y) => mean(y.passAt1) - mean(x.passAt1))
    .map((r) => [
      ...[r.name, show(mean(r.passAt1), 3), spread(r.passAt1), show(mean(r.consAt16), 3)],
      ...[show(mean(r.meanLength), 2), show(mean(r.thinkRate), 2), show(mean(r.clipped), 3)],
    ])
  const head = ['variant', 'pass@1', 'by seed', 'cons@16', 'length', 'thinks', 'clipped']
  return `${tableText(head, rows)}\n${happened}\nfrom pass@1 ${show(start.passAt1, 3)} at the start; ${device}, ${seconds} s`
}

await main({
  name: 'variants',
  about: 'Every preset of the GRPO family from one SFT checkpoint; writes a log for each run, and variants.svg.',
  flags,
  job,
  text: ({ outcome, chart }) => `${textOf(outcome)}; ${chart}`,
  json: ({ outcome }) => outcome,
})
