/** The job: a cold start, then each way to learn from it, each a run in a folder of its own. */
import {
  type Evaluated,
  type Evaluation,
  evaluator,
  foldIn,
  hostKey,
  type Learner,
  type Phase,
  type RunError,
  sftStep,
  snapshot,
  traces,
  evaluationRecord,
} from '@adjoint/rl'
import type { TransformerParams } from '@adjoint/nn'
import { random, realize } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Bench, deviceFailed } from '../cli/example.ts'
import { phase, stage } from '../cli/stage.ts'
import type { Flags } from './flags.ts'
import { model, type Opt, policy, sampling, sft, SHORT, sitting, task } from './setting.ts'
import { type Learning, type Way, waysOf } from './ways.ts'

/** A policy in the exam, and how many completions it learned from. */
export interface Row {
  readonly policy: string
  readonly completions: number
  readonly evaluation: Evaluation
}

/** What the job comes to. */
export interface Outcome {
  readonly seed: number
  readonly device: string
  readonly seconds: number
  readonly table: readonly Row[]
}

/** All of it. */
export const job = (given: Flags, bench: Bench): TE.TaskEither<RunError, Outcome> => {
  const { device } = bench
  const { seed, resume, sftSteps, steps, exam } = given
  const began = performance.now()
  const inFolder = stage({ example: 'dpo', seed, resume, bench, settings: { sftSteps, steps, exam } })
  const own = snapshot(device)
  const examOf = (count: number) => evaluator({ ...sitting, count, device })
  const [sit, short] = [examOf(exam), examOf(SHORT.problems)]
  const line = ({ evaluation }: Evaluated<unknown>, problems: number, done: number) =>
    evaluationRecord({ problems, done })(evaluation)

  const coldStart = (): TE.TaskEither<RunError, TransformerParams> => {
    const { optimizer, ...rows } = sft
    const demonstrate = sftStep({ policy, optimizer, batch: traces(task, rows), device })
    return pipe(
      TE.mapLeft(deviceFailed)(realize(device)(model.init(random.key(seed)))),
      TE.flatMap((params) =>
        inFolder<Learner<TransformerParams, Opt>>('cold-start', [
          phase('train', sftSteps, (state, { key }) => demonstrate(state, key)),
        ])({
          params,
          opt: sft.optimizer.init(params),
        }),
      ),
      TE.flatMap(({ params }) => own(params)),
    )
  }

  /** With short exams on the way, and one before the first step. */
  const examined =
    (advance: Phase<Learning>['advance']): Phase<Learning>['advance'] =>
    (state, at) => {
      const look = (params: TransformerParams, done: number) =>
        done % SHORT.every === 0
          ? TE.map((result: Evaluated<unknown>) => [line(result, SHORT.problems, done)])(short(params))
          : TE.right([])
      return pipe(
        at.step === 0 ? look(state.params, 0) : TE.right([]),
        TE.bindTo('before'),
        TE.bind('stepped', () => advance(state, at)),
        TE.bind('after', ({ stepped }) => look(stepped.state.params, at.step + 1)),
        TE.map(({ before, stepped, after }) => ({ ...stepped, records: [...before, ...after] })),
      )
    }

  const learned = (name: string, { optimizer, prepare }: Way, start: TransformerParams) =>
    pipe(
      TE.Do,
      TE.bind('advance', () => prepare(start)),
      TE.bind('params', () => own(start)),
      TE.flatMap(({ advance, params }) =>
        inFolder<Learning>(name, [phase('train', steps, examined(advance))])({
          params,
          opt: optimizer.init(params),
          reference: start,
        }),
      ),
      TE.flatMap(({ params }) => sit(params)),
      TE.map(({ evaluation }): Row => ({
        policy: name,
        completions: steps * sampling.prompts * sampling.group,
        evaluation,
      })),
    )

  return pipe(
    coldStart(),
    TE.bindTo('start'),
    TE.bind('before', ({ start }) => sit(start)),
    TE.bind('rows', ({ start }) =>
      pipe(
        Object.entries(waysOf(device, steps, foldIn(hostKey(seed), 1))),
        TE.traverseSeqArray(([name, way]) => learned(name, way, start)),
      ),
    ),
    TE.map(({ before, rows }) => ({
      ...{ seed, device: device.kind },
      seconds: Math.round((performance.now() - began) / 100) / 10,
      table: [{ policy: 'cold start', completions: 0, evaluation: before.evaluation }, ...rows],
    })),
  )
}
