/**
 * Rewards are functions of a sample, and compose: they add (a Monoid), scale, gate and saturate. A reward may also be a
 * computation that takes time and can fail (a learned model, a service); a failed or undefined reward is *absent*,
 * written NaN, and a sum with an absent part is absent: it must never count as 0. What a reward throws at once, and what is
 * no number, is a mistake in it, and thrown.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Held, held } from './held.ts'
import { verdict } from './mistake.ts'
import type { RewardError, Sample, Score } from './sample.ts'

/** A function of a sample. */
export type Reward<Problem> = (sample: Sample<Problem>) => Score

const map =
  (f: (x: number) => number) =>
  (score: Score): Score => {
    const given = held(score)
    return typeof given === 'number' ? f(given) : TE.map(f)(given)
  }

const lift = (score: Held): TE.TaskEither<RewardError, number> => (typeof score === 'number' ? TE.right(score) : score)

const plus = (x: Held, y: Held): Score =>
  typeof x === 'number' && typeof y === 'number'
    ? x + y
    : async () => {
        const [a, b] = await Promise.all([lift(x)(), lift(y)()])
        return E.isLeft(a) ? a : E.map((n: number) => a.right + n)(b)
      }

/**
 * Rewards under addition; the empty one is 0.
 *
 * @example
 * ```ts
 * import { rewardMonoid, weighted } from '@adjoint/rl'
 * const { concat } = rewardMonoid<unknown>()
 * const total = concat(() => 1, weighted(0.1)(() => 1)) // gives 1.1
 * ```
 */
export const rewardMonoid = <Problem>(): Monoid<Reward<Problem>> => ({
  empty: () => 0,
  concat: (x, y) => (sample) => plus(held(x(sample)), held(y(sample))),
})

/**
 * The sum of many rewards.
 *
 * @example
 * ```ts
 * import { sum } from '@adjoint/rl'
 * sum([() => 1, () => 0.5]) // gives 1.5
 * ```
 */
export const sum = <Problem>(rewards: readonly Reward<Problem>[]): Reward<Problem> => {
  const { empty, concat } = rewardMonoid<Problem>()
  return rewards.reduce(concat, empty)
}

/**
 * A reward times a constant.
 *
 * @example
 * ```ts
 * import { weighted } from '@adjoint/rl'
 * const small = weighted(0.1)(() => 1)
 * ```
 */
export const weighted =
  (weight: number) =>
  <Problem>(reward: Reward<Problem>): Reward<Problem> =>
  (sample) =>
    map((x) => weight * x)(reward(sample))

/**
 * The reward where the condition holds, 0 where not; the reward is not computed then.
 *
 * @example
 * ```ts
 * import { gate, type Sample } from '@adjoint/rl'
 * const onlyWhole = gate((s: Sample<unknown>) => s.terminated)(() => 1)
 * ```
 */
export const gate =
  <Problem>(condition: (sample: Sample<Problem>) => boolean) =>
  (reward: Reward<Problem>): Reward<Problem> =>
  (sample) =>
    verdict(condition(sample)) ? reward(sample) : 0

/**
 * The reward, held between two bounds: what a reward that can be hacked should go through.
 *
 * @example
 * ```ts
 * import { cap } from '@adjoint/rl'
 * const atMostOne = cap({ max: 1 })((s) => s.length / 10)
 * ```
 */
export const cap = (options: { readonly min?: number; readonly max?: number }) => {
  const { min = -Infinity, max = Infinity } = optionsOf('cap', options, { min: true, max: true })
  return <Problem>(reward: Reward<Problem>): Reward<Problem> =>
    (sample) =>
      map((x) => Math.min(Math.max(x, min), max))(reward(sample))
}
