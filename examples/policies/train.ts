/** A cold start and GRPO for any policy on chains of three digits, and what it can do before and after. */
import { adam, chain, clipByGlobalNorm } from '@adjoint/nn'
import {
  accuracy,
  type Evaluation,
  evaluator,
  foldIn,
  format,
  group,
  GRPO_OBJECTIVE,
  grpoStep,
  hostKey,
  type LogitPolicy,
  mod10Chains,
  named,
  outcome,
  policyOf,
  type RunError,
  sftStep,
  traces,
} from '@adjoint/rl'
import { type Device, random, realize, tree, type TreeRecord } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { deviceFailed } from '../cli/example.ts'
import { gru, type Kind, mixture, table } from './kinds.ts'

export const task = mod10Chains(3)
const { vocabulary } = task
const MAX_TOKENS = 10
const sampling = { task, maxTokens: MAX_TOKENS, temperature: 1 } as const

/** A policy whose parameters are some tree, with what trains it. */
export type Trainable = (
  device: Device,
  steps: number,
) => TE.TaskEither<RunError, { readonly params: number; readonly before: Evaluation; readonly after: Evaluation }>

/** Steps of a fold over numbers, one after the other. */
const repeat =
  <S>(steps: number, step: (state: S, i: number) => TE.TaskEither<RunError, S>) =>
  (from: S): TE.TaskEither<RunError, S> =>
    Array.from({ length: steps }, (_, i) => i).reduce<TE.TaskEither<RunError, S>>(
      (state, i) => TE.flatMap((s: S) => step(s, i))(state),
      TE.right(from),
    )

const trainable =
  <P extends TreeRecord, M extends TreeRecord>(
    { decoder, init }: Kind<P, M>,
    { sftSteps, learningRate }: { readonly sftSteps: number; readonly learningRate: number },
  ): Trainable =>
  (device, steps) => {
    const policy: LogitPolicy<P> = policyOf(decoder, vocabulary)
    const [forSft, forGrpo] = [chain(clipByGlobalNorm(1), adam({ learningRate: 1e-2 })), adam({ learningRate })]
    const demonstrate = sftStep({
      policy,
      optimizer: forSft,
      batch: traces(task, { rows: 64, thinkShare: 0.5 }),
      width: 7 + MAX_TOKENS,
      device,
    })
    const improve = grpoStep({
      ...sampling,
      policy,
      prompts: 16,
      group: 8,
      rewards: [named('correct', accuracy(task.verify)), named('format', format, 0.5)],
      credit: outcome(group()),
      objective: GRPO_OBJECTIVE,
      optimizer: forGrpo,
      device,
    })
    const sit = evaluator({ ...sampling, policy, count: 64, samples: 8, seed: 1, device })
    const examine = (params: P) => TE.map((sat: { readonly evaluation: Evaluation }) => sat.evaluation)(sit(params))
    return pipe(
      TE.mapLeft(deviceFailed)(realize(device)(init(random.key(0)))),
      TE.map((params) => ({ params, opt: forSft.init(params) })),
      TE.flatMap(
        repeat(sftSteps, (state, i) =>
          TE.map(({ state: next }: { state: typeof state }) => next)(demonstrate(state, foldIn(hostKey(1), i))),
        ),
      ),
      TE.bindTo('cold'),
      TE.bind('before', ({ cold }) => examine(cold.params)),
      TE.bind('ended', ({ cold: { params } }) =>
        repeat(steps, (state: { params: P; opt: ReturnType<typeof forGrpo.init>; reference: P | null }, i) =>
          TE.map((stepped: { state: typeof state }) => stepped.state)(improve(state, foldIn(hostKey(2), i))),
        )({ params, opt: forGrpo.init(params), reference: null }),
      ),
      TE.bind('after', ({ ended }) => examine(ended.params)),
      TE.map(({ before, after, ended }) => ({ before, after, params: tree.size(ended.params) })),
    )
  }

/** The policies by name, each with a cold start after which some completions are in the template, for reward to choose from. */
export const kinds: Readonly<Record<string, Trainable>> = {
  table: trainable(table(vocabulary.size), { sftSteps: 200, learningRate: 0.05 }),
  mixture: trainable(mixture(vocabulary.size, { width: 8, experts: 4 }), { sftSteps: 40, learningRate: 2e-3 }),
  gru: trainable(gru(vocabulary.size, 48), { sftSteps: 40, learningRate: 2e-3 }),
}
