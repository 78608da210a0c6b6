/**
 * Rewards that keep their names: the total trains, the parts are logged. A reward scores a batch of samples at once, so
 * that a learned model runs once for all of them; lists of named rewards are a monoid under concatenation, and
 * {@link scoreSamples} is its homomorphism into breakdowns under {@link breakdownMonoid}.
 */
import * as E from 'fp-ts/lib/Either.js'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { failure, held } from './held.ts'
import { blamed, disowned, glimpse, mistakeOf, RewardMistake, sampleAt, saidBy, shown } from './mistake.ts'
import type { Reward } from './reward.ts'
import type { RewardError, Sample } from './sample.ts'

/** A reward with the name it has in the log (`rewards/{name}/mean`) and its weight in the total. */
export interface NamedReward<Problem> {
  readonly name: string
  readonly weight: number
  /** One answer a sample, in order, before the weight. */
  readonly score: (samples: readonly Sample<Problem>[]) => Promise<readonly Answer[]>
}

/** What a reward says of one sample: its number (NaN = absent), or on the left why it is absent. */
export type Answer = number | E.Either<RewardError, number>

/** What one sample got: the weighted total, and each part before its weight. NaN = absent. */
export interface Breakdown {
  readonly total: number
  readonly parts: Readonly<Record<string, number>>
  /** Why each part that is NaN is absent, by name; left out where all are there. */
  readonly absent?: Readonly<Record<string, string>>
}

/**
 * Names a reward of one sample; weight 1 unless told. A rejection, a `Left` and NaN make it absent, for that sample only.
 * What it throws at once and what is no finite number are mistakes: scoring rejects with an error that names the reward
 * and shows the sample. Throws RangeError on an empty name and on a weight that is not finite.
 *
 * @example
 * ```ts
 * import { format, named } from '@adjoint/rl'
 * const rewards = [named('format', format, 0.1)]
 * ```
 */
export const named = <Problem>(name: string, reward: Reward<Problem>, weight = 1): NamedReward<Problem> => {
  demandNamed('named', name, weight)
  return { name, weight, score: (samples) => scoreEach(name, reward, samples) }
}

