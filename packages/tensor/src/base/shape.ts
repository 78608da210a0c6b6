/**
 * Shapes at run time: the algebra every operation checks its operands with. The compile-time twin is shape-type.ts.
 * A dimension is a non-negative integer; a literal type (`3`) or a name (`Var<'T'>`) lets the compiler check it too.
 */
import type { DType } from './dtype.ts'
import { ShapeError, shown } from './errors.ts'

/** One dimension's size. */
export type Dim = number

/** Sizes of the axes, outermost first; `[]` is a scalar. */
export type Shape = readonly Dim[]

/** A run-time size with a compile-time name: `Var<'T'>` agrees only with itself. */
export type Var<L extends string> = number & { readonly dim: L }

/**
 * Names a size that is known only at run time, so that the compiler tells it from other sizes.
 *
 * @example
 * ```ts
 * import { dim, matmul, zeros } from '@adjoint/tensor'
 * const T = dim('T', 7)
 * const C = dim('C', 16)
 * const y = matmul(zeros([1, T, C]), zeros([C, 64])) // Tensor<readonly [1, Var<'T'>, 64], 'f32'>
 * console.log(y.shape)
 * ```
 */
export const dim = <const L extends string>(_label: L, size: number): Var<L> => size as Var<L>

/** Number of elements. */
export const sizeOf = (shape: Shape): number => {
  let size = 1
  for (const d of shape) size *= d
  return size
}

/** Row-major strides, in elements. */
export const stridesOf = (shape: Shape): readonly number[] => {
  const strides = new Array<number>(shape.length)
  let stride = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride
    stride *= shape[i]!
  }
  return strides
}

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((d, i) => d === b[i])

/** `[2, 3]` as people read it. */
export const showShape = (shape: Shape): string => `[${shape.join(', ')}]`

/** NumPy broadcasting, right-aligned; null where two sizes differ and neither is 1. */
export const broadcastShapes = (a: Shape, b: Shape): Shape | null => {
  const rank = Math.max(a.length, b.length)
  const out = new Array<number>(rank)
  for (let i = 1; i <= rank; i++) {
    const p = a[a.length - i] ?? 1
    const q = b[b.length - i] ?? 1
    if (p !== q && p !== 1 && q !== 1) return null
    out[rank - i] = p === 1 ? q : p
  }
  return out
}

/** The tensor whose axes are named, for messages. */
interface Operand {
  readonly shape: Shape
  readonly dtype: DType
}

/** An axis in [0, rank), counting from the end where negative. Throws ShapeError naming `op` (and `operand`). */
export const normalizeAxis = (op: string, axis: number, rank: number, operand?: Operand): number => {
  const normal = Number.isInteger(axis) ? (axis < 0 ? axis + rank : axis) : -1
  if (normal >= 0 && normal < rank) return normal
  const named = `axis ${typeof axis === 'number' ? axis : shown(axis)}`
  throw new ShapeError({
    op,
    operands: operand === undefined ? [] : [operand],
    rule: rank === 0 ? `${named} of a scalar, which has no axes` : `${named} is out of range for rank ${rank}`,
    fix:
      rank === 0
        ? 'Leave the axis out, or give the tensor an axis with expandDims(0)'
        : `Name an axis from ${-rank} to ${rank - 1}`,
  })
}

/** Distinct axes, ascending; `undefined` means all of them. Throws ShapeError naming `op` (and `operand`). */
export const normalizeAxes = (
  op: string,
  axes: number | readonly number[] | undefined,
  rank: number,
  operand?: Operand,
): readonly number[] => {
  if (axes === undefined) return Array.from({ length: rank }, (_, i) => i)
  const normal = [axes].flat().map((a) => normalizeAxis(op, a, rank, operand))
  if (new Set(normal).size !== normal.length)
    throw new ShapeError({
      op,
      operands: operand === undefined ? [] : [operand],
      rule: `axes [${normal.join(', ')}] name an axis twice`,
      fix: 'Name each axis once',
    })
  return [...normal].sort((p, q) => p - q)
}

/** The shape with `axes` (ascending) removed, or kept as 1. */
export const reduceShape = (shape: Shape, axes: readonly number[], keepDims: boolean): Shape =>
  keepDims ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i))

/** Whether every size is a non-negative integer. */
export const isShape = (shape: Shape): boolean => shape.every((d) => Number.isInteger(d) && d >= 0)
