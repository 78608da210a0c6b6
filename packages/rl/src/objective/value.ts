/** What a critic minimises: the distance of its values from the returns that came. */
import type { Floats } from '@adjoint/nn'
import { add, cast, clamp, gt, maximum, mul, type Scalar, square, stopGradient, sub, zeros } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandAtLeast } from '../run/errors.ts'
import { type Aggregate, tokenMean, type Totals, totalsOf } from './aggregate.ts'
import { masked } from './mask.ts'
import { held } from './ratio.ts'

/** The choices of a value loss. */
export interface ValueConfig {
  /** How far a value may move from what it was when the batch began; Infinity is no bound. Default 0.2. */
  readonly clip?: number
  /** Default `tokenMean`. */
  readonly aggregate?: Aggregate
}

/** What the critic's new values are measured against, all [B, T]. */
export type Expected = {
  /** 1 on the tokens of completions. */
  readonly mask: Floats
  /** Values when the batch began. */
  readonly oldValues: Floats
  /** What came: `A + V`. */
  readonly returns: Floats
  /** What the global batch holds, where this is a part of it; null where this is the whole. */
  readonly totals: Totals | null
}

/** The loss, and the share of tokens that the bound holds (TRL's `val/clipfrac_avg`), without gradient. */
export type ValueLoss = {
  readonly loss: Scalar
  readonly clipped: Scalar
}

/**
 * `aggregate( max((V - R)^2, (clip(V, V_old +- eps) - R)^2) / 2 )`: the pessimistic value loss of PPO's implementations (the
 * square of Schulman et al. 2017, eq. 9, bounded as the ratio is: Engstrom et al. 2020, "Implementation matters in deep
 * policy gradients", section 3). A value that has moved by more than eps toward its return has no gradient; one that has
 * moved away from it is pulled back. What stands where the mask is 0 reaches nothing; differences are held within 1e15.
 * Throws RangeError for a clip below 0.
 *
 * @example
 * ```ts
 * import { valueLoss } from '@adjoint/rl'
 * import { ones, tensor, zeros } from '@adjoint/tensor'
 * const expected = { mask: ones([1, 2]), oldValues: zeros([1, 2]), returns: ones([1, 2]), totals: null }
 * valueLoss({ clip: 0.25 })(expected)(tensor([0, 0.5], [1, 2])).loss // (1 + 0.75^2) / 4
 * ```
 */
export const valueLoss = (options: ValueConfig = {}) => {
  const { clip = 0.2, aggregate = tokenMean } = optionsOf('valueLoss', options, { clip: true, aggregate: true })

  demandAtLeast('valueLoss', 0, { clip })
  return ({ mask, oldValues, returns, totals }: Expected) =>
    (values: Floats): ValueLoss => {
      const V = masked(values, mask)
      const errors = (v: Floats): Floats => square(held(sub(v, returns)))
      const free = errors(V)
      const all = totals ?? totalsOf(mask)
      if (clip === Infinity) return { loss: mul(aggregate(free, mask, all), 0.5), clipped: zeros([]) }
      const bounded = errors(add(oldValues, clamp(-clip, clip)(sub(V, oldValues))))
      return {
        loss: mul(aggregate(maximum(free, bounded), mask, all), 0.5),
        clipped: stopGradient(tokenMean(cast('f32')(gt(bounded, free)), mask, all)),
      }
    }
}
