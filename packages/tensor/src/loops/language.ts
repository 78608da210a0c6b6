/**
 * The scalar language of the loop IR: what one lane computes, and where it reads. Scalars load at indices, and an index may
 * depend on a scalar, so that the forms of both stand together; ix.ts and scalar.ts make them. It is closed: each backend
 * prints it by exhaustive tables over `UnaryOp` and `BinaryOp`. Values are f32, i32, u32 or bool; comparisons give bool.
 */
import type { Register } from '../base/dtype.ts'

/** A loop variable: 0 <= axis < extent. */
export interface Axis {
  readonly id: number
  readonly extent: number
}

export type Atom =
  | { readonly kind: 'axis'; readonly axis: Axis }
  | { readonly kind: 'div'; readonly of: Ix; readonly by: number }
  | { readonly kind: 'mod'; readonly of: Ix; readonly by: number }
  | { readonly kind: 'clamp'; readonly of: Ix; readonly lo: number; readonly hi: number }
  /** A data-dependent index: an i32 or u32 scalar, which the backend clamps into [0, extent). */
  | { readonly kind: 'value'; readonly scalar: Scalar; readonly extent: number }

export interface Term {
  readonly coef: number
  readonly atom: Atom
  readonly key: string
}

export interface Ix {
  readonly constant: number
  readonly terms: readonly Term[]
  readonly lo: number
  readonly hi: number
  readonly key: string
}

/**
 * `not` is for bool; the rest for floats, `neg abs sign` for i32 too. `round` is to nearest, ties to even; `f16` and `bf16`
 * give the nearest f32 that such an element can hold.
 */
export type UnaryOp =
  | 'neg'
  | 'abs'
  | 'sign'
  | 'not'
  | 'floor'
  | 'ceil'
  | 'round'
  | 'exp'
  | 'exp2'
  | 'expm1'
  | 'log'
  | 'log2'
  | 'log1p'
  | 'sqrt'
  | 'rsqrt'
  | 'reciprocal'
  | 'sin'
  | 'cos'
  | 'tan'
  | 'tanh'
  | 'sinh'
  | 'cosh'
  | 'sigmoid'
  | 'erf'
  | 'isnan'
  | 'isinf'
  | 'f16'
  | 'bf16'

/**
 * Arithmetic on two operands of one dtype (u32 wraps); `div` of integers truncates, `mod` has the divisor's sign (as in Python),
 * `max` and `min` hand NaN on, `and or xor` are bitwise on integers and logical on bool, `shl shr` (logical on u32) shift u32 and i32.
 */
export type BinaryOp =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  | 'mod'
  | 'pow'
  | 'max'
  | 'min'
  | 'and'
  | 'or'
  | 'xor'
  | 'shl'
  | 'shr'
  | 'eq'
  | 'ne'
  | 'lt'
  | 'le'
  | 'gt'
  | 'ge'

export type ReduceOp = 'sum' | 'prod' | 'max' | 'min'

interface Common {
  readonly id: number
  readonly dtype: Register
}
export type Scalar =
  | (Common & { readonly kind: 'const'; readonly value: number })
  /** An index as an i32 value. */
  | (Common & { readonly kind: 'index'; readonly ix: Ix })
  /** Whether lo <= ix < hi, as a bool. */
  | (Common & { readonly kind: 'within'; readonly ix: Ix; readonly lo: number; readonly hi: number })
  /** An element of a buffer, at a row-major position that is in range by construction. */
  | (Common & { readonly kind: 'load'; readonly buffer: number; readonly at: Ix })
  /** The value of a reduction of this row (of its running value, where it has one); of the accumulator in a dot. */
  | (Common & { readonly kind: 'reduced'; readonly reduction: number })
  | (Common & { readonly kind: 'unary'; readonly op: UnaryOp; readonly x: Scalar })
  | (Common & { readonly kind: 'binary'; readonly op: BinaryOp; readonly x: Scalar; readonly y: Scalar })
  | (Common & { readonly kind: 'select'; readonly cond: Scalar; readonly x: Scalar; readonly y: Scalar })
  /** Numeric conversion; float to integer truncates and saturates, anything to bool is `!= 0`. */
  | (Common & { readonly kind: 'cast'; readonly x: Scalar })
