/**
 * Credit by a critic: from a batch of completions, and what was expected before each of their tokens, to an advantage for
 * each token and a return for the critic to learn.
 */
import type { Experience } from '../experience/experience.ts'
import type { Metrics } from '../run/metrics.ts'
import { type Deviation, zScore } from './deviation.ts'
import { explainedVariance, gae, type GaeConfig, tokenRewards } from './gae.ts'

/** The choices of credit by a critic. */
export interface CriticCredit {
  /** Default gamma 1 and lambda 0.95, as TRL's. */
  readonly gae?: GaeConfig
  /** How advantages are normalised over the tokens of a batch; null leaves them. Default: ddof 1, eps 1e-8. */
  readonly whiten?: Deviation | null
}

/** @internal What a critic's word makes of a batch. */
export interface Estimates {
  /** `[rows, N]`: that of the experience, 0 in rows that nothing can be learnt from. */
  readonly mask: Float32Array
  /** As long as each completion is. */
  readonly advantages: readonly (readonly number[])[]
  /** `[rows, N]`. */
  readonly returns: Float32Array
  readonly metrics: Metrics
}

/** A NaN among them is to be seen. */
const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / Math.max(1, xs.length)

/** @internal Advantages and returns of experience, from the values [rows, N + 1] before each token and after the last. */
export const estimate = (
  { gae: credit = { gamma: 1, lambda: 0.95 }, whiten = { ddof: 1, eps: 1e-8 } }: CriticCredit,
  { samples, breakdowns, steps, mask }: Experience<unknown>,
  {
    values,
    kl,
    beta,
  }: {
    readonly values: Float32Array
    /** `[rows, N]`: `log pi_old - log pi_ref`. */
    readonly kl: Float32Array | null
    readonly beta: number
  },
): Estimates => {
  const columns = mask.length / Math.max(1, samples.length)
  const [of, earn] = [gae(credit), tokenRewards(beta)]
  const [learnt, returns] = [Float32Array.from(mask), new Float32Array(mask.length)]
  const raw = samples.map(({ length, terminated }, row): readonly number[] => {
    const at = row * columns
    const counts = (x: number, t: number): number => (mask[at + t] === 1 ? x : 0)
    const rewards = earn({
      length,
      reward: breakdowns[row]!.total,
      steps: steps === null ? null : steps[row]!,
      kl: kl === null ? null : Array.from(kl.subarray(at, at + length), counts),
    })
    if (rewards === null) {
      learnt.fill(0, at, at + columns)
      return Array.from({ length }, () => 0)
    }
    const said = Array.from(values.subarray(row * (columns + 1), row * (columns + 1) + length + 1))
    const estimated = of({ rewards, values: said.slice(0, length), after: terminated ? 0 : said[length]! })
    returns.set(estimated.returns, at)
    return estimated.advantages
  })
  // Tokens that are not learnt from have no part in means and deviations.
  const known = raw.map((as, row) => as.map((a, t) => (learnt[row * columns + t] === 1 ? a : NaN)))
  const flat = whiten === null ? known.flat() : zScore(whiten)(known.flat())
  let next = 0
  const advantages = known
    .map((as) => as.map(() => flat[next++]!))
    .map((as) => as.map((a) => (Number.isNaN(a) ? 0 : a)))
  const kept = [...learnt.keys()].filter((i) => learnt[i] === 1)
  const before = (i: number): number => values[i + Math.floor(i / columns)]!
  return {
    mask: learnt,
    advantages,
    returns,
    metrics: {
      explained_variance: explainedVariance(
        kept.map((i) => returns[i]!),
        kept.map(before),
      ),
      ...(kl === null ? {} : { 'objective/kl': mean(kept.map((i) => kl[i]!)), 'objective/kl_coef': beta }),
    },
  }
}
