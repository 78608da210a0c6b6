/** The types of derivatives. */
import type { Computed, DType, Tensor, Tree } from '@adjoint/tensor'

/**
 * The type of a tangent or a cotangent of a `T`, and so of a gradient by one: the same tree, in the dtypes that values are
 * computed with. What is stored as f16 or bf16 has derivatives in f32; leaves of every other dtype, and null, stay. Tensors whose
 * dtype the compiler does not know stay unknown.
 *
 * A gradient has the range and the precision of what it is made with, and what it is added to is no narrower: Adam's moments, the
 * sum of micro-batches, f32 masters. (JAX rounds it to the dtype of its primal; `castFloats` of `@adjoint/nn` does, where wanted.)
 *
 * @example
 * ```ts
 * import { grad, type Tangent } from '@adjoint/autograd'
 * import { cast, square, sum, tensor, type Tensor } from '@adjoint/tensor'
 * type Params = { readonly w: Tensor<readonly [2], 'bf16'> }
 * const gradient: Tangent<Params> = grad((p: Params) => sum()(square(p.w)))({ w: cast('bf16')(tensor([1, 2], [2])) })
 * const w: Tensor<readonly [2], 'f32'> = gradient.w
 * ```
 */
export type Tangent<T> = [Tree] extends [T]
  ? T
  : T extends Tensor<infer S, infer D>
    ? Tensor<S, [DType] extends [D] ? D : Computed<D>>
    : T extends null
      ? T
      : { [K in keyof T]: Tangent<T[K]> }

/** The tangents of a list of arguments, one each. */
export type Tangents<A extends readonly unknown[]> = { readonly [I in keyof A]: Tangent<A[I]> }
/** The arguments that must be given, and then their tangents. */
export type WithTangents<A extends readonly unknown[]> = readonly [...Needed<A>, ...Needed<Tangents<A>>]

/** The arguments of a function of trees, of which the last ones may be left out. */
export type Arguments = readonly (Tree | undefined)[]

/** Those that a function must be given; a transformation leaves out the others. Of a list that is not known yet, all. */
// never in the list of one: the last ones may be left out. The compiler takes what fits either branch; of a list that is not known, only
// the second is.
export type Needed<A extends readonly unknown[]> = [
  [number] extends [A['length']] ? unknown : A extends Required<A> ? unknown : never,
] extends [never]
  ? Leading<A>
  : A
/** The arguments before the first that may be left out. */
export type Leading<A extends readonly unknown[]> = A extends readonly [infer First, ...infer Rest]
  ? readonly [First, ...Leading<Rest>]
  : readonly []

/** The cotangents of a function's arguments: that of the only one, or the list of all. */
export type PulledBack<A extends readonly unknown[]> = A extends readonly [infer Only] ? Tangent<Only> : Tangents<A>
