/** The graders that a row of data may name, so that it says itself how an answer to it is judged. */
import * as E from 'fp-ts/lib/Either.js'
import { sameMath, sameText } from '../reward/answer.ts'
import { sameGrid, sameReduced, sameResult, sameSequence } from '../reward/exact.ts'
import { sameCountdown } from './countdown.ts'

type Grader = (expected: string) => (answer: string) => boolean

/**
 * Graders by the names that rows of data have for them: `sameMath`, `sameResult`, `sameReduced`, `sameSequence`, `sameGrid`, `sameCountdown` and
 * `sameText`.
 *
 * @example
 * ```ts
 * import { graders } from '@adjoint/rl'
 * console.log(graders.math('7')('4 + 3'), graders.result('7')('4 + 3')) // true false
 * ```
 */
export const graders = {
  /** {@link sameMath} with its default settings: the same value, written in any way. */
  math: sameMath(),
  /** {@link sameResult} */
  result: sameResult,
  /** {@link sameReduced} */
  reduced: sameReduced,
  /** {@link sameSequence} */
  sequence: sameSequence,
  /** {@link sameGrid} */
  grid: sameGrid,
  /** {@link sameCountdown} */
  countdown: sameCountdown,
  /** {@link sameText} */
  text: sameText,
} as const satisfies Readonly<Record<string, Grader>>

/** The name of a grader. */
export type GraderName = keyof typeof graders

/** The row, if its grader can read its own answer; else what it says of it. */
export const judged = <Row extends { readonly answer: string; readonly grader: GraderName }>(
  row: Row,
): E.Either<string, Row> => {
  try {
    graders[row.grader](row.answer)
    return E.right(row)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return E.left(`row.answer is none of its task (${error.message})`)
  }
}
