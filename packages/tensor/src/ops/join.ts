/** Joining tensors, taking them apart, and repeating them. */
import type { DType } from '../base/dtype.ts'
import { ShapeError } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Check, Concat, Ok, Stack, TupleOf, WithAxis } from '../base/shape-type.ts'
import { normalizeAxis, sameShape, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { listOf } from '../graph/options.ts'
import { demandShape, demandTensor, oneDType } from './align.ts'

/** The shapes of a list of tensors. */
export type ShapesOf<Xs extends readonly Tensor[]> = { readonly [I in keyof Xs]: Xs[I]['shape'] }

const notEmpty = (op: string, xs: readonly Expr[]): Expr => {
  const given: unknown = xs
  if (!Array.isArray(given))
    throw new TypeError(`${op}: takes a list of tensors. Pass them in an array: ${op}(0)([x, y]).`)
  const [first] = xs
  if (xs.length > 0) {
    oneDType(op, xs)
    return first!
  }
  throw new ShapeError({ op, operands: [], rule: 'no tensors to join', fix: 'Pass at least one tensor' })
}

/**
 * Tensors end to end along `axis` (default 0): [.., n, ..] and [.., m, ..] -> [.., n + m, ..].
 * Throws ShapeError where the other axes differ, DTypeError where the dtypes do.
 *
 * @example
 * ```ts
 * import { concat, ones, zeros } from '@adjoint/tensor'
 * console.log(concat(-1)([zeros([2, 3]), ones([2, 4])]).shape) // [2, 7]
 * ```
 */
export const concat =
  <const A extends number = 0>(axis?: A) =>
  <const Xs extends readonly Tensor[]>(
    xs: Xs & Check<Concat<ShapesOf<Xs>, A>>,
  ): Tensor<Ok<Concat<ShapesOf<Xs>, A>>, Xs[number]['dtype']> => {
    const first = notEmpty('concat', xs)
    const a = normalizeAxis('concat', axis ?? 0, first.shape.length, first)
    if (
      !xs.every(
        (x) => x.shape.length === first.shape.length && x.shape.every((d, i) => i === a || d === first.shape[i]),
      )
    )
      throw new ShapeError({
        op: 'concat',
        operands: xs,
        rule: `sizes other than those of axis ${a} differ`,
        fix: 'Slice or pad the tensors until only the joined axis differs',
      })
    return typed(xs.length === 1 ? first : raw.concat(xs, a))
  }

/**
 * n tensors of one shape along a new axis of size n at position `axis` (default 0).
 * Throws ShapeError where the shapes differ, DTypeError where the dtypes do.
 *
 * @example
 * ```ts
 * import { stack, zeros } from '@adjoint/tensor'
 * console.log(stack(0)([zeros([2, 3]), zeros([2, 3])]).shape) // [2, 2, 3]
 * ```
 */
export const stack =
  <const A extends number = 0>(axis?: A) =>
  <const Xs extends readonly Tensor[]>(
    xs: Xs & Check<Stack<ShapesOf<Xs>, A>>,
  ): Tensor<Ok<Stack<ShapesOf<Xs>, A>>, Xs[number]['dtype']> => {
    const first = notEmpty('stack', xs)
    if (!xs.every((x) => sameShape(x.shape, first.shape)))
      throw new ShapeError({
        op: 'stack',
        operands: xs,
        rule: 'the shapes differ',
        fix: 'Stack tensors of one shape; concat joins others',
      })
    const a = normalizeAxis('stack', axis ?? 0, first.shape.length + 1, first)
    const lifted = [...first.shape.slice(0, a), 1, ...first.shape.slice(a)]
    const rows = xs.map((x) => raw.reshape(x, lifted))
    return typed(rows.length === 1 ? rows[0]! : raw.concat(rows, a))
  }

/** One T for each part: a tuple where their number is a literal. */
export type Parts<P extends number | readonly number[], T> = P extends readonly number[]
  ? { readonly [I in keyof P]: T }
  : P extends number
    ? TupleOf<P, T>
    : never

/**
 * Parts along `axis` (default 0): `parts` equal ones, or parts of the sizes listed. The opposite of `concat(axis)`.
 * Throws ShapeError where the parts do not make up the axis.
 *
 * @example
 * ```ts
 * import { split, zeros } from '@adjoint/tensor'
 * const [q, k, v] = split(3, -1)(zeros([4, 12]))
 * console.log(q.shape, k.shape, v.shape) // [4, 4] [4, 4] [4, 4]
 * ```
 */
export const split = <const P extends number | readonly number[], const A extends number = 0>(parts: P, axis?: A) => {
  const asked = listOf('split', parts, ' or number')
  return <S extends Shape, D extends DType>(
    x: Tensor<S, D> & Check<WithAxis<S, A, number>>,
  ): Parts<P, Tensor<Ok<WithAxis<S, A, number>>, D>> => {
    demandTensor('split', x)
    const a = normalizeAxis('split', axis ?? 0, x.shape.length, x)
    const size = x.shape[a]!
    const sizes: readonly number[] =
      typeof asked === 'number' ? new Array<number>(Math.max(0, Math.trunc(asked))).fill(size / asked) : asked
    if (!sizes.every((n) => Number.isInteger(n) && n >= 0) || sizes.reduce((p, q) => p + q, 0) !== size)
      throw new ShapeError({
        op: 'split',
        operands: [x],
        rule: `${typeof asked === 'number' ? `${asked} equal parts` : `parts of [${asked.join(', ')}]`} do not make up axis ${a} of size ${size}`,
        fix: 'Pass a number that divides the size, or sizes that sum to it',
      })
    let from = 0
    const pieces = sizes.map((n) => {
      const start = x.shape.map((_, i) => (i === a ? from : 0))
      from += n
      return raw.slice(
        x,
        start,
        x.shape.map((d, i) => (i === a ? from : d)),
      )
    })
    // Parts<P, ..> is as long as `sizes`, which P names
    return pieces.map((piece) => typed(piece)) as unknown as Parts<P, Tensor<Ok<WithAxis<S, A, number>>, D>>
  }
}

/** x repeated as a whole, `reps[i]` times along axis i; missing repetitions, or axes, count as leading ones of 1. As NumPy's. */
export const tile = (reps: readonly number[]) => {
  const times = listOf('tile', reps)
  return <D extends DType>(x: Tensor<Shape, D>): Tensor<Shape, D> => {
    demandTensor('tile', x)
    demandShape('tile: repetitions', times, x.dtype)
    const rank = Math.max(times.length, x.shape.length)
    const along = [...new Array<number>(rank - times.length).fill(1), ...times]
    const shape = [...new Array<number>(rank - x.shape.length).fill(1), ...x.shape]
    // [.., n, ..] -> [.., r, n, ..] -> [.., r n, ..]
    const spaced = raw.reshape(
      x,
      shape.flatMap((d) => [1, d]),
    )
    const repeated = raw.broadcastTo(
      spaced,
      shape.flatMap((d, i) => [along[i]!, d]),
    )
    return typed(
      raw.reshape(
        repeated,
        shape.map((d, i) => d * along[i]!),
      ),
    )
  }
}

/** Each element of `axis` (default 0) `n` times in a row. Throws ShapeError for an axis out of range. */
export const repeat =
  <const A extends number = 0>(n: number, axis?: A) =>
  <S extends Shape, D extends DType>(
    x: Tensor<S, D> & Check<WithAxis<S, A, number>>,
  ): Tensor<Ok<WithAxis<S, A, number>>, D> => {
    demandTensor('repeat', x)
    demandShape('repeat: repetitions', [n], x.dtype)
    const a = normalizeAxis('repeat', axis ?? 0, x.shape.length, x)
    const [before, size, after] = [x.shape.slice(0, a), x.shape[a]!, x.shape.slice(a + 1)]
    // [.., m, ..] -> [.., m, n, ..] -> [.., m n, ..]
    const spaced = raw.reshape(x, [...before, size, 1, ...after])
    return typed(raw.reshape(raw.broadcastTo(spaced, [...before, size, n, ...after]), [...before, size * n, ...after]))
  }
