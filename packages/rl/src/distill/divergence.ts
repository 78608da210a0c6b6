/**
 * How far a student's distribution of tokens is from its teacher's, in nats: the choices of GKD (Agarwal et al. 2024,
 * "On-policy distillation of language models", section 2 and eq. 1). All are pure functions of logits, computed from
 * log-probabilities: nothing is ever the logarithm of a probability that has underflowed.
 *
 * It departs from Hinton et al. 2015 in one thing: a loss at temperature t is not multiplied by t^2 (GKD and TRL do not).
 */
import type { Floats } from '@adjoint/nn'
import { abs, add, div, exp, gt, logSoftmax, lt, maximum, mul, neg, softplus, sub, sum, where } from '@adjoint/tensor'

/**
 * Teacher's and student's logits [.., V] -> [..], nats; at least 0, and 0 where the two distributions are one. Logits are
 * defined up to a constant of their row, so log-probabilities will do. Either may rule tokens out by -Infinity: what both
 * rule out adds nothing, to the value or to a gradient.
 */
export type Divergence = (teacher: Floats, student: Floats) => Floats

const logProbabilities: (logits: Floats) => Floats = logSoftmax(-1)

/** `sum p (log p - log q)` of log-probabilities. Tokens with p = 0 add nothing, whatever q is. */
const relativeEntropy = (logp: Floats, logq: Floats): Floats => {
  const p: Floats = exp(logp)
  return sum({ axis: -1 })(mul(p, where(gt(p, 0), sub(logp, logq), 0)))
}

/**
 * `KL(T || S)`: the student covers all that the teacher may say. On a teacher's samples its gradient is that of the
 * student's log-likelihood, averaged over what the teacher might have said instead. Infinite where the student rules out
 * (-Infinity) what the teacher may say.
 *
 * @example
 * ```ts
 * import { forwardKl } from '@adjoint/rl'
 * import { log, tensor } from '@adjoint/tensor'
 * forwardKl(log(tensor([0.9, 0.1])), log(tensor([0.1, 0.9]))) // 1.75778
 * ```
 */
export const forwardKl: Divergence = (teacher, student) =>
  relativeEntropy(logProbabilities(teacher), logProbabilities(student))

/**
 * `KL(S || T)`: the student says only what the teacher may say (MiniLLM, Gu et al. 2024). Infinite where the teacher rules
 * out (-Infinity) what the student may say.
 *
 * @example
 * ```ts
 * import { reverseKl } from '@adjoint/rl'
 * import { log, tensor } from '@adjoint/tensor'
 * reverseKl(log(tensor([0.9, 0.1])), log(tensor([0.5, 0.5]))) // 0.51083
 * ```
 */
export const reverseKl: Divergence = (teacher, student) => forwardKl(student, teacher)

// Logits of tokens that are ruled out, as finite numbers: of two of them the difference is 0, and not NaN.
const RULED_OUT = -1e30
const finite = (logp: Floats): Floats => where(lt(logp, RULED_OUT), RULED_OUT, logp)

/** log(e^x + e^y) of finite numbers, of any size. */
const logSum = (x: Floats, y: Floats): Floats => add(maximum(x, y), softplus(neg(abs(sub(x, y)))))

/**
 * The generalized Jensen-Shannon divergence `beta KL(T || M) + (1 - beta) KL(S || M)` with `M = beta T + (1 - beta) S`
 * (GKD, eq. 1): symmetric at 1/2 and at most ln 2 there, bounded by the entropy of a coin of beta. At 0 and 1, where the
 * formula itself is 0, it is *defined* as KL(T || S) and KL(S || T) (as in TRL's GKDTrainer): the limits of
 * `JSD / beta` and `JSD / (1 - beta)`, by which a small beta weighs as little as it looks. Throws RangeError for a beta
 * outside [0, 1].
 *
 * @example
 * ```ts
 * import { generalizedJsd } from '@adjoint/rl'
 * import { log, tensor } from '@adjoint/tensor'
 * generalizedJsd(0.5)(log(tensor([0.9, 0.1])), log(tensor([0.1, 0.9]))) // 0.36806
 * ```
 */
export const generalizedJsd = (beta: number): Divergence => {
  if (!(beta >= 0 && beta <= 1))
    throw new RangeError(`generalizedJsd: beta is ${beta}. Choose a weight from 0 (forward KL) to 1 (reverse KL).`)
  if (beta === 0) return forwardKl
  if (beta === 1) return reverseKl
  return (teacher, student) => {
    const [t, s] = [finite(logProbabilities(teacher)), finite(logProbabilities(student))]
    const m = logSum(add(t, Math.log(beta)), add(s, Math.log1p(-beta)))
    return add(mul(relativeEntropy(t, m), beta), mul(relativeEntropy(s, m), 1 - beta))
  }
}

/**
 * A divergence between both distributions at a temperature: above 1 it hears more of what the teacher finds unlikely
 * (Hinton et al. 2015). Throws RangeError unless the temperature is positive.
 *
 * @example
 * ```ts
 * import { atTemperature, forwardKl } from '@adjoint/rl'
 * const soft = atTemperature(2)(forwardKl)
 * ```
 */
export const atTemperature = (temperature: number): ((divergence: Divergence) => Divergence) => {
  if (!(temperature > 0 && temperature < Infinity))
    throw new RangeError(`atTemperature: ${temperature} is no temperature. Choose a positive number.`)
  return (divergence) => (teacher, student) => divergence(div(teacher, temperature), div(student, temperature))
}
