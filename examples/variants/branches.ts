/**
 * Runs that branch off one start: a cold start by SFT in the folder `start`, then any number of runs of RL that begin with
 * its parameters, each in a folder of its own, so that `npm run report -- OUT/*` compares them.
 */
import type { TransformerParams } from '@adjoint/nn'
import {
  type Evaluated,
  evaluator,
  type HostKey,
  type Learner,
  type LogRecord,
  type Metrics,
  type Phase,
  readLog,
  run,
  type RunError,
  sftStep,
  snapshot,
  traces,
  evaluationRecord,
} from '@adjoint/rl'
import { random, realize, type Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, deviceFailed } from '../cli/example.ts'
import { model, policy, sft, sftOptimizer, SHORT, sitting, task } from './setting.ts'

/** How long all of it is. */
export interface Length {
  /** Of the cold start. */
  readonly sftSteps: number
  /** Of RL, each run. */
  readonly steps: number
  /** Held-out problems of the exam at the end of a run. */
  readonly exam: number
  readonly resume: boolean
}

/** What one step of a branch gives. */
export interface Advanced<S> {
  readonly state: S
  readonly metrics: Metrics
  readonly times: Metrics
}

/** A way to go on from the start. */
export interface Branch<S extends Tree> {
  /** Of its folder. */
  readonly name: string
  readonly seed: number
  /** What sets it apart from other branches, its seed aside: the first line of its log has it. */
  readonly settings: Readonly<Record<string, string | number>>
  /** The state at its beginning; it may keep the memory of `params`. */
  readonly enter: (params: TransformerParams) => S
  /** A step of it, by its key and its number; the programs are compiled when it is asked for. */
  readonly step: () => (state: S, key: HostKey, number: number) => TE.TaskEither<RunError, Advanced<S>>
}

/** What an exam reads of a state. */
interface Examined {
  readonly params: TransformerParams
}

const lineOf = (problems: number, done: number) =>
  TE.map(({ evaluation }: Evaluated<unknown>) => [evaluationRecord({ problems, done })(evaluation)])

/** The exam at the end of a run. */
const examPhase = <S extends Tree & Examined>(count: number, { device }: Bench): Phase<S> => {
  const sit = evaluator({ ...sitting, count, device })
  return {
    name: 'exam',
    steps: 1,
    enter: (state) => state,
    advance: (state) =>
      pipe(
        sit(state.params),
        lineOf(count, 0),
        TE.map((records) => ({ state, metrics: {}, records })),
      ),
  }
}

/** The parameters that all branches begin with. */
export const startOf = (
  { sftSteps, exam, resume }: Length,
  seed: number,
  bench: Bench,
): TE.TaskEither<RunError, TransformerParams> => {
  const { device, folder, bar, signal } = bench
  const home = join(folder, 'start')
  const params = model.init(random.key(seed))
  const demonstrate = sftStep({
    ...{ policy, optimizer: sftOptimizer, device },
    batch: traces(task, sft),
  })
  const start: Learner<TransformerParams, ReturnType<typeof sftOptimizer.init>> = {
    params,
    opt: sftOptimizer.init(params),
  }
  return pipe(
    TE.mapLeft(deviceFailed)(realize(device)(start)),
    TE.flatMap((initial) =>
      run({
        ...{ folder: home, seed, checkpointEvery: 100, observe: bar.observe, signal },
        phases: [
          {
            name: 'sft',
            steps: sftSteps,
            enter: (state: typeof start) => state,
            advance: (s, { key }) => demonstrate(s, key),
          },
          examPhase<typeof start>(exam, bench),
        ],
        settings: { example: 'variants', run: 'start', seed, device: device.kind, sftSteps, exam },
      })(initial, { resume: resume && 'where begun' }),
    ),
    TE.map((state) => state.params),
  )
}

/** One branch, from the start to its exam: its state at the end. */
export const follow =
  ({ steps, exam, resume }: Length, bench: Bench) =>
  <S extends Tree & Examined>(branch: Branch<S>, start: TransformerParams): TE.TaskEither<RunError, S> => {
    const { device, folder, bar, signal } = bench
    const home = join(folder, branch.name)
    const step = branch.step()
    const short = evaluator({ ...sitting, samples: SHORT.samples, count: SHORT.problems, device })
    const training: Phase<S> = {
      name: 'rl',
      steps,
      enter: (state) => state,
      advance: (state, { step: number, key }) =>
        pipe(
          step(state, key, number),
          TE.bindTo('advanced'),
          TE.bind('records', ({ advanced }) =>
            (number + 1) % SHORT.every === 0
              ? lineOf(SHORT.problems, number + 1)(short(advanced.state.params))
              : TE.right([]),
          ),
          TE.map(({ advanced, records }) => ({ ...advanced, records })),
        ),
    }
    return pipe(
      // A step reuses the memory of its state: the start stays whole for the other branches.
      snapshot(device)(start),
      TE.flatMap((own) =>
        run({
          ...{ folder: home, seed: branch.seed, checkpointEvery: 50, signal },
          phases: [training, examPhase<S>(exam, bench)],
          settings: { ...branch.settings, seed: branch.seed, device: device.kind, steps, exam },
          observe: (progress) => bar.observe({ ...progress, phase: `${branch.name} ${progress.phase}` }),
        })(branch.enter(own), { resume: resume && 'where begun' }),
      ),
    )
  }

/** The log of a run by its folder's name. */
export const logOf = (folder: string, name: string): TE.TaskEither<RunError, readonly LogRecord[]> =>
  readLog(join(folder, name, 'log.jsonl'))
