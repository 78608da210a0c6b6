/** From the divergence at each token to one number: what the steps of distillation minimise. */
import type { Floats } from '@adjoint/nn'
import { isLeft } from 'fp-ts/lib/Either.js'
import { expandDims, gt, type Scalar, ShapeError, stopGradient, type Tree, where } from '@adjoint/tensor'
import { type Aggregate, tokenMean, type Totals, totalsOf } from '../objective/aggregate.ts'
import type { LogitPolicy } from '../policy/policy.ts'
import { type OtherTokenizer, sameTokens } from '../policy/text.ts'
import type { Divergence } from './divergence.ts'

/** A teacher in process. Its parameters are read, never donated: keep a `snapshot` where they are also being trained. */
export interface TeacherModel<T extends Tree> {
  /** Of the student's vocabulary; everything else may differ. */
  readonly policy: LogitPolicy<T>
  readonly params: T
}

/** What to minimise. */
export interface DistillObjective {
  readonly divergence: Divergence
  /** Default `tokenMean`, the mean over all tokens of the batch, as TRL's. */
  readonly aggregate?: Aggregate
}

/**
 * The loss of logits [B, T, V] at the tokens that `mask` [B, T] keeps, in nats. The teacher gets no gradient, and what
 * stands where the mask is 0 reaches neither the loss nor a gradient. Under micro-batching give each part the `totals` of
 * the global batch.
 *
 * @example
 * ```ts
 * import { distillLoss, forwardKl } from '@adjoint/rl'
 * import { ones, zeros } from '@adjoint/tensor'
 * distillLoss({ divergence: forwardKl })(zeros([2, 3, 5]), zeros([2, 3, 5]), ones([2, 3])) // 0
 * ```
 */
export const distillLoss =
  ({ divergence, aggregate = tokenMean }: DistillObjective) =>
  (teacher: Floats, student: Floats, mask: Floats, totals: Totals = totalsOf(mask)): Scalar => {
    const kept = gt(expandDims(-1)(mask), 0) // [B, T, 1]
    const held = (logits: Floats): Floats => where(kept, logits, 0)
    return aggregate(divergence(stopGradient(held(teacher)), held(student)), mask, totals)
  }

/** Thrown where a student cannot learn from what a teacher says of each token: they have two tokenizers. */
export class OtherTokenizerError extends Error {
  override readonly name = 'OtherTokenizerError'
  readonly error: OtherTokenizer
  constructor(op: string, error: OtherTokenizer) {
    super(
      `${op}: ${error.message}. Take a teacher of the same tokenizer, or learn from the text of its traces (sftStep).`,
    )
    this.error = error
  }
}

/** @internal A divergence of distributions needs one vocabulary. */
export const demandVocabulary = <P extends Tree, T extends Tree>(
  op: string,
  student: LogitPolicy<P>,
  teacher: LogitPolicy<T>,
): void => {
  const tokens = sameTokens({ student: student.text, teacher: teacher.text })
  if (isLeft(tokens)) throw new OtherTokenizerError(op, tokens.left)
  if (student.vocab === teacher.vocab) return
  throw new ShapeError({
    op,
    operands: [],
    rule: `the student has ${student.vocab} tokens and the teacher ${teacher.vocab}: their distributions are not comparable`,
    fix: 'Take a teacher of the same vocabulary, or learn from its traces (sftStep)',
  })
}
