/** How a primitive becomes loops. The scheduler branches on these kinds, never on a primitive's name. */
import type { Expr } from './expr.ts'
import type { Ix } from '../loops/ix.ts'
import type { ReduceOp, Scalar } from '../loops/scalar.ts'

/** The element of argument `arg` at an index list (one Ix an axis of that argument). */
export type Access = (arg: number, index: readonly Ix[]) => Scalar

export type Lowering<P> =
  /** Already in memory: host data, a parameter of the program, a device buffer. */
  | { readonly kind: 'leaf' }
  /**
   * An element of the result at any index, from elements of the arguments at any index: elementwise work, movement,
   * gathers. Fusion is substitution of these functions into one another. `stored`: not into its readers on a device that
   * may compute one expression twice with different roundings; they all read what was written once.
   */
  | {
      readonly kind: 'pointwise'
      readonly at: (index: readonly Ix[], arg: Access, out: Expr, params: P) => Scalar
      readonly stored?: true
    }
  /** Reduces `axes` (ascending) of the one argument away. */
  | { readonly kind: 'reduce'; readonly op: ReduceOp; readonly axes: (params: P) => readonly number[] }
  /** Inclusive running reduction along `axis` of the one argument, same shape. */
  | { readonly kind: 'scan'; readonly op: ReduceOp; readonly axis: (params: P) => number }
  /** [...b, m, k] x [...b, k, n] -> [...b, m, n], f32 accumulation, equal batch axes. */
  | { readonly kind: 'dot' }
  /** Argument 0 itself, ordered after the computation of argument 1. */
  | { readonly kind: 'after' }
  /**
   * Argument 0 with some elements written: for each index of `grid`, the element at `to` is set to (or increased by)
   * `value`. Runs in place where argument 0 dies here. Where the device has no ordered stores and indices may collide
   * (`add`), it runs `composition` instead.
   */
  | {
      readonly kind: 'update'
      readonly mode: 'set' | 'add'
      readonly grid: (out: Expr, params: P) => readonly number[]
      readonly to: (index: readonly Ix[], arg: Access, out: Expr, params: P) => readonly Ix[]
      readonly value: (index: readonly Ix[], arg: Access, out: Expr, params: P) => Scalar
      readonly composition: (args: readonly Expr[], params: P) => Expr
    }
  /** Defined by smaller primitives. */
  | { readonly kind: 'composite'; readonly expand: (args: readonly Expr[], params: P) => Expr }
