/**
 * Whether a reward model's confidence can be believed. Of a pair it says that the chosen completion is better with chance
 * `p = sigmoid(r+ - r-)`; but which one was chosen is no chance to it: pairs are put in no order. So what is compared is the
 * chance of the completion it prefers, `sigmoid(|r+ - r-|)`, between 1/2 and 1, and how often that one was chosen.
 */
import { optionsOf } from '@adjoint/tensor/ir'

/** The pairs whose confidence is between two bounds. */
export interface ReliabilityBin {
  /** Confidences in [from, to); the last bin includes 1. */
  readonly from: number
  readonly to: number
  readonly count: number
  /** Mean of `sigmoid(|r+ - r-|)`; 0 of no pairs. */
  readonly confidence: number
  /** Share of pairs whose chosen completion was preferred, ties counting half; 0 of no pairs. */
  readonly frequency: number
}

/** How good a reward model is on pairs. All are 0 for no pairs. */
export interface PairEvaluation {
  readonly pairs: number
  /** Share of pairs with r+ > r-; a tie is a miss. */
  readonly accuracy: number
  /** Mean of r+ - r-. */
  readonly margin: number
  /** Mean of `-log sigmoid(r+ - r-)`, nats. */
  readonly nll: number
  /** Expected calibration error: the mean over pairs of |frequency - confidence| of their bin (Guo et al. 2017, eq. 3). */
  readonly ece: number
  readonly bins: readonly ReliabilityBin[]
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
/** log(1 + e^x) without overflow. */
const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)))
const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / Math.max(1, xs.length)

/**
 * Evaluates the differences `r+ - r-` of pairs: accuracy, margin, likelihood, and reliability in `bins` equal bins of
 * confidence (Guo et al. 2017, section 2).
 *
 * @example
 * ```ts
 * import { evaluateDifferences } from '@adjoint/rl'
 * evaluateDifferences({ bins: 5 })([2, 1, -0.5]) // accuracy 2/3, margin 0.833
 * ```
 */
export const evaluateDifferences = (options: { readonly bins?: number } = {}) => {
  const { bins: count = 10 } = optionsOf('evaluateDifferences', options, { bins: true })
  return (differences: readonly number[]): PairEvaluation => {
    const binOf = (d: number): number => Math.min(count - 1, Math.floor((sigmoid(Math.abs(d)) - 0.5) * 2 * count))
    const bins = Array.from({ length: count }, (_, bin): ReliabilityBin => {
      const own = differences.filter((d) => binOf(d) === bin)
      return {
        from: 0.5 + bin / (2 * count),
        to: 0.5 + (bin + 1) / (2 * count),
        count: own.length,
        confidence: mean(own.map((d) => sigmoid(Math.abs(d)))),
        frequency: mean(own.map((d) => (d > 0 ? 1 : d === 0 ? 0.5 : 0))),
      }
    })
    return {
      pairs: differences.length,
      accuracy: mean(differences.map((d) => (d > 0 ? 1 : 0))),
      margin: mean(differences),
      nll: mean(differences.map((d) => softplus(-d))),
      ece: bins.reduce(
        (sum, bin) => sum + (bin.count * Math.abs(bin.frequency - bin.confidence)) / Math.max(1, differences.length),
        0,
      ),
      bins,
    }
  }
}

/** Temperatures are looked for between these. */
const COLDEST = 1e-3
const HOTTEST = 1e3

/**
 * The temperature that calibrates best: T with the least `mean(-log sigmoid((r+ - r-) / T))` (temperature scaling, Guo et
 * al. 2017, section 4.2). Fit it on pairs that neither train nor test. The likelihood is convex in 1/T, and its derivative
 * `-mean(d sigmoid(-d/T))` is bisected. Where every pair is right no temperature is cold enough, and where pairs are more wrong than
 * right none is hot enough: the result is then the bound, 0.001 or 1000;
 * where no pair says anything it is 1.
 *
 * @example
 * ```ts
 * import { fitTemperature } from '@adjoint/rl'
 * fitTemperature([8, 8, 8, -8]) // 8 / ln 3: three right in four is a chance of 3/4
 * ```
 */
export const fitTemperature = (differences: readonly number[]): number => {
  if (differences.every((d) => d === 0)) return 1
  // In u = log(1/T), so that both bounds are near.
  const slope = (u: number): number => -mean(differences.map((d) => d * sigmoid(-d * Math.exp(u))))
  let [low, high] = [-Math.log(HOTTEST), -Math.log(COLDEST)]
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (slope(middle) <= 0) low = middle
    else high = middle
  }
  return Math.exp(-(low + high) / 2)
}
