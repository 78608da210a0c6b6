/**
 * The Bradley-Terry model of preferences (Bradley & Terry 1952): the chance that one completion is preferred to another is
 * `sigmoid(r+ - r-)`, and a reward model is fitted by maximum likelihood (Ouyang et al. 2022, eq. 1).
 */
import type { Floats } from '@adjoint/nn'
import {
  add,
  cast,
  concat,
  gt,
  max,
  mean,
  min,
  mul,
  neg,
  type Scalar,
  softplus,
  square,
  stopGradient,
  sub,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'

/** The parts of the loss that are choices. */
export interface BradleyTerryConfig {
  /**
   * Weight of `mean((r+ + r-)^2)`, which fixes the level that the likelihood leaves free (Eisenstein et al. 2023, section 3;
   * TRL's `center_rewards_coefficient`). 0 leaves it out. Default 0.01.
   */
  readonly centering?: number
}

/** Rewards of pairs, each [B], and by how much they should differ at least, [B]; null where by nothing. */
export type PairRewards = {
  readonly chosen: Floats
  readonly rejected: Floats
  readonly margins: Floats | null
}

/**
 * The mean over pairs of `-log sigmoid(r+ - r- - margin) + c (r+ + r-)^2`, a scalar, in nats where c is 0. It is computed as
 * `softplus(-(r+ - r- - margin))`: no difference of rewards overflows, and none loses its gradient to rounding before its
 * loss does.
 *
 * @example
 * ```ts
 * import { bradleyTerry } from '@adjoint/rl'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const rewards = { chosen: tensor([1]), rejected: tensor([0]), margins: null }
 * console.log(await readAsync(bradleyTerry({ centering: 0 })(rewards))) // 0.31326
 * ```
 */
export const bradleyTerry = (options: BradleyTerryConfig = {}) => {
  const { centering = 0.01 } = optionsOf('bradleyTerry', options, { centering: true })
  return ({ chosen, rejected, margins }: PairRewards): Scalar => {
    const difference: Floats = sub(chosen, rejected)
    const excess: Floats = margins === null ? difference : sub(difference, margins)
    const nll = mean()(softplus(neg(excess)))
    return centering === 0 ? nll : add(nll, mul(mean()(square(add(chosen, rejected))), centering))
  }
}

/** @internal What is measured of pairs: means over them, and extremes. */
export const PAIR_MEASURES = {
  accuracy: 'sum',
  margin: 'sum',
  max_reward: 'max',
  mean_reward: 'sum',
  min_reward: 'min',
} as const satisfies Readonly<Record<keyof PairMetrics, 'sum' | 'max' | 'min'>>

/** What the log says of pairs, under TRL's names. */
export type PairMetrics = {
  readonly accuracy: Scalar
  readonly margin: Scalar
  readonly max_reward: Scalar
  readonly mean_reward: Scalar
  readonly min_reward: Scalar
}

/**
 * TRL's metrics of a reward model, without gradient: `accuracy` (share of pairs with r+ > r-; a tie is a miss), `margin`
 * (mean of r+ - r-), and `min_reward`, `mean_reward`, `max_reward` over all completions.
 *
 * @example
 * ```ts
 * import { pairMetrics } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * pairMetrics({ chosen: tensor([1, 0]), rejected: tensor([0, 2]), margins: null }).accuracy // 0.5
 * ```
 */
export const pairMetrics = (rewards: PairRewards): PairMetrics => {
  const [chosen, rejected]: readonly [Floats, Floats] = [stopGradient(rewards.chosen), stopGradient(rewards.rejected)]
  const all: Floats = concat(0)([chosen, rejected])
  return {
    accuracy: mean()(cast('f32')(gt(chosen, rejected))),
    margin: mean()(sub(chosen, rejected)),
    max_reward: max()(all),
    mean_reward: mean()(all),
    min_reward: min()(all),
  }
}
