/** Movement: the same elements in another arrangement. None of these costs memory traffic of its own. */
import type { DType } from '../base/dtype.ts'
import { demandOneOf, ShapeError } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import { own } from '../base/own.ts'
import * as raw from '../primitives/index.ts'
import type { Axes, BroadcastsTo, Check, InsertAxis, Ok, Reshape, Squeeze, Transpose } from '../base/shape-type.ts'
import {
  broadcastShapes,
  isShape,
  normalizeAxes,
  normalizeAxis,
  sameShape,
  showShape,
  sizeOf,
  type Shape,
} from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { listOf } from '../graph/options.ts'
import { demandTensor, element, expand } from './align.ts'

/** `target` with its one -1 filled in. */
const resolve = (x: Expr, target: Shape): Shape => {
  demandTensor('reshape', x)
  const size = sizeOf(x.shape)
  const known = sizeOf(target.filter((d) => d !== -1))
  const holes = target.filter((d) => d === -1).length
  const whole = holes === 0 || (known > 0 && size % known === 0)
  const shape = holes === 1 && whole ? target.map((d) => (d === -1 ? size / known : d)) : target
  if (!isShape(shape) || sizeOf(shape) !== size)
    throw new ShapeError({
      op: 'reshape',
      operands: [x],
      rule: `${size} elements do not fill ${showShape(target)}`,
      fix: 'One size may be -1, to be worked out',
    })
  return shape
}

/**
 * The same elements, in row-major order, under another shape; one size may be -1 and is worked out.
 * Throws ShapeError where the numbers of elements differ.
 *
 * @example
 * ```ts
 * import { arange, reshape } from '@adjoint/tensor'
 * console.log(reshape([2, -1])(arange(6)).shape) // [2, 3]
 * ```
 */
export const reshape = <const T extends Shape>(shape: T) => {
  const asked = listOf('reshape', shape)
  return <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<Reshape<S, T>>): Tensor<Ok<Reshape<S, T>>, D> => {
    const target = resolve(x, asked)
    return typed(sameShape(target, x.shape) ? x : raw.reshape(x, target))
  }
}

const permuted = (op: string, x: Expr, order: readonly number[] | undefined): Expr => {
  demandTensor(op, x)
  const axes = order === undefined ? x.shape.map((_, i) => x.shape.length - 1 - i) : [order].flat()
  const rank = x.shape.length
  const perm = axes.map((a) => normalizeAxis(op, a, rank, x))
  if (new Set(perm).size !== rank || perm.length !== rank)
    throw new ShapeError({
      op,
      operands: [x],
      rule: `[${axes.join(', ')}] is no order of ${rank} axes`,
      fix: 'Name each axis of the operand once',
    })
  return perm.every((a, i) => a === i) ? x : raw.transpose(x, perm)
}

/**
 * Axes in another order: axis i of the result is axis `axes[i]` of x; in reverse order where no order is given.
 * Throws ShapeError where `axes` is no permutation.
 *
 * @example
 * ```ts
 * import { transpose, zeros } from '@adjoint/tensor'
 * console.log(transpose()(zeros([2, 3])).shape) // [3, 2]
 * console.log(transpose([0, 2, 1])(zeros([5, 2, 3])).shape) // [5, 3, 2]
 * ```
 */
export const transpose = <const P extends readonly number[] | undefined = undefined>(axes?: P) => {
  const order = own(axes)
  return <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<Transpose<S, P>>): Tensor<Ok<Transpose<S, P>>, D> =>
    typed(permuted('transpose', x, order))
}

/** Axes in the order given: `transpose(axes)`. Throws ShapeError where `axes` is no permutation. */
export const permute = <const P extends readonly number[]>(axes: P) => {
  const order = own(axes)
  return <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<Transpose<S, P>>): Tensor<Ok<Transpose<S, P>>, D> =>
    typed(permuted('permute', x, order))
}

/**
 * x repeated along new leading axes and along its axes of size 1, up to `shape`.
 * Throws ShapeError where x does not broadcast to exactly `shape`.
 */
export const broadcastTo = <const T extends Shape>(shape: T) => {
  const target = listOf('broadcastTo', shape)
  return <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<BroadcastsTo<S, T>>): Tensor<T, D> => {
    demandTensor('broadcastTo', x)
    const joint = broadcastShapes(x.shape, target)
    if (joint === null || !sameShape(joint, target) || !isShape(target))
      throw new ShapeError({
        op: 'broadcastTo',
        operands: [x],
        rule: `${showShape(x.shape)} does not fit into ${showShape(target)}: from the right, sizes must be equal or 1`,
        fix: 'Insert axes of size 1 with expandDims, or reshape one operand',
      })
    return typed(expand(x, target))
  }
}

