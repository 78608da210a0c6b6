/** Tensors: expressions whose shape and dtype the compiler knows. */
import type { DType } from '../base/dtype.ts'
import type { Expr } from './expr.ts'
import type { Shape } from '../base/shape.ts'

/**
 * An immutable array that is either computed already or still an expression; which of the two never matters to a
 * program. `Tensor` alone is a tensor of any shape and dtype, whose sizes are checked at run time only.
 */
export interface Tensor<S extends Shape = Shape, D extends DType = DType> extends Expr {
  readonly shape: S
  readonly dtype: D
  /** Dtype, shape and place, and the elements where they are at hand: what `String(x)` and `console.log(x)` show. */
  readonly toString: () => string
}

/** A tensor with no axes. */
export type Scalar<D extends DType = 'f32'> = Tensor<readonly [], D>

/**
 * The one place where an expression receives its compile-time shape and dtype: operations check at run time what their
 * signatures promise, and state it here.
 */
export const typed = <S extends Shape = Shape, D extends DType = DType>(value: Expr): Tensor<S, D> =>
  value as Tensor<S, D>
