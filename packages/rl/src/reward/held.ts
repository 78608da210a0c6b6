/** Taking in what a reward gave: where the mistakes in it part from the failures of what it asked. */
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { isPromise, mistakeOf, RewardMistake, saidBy, shown } from './mistake.ts'
import type { RewardError, Score } from './sample.ts'

/** @internal A score whose failures are all on the left. What it gives is a number; its promise rejects with mistakes only. */
export type Held = number | TE.TaskEither<RewardError, number>

/** @internal Why a reward is absent, from what it was rejected with. */
export const failure = (thrown: unknown): RewardError => ({ _tag: 'RewardFailed', message: saidBy(thrown) })

const isEither = (x: unknown): x is E.Either<unknown, unknown> =>
  typeof x === 'object' && x !== null && '_tag' in x && (x._tag === 'Left' || x._tag === 'Right')

const demandNumber = (given: unknown): E.Either<RewardError, number> => {
  if (!isEither(given)) throw new RewardMistake(`gave a task of ${shown(given)}, which is no Either`)
  if (E.isLeft(given)) return E.left(failure(given.left))
  if (typeof given.right === 'number') return E.right(given.right)
  throw new RewardMistake(`gave ${shown(given.right)}, which is no number`)
}

const rejected = (thrown: unknown): E.Either<RewardError, never> => {
  if (thrown instanceof RewardMistake) throw thrown
  return E.left(failure(thrown))
}

/**
 * @internal Takes in what a reward gave, `read` telling what its task or promise came to. A promise gets its handler here
 * and now: a rejection that nobody waits for, since another reward threw meanwhile, ends the process. Throws RewardMistake
 * for what is no score; what it returns rejects with those only.
 */
export const taken =
  <A>(read: (given: unknown) => E.Either<RewardError, A>) =>
  (score: Score): number | TE.TaskEither<RewardError, A> => {
    if (typeof score === 'number') return score
    if (typeof score === 'function') {
      return () => {
        try {
          return Promise.resolve<unknown>(score()).then(read, rejected)
        } catch (thrown) {
          return Promise.reject(mistakeOf(thrown))
        }
      }
    }
    if (isPromise(score)) {
      const settled: Promise<E.Either<unknown, unknown>> = Promise.resolve<unknown>(score).then(E.right, E.left)
      return () => settled.then((given) => (E.isLeft(given) ? rejected(given.left) : read(given)))
    }
    throw new RewardMistake(`gave ${shown(score)}, which is no number`)
  }

/** @internal {@link taken} where whatever is no number is a mistake, at once or later. */
export const held: (score: Score) => Held = taken(demandNumber)

/** @internal {@link taken} where what comes later may be anything: it is the word of a service. */
export const heldLoosely = taken((given): E.Either<RewardError, unknown> => {
  if (!isEither(given)) return E.right(given)
  return E.isLeft(given) ? E.left(failure(given.left)) : given
})