/** A new axis of size 1 at position `axis` of the result. Throws ShapeError for a position out of range. */
export const expandDims =
  <const A extends number>(axis: A) =>
  <S extends Shape, D extends DType>(
    x: Tensor<S, D> & Check<InsertAxis<S, A, 1>>,
  ): Tensor<Ok<InsertAxis<S, A, 1>>, D> => {
    demandTensor('expandDims', x)
    const at = normalizeAxis('expandDims', axis, x.shape.length + 1, x)
    return typed(raw.reshape(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]))
  }

/** Without the axes of size 1: those named, or all. Throws ShapeError where a named axis has another size. */
export const squeeze = <const A extends Axes = undefined>(axis?: A) => {
  const named = own(axis)
  return <S extends Shape, D extends DType>(x: Tensor<S, D> & Check<Squeeze<S, A>>): Tensor<Ok<Squeeze<S, A>>, D> => {
    demandTensor('squeeze', x)
    const all = x.shape.flatMap((d, i) => (d === 1 ? [i] : []))
    const axes = named === undefined ? all : normalizeAxes('squeeze', named, x.shape.length, x)
    const wide = axes.find((a) => x.shape[a] !== 1)
    if (wide !== undefined)
      throw new ShapeError({
        op: 'squeeze',
        operands: [x],
        rule: `axis ${wide} has size ${x.shape[wide]!}, not 1`,
        fix: 'Pick an element with take, or reduce the axis',
      })
    return typed(
      axes.length === 0
        ? x
        : raw.reshape(
            x,
            x.shape.filter((_, i) => !axes.includes(i)),
          ),
    )
  }
}

/** What `slice` keeps of each axis: unnamed trailing axes whole. */
export type SliceBounds = readonly (number | null)[]
/** The sizes of a slice: rank and unnamed axes stay. */
export type Sliced<S extends Shape> = { readonly [I in keyof S]: number }

/**
 * The block from `starts` to before `limits`, every `strides[i]`-th element of axis i; as `x[s0:l0, s1:l1]` in NumPy.
 * Bounds are static: negative ones count from the end, `null` means the axis' own bound, and axes not named stay whole.
 * Blocks at traced positions are `dynamicSlice`. Throws ShapeError where a bound lies outside its axis.
 *
 * @example
 * ```ts
 * import { arange, readAsync, reshape, slice } from '@adjoint/tensor'
 * const x = reshape([3, 4])(arange(12))
 * console.log(await readAsync(slice([1, 0], [3, 2])(x))) // 4 5 8 9
 * console.log(await readAsync(slice([0, 0], [1, null], [1, 2])(x))) // 0 2
 * ```
 */
export const slice = (starts: SliceBounds, limits: SliceBounds, strides: readonly number[] = []) => {
  const [first, last, steps] = [listOf('slice', starts), listOf('slice', limits), listOf('slice', strides)]
  return <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<Sliced<S>, D> => {
    demandTensor('slice', x)
    const bad = (rule: string): ShapeError =>
      new ShapeError({
        op: 'slice',
        operands: [x],
        rule,
        fix: 'Pass 0 <= start <= limit <= size for each axis, and strides of at least 1',
      })
    const named = Math.max(first.length, last.length, steps.length)
    if (named > x.shape.length) throw bad(`bounds for ${named} axes of a tensor of rank ${x.shape.length}`)
    const within = (bound: number | null | undefined, otherwise: number, size: number): number =>
      bound === null || bound === undefined ? otherwise : bound < 0 ? bound + size : bound
    const from = x.shape.map((d, i) => within(first[i], 0, d))
    const to = x.shape.map((d, i) => within(last[i], d, d))
    x.shape.forEach((d, i) => {
      const [s, l] = [from[i]!, to[i]!]
      if (!Number.isInteger(s) || !Number.isInteger(l) || s < 0 || l > d || s > l)
        throw bad(`[${s}, ${l}) is no range of axis ${i}, which has size ${d}`)
    })
    if (steps.some((s) => !Number.isInteger(s) || s < 1))
      throw bad(`strides [${steps.join(', ')}] are not all positive integers`)
    const whole = from.every((s) => s === 0) && sameShape(to, x.shape)
    return typed(steps.reduce(everyNth, whole ? x : raw.slice(x, from, to)))
  }
}

/** Every n-th element of an axis: padded to full groups of n, of which each gives its first. */
const everyNth = (x: Expr, n: number, axis: number): Expr => {
  if (n === 1) return x
  const groups = Math.ceil(x.shape[axis]! / n)
  const hi = x.shape.map((d, i) => (i === axis ? groups * n - d : 0))
  const before = x.shape.slice(0, axis)
  const after = x.shape.slice(axis + 1)
  const grouped = raw.reshape(raw.pad(x, zeros(x), hi), [...before, groups, n, ...after])
  const first = raw.slice(grouped, zeros(grouped), [...before, groups, 1, ...after])
  return raw.reshape(first, [...before, groups, ...after])
}
const zeros = (x: Expr): readonly number[] => x.shape.map(() => 0)

