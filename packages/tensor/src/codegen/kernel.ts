/** The closed loop IR that backends print: a kernel is a grid of rows, each a loop nest over columns; or a dot. */
import type { DType } from '../dtype.ts'
import type { Axis, Ix } from './ix.ts'
import type { ReduceOp, Scalar } from './scalar.ts'

/** A buffer a kernel touches; loads and stores name it by its position in `Kernel.buffers`. */
export interface KernelBuffer {
  readonly dtype: DType
  /** Elements. */
  readonly size: number
  readonly read: boolean
  readonly write: boolean
}

export interface Reduction {
  readonly op: ReduceOp
  readonly dtype: DType
  /** What is reduced, at (row, column); may read earlier reductions of the same row. */
  readonly value: Scalar
  /**
   * A scan: stores of the kernel read its running value while the columns go by in order. A kernel with a scan has one
   * reduction and one column axis, and its full stores run inside the scan's loop.
   */
  readonly scan: boolean
}

export interface Store {
  readonly buffer: number
  readonly at: Ix
  readonly value: Scalar
  /** Once a row (after the row's reductions), or at every (row, column). */
  readonly scope: 'row' | 'full'
  /** `add` increases the element; the grid then runs in order, since positions may collide. */
  readonly mode: 'set' | 'add'
}

/**
 * for row in rows: for each reduction in order: over all cols, reduce value; then the row stores; then over all cols
 * the full stores. Without reductions `cols` is empty and everything is a row. Axis lists are outermost first;
 * an empty list is one iteration; an axis of extent 0 makes none (and a reduction then gives its identity).
 *
 * At each iteration the values of all stores of a scope are computed before any of them is written: a buffer that is
 * read and written (in place) is read at the element that the iteration writes, and no store sees another's.
 */
export interface LoopKernel {
  readonly kind: 'loop'
  /** The primitives inside, for `explain` and for error messages. */
  readonly name: string
  readonly buffers: readonly KernelBuffer[]
  readonly rows: readonly Axis[]
  readonly cols: readonly Axis[]
  readonly reductions: readonly Reduction[]
  readonly stores: readonly Store[]
}

/**
 * acc[batch, m, n] = sum over k of a(batch, m, k) b(batch, k, n), in f32; then the stores at every (batch, m, n), which
 * read acc as `reduced` 0. Distinct stores may write distinct buffers.
 */
export interface DotKernel {
  readonly kind: 'dot'
  readonly name: string
  readonly buffers: readonly KernelBuffer[]
  readonly batch: readonly Axis[]
  readonly m: Axis
  readonly n: Axis
  readonly k: Axis
  readonly a: Scalar
  readonly b: Scalar
  readonly stores: readonly Store[]
}

export type Kernel = LoopKernel | DotKernel