/**
 * Names a scorer of whole batches (a reward model, a judge that ranks). Where it rejects it is absent for all samples of
 * the batch; a NaN or a `Left` is absent for its sample. Mistakes, as those of {@link named}, are a throw at once, another
 * count of scores than samples, and a score that is no finite number.
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
  scoreAll: (samples: readonly Sample<Problem>[]) => Promise<readonly Answer[]>,
  weight = 1,
): NamedReward<Problem> => {
  demandNamed('namedBatch', name, weight)
  return { name, weight, score: (samples) => scoreTogether(name, scoreAll, samples) }
}

const demandNamed = (op: string, name: unknown, weight: number): void => {
  if (typeof name !== 'string' || name === '')
    throw new RangeError(`${op}: the name is ${shown(name)}. Give a text that says in the log what is rewarded.`)
  if (!Number.isFinite(weight))
    throw new RangeError(`${op}: the weight of ${glimpse(name)} is ${shown(weight)}. Give a finite number.`)
}

const ADVICE =
  'A reward gives a finite number, NaN where it has none, or a promise or TaskEither, which may fail. Mend it.'

const blame = (name: string, where: string, thrown: unknown): RewardMistake =>
  blamed(`reward ${glimpse(name)}`, where, ADVICE, thrown)

const scoreEach = async <Problem>(
  name: string,
  reward: Reward<Problem>,
  samples: readonly Sample<Problem>[],
): Promise<readonly Answer[]> => {
  const at = (i: number): string => sampleAt(samples[i]!, i, samples.length)
  // The first throw ends it here; no promise of a sample before it rejects, for mistakes that come later are values.
  const asked = samples.map((sample, i): Promise<Answer | RewardMistake> => {
    try {
      const score = held(reward(sample))
      return typeof score === 'number' ? Promise.resolve(score) : score().catch(mistakeOf)
    } catch (thrown) {
      throw blame(name, at(i), thrown)
    }
  })
  return (await Promise.all(asked)).map((answer, i) => {
    if (answer instanceof RewardMistake) throw blame(name, at(i), answer)
    return answer
  })
}

const scoreTogether = async <Problem>(
  name: string,
  scoreAll: (samples: readonly Sample<Problem>[]) => Promise<readonly Answer[]>,
  samples: readonly Sample<Problem>[],
): Promise<readonly Answer[]> => {
  const where = `a batch of ${samples.length}`
  let pending: Promise<readonly Answer[]>
  try {
    pending = scoreAll(samples)
  } catch (thrown) {
    throw blame(name, where, thrown)
  }
  try {
    return await pending
  } catch (thrown) {
    if (thrown instanceof RewardMistake) throw blame(name, where, thrown)
    return samples.map(() => E.left(failure(thrown)))
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
    const both = { total: x.total + y.total, parts: { ...x.parts, ...y.parts } }
    return x.absent === undefined && y.absent === undefined ? both : { ...both, absent: { ...x.absent, ...y.absent } }
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
const breakdownOf = (name: string, weight: number, score: E.Either<string, number>): Breakdown =>
  E.isRight(score)
    ? { total: weight * score.right, parts: { [name]: score.right } }
    : { total: weight === 0 ? 0 : NaN, parts: { [name]: NaN }, absent: { [name]: score.left } }

const isLeft = (x: unknown): x is E.Left<RewardError> =>
  typeof x === 'object' && x !== null && '_tag' in x && x._tag === 'Left'
const isRight = (x: unknown): x is E.Right<number> =>
  typeof x === 'object' && x !== null && '_tag' in x && x._tag === 'Right'

const isList = (x: unknown): x is ArrayLike<Answer> => Array.isArray(x) || ArrayBuffer.isView(x)

/** The number of an answer, or why there is none. Throws RewardMistake for what is neither. */
const read = (answer: Answer): E.Either<string, number> => {
  if (isLeft(answer)) return E.left(saidBy(answer.left))
  const score: unknown = isRight(answer) ? answer.right : answer
  if (Number.isNaN(score)) return E.left('gave NaN')
  if (typeof score === 'number' && Number.isFinite(score)) return E.right(score)
  throw new RewardMistake(`gave ${shown(score)}, which is no ${typeof score === 'number' ? 'finite ' : ''}number`)
}

const scoreAll =
  <Problem>(samples: readonly Sample<Problem>[]) =>
  async ({ name, score }: NamedReward<Problem>): Promise<readonly E.Either<string, number>[]> => {
    const given: unknown = await score(samples)
    if (!isList(given))
      throw blame(name, `a batch of ${samples.length}`, new RewardMistake(`gave ${shown(given)}, which is no list`))
    const answers = Array.from(given)
    answers.forEach(disowned)
    if (answers.length !== samples.length)
      throw new RangeError(
        `reward ${glimpse(name)}: ${answers.length} scores for ${samples.length} samples. Give one a sample, NaN where there is none.`,
      )
    return answers.map((answer, i) => {
      try {
        return read(answer)
      } catch (thrown) {
        throw blame(name, sampleAt(samples[i]!, i, samples.length), thrown)
      }
    })
  }

/**
 * Scores every sample by every reward, all at once. A reward that fails is absent (NaN) for that sample, with its cause in
 * `absent`, and makes the total of that sample absent, never 0; weight 0 takes a reward out of the total and leaves it in
 * the log.
 *
 * `scoreSamples([...xs, ...ys])` is `scoreSamples(xs)` and `scoreSamples(ys)` joined sample by sample by
 * {@link breakdownMonoid}. Mistakes throw: two rewards of one name (before anything is scored), a reward that throws at
 * once or gives what is no finite number (by name, with a glimpse of the sample, and what was thrown as `cause`), and a batch
 * scorer that gives another count of scores than there are samples.
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
