/**
 * The whole of DeepSeek-R1's recipe, in small: from random weights, cold-start SFT, reasoning GRPO with a language reward,
 * rejection sampling and SFT, GRPO on all rewards; then distillation into a student of half the layers, beside the same
 * student by RL alone and on unfiltered traces. Every stage has a folder and a log, and goes on where it was killed.
 * Takes 9 min.
 */
import { reportRuns } from '@adjoint/report'
import {
  begun,
  describeStageError,
  type LogRecord,
  perform,
  readLog,
  type RunError,
  type StageError,
} from '@adjoint/rl'
import { tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, type JobError, main, writeText } from '../cli/example.ts'
import { narrowTable } from '../cli/table.ts'
import { budgetTable, type Stages } from './budget.ts'
import { type Flags, flags, seedsOf } from './flags.ts'
import { aboutOf, modelTable, type Outcome, outcomeOf, type SeedResult, stageTable, type TableOf } from './outcome.ts'
import { recipeOf, startOf } from './recipe.ts'

type Ended = SeedResult & { readonly stages: Stages }

/** One log of every stage: its lines by the stage's name. */
const logsOf = (folder: string, names: readonly string[], file: string): TE.TaskEither<RunError, Stages> =>
  pipe(
    names,
    TE.traverseSeqArray((name) => readLog(join(folder, name, file))),
    TE.map((logs) => Object.fromEntries(names.map((name, i) => [name.replace(/^\d+-/, ''), logs[i]!]))),
  )

const milliseconds = (times: Stages): number =>
  Object.values(times)
    .flat()
    .reduce((sum, { total }: LogRecord) => sum + (typeof total === 'number' ? total : 0), 0)

const sizeOf = (params: Parameters<typeof tree.leaves>[0]): number =>
  tree.leaves(params).reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0)

/** All stages of one seed. */
const runSeed =
  (given: Flags, { device, folder: root, bar, signal }: Bench, several: boolean) =>
  (seed: number): TE.TaskEither<JobError, Ended> => {
    const folder = join(root, `seed-${seed}`)
    const recipe = recipeOf(given)
    const names = recipe.map(({ name }, i) => `${i + 1}-${name}`)
    return pipe(
      perform(recipe)({
        ...{ device, folder, seed, resume: given.resume, checkpointEvery: 25, signal },
        observe: (progress) => {
          const stage = `${several ? `seed ${seed}  ` : ''}${progress.stage}`
          bar.observe({ ...progress, phase: progress.phase === 'exam' ? `${stage}, exam` : stage })
        },
      })(startOf(seed)),
      TE.mapLeft<StageError, JobError>(describeStageError),
      TE.bindTo('state'),
      TE.bindW('stages', () => logsOf(folder, names, 'log.jsonl')),
      TE.bindW('times', () => logsOf(folder, names, 'times.jsonl')),
      TE.map(({ state, stages, times }) => ({
        seed,
        stages,
        reports: state.reports,
        sizes: Object.fromEntries(Object.entries(state.models).map(([name, params]) => [name, sizeOf(params)])),
        seconds: milliseconds(times) / 1000,
      })),
    )
  }

interface Finished {
  readonly outcome: Outcome
  readonly text: string
}

/** Of a narrow terminal. */
const COLUMNS = 60

const tablesText = (tables: readonly TableOf[]): string =>
  tables.map(({ title, head, rows }) => `${title}\n${narrowTable(COLUMNS)(head, rows)}\n`).join('\n')

/** To resume what never began is a mistyped folder. */
const requireBegun = (given: Flags, folder: string): TE.TaskEither<JobError, unknown> =>
  pipe(
    given.resume ? seedsOf(given) : [],
    TE.traverseSeqArray((seed) => begun(join(folder, `seed-${seed}`))),
    TE.flatMap((any) =>
      any.length === 0 || any.includes(true)
        ? TE.right(any)
        : TE.left(
            `${folder}: there is no run of these seeds to go on with. Check the folder, or start without --resume.`,
          ),
    ),
  )

/** Writes down what all seeds came to. */
const conclude =
  (seeds: readonly number[], { device, folder }: Bench) =>
  (results: readonly Ended[]): TE.TaskEither<JobError, Finished> => {
    const outcome = outcomeOf(device.kind, results)
    const tables = tablesText([modelTable(outcome, seeds), stageTable(results), budgetTable(results[0]?.stages ?? {})])
    return pipe(
      writeText(join(folder, 'tables.txt'), tables),
      TE.flatMap(() => reportRuns(folder, aboutOf(outcome, seeds))),
      TE.map((report) => ({ outcome, text: `${tables}\n${outcome.device}, ${outcome.seconds} s; ${report}` })),
    )
  }

const job = (given: Flags, bench: Bench): TE.TaskEither<JobError, Finished> => {
  const seeds = seedsOf(given)
  return pipe(
    requireBegun(given, bench.folder),
    TE.flatMap(() => TE.traverseSeqArray(runSeed(given, bench, seeds.length > 1))(seeds)),
    TE.tapIO(() => bench.bar.stop),
    TE.flatMap(conclude(seeds, bench)),
  )
}

await main({
  name: 'r1',
  about:
    "DeepSeek-R1's whole recipe on mod-10 chains, from random weights: a teacher, and a student that is distilled, learns by\n" +
    'RL alone, or learns from unfiltered traces; writes a log a stage, the tables and report.html.',
  flags,
  job,
  text: ({ text }) => text,
  json: ({ outcome }) => outcome,
})
