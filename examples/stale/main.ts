/**
 * Stale rollouts: a learner whose rollouts were sampled k steps ago, with and without a correction for the mismatch of
 * learner and sampler, against the one that samples afresh. A chart for each k, and what happened in words.
 * Takes 2 min.
 */
import { lineChart, renderSvg } from '@adjoint/report'
import type { RunError } from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, main, writeText } from '../cli/example.ts'
import { show, tableText } from '../cli/table.ts'
import { follow, logOf, startOf } from '../variants/branches.ts'
import { curveOf, examOf, examsOf, type Followed, mean, overSeeds, overSteps, rowOf } from '../variants/outcome.ts'
import { type Flags, flags } from './flags.ts'
import { lateBranch, nameOf, ways } from './late.ts'
import { AGES } from './setting.ts'
import { deepestFall, type Ended, verdicts } from './verdict.ts'

/** The runs that are compared: on-policy, where all ways are one, and each way for each age. */
const compared: readonly { readonly way: string; readonly k: number }[] = [
  { way: 'ignored', k: 0 },
  ...AGES.flatMap((k) => Object.keys(ways).map((way) => ({ way, k }))),
]

interface Outcome {
  readonly device: string
  readonly seconds: number
  readonly start: number
  readonly table: readonly Ended[]
  readonly happened: readonly string[]
}
interface Finished {
  readonly outcome: Outcome
  readonly charts: readonly string[]
}

const job = (given: Flags, bench: Bench): TE.TaskEither<RunError, Finished> => {
  const { device, folder } = bench
  const began = performance.now()
  const followed = ({
    way,
    k,
  }: (typeof compared)[number]): TE.TaskEither<RunError, Followed & { readonly k: number }> =>
    pipe(
      given.seeds,
      TE.traverseSeqArray((seed) => logOf(folder, nameOf(way, k, seed))),
      TE.map((logs) => ({ name: k === 0 ? 'on-policy' : way, k, logs })),
    )
  return pipe(
    startOf(given, given.seed, bench),
    TE.flatMap((start) =>
      pipe(
        given.seeds.flatMap((seed) => compared.map(({ way, k }) => lateBranch(way, k, seed, device))),
        TE.traverseSeqArray((branch) => follow(given, bench)(branch, start)),
      ),
    ),
    TE.flatMap(() => TE.Do),
    TE.bind('begun', () => logOf(folder, 'start')),
    TE.bind('all', () => TE.traverseSeqArray(followed)(compared)),
    TE.bind('charts', ({ begun, all }) =>
      TE.traverseSeqArray((age: number) => {
        const path = join(folder, `stale-${age}.svg`)
        const series = all
          .filter(({ k }) => k === 0 || k === age)
          .map((f) => curveOf(f, 'passAt1', examOf(begun, 'passAt1')))
        const title = `Rollouts ${age} steps old: ${overSeeds(given.seeds.length)}`
        return pipe(
          TE.fromTask(() => renderSvg(lineChart({ title, x: 'step', y: 'pass@1, held-out problems', series }))),
          TE.flatMap((svg) => writeText(path, svg)),
          TE.map(() => path),
        )
      })(AGES),
    ),
    TE.map(({ begun, all, charts }) => {
      const table = all.map((f): Ended => ({
        ...{ way: f.name, k: f.k, passAt1: rowOf(f).passAt1 },
        fall: Math.max(...f.logs.map((log) => deepestFall(examsOf(log, 'passAt1').map(([, x]) => x)))),
        mismatch: mean(f.logs.map((log) => overSteps(log, 'sampling/sampling_logp_difference/mean'))),
      }))
      const [onPolicy, ...late] = table
      return {
        charts,
        outcome: {
          device: device.kind,
          seconds: Math.round((performance.now() - began) / 100) / 10,
          start: examOf(begun, 'passAt1'),
          table,
          happened: verdicts(onPolicy!.passAt1, late),
        },
      }
    }),
  )
}

const textOf = ({ outcome: { device, seconds, start, table, happened }, charts }: Finished): string => {
  const rows = table.map(({ way, k, passAt1, fall, mismatch }) => [
    ...[
      String(k),
      way,
      show(mean(passAt1), 3),
      passAt1.map((x) => show(x, 3)).join(' / '),
      show(fall, 3),
      show(mismatch, 4),
    ],
  ])
  return [
    tableText(['steps late', 'way', 'pass@1', 'by seed', 'deepest fall', 'mismatch, nats'], rows),
    ...happened,
    `from pass@1 ${show(start, 3)} at the start; ${device}, ${seconds} s; ${charts.join(', ')}`,
  ].join('\n')
}

await main({
  name: 'stale',
  about:
    'Learning from rollouts that are k steps old, with and without corrections; writes a log for each run, and charts.',
  flags,
  job,
  text: textOf,
  json: ({ outcome }) => outcome,
})
