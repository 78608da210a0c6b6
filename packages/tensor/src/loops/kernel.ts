/** The closed loop IR that backends print: a kernel is a grid of rows, each a loop nest over columns; or a dot. */
import type { DType, Register } from '../base/dtype.ts'
import type { Axis, Ix } from './ix.ts'
import type { ReduceOp, Scalar } from './scalar.ts'

/**
 * A buffer a kernel touches; loads and stores name it by its position in `Kernel.buffers`. A load gives the register of its
 * dtype, and what is stored is a value that an element of it holds.
 */
export interface KernelBuffer {
  readonly dtype: DType
  /** Elements. */
  readonly size: number
  readonly read: boolean
  readonly write: boolean
}

export interface Reduction {
  readonly op: ReduceOp
  readonly dtype: Register
  /** What is reduced, at (row, column); may read earlier reductions of the same row. */
  readonly value: Scalar
  /**
   * Stores of the kernel read its running value while the columns go by in order. A kernel with such a one has one
   * reduction and one column axis, and its full stores run inside its loop.
   */
  readonly running: boolean
}

export interface Store {
  readonly buffer: number
  readonly at: Ix
  readonly value: Scalar
  /** Once a row (after the row's reductions), or at every (row, column). */
  readonly scope: 'row' | 'full'
  /**
   * `add` increases the element; the grid then runs in order, since positions may collide, and sums are made in that
   * order, one term after another. Positions of `set` are distinct between the iterations.
   */
  readonly mode: 'set' | 'add'
}

/**
 * for row in rows: for each reduction in order: over all cols, reduce value; then the row stores; then over all cols
 * the full stores. Without reductions `cols` is empty and everything is a row. Axis lists are outermost first;
 * an empty list is one iteration; an axis of extent 0 makes none (and a reduction then gives its identity).
 *
 * At each iteration the values and positions of all stores of a scope are computed before any of them is written, and no
 * store sees another's. Iterations may otherwise run in any order and side by side, and passes over the columns may be
 * merged, so a kernel may change a buffer that it loads (work in place) only if
 *
 * - one store writes it, by `set`;
 * - whatever loads it (reductions, values and positions of stores) loads the element which that store's iteration writes:
 *   the indices are equal;
 * - it is not loaded by full stores if a row store writes it: the row stores came first.
 *
 * What `add` increases is not loaded at all. `verifyKernel` (verify.ts) checks this before a kernel is printed. Where two
 * of the buffers are one memory, both are marked read and written, and the same holds of the two together.
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
 * acc[batch, m, n] = sum over k of a(batch, m, k) b(batch, k, n), in f32. Then, as in a loop whose rows are (batch, m) and whose
 * columns are n: the reductions in order, the row stores, the full stores. All of them read acc as `reduced` 0, at the column where
 * they stand; reduction i is `reduced` i + 1. So softmax over the rows of a product is one kernel:
 *
 *     reductions  1: max over n of reduced 0;  2: sum over n of exp(reduced 0 - reduced 1)
 *     stores      full: exp(reduced 0 - reduced 1) / reduced 2
 *
 * No reduction is a running one. Only some devices have whole rows at hand, of so many columns (capabilities say which): on the
 * others there are no reductions, and all stores are full.
 *
 * Stores may work in place as in a loop: what they load of a buffer that they write is the element that the iteration
 * writes (an accumulator, a residual). What a or b loads is never written: an element of an operand is needed for a whole
 * row or column of results, and operands are copied into panels while results are already being stored.
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
  readonly reductions: readonly Reduction[]
  readonly stores: readonly Store[]
}

/** What a template is about, as plain data: equal kernels have equal parameters. */
export type TemplateParams = Readonly<Record<string, number | string>>

/**
 * Work that some devices have a kernel of their own for, written by hand: by its name they know it (the folder templates/).
 * To everything else it is what it means.
 */
export interface Template {
  readonly name: string
  /** In doubles: fills `outs` from `args`. All are dense, in rows. */
  readonly meaning: (args: readonly Float64Array[], outs: readonly Float64Array[], params: TemplateParams) => void
  /** Operations, and independent pieces of work. */
  readonly cost: (params: TemplateParams) => { readonly flops: number; readonly grid: number }
}

/** A template over buffers, of which it reads some and fills others, whole. None is both. */
export interface TemplateKernel {
  readonly kind: 'template'
  readonly name: string
  readonly template: Template
  readonly params: TemplateParams
  readonly buffers: readonly KernelBuffer[]
  /** Positions among the buffers: of what it reads, and of what it fills. */
  readonly args: readonly number[]
  readonly outs: readonly number[]
}

export type Kernel = LoopKernel | DotKernel | TemplateKernel
