/**
 * Learning from rollouts that are k steps old: the state keeps the last k policies, and a step samples from the oldest of
 * them, as a learner does whose rollouts come from machines that are k updates behind.
 */
import type { TransformerParams } from '@adjoint/nn'
import {
  collector,
  type Correction,
  correctionMonoid,
  group,
  GRPO_OBJECTIVE,
  type GrpoState,
  learner,
  offPolicyMask,
  outcome,
  snapshot,
  tis,
  tokenLevel,
} from '@adjoint/rl'
import type { Device } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Branch } from '../variants/branches.ts'
import { MAX_TOKENS, policy, type Opt, sampling } from '../variants/setting.ts'
import { optimizer } from './setting.ts'

/** A learner, and the k policies before it, the oldest first. All of it is a value: a checkpoint holds it, a run resumes it. */
export type Late = GrpoState<TransformerParams, Opt> & { readonly past: readonly TransformerParams[] }

const truncated = tis({ level: tokenLevel, high: 2 })

/**
 * What to do about the mismatch of learner and sampler. Undefined is no correction at all: the ratio of the objective is to
 * the sampler, and PPO's clip bounds it. The others have the learner itself as the old policy, and a weight a token.
 */
export const ways: Readonly<Record<string, Correction | undefined>> = {
  // Weights of 1: as if the rollouts were the learner's own.
  ignored: correctionMonoid.empty,
  clip: undefined,
  tis: truncated,
  'tis+mask': correctionMonoid.concat(truncated, offPolicyMask(0.1)),
}

/** The name of a run's folder. */
export const nameOf = (way: string, k: number, seed: number): string => `${way}-k${k}-seed${seed}`

/** A run with rollouts that are `k` steps old; 0 is on-policy. */
export const lateBranch = (way: string, k: number, seed: number, device: Device): Branch<Late> => ({
  name: nameOf(way, k, seed),
  seed,
  settings: { example: 'stale', way, k },
  enter: (params) => ({
    params,
    opt: optimizer.init(params),
    reference: null,
    past: Array.from({ length: k }, () => params),
  }),
  step: () => {
    const collect = collector({ ...sampling, device })
    const correction = ways[way]
    const learn = learner({
      ...{ policy, maxTokens: MAX_TOKENS, temperature: sampling.temperature, optimizer, device },
      ...{ credit: outcome(group()), objective: GRPO_OBJECTIVE },
      ...(correction === undefined ? {} : { correction }),
    })
    return ({ past, ...state }, key, number) =>
      pipe(
        // Learning takes the memory of the policy; the copy outlives it. At first all k policies are this one.
        snapshot(device)(state.params),
        TE.flatMap((copy) => {
          const started = performance.now()
          const before = number === 0 ? past.map(() => copy) : past
          return pipe(
            collect(before[0] ?? state.params, key),
            TE.flatMap(({ experience, metrics, times }) =>
              pipe(
                learn(state, experience, key),
                TE.map((learned) => ({
                  state: { ...learned.state, past: k === 0 ? [] : [...before.slice(1), copy] },
                  metrics: { ...metrics, ...learned.metrics },
                  times: { ...times, step_time: performance.now() - started },
                })),
              ),
            ),
          )
        }),
      )
  },
})