/** The elements of `axis` (default: all axes) in reverse order. Throws ShapeError for an axis out of range. */
export const flip = (axis?: Axes) => {
  const named = own(axis)
  return <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => {
    demandTensor('flip', x)
    const axes = normalizeAxes('flip', named, x.shape.length, x)
    return typed(axes.length === 0 ? x : raw.flip(x, axes))
  }
}

/** Elements of `axis` moved `shift` places towards its end, around it. Throws ShapeError for an axis out of range. */
export const roll =
  (shift: number, axis = 0) =>
  <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => {
    demandTensor('roll', x)
    const a = normalizeAxis('roll', axis, x.shape.length, x)
    if (!Number.isInteger(shift))
      throw new ShapeError({
        op: 'roll',
        operands: [x],
        rule: `${shift} is no number of places`,
        fix: 'Pass an integer',
      })
    const n = x.shape[a]!
    const by = n === 0 ? 0 : ((shift % n) + n) % n
    if (by === 0) return x
    const tail = raw.slice(x, zeros(x).with(a, n - by), x.shape)
    return typed(raw.concat([tail, raw.slice(x, zeros(x), x.shape.with(a, n - by))], a))
  }

/** Widths of padding: one number everywhere, or [before, after] per axis. */
export type PadWidths = number | readonly (readonly [number, number])[]

/**
 * What stands around: `edge`, the outermost element; `reflect`, the elements mirrored at it, and `symmetric`, mirrored with it;
 * `wrap`, those of the other end. As in NumPy, also beyond the size of the axis.
 */
export type PadMode = 'edge' | 'reflect' | 'symmetric' | 'wrap'
const PAD_MODES: readonly PadMode[] = ['edge', 'reflect', 'symmetric', 'wrap']
/** The element of an axis of n that stands at position i of it, which may be outside. */
const standsAt: Readonly<Record<PadMode, (i: number, n: number) => number>> = {
  edge: (i, n) => Math.min(Math.max(i, 0), n - 1),
  wrap: (i, n) => ((i % n) + n) % n,
  // over and over, there and back
  symmetric: (i, n) => {
    const at = standsAt.wrap(i, 2 * n)
    return at < n ? at : 2 * n - 1 - at
  },
  reflect: (i, n) => {
    const at = standsAt.wrap(i, Math.max(1, 2 * n - 2))
    return at < n ? at : 2 * n - 2 - at
  },
}
const paddedBy = (x: Expr, mode: PadMode, pairs: readonly (readonly [number, number])[]): Expr =>
  pairs.reduce((y, [before, after], axis) => {
    if (before === 0 && after === 0) return y
    const n = y.shape[axis]!
    if (n === 0)
      throw new ShapeError({
        op: 'pad',
        operands: [x],
        rule: `axis ${axis} is empty, and has no elements for the mode '${mode}'`,
        fix: 'Pad it with a value',
      })
    const from = Int32Array.from({ length: before + n + after }, (_, i) => standsAt[mode](i - before, n))
    return raw.take(y, raw.constant(from, [from.length], 'i32'), axis, 'nearest')
  }, x)

/**
 * x with something around it: `widths` is one width for every side, or [before, after] for each axis; `value` the number that
 * stands there (default 0), or which of the elements do: 'edge', 'reflect', 'symmetric' or 'wrap'. Throws ShapeError where a
 * width is negative or an axis has none.
 *
 * @example
 * ```ts
 * import { pad, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(pad([[1, 2]])(tensor([7, 8])))) // 0 7 8 0 0
 * console.log(await readAsync(pad(2, 'reflect')(tensor([1, 2, 3])))) // 3 2 1 2 3 2 1
 * ```
 */
export const pad = (widths: PadWidths, value: number | PadMode = 0) => {
  const around = listOf('pad', widths, ' or number')
  return <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<Sliced<S>, D> => {
    demandTensor('pad', x)
    const pairs = typeof around === 'number' ? x.shape.map(() => [around, around] as const) : around
    const sides = pairs.flat()
    if (pairs.length !== x.shape.length || sides.length !== 2 * pairs.length || !isShape(sides))
      throw new ShapeError({
        op: 'pad',
        operands: [x],
        rule: `widths ${JSON.stringify(pairs)} do not name two sides of ${x.shape.length} axes`,
        fix: 'Pass [before, after] for each axis, integers of at least 0',
      })
    if (typeof value === 'string') {
      demandOneOf('pad', 'mode', value, PAD_MODES)
      return typed(paddedBy(x, value, pairs))
    }
    const lo = pairs.map((p) => p[0])
    const hi = pairs.map((p) => p[1])
    const padded = raw.pad(x, lo, hi)
    if (value === 0) return typed(padded)
    const inside = raw.pad(raw.fill(x.shape, 'bool', 1), lo, hi)
    return typed(raw.where(inside, padded, raw.fill(padded.shape, x.dtype, element('pad', value, x.dtype, [x]))))
  }
}
