/**
 * The product with a matrix of low rank, s A B with A [in, r] and B [r, out], as two products of width r: x W costs in times out a row,
 * (x A) B costs r times (in + out). Source: Hu et al., LoRA (arXiv:2106.09685), section 4.1.
 */
import { concat, div, matmul, mul, random, type Scalar, type TreeRecord, where, zeros } from '@adjoint/tensor'
import type { Floats, Key, Layer } from '../layer.ts'

/** What is dropped of an input: an element is kept with probability `kept`, above 0, as the key decides, and divided by it. */
export interface Dropping extends TreeRecord {
  readonly key: Key
  readonly kept: Scalar
}

/**
 * s A B, which is added to some columns of a matrix. A part of rank 0, A [in, 0] and B [0, columns], stands for columns to which
 * nothing is added.
 */
export interface LowRankPart extends TreeRecord {
  /** A, [in, r]. */
  readonly a: Floats
  /** B, [r, columns]. */
  readonly b: Floats
  /** s. */
  readonly scale: Scalar
  /** Of its input; null for nothing. */
  readonly dropout: Dropping | null
}

const dropped =
  (dropping: Dropping | null): Layer =>
  (x) =>
    dropping === null ? x : where(random.bernoulli(dropping.kept)(dropping.key, x.shape), div(x, dropping.kept), 0)

const isEmpty = ({ b }: LowRankPart): boolean => b.shape[0] === 0
const sideBySide = (columns: readonly Floats[]): Floats => (columns.length === 1 ? columns[0]! : concat(-1)(columns))

/** `[s_1 (x A_1) B_1, s_2 (x A_2) B_2, ..]`, x [..., in] -> [..., out]. */
export const lowRankProduct =
  (parts: readonly LowRankPart[]): Layer =>
  (x) =>
    sideBySide(
      parts.map((part): Floats => {
        const { a, b, scale, dropout } = part
        if (isEmpty(part)) return zeros([...x.shape.slice(0, -1), b.shape[1]!])
        // scaled where it is narrow, by the kernel that made it
        return matmul(mul(matmul(dropped(dropout)(x), a), scale), b)
      }),
    )

/** `[s_1 A_1 B_1, s_2 A_2 B_2, ..]`, [in, out]. */
export const lowRankMatrix = (parts: readonly LowRankPart[]): Floats =>
  sideBySide(
    parts.map((part): Floats => {
      const { a, b, scale } = part
      return isEmpty(part) ? zeros([a.shape[0]!, b.shape[1]!]) : matmul(mul(a, scale), b)
    }),
  )
