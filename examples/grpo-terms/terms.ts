/** GRPO with all of its terms, and with each of them left out. */
import type { Booleans, Floats } from '@adjoint/nn'
import {
  type Advantage,
  type Clip,
  constant,
  type Credit,
  drGrpo,
  group,
  type ObjectiveConfig,
  outcome,
  ratioOf,
  symmetric,
  TRL_DEVIATION,
  unclipped,
} from '@adjoint/rl'
import { clamp, mul, ne } from '@adjoint/tensor'
import { MAX_TOKENS, objective } from './setting.ts'

/** How a step assigns credit, and what it maximises. */
export interface Parts {
  readonly credit: Credit<unknown>
  readonly objective: ObjectiveConfig
}

const EPSILON = 0.2

/** `r / (std + eps)`: the advantage of GRPO without its baseline. A group of equal rewards still says nothing. */
export const uncentred: Advantage = (rewards) => {
  const deviations = drGrpo(rewards)
  return rewards.map((rs, i) => {
    const std = Math.sqrt(deviations[i]!.reduce((sum, d) => sum + d * d, 0) / (rs.length - TRL_DEVIATION.ddof))
    return rs.map((r) => (std === 0 ? 0 : r / (std + TRL_DEVIATION.eps)))
  })
}

const never = (logRatio: Floats): Booleans => ne(logRatio, logRatio)

/** `A log pi`: the gradient of REINFORCE, as if the policy had sampled what it learns from. */
const noRatio: Clip = { surrogate: (_, advantages, logp) => mul(logp, advantages), low: never, high: never }

/** `clip(rho) A` alone: no gradient outside of the bounds, on either side. */
const noMin: Clip = {
  ...symmetric(EPSILON),
  surrogate: (logRatio, advantages) => mul(clamp(1 - EPSILON, 1 + EPSILON)(ratioOf(logRatio)), advantages),
}

const all: Parts = { credit: outcome(group()), objective }
const less = (parts: Partial<ObjectiveConfig>): Parts => ({ ...all, objective: { ...objective, ...parts } })

/** By the name of what is left out; `nothing` is GRPO. */
export const terms = {
  nothing: all,
  mean: { ...all, credit: outcome(uncentred) },
  std: { ...all, credit: outcome(drGrpo) },
  ratio: less({ clip: noRatio }),
  clip: less({ clip: unclipped }),
  min: less({ clip: noMin }),
  KL: less({ beta: 0 }),
  length: less({ aggregate: constant(MAX_TOKENS) }),
} as const satisfies Readonly<Record<string, Parts>>

export type Term = keyof typeof terms
// Object.keys widens what the record's own type says.
export const TERMS = Object.keys(terms) as readonly Term[]
