/** What a reward is given, and what it gives. */
import type * as TE from 'fp-ts/lib/TaskEither.js'

/** What a reward sees of a completion. */
export interface Sample<Problem> {
  readonly problem: Problem
  readonly prompt: string
  /** The text of the completion, without its end-of-sequence token. */
  readonly completion: string
  /** Tokens of the completion, the end-of-sequence token included. */
  readonly length: number
  /** Whether the policy ended it; false where it was cut at the longest length. */
  readonly terminated: boolean
}

/** Why a reward that takes time gave nothing. */
export interface RewardError {
  readonly _tag: 'RewardFailed'
  readonly message: string
}

/**
 * A number (NaN = absent), or a computation of one: a promise, as `async` functions give, is absent where it rejects, and a
 * task where it gives a `Left` or rejects.
 */
export type Score = number | Promise<number> | TE.TaskEither<RewardError, number>
