/**
 * The job: a teacher, its traces, a beginning that all students share, then the students. Each is a run in a folder of its
 * own, so that `npm run report -- OUT/*` compares them; the table is read off their logs.
 */
import type { Transformer, TransformerParams } from '@adjoint/nn'
import {
  divergenceMeter,
  epochs,
  evaluator,
  foldIn,
  forwardKl,
  hostKey,
  type Learner,
  type LogRecord,
  type Metrics,
  type Phase,
  readLog,
  rejectionSample,
  type RejectionReport,
  reverseKl,
  run,
  type RunError,
  type SftConfig,
  sftStep,
  snapshot,
  traces as oracle,
  evaluationRecord,
  sampleRecords,
} from '@adjoint/rl'
import { linesOf } from '@adjoint/report'
import { type Device, random, realize, tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { join } from 'node:path'
import { type Bench, deviceFailed } from '../cli/example.ts'
import type { Flags } from './flags.ts'
import { large, type Opt, optimizer, policyOf, ROWS, SHORT, sitting, small, task } from './setting.ts'
import { type Step, studentsOf } from './students.ts'

/** What is measured of a model besides its answers. */
type Measure = (params: TransformerParams) => TE.TaskEither<RunError, Metrics>

/** Steps of training, with short exams on the way and before the first. */
const training = (
  model: Transformer,
  steps: number,
  step: Step,
  device: Device,
): Phase<Learner<TransformerParams, Opt>> => {
  const sit = evaluator({ ...sitting, samples: 4, policy: policyOf(model), count: SHORT.problems, device })
  const look = (params: TransformerParams, done: number) =>
    pipe(
      sit(params),
      TE.map(({ evaluation }) => [evaluationRecord({ problems: SHORT.problems, done })(evaluation)]),
    )
  return {
    name: 'train',
    steps,
    enter: (state) => state,
    advance: (state, { step: number, key }) =>
      pipe(
        number === 0 ? look(state.params, 0) : TE.right([]),
        TE.bindTo('before'),
        TE.bind('stepped', () => step(state, key, number)),
        TE.bind('after', ({ stepped }) =>
          (number + 1) % SHORT.every === 0 ? look(stepped.state.params, number + 1) : TE.right([]),
        ),
        TE.map(({ before, stepped, after }) => ({ ...stepped, records: [...before, ...after] })),
      ),
  }
}

const shown = sampleRecords(task, { group: sitting.samples, shown: 8 })

/** The exam at the end, with the completions to some of its problems. */
const examining = (
  model: Transformer,
  count: number,
  device: Device,
  measure: Measure,
): Phase<Learner<TransformerParams, Opt>> => {
  const sit = evaluator({ ...sitting, policy: policyOf(model), count, device })
  return {
    name: 'exam',
    steps: 1,
    enter: (state) => state,
    advance: (state) =>
      pipe(
        TE.Do,
        TE.bind('sat', () => sit(state.params)),
        TE.bind('measured', () => measure(state.params)),
        TE.map(({ sat: { evaluation, samples }, measured }) => ({
          state,
          metrics: {},
          records: [
            evaluationRecord({ problems: count, done: 0 })({ ...evaluation, ...measured }),
            ...shown(samples.map((sample) => ({ sample }))),
          ],
        })),
      ),
  }
}

/** A row of the table, out of a log. */
export interface Row {
  readonly model: string
  readonly params: number
  readonly passAt1: number
  readonly consAt16: number
  readonly meanLength: number
  /** KL(T || S) on what the teacher writes, nats per token. */
  readonly forwardKl: number
  /** KL(S || T) on what the model writes, nats per token. */
  readonly reverseKl: number
}

/** What the job comes to. */
export interface Outcome {
  readonly seed: number
  readonly device: string
  readonly seconds: number
  readonly traces: RejectionReport
  readonly table: readonly Row[]
}

/** The log of a model of the job. */
const logOf = (folder: string, name: string): TE.TaskEither<RunError, readonly LogRecord[]> =>
  readLog(join(folder, name, 'log.jsonl'))

const rowOf = (model: string, params: number, log: readonly LogRecord[]): Row => {
  const line = linesOf(log, 'evaluation', 'exam').at(-1)
  const at = (field: string): number => {
    const value = line?.[field]
    return typeof value === 'number' ? value : NaN
  }
  return {
    ...{ model, params, passAt1: at('passAt1'), consAt16: at('consAtK'), meanLength: at('meanLength') },
    ...{ forwardKl: at('forwardKl'), reverseKl: at('reverseKl') },
  }
}

/** A model at the end of its run. */
interface Trained {
  readonly params: TransformerParams
  readonly row: Row
}

/** All of it. */
export const job = (given: Flags, { device, folder, bar }: Bench): TE.TaskEither<RunError, Outcome> => {
  const { seed, problems, exam } = given
  const began = performance.now()
  const keyOf = (n: number) => foldIn(foldIn(hostKey(seed), 0), n)

  /** Trains a model in the folder `name`. Its parameters are copied: a step takes the memory of its state. */
  const trained =
    (name: string, model: Transformer, steps: number, step: () => Step, measure: Measure) =>
    (params: TransformerParams): TE.TaskEither<RunError, Trained> => {
      const home = join(folder, name)
      const resume = given.resume && 'where begun'
      return pipe(
        snapshot(device)(params),
        TE.flatMap((own) =>
          run({
            folder: home,
            seed,
            phases: [training(model, steps, step(), device), examining(model, exam, device, measure)],
            checkpointEvery: 100,
            settings: { example: 'gkd', seed, device: device.kind, model: name, steps, problems, exam },
            observe: (progress) => bar.observe({ ...progress, phase: `${name} ${progress.phase}` }),
          })({ params: own, opt: optimizer.init(own) }, { resume }),
        ),
        TE.bindTo('ended'),
        TE.bind('log', () => logOf(folder, name)),
        TE.map(({ ended, log }) => ({ params: ended.params, row: rowOf(name, tree.size(ended.params), log) })),
      )
    }
  const fresh = (model: Transformer, n: number): TE.TaskEither<RunError, TransformerParams> =>
    TE.mapLeft(deviceFailed)(realize(device)(model.init(random.foldIn(random.key(seed), n))))
  const demonstrated = (model: Transformer, batch: SftConfig<TransformerParams, Opt>['batch']) => (): Step =>
    sftStep({ policy: policyOf(model), optimizer, batch, device })
  const written = (model: Transformer) => (params: TransformerParams) =>
    pipe(
      evaluator({ ...sitting, samples: 1, policy: policyOf(model), count: exam, device })(params),
      TE.map(({ samples }) => samples.filter((s) => s.terminated)),
    )

  /** Students of a teacher: first what they share, then each in its way. */
  const taught = (params: TransformerParams) => {
    const teacher = { policy: policyOf(large), params }
    const meter = { policy: policyOf(small), teacher, device }
    const [forward, reverse] = [
      divergenceMeter({ ...meter, divergences: { forwardKl } }),
      divergenceMeter({ ...meter, divergences: { reverseKl } }),
    ]
    // Every text that the teacher ends is a trace: whether it is right is not asked.
    const { temperature, maxTokens } = sitting
    const writes = (count: number) =>
      rejectionSample({ task, temperature, maxTokens, policy: policyOf(large), count, group: 1, accept: {}, device })
    return pipe(
      TE.Do,
      TE.bind('said', () => written(large)(params)),
      TE.bind('kept', () => writes(problems)(params, keyOf(0))),
      TE.bind('more', () => writes(Math.max(1, given.steps) * ROWS)(params, keyOf(3))),
      TE.let(
        'measure',
        ({ said }): Measure =>
          (student) =>
            pipe(
              TE.Do,
              TE.bind('onTeachers', () => forward(student, said)),
              TE.bind('onOwn', () =>
                TE.flatMap((own: typeof said) =>
                  own.length === 0 ? TE.right<RunError, Metrics>({}) : reverse(student, own),
                )(written(small)(student)),
              ),
              TE.map(({ onTeachers, onOwn }) => ({ ...onTeachers, ...onOwn })),
            ),
      ),
      TE.bind('start', ({ kept, measure }) => {
        const step = demonstrated(small, epochs(kept.traces, { rows: ROWS, key: keyOf(1) }))
        return TE.flatMap(trained('start', small, given.startSteps, step, measure))(fresh(small, 1))
      }),
      TE.bind('students', ({ start, kept, more, measure }) =>
        pipe(
          Object.entries(
            studentsOf({ ...{ teacher, device, key: keyOf(2) }, traces: kept.traces, fresh: more.traces }),
          ),
          TE.traverseSeqArray(([name, step]) => trained(name, small, given.steps, step, measure)(start.params)),
        ),
      ),
      TE.map(({ kept, start, students }) => ({ traces: kept.report, rows: [start, ...students].map((s) => s.row) })),
    )
  }

  const step = demonstrated(large, oracle(task, { rows: ROWS, thinkShare: 1 }))
  return pipe(
    fresh(large, 0),
    TE.flatMap(trained('teacher', large, given.teacherSteps, step, () => TE.right({ forwardKl: 0, reverseKl: 0 }))),
    TE.bindTo('teacher'),
    TE.bind('students', ({ teacher }) => taught(teacher.params)),
    TE.map(({ teacher, students }) => ({
      ...{ seed, device: device.kind, seconds: Math.round((performance.now() - began) / 100) / 10 },
      ...{ traces: students.traces, table: [teacher.row, ...students.rows] },
    })),
  )
}
