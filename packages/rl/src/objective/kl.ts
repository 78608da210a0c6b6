/**
 * Estimates of KL(pi || pi_ref) from one sample a token (Schulman 2020, "Approximating KL divergence"), in nats, with
 * `l = refLogp - logp`. In expectation over samples of pi all have the value KL(pi || ref); their gradients differ:
 * that of k1 is 0, of k2 that of KL(pi || ref), of k3 that of KL(ref || pi). Log-probabilities of any size give finite
 * estimates and gradients: exponents are held at 20 nats, without gradient beyond, and differences within 1e15 (see
 * `ratio.ts`).
 */
import type { Floats } from '@adjoint/nn'
import { expm1, mul, square, sub } from '@adjoint/tensor'
import { exponentOf, logRatioOf, ratioOf } from './ratio.ts'

/**
 * An estimate for each token, [B, T], from log-probabilities under policy and reference and the token's own log-ratio to
 * the policy that sampled (whatever ratio the surrogate has), all [B, T].
 */
export type Kl = (logp: Floats, refLogp: Floats, logRatio: Floats) => Floats

/**
 * `-l`: unbiased, of either sign.
 *
 * @example
 * ```ts
 * import { k1 } from '@adjoint/rl'
 * import { scalar } from '@adjoint/tensor'
 * k1(scalar(-1), scalar(-3), scalar(0)) // 2
 * ```
 */
export const k1: Kl = (logp, refLogp) => logRatioOf(logp, refLogp)

/**
 * `l^2 / 2`: biased in value, of little variance.
 *
 * @example
 * ```ts
 * import { k2 } from '@adjoint/rl'
 * import { scalar } from '@adjoint/tensor'
 * k2(scalar(-1), scalar(-3), scalar(0)) // 2
 * ```
 */
export const k2: Kl = (logp, refLogp) => mul(square(logRatioOf(refLogp, logp)), 0.5)

/**
 * `exp(l) - l - 1`: unbiased and never negative; GRPO's choice (DeepSeekMath eq. 4). Computed as `expm1(l) - l`, which
 * keeps its digits where the policies agree. l is held at 20 from above: the estimate is at most e^20 - 21.
 *
 * @example
 * ```ts
 * import { k3 } from '@adjoint/rl'
 * import { scalar } from '@adjoint/tensor'
 * k3(scalar(-1), scalar(0), scalar(0)) // 0.71828
 * ```
 */
export const k3: Kl = (logp, refLogp) => {
  const l = exponentOf(logRatioOf(refLogp, logp))
  return sub(expm1(l), l)
}

/**
 * `rho k3`: corrected for samples of the old policy; its gradient is that of KL(pi || ref) (DeepSeek-V3.2 2025, eq. 7).
 *
 * @example
 * ```ts
 * import { importanceK3 } from '@adjoint/rl'
 * import { scalar } from '@adjoint/tensor'
 * importanceK3(scalar(-1), scalar(0), scalar(0)) // 0.71828 at rho = 1
 * ```
 */
export const importanceK3: Kl = (logp, refLogp, logRatio) => mul(ratioOf(logRatio), k3(logp, refLogp, logRatio))
