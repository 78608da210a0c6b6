/**
 * The job: a cold start, two reward models that learn from pairs, and GRPO against them from that start. Each is a run in a
 * folder of its own. Whether a completion is right is watched, and rewards nothing.
 */
import {
  accuracy,
  type Evaluation,
  evaluateDifferences,
  evaluator,
  fitTemperature,
  foldIn,
  format,
  GRPO_OBJECTIVE,
  type GrpoState,
  grpoStep,
  hostKey,
  type Learner,
  learnedReward,
  named,
  namedBatch,
  type PairEvaluation,
  pairEvaluator,
  type RewardLearner,
  rewardModelStep,
  type RewardModelParams,
  type RunError,
  sftStep,
  snapshot,
  traces,
  evaluationRecord,
  sampleRecords,
} from '@adjoint/rl'
import type { TransformerParams } from '@adjoint/nn'
import { random, realize } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Bench, deviceFailed } from '../cli/example.ts'
import { phase, stage } from '../cli/stage.ts'
import type { Flags } from './flags.ts'
import {
  EXAM_PAIRS,
  grpo,
  heldOut,
  judge,
  type JudgeName,
  JUDGES,
  judges,
  judging,
  type Opt,
  model,
  policy,
  type Pursuit,
  PURSUITS,
  sft,
  sitting,
  task,
} from './setting.ts'

/** A reward model on held-out pairs, before and after its temperature was fitted on others. */
export interface JudgeRow {
  readonly judge: JudgeName
  readonly evaluation: PairEvaluation
  readonly temperature: number
  readonly calibrated: PairEvaluation
}

/** A policy in the exam. */
export interface PolicyRow {
  readonly policy: string
  readonly evaluation: Evaluation
}

/** What the job comes to. */
export interface Outcome {
  readonly seed: number
  readonly device: string
  readonly seconds: number
  readonly judges: readonly JudgeRow[]
  readonly policies: readonly PolicyRow[]
}

/** The folder of a policy. */
export const folderOf = ({ name }: Pursuit): string => `grpo-${name}`

const { vocabulary } = task
const correct = accuracy(task.verify)

/** All of it. */
export const job = (given: Flags, bench: Bench): TE.TaskEither<RunError, Outcome> => {
  const { device } = bench
  const { seed, resume, sftSteps, judgeSteps, steps, exam } = given
  const began = performance.now()
  const settings = { sftSteps, judgeSteps, steps, exam }
  const inFolder = stage({ example: 'reward-model', seed, resume, bench, settings })
  const own = snapshot(device)
  const sit = evaluator({ ...sitting, count: exam, device })
  const scoring = { model: judge, vocabulary, device }
  const evaluatePairs = pairEvaluator(scoring)
  const pairs = heldOut(2 * EXAM_PAIRS, hostKey(sitting.seed))

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

  /** A reward model that starts from the policy: who can solve the task can judge it sooner. */
  const learnJudge = (name: JudgeName, start: TransformerParams): TE.TaskEither<RunError, RewardModelParams> => {
    const batch = judges[name](foldIn(hostKey(seed), 1))
    const learn = rewardModelStep({ ...scoring, ...judging, batch })
    return pipe(
      own(judge.init(random.foldIn(random.key(seed), 1), start)),
      TE.flatMap((params) =>
        inFolder<RewardLearner<Opt>>(`judge-${name}`, [
          phase('train', judgeSteps, (state, { key }) => learn(state, key)),
        ])({ params, opt: judging.optimizer.init(params) }),
      ),
      TE.flatMap(({ params }) => own(params)),
    )
  }

  const examineJudge = (name: JudgeName, params: RewardModelParams): TE.TaskEither<RunError, JudgeRow> =>
    pipe(
      evaluatePairs(params, pairs),
      TE.map(({ differences }) => {
        const [fit, test] = [differences.slice(0, EXAM_PAIRS), differences.slice(EXAM_PAIRS)]
        const temperature = fitTemperature(fit)
        const evaluation = evaluateDifferences()(test)
        return {
          judge: name,
          evaluation,
          temperature,
          calibrated: evaluateDifferences()(test.map((d) => d / temperature)),
        }
      }),
    )

  const learnt = sampleRecords(task, { group: grpo.group, shown: 1 })
  const examined = sampleRecords(task, { group: sitting.samples, shown: 8 })

  const improve = (pursuit: Pursuit, params: RewardModelParams, start: TransformerParams) => {
    const advance = grpoStep({
      ...grpo,
      credit: pursuit.credit,
      objective: { ...GRPO_OBJECTIVE, beta: pursuit.beta, kl: pursuit.kl },
      task,
      policy,
      device,
      rewards: [
        namedBatch('learned', learnedReward({ ...scoring, params })),
        named('correct', correct, 0),
        named('format', format, 0),
      ],
    })
    return pipe(
      own(start),
      TE.flatMap((params) =>
        inFolder<GrpoState<TransformerParams, Opt>>(folderOf(pursuit), [
          phase('train', steps, (state, { key }) =>
            pipe(
              advance(state, key),
              TE.map(({ graded, ids, ...stepped }) => ({
                ...stepped,
                records: learnt(graded, ids),
              })),
            ),
          ),
          phase('exam', 1, (state) =>
            pipe(
              sit(state.params),
              TE.map(({ evaluation, samples }) => ({
                state,
                metrics: {},
                records: [
                  evaluationRecord({ problems: exam, done: steps })(evaluation),
                  ...examined(samples.map((sample) => ({ sample }))),
                ],
              })),
            ),
          ),
        ])({ params, opt: grpo.optimizer.init(params), reference: start }),
      ),
      TE.flatMap((state) => sit(state.params)),
      TE.map(({ evaluation }): PolicyRow => ({ policy: folderOf(pursuit), evaluation })),
    )
  }

  return pipe(
    coldStart(),
    TE.bindTo('start'),
    TE.bind('before', ({ start }) => sit(start)),
    TE.bind('learned', ({ start }) =>
      pipe(
        JUDGES,
        TE.traverseSeqArray((name) =>
          pipe(
            learnJudge(name, start),
            TE.bindTo('params'),
            TE.bind('row', ({ params }) => examineJudge(name, params)),
          ),
        ),
      ),
    ),
    TE.bind('policies', ({ start, learned }) =>
      pipe(
        PURSUITS,
        TE.traverseSeqArray((pursuit) =>
          improve(pursuit, learned.find(({ row }) => row.judge === pursuit.judge)!.params, start),
        ),
      ),
    ),
    TE.map(({ before, learned, policies }) => ({
      ...{ seed, device: device.kind },
      seconds: Math.round((performance.now() - began) / 100) / 10,
      judges: learned.map(({ row }) => row),
      policies: [{ policy: 'cold start', evaluation: before.evaluation }, ...policies],
    })),
  )
}
