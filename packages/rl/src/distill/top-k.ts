/**
 * Teachers known only on their k likeliest tokens, as services give them (`top_logprobs`) and as caches of logits keep them.
 * What the rest of the vocabulary gets is a choice, and both choices compare true distributions:
 *
 * - `tailBucket`: the rest is one token more. The divergence is that of two coarse-grained distributions: by the
 *   data-processing inequality at most the whole one, growing with k, and the student learns how much to leave to the rest.
 * - `renormalised`: both distributions given that the token is one of the k. Says nothing of the student's mass elsewhere,
 *   so it suits a teacher that has nearly all of its own on the k, next to a loss on the tokens themselves.
 */
import type { Floats, Integers } from '@adjoint/nn'
import {
  any,
  concat,
  exp,
  logSoftmax,
  log,
  logsumexp,
  maximum,
  oneHot,
  ShapeError,
  sub,
  sum,
  takeAlongAxis,
  topK,
  where,
} from '@adjoint/tensor'
import type { Divergence } from './divergence.ts'

/** What is known of a teacher. A tree, so that it can be an argument of `jit`. */
export type TopLogprobs = {
  /** `[.., K]`: ids of the likeliest tokens, none twice in a row. */
  readonly tokens: Integers
  /** `[.., K]`, nats: their log-probabilities among all tokens. */
  readonly logp: Floats
}

/**
 * The k likeliest tokens of rows of logits: [.., V] -> [.., k]. Throws ShapeError where k > V.
 *
 * @example
 * ```ts
 * import { topLogprobs } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const { tokens, logp } = topLogprobs(2)(tensor([0, 3, 1], [1, 3])) // tokens 1 and 2
 * ```
 */
export const topLogprobs =
  (k: number) =>
  (logits: Floats): TopLogprobs => {
    const all: Floats = logSoftmax(-1)(logits)
    const { values, indices } = topK(k)(all)
    return { tokens: indices, logp: values }
  }

/** What is known of a teacher and a student's logits [.., V] -> logits of both over the same, fewer outcomes. */
export type Tail = (teacher: TopLogprobs, student: Floats) => readonly [teacher: Floats, student: Floats]

/**
 * Both distributions given that the token is one of the k: [.., K]. See the head of this file's module for when.
 *
 * @example
 * ```ts
 * import { forwardKl, onTop, renormalised } from '@adjoint/rl'
 * const divergence = onTop(renormalised)(forwardKl)
 * ```
 */
export const renormalised: Tail = ({ tokens, logp }, student) => [logp, takeAlongAxis(-1)(student, tokens)]

/** What single precision can tell from 1: a teacher's rest is at least this likely, so that its logarithm is a number. */
const SMALLEST_REST = 1e-7
/** The logit of a token that is not to count, whose gradient is 0 and not NaN. */
const NEVER = -1e30

/**
 * Both distributions with all other tokens as one: [.., K + 1], or [.., V] where k = V and there is no rest. The teacher's
 * rest is `1 - sum p`, held above 1e-7.
 *
 * @example
 * ```ts
 * import { generalizedJsd, onTop, tailBucket } from '@adjoint/rl'
 * const divergence = onTop(tailBucket)(generalizedJsd(0.5))
 * ```
 */
export const tailBucket: Tail = (teacher, student) => {
  const vocab = student.shape.at(-1)!
  const [known, chosen] = renormalised(teacher, student)
  if (teacher.tokens.shape.at(-1) === vocab) return [known, chosen]
  const among = { axis: -1, keepDims: true } as const
  const rest: Floats = log(maximum(sub(1, sum(among)(exp(known))), SMALLEST_REST))
  const named = any({ axis: -2 })(oneHot(vocab, 'bool')(teacher.tokens)) // [.., V]
  const others: Floats = logsumexp(among)(where(named, NEVER, student))
  return [concat(-1)([known, rest]), concat(-1)([chosen, others])]
}

const demandRows = ({ tokens }: TopLogprobs, student: Floats): void => {
  const rows = student.shape.slice(0, -1)
  if (tokens.shape.length === student.shape.length && rows.every((n, i) => tokens.shape[i] === n)) return
  throw new ShapeError({
    op: 'onTop',
    operands: [tokens, student],
    rule: 'the teacher knows k tokens [.., K] in each row of the student [.., V]',
    fix: 'Give both the same leading axes',
  })
}

/**
 * A divergence from what is known of a teacher: [.., K] and the student's logits [.., V] -> [..], nats. Throws ShapeError
 * where the rows differ.
 *
 * @example
 * ```ts
 * import { forwardKl, onTop, tailBucket, topLogprobs } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const [teacher, student] = [tensor([0, 3, 1], [1, 3]), tensor([0, 0, 0], [1, 3])]
 * onTop(tailBucket)(forwardKl)(topLogprobs(1)(teacher), student) // at most forwardKl(teacher, student)
 * ```
 */
export const onTop =
  (tail: Tail) =>
  (divergence: Divergence) =>
  (teacher: TopLogprobs, student: Floats): Floats => {
    demandRows(teacher, student)
    return divergence(...tail(teacher, student))
  }

/**
 * A divergence that hears of a whole teacher only its k likeliest tokens. Temperatures go outside,
 * `atTemperature(t)(truncated(..)(d))`: inside they would act on the buckets.
 *
 * @example
 * ```ts
 * import { forwardKl, tailBucket, truncated } from '@adjoint/rl'
 * const divergence = truncated({ k: 20, tail: tailBucket })(forwardKl)
 * ```
 */
export const truncated =
  ({ k, tail }: { readonly k: number; readonly tail: Tail }) =>
  (divergence: Divergence): Divergence =>
  (teacher, student) =>
    onTop(tail)(divergence)(topLogprobs(k)(teacher), student)
