/** What the log says of a step, under TRL's names. Means and deviations leave absent values (NaN) out; of nothing they are 0. */
import type { Groups } from '../credit/advantage.ts'
import type { Breakdown } from '../reward/named.ts'
import type { Sample } from '../reward/sample.ts'

/** Names to numbers, in the order in which they are logged. */
export type Metrics = Readonly<Record<string, number>>

const present = (xs: readonly number[]): readonly number[] => xs.filter((x) => !Number.isNaN(x))

/** @internal The mean of what is present; 0 of nothing. */
export const meanOf = (xs: readonly number[]): number => {
  const known = present(xs)
  return known.length === 0 ? 0 : known.reduce((s, x) => s + x, 0) / known.length
}

// The extremes are folds: a spread passes each number as an argument, and of those a call has room for some 100 000.
const low = (xs: readonly number[]): number => xs.reduce((least, x) => Math.min(least, x), Infinity)
const high = (xs: readonly number[]): number => xs.reduce((most, x) => Math.max(most, x), -Infinity)

/** The deviation of what is present, divisor n - 1 as TRL's; 0 of fewer than two. */
const stdOf = (xs: readonly number[]): number => {
  const known = present(xs)
  const mean = meanOf(known)
  return known.length < 2 ? 0 : Math.sqrt(known.reduce((s, x) => s + (x - mean) ** 2, 0) / (known.length - 1))
}

const equal = (xs: readonly number[]): boolean => present(xs).every((x, _, known) => x === known[0])

/**
 * `reward` (mean over all completions), `reward_std` (mean over groups of the deviation within), `frac_reward_zero_std`
 * (share of groups whose rewards are all equal), and `rewards/{name}/mean|std|absent` (the share of completions for which
 * that reward failed).
 *
 * @example
 * ```ts
 * import { rewardMetrics } from '@adjoint/rl'
 * rewardMetrics([[1, 0], [1, 1]], []) // { reward: 0.75, reward_std: 0.35.., frac_reward_zero_std: 0.5 }
 * ```
 */
export const rewardMetrics = (totals: Groups, breakdowns: readonly Breakdown[]): Metrics => {
  const names = Object.keys(breakdowns[0]?.parts ?? {})
  const part = (name: string): readonly number[] => breakdowns.map(({ parts }) => parts[name] ?? NaN)
  return {
    reward: meanOf(totals.flat()),
    reward_std: meanOf(totals.map(stdOf)),
    frac_reward_zero_std: meanOf(totals.map((g) => (equal(g) ? 1 : 0))),
    ...Object.fromEntries(
      names.flatMap((name) => [
        [`rewards/${name}/mean`, meanOf(part(name))],
        [`rewards/${name}/std`, stdOf(part(name))],
        [`rewards/${name}/absent`, strictMean(part(name).map((x) => (Number.isNaN(x) ? 1 : 0)))],
      ]),
    ),
  }
}

/**
 * `completions/{mean,min,max}_length` in tokens, EOS included, `completions/clipped_ratio` (share cut at the longest
 * length), `completions/{mean,min,max}_terminated_length` (of those that ended), `num_tokens` of this step.
 *
 * @example
 * ```ts
 * import { completionMetrics } from '@adjoint/rl'
 * completionMetrics([{ problem: null, prompt: '', completion: '5', length: 2, terminated: true }])
 * ```
 */
export const completionMetrics = (samples: readonly Sample<unknown>[]): Metrics => {
  const lengths = samples.map((s) => s.length)
  const ended = samples.filter((s) => s.terminated).map((s) => s.length)
  const extreme = (of: (xs: readonly number[]) => number, xs: readonly number[]): number =>
    xs.length === 0 ? 0 : of(xs)
  return {
    'completions/mean_length': meanOf(lengths),
    'completions/min_length': extreme(low, lengths),
    'completions/max_length': extreme(high, lengths),
    'completions/clipped_ratio': samples.length === 0 ? 0 : 1 - ended.length / samples.length,
    'completions/mean_terminated_length': meanOf(ended),
    'completions/min_terminated_length': extreme(low, ended),
    'completions/max_terminated_length': extreme(high, ended),
    num_tokens: lengths.reduce((s, n) => s + n, 0),
  }
}

/** What an update is one of: these are not means over its tokens, and each update counts once. */
const OF_UPDATE = new Set(['policy_loss', 'grad_norm', 'loss', 'learning_rate'])

/**
 * Means over the updates of a step of what each update measured. What is a mean over tokens weighs as many as its update
 * learnt from (`tokens`, one number an update; default: all alike); the loss and the norm of the gradient are those of an
 * update, and each counts once. `clip_ratio/low` and `/high` become TRL's
 * `clip_ratio/{low_mean,low_min,high_mean,high_max,region_mean}`, and the names under `sampling/` keep the extremes that they
 * end in.
 *
 * @example
 * ```ts
 * import { updateMetrics } from '@adjoint/rl'
 * updateMetrics([{ 'clip_ratio/low': 0 }, { 'clip_ratio/low': 0.5 }]) // { 'clip_ratio/low_mean': 0.25, 'clip_ratio/low_min': 0 }
 * updateMetrics([{ kl: 0 }, { kl: 1 }], [30, 10]) // { kl: 0.25 }
 * ```
 */
export const updateMetrics = (
  updates: readonly Metrics[],
  tokens: readonly number[] = updates.map(() => 1),
): Metrics => {
  const names = Object.keys(updates[0] ?? {})
  const over = (name: string): readonly number[] => updates.map((u) => u[name] ?? NaN)
  const total = Math.max(
    1,
    tokens.reduce((s, n) => s + n, 0),
  )
  const byToken = (xs: readonly number[]): number => xs.reduce((s, x, i) => s + x * (tokens[i]! / total), 0)
  type As = readonly (readonly [string, (xs: readonly number[]) => number])[]
  const clipped: Readonly<Record<string, As>> = {
    'clip_ratio/low': [
      ['clip_ratio/low_mean', byToken],
      ['clip_ratio/low_min', low],
    ],
    'clip_ratio/high': [
      ['clip_ratio/high_mean', byToken],
      ['clip_ratio/high_max', high],
    ],
    'clip_ratio/region': [['clip_ratio/region_mean', byToken]],
  }
  const byName = (name: string): ((xs: readonly number[]) => number) => {
    if (name.endsWith('/min')) return low
    if (name.endsWith('/max')) return high
    return OF_UPDATE.has(name) ? strictMean : byToken
  }
  return Object.fromEntries(
    names.flatMap((name) =>
      (clipped[name] ?? [[name, byName(name)] as const]).map(([as, f]) => [as, f(over(name))] as const),
    ),
  )
}

/** A mean that NaN poisons: what an update computed is never absent, and a NaN there must be seen. */
const strictMean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / Math.max(1, xs.length)

/**
 * The first metric that is NaN or infinite, with its value, or null.
 *
 * @example
 * ```ts
 * import { firstNonFinite } from '@adjoint/rl'
 * firstNonFinite({ reward: 0.5, policy_loss: NaN }) // ['policy_loss', NaN]
 * ```
 */
export const firstNonFinite = (metrics: Metrics): readonly [string, number] | null =>
  Object.entries(metrics).find(([, value]) => !Number.isFinite(value)) ?? null
