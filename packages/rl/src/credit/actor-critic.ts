/**
 * Credit by a critic: from a batch of completions, and what was expected before each of their tokens, to an advantage for
 * each token and a return for the critic to learn.
 */
import type { Experience } from '../experience/experience.ts'
import type { Metrics } from '../run/metrics.ts'
import { type Deviation, zScore } from './deviation.ts'
import { explainedVariance, gae, type GaeConfig, tokenRewards } from './gae.ts'

/**
 * What comes after a completion that is cut at the longest length. `'terminal'`: nothing, as after one that ended. The limit is
 * part of the task, and a policy that runs into it has what its reward says. `'bootstrap'`: what the critic expects after the
 * last token, on top of the reward. Right where the limit is only where sampling stops, and the task goes on (Pardo et al. 2018,
 * "Time limits in reinforcement learning"); the reward must then not pay a cut completion for the whole of what it would come to.
 */
export type Truncation = 'terminal' | 'bootstrap'

/** The choices of credit by a critic. */
export interface CriticCredit {
  /** Default gamma 1 and lambda 0.95, as TRL's. */
  readonly gae?: GaeConfig
  /** Default: `'terminal'`, as TRL's. */
  readonly truncation?: Truncation
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

/** What comes after a completion that was cut, of what the critic says there. */
const AFTER_CUT: ReadonlyMap<string, (said: number) => number> = new Map<Truncation, (said: number) => number>([
  ['terminal', () => 0],
  ['bootstrap', (said) => said],
])
const afterCut = (truncation: string): ((said: number) => number) => {
  const after = AFTER_CUT.get(truncation)
  if (after === undefined)
    throw new RangeError(`truncation is '${truncation}'. Give one of ${[...AFTER_CUT.keys()].join(', ')}.`)
  return after
}

/** @internal What was expected of a batch, and what its rewards are made of. */
export interface Known {
  /** `[rows, N + 1]`: before each token, and after the last. */
  readonly values: Float32Array
  /** `[rows, N]`: `log pi_old - log pi_ref`. */
  readonly kl: Float32Array | null
  readonly beta: number
}

/** @internal Advantages and returns of experience. Throws RangeError where gamma, lambda or the truncation is none. */
export const estimator = ({
  gae: credit = { gamma: 1, lambda: 0.95 },
  truncation = 'terminal',
  whiten = { ddof: 1, eps: 1e-8 },
}: CriticCredit) => {
  const [of, after] = [gae(credit), afterCut(truncation)]
  const normalised = whiten === null ? (xs: readonly number[]): readonly number[] => xs : zScore(whiten)
  return ({ samples, breakdowns, steps, mask }: Experience<unknown>, { values, kl, beta }: Known): Estimates => {
    const columns = mask.length / Math.max(1, samples.length)
    const earn = tokenRewards(beta)
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
      const estimated = of({ rewards, values: said.slice(0, length), after: terminated ? 0 : after(said[length]!) })
      returns.set(estimated.returns, at)
      return estimated.advantages
    })
    // Tokens that are not learnt from have no part in means and deviations.
    const known = raw.map((as, row) => as.map((a, t) => (learnt[row * columns + t] === 1 ? a : NaN)))
    const flat = normalised(known.flat())
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
}
