/**
 * Rewards that keep their names: the total trains, the parts are logged. A reward scores a batch of samples at once, so
 * that a learned model runs once for all of them; lists of named rewards are a monoid under concatenation, and
 * {@link scoreSamples} is its homomorphism into breakdowns under {@link breakdownMonoid}.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import type { Reward, Sample } from './reward.ts'

/** A reward with the name it has in the log (`rewards/{name}/mean`) and its weight in the total. */
export interface NamedReward<Problem> {
  readonly name: string
  readonly weight: number
  /** One number a sample, in order, before the weight; NaN where the reward is absent. */
  readonly score: (samples: readonly Sample<Problem>[]) => Promise<readonly number[]>
}

/** What one sample got: the weighted total, and each part before its weight. NaN = absent. */
export interface Breakdown {
  readonly total: number
  readonly parts: Readonly<Record<string, number>>
}

/**
 * Names a reward of one sample; weight 1 unless told. A score that is not finite, a failure, a throw and a rejected
 * promise all make it absent (NaN), for that sample only.
 *
 * @example
 * ```ts
 * import { format, named } from '@adjoint/rl'
 * const rewards = [named('format', format, 0.1)]
 * ```
 */
export const named = <Problem>(name: string, reward: Reward<Problem>, weight = 1): NamedReward<Problem> => ({
  name,
  weight,
  score: (samples) => Promise.all(samples.map((sample) => settle(reward, sample))),
})

/**
 * Names a scorer of whole batches (a reward model, a judge that ranks). Where it rejects, or throws, it is absent for all
 * samples of the batch; a number that is not finite is absent for its sample.
 *
 * @example
 * ```ts
 * import { namedBatch } from '@adjoint/rl'
 * // The rank in its batch, longest last.
 * const brevity = namedBatch('brevity', (samples) =>
 *   Promise.resolve(samples.map(({ length }) => samples.filter((s) => s.length > length).length / samples.length)),
 * )
 * ```
 */
export const namedBatch = <Problem>(
  name: string,
  scoreAll: (samples: readonly Sample<Problem>[]) => Promise<readonly number[]>,
  weight = 1,
): NamedReward<Problem> => ({
  name,
  weight,
  score: (samples) =>
    Promise.resolve(samples)
      .then(scoreAll)
      .then((scores) => scores.map(finite))
      .catch(() => samples.map(() => NaN)),
})

const finite = (score: number): number => (Number.isFinite(score) ? score : NaN)

/** The number of a reward; NaN whatever goes wrong, at once or later. */
const settle = async <Problem>(reward: Reward<Problem>, sample: Sample<Problem>): Promise<number> => {
  try {
    const score = reward(sample)
    if (typeof score === 'number') return finite(score)
    const result = await score()
    return E.isRight(result) ? finite(result.right) : NaN
  } catch {
    return NaN
  }
}

/**
 * Breakdowns of one sample under rewards of different names: totals add, parts unite. The empty one is `{ total: 0, parts: {} }`.
 * An absent total stays absent. Throws where both sides have a part of one name.
 *
 * @example
 * ```ts
 * import { breakdownMonoid } from '@adjoint/rl'
 * const { concat } = breakdownMonoid
 * concat({ total: 1, parts: { correct: 1 } }, { total: 0.1, parts: { format: 1 } }) // total 1.1, both parts
 * ```
 */
export const breakdownMonoid: Monoid<Breakdown> = {
  empty: { total: 0, parts: {} },
  concat: (x, y) => {
    requireDistinct([...Object.keys(x.parts), ...Object.keys(y.parts)])
    return { total: x.total + y.total, parts: { ...x.parts, ...y.parts } }
  },
}

/** Throws on a name that occurs twice: its two parts could not both be in the log. */
const requireDistinct = (names: readonly string[]): void => {
  const twice = names.find((name, i) => names.indexOf(name) !== i)
  if (twice === undefined) return
  throw new Error(
    `two rewards are named ${JSON.stringify(twice)} (of ${names.join(', ')}): each keeps its own part in the log. Rename one, or add them up first.`,
  )
}

/** Weight 0 leaves a reward out of the total, so that one that is only watched cannot make it absent. */
const breakdownOf = (name: string, weight: number, score: number): Breakdown => ({
  total: weight === 0 ? 0 : weight * score,
  parts: { [name]: score },
})

const scoreAll =
  <Problem>(samples: readonly Sample<Problem>[]) =>
  async ({ name, score }: NamedReward<Problem>): Promise<readonly number[]> => {
    const scores = await score(samples)
    if (scores.length === samples.length) return scores
    throw new RangeError(
      `reward ${JSON.stringify(name)}: ${scores.length} scores for ${samples.length} samples. Give one a sample, NaN where there is none.`,
    )
  }

/**
 * Scores every sample by every reward, all at once. A reward that fails is absent (NaN) for that sample, and makes the
 * total of that sample absent, never 0; weight 0 takes a reward out of the total and leaves it in the log.
 *
 * `scoreSamples([...xs, ...ys])` is `scoreSamples(xs)` and `scoreSamples(ys)` joined sample by sample by
 * {@link breakdownMonoid}. Mistakes throw: two rewards of one name (before anything is scored), and a batch scorer that
 * gives another count of numbers than there are samples.
 *
 * @example
 * ```ts
 * import { format, named, scoreSamples } from '@adjoint/rl'
 * const sample = { problem: null, prompt: '', completion: '<think></think><answer>5</answer>', length: 6, terminated: true }
 * const [first] = await scoreSamples([named('format', format, 0.1)])([sample]) // { total: 0.1, parts: { format: 1 } }
 * ```
 */
export const scoreSamples = <Problem>(rewards: readonly NamedReward<Problem>[]) => {
  requireDistinct(rewards.map(({ name }) => name))
  return async (samples: readonly Sample<Problem>[]): Promise<readonly Breakdown[]> => {
    const scores = await Promise.all(rewards.map(scoreAll(samples)))
    return samples.map((_, i) =>
      rewards
        .map(({ name, weight }, r) => breakdownOf(name, weight, scores[r]![i]!))
        .reduce(breakdownMonoid.concat, breakdownMonoid.empty),
    )
  }
}
