/**
 * Sliding windows as movement. For every offset w of a window apart, the elements that stand there as the window slides:
 *
 *     skew    [.., n.., w..] -> [.., p.., w..]   y[p, w] = x[stride p + dilation w, w]
 *     unskew  [.., p.., w..] -> [.., n.., w..]   its adjoint: the element back at where it came from, zero elsewhere
 *
 * No element is read twice, and none is added to another: what windows share is said by broadcasting (before a skew) and
 * what overlapping windows add up to by a sum over w (after an unskew). With windows of one offset the pair is a slice with
 * strides, and zeros put between elements.
 */
import * as ix from '../loops/ix.ts'
import * as scalar from '../loops/scalar.ts'
import { apply, type Aval, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { type Shape, sizeOf, stridesOf } from '../base/shape.ts'
import { first, isFill, movesFill, rules, sameAsOperand } from './algebra.ts'
import { broadcastTo, gatherValues, reshape } from './broadcast.ts'
import { fillLike } from './leaves.ts'
import { demandShape, range } from './operands.ts'

export interface SkewParams {
  /** Steps of the window, one an axis that it slides along. */
  readonly stride: readonly number[]
  /** Steps between neighbours in the window. */
  readonly dilation: readonly number[]
  /** Sizes of the result along those axes. */
  readonly size: readonly number[]
}

/** Elements from the first to the last that a window of `w` offsets reads at `p` positions, both included. */
export const reach = (p: number, w: number, stride: number, dilation: number): number =>
  p === 0 || w === 0 ? 0 : stride * (p - 1) + dilation * (w - 1) + 1

/** The axes: leading ones, those that the window slides along, and the window's. */
const parts = (shape: Shape, r: number): readonly [lead: Shape, slid: Shape, window: Shape] => {
  const at = shape.length - 2 * r
  return [shape.slice(0, at), shape.slice(at, at + r), shape.slice(at + r)]
}
/** The other way round: back to the sizes of the operand. */
const backTo = (out: Expr, { stride, dilation }: SkewParams): SkewParams => ({
  stride,
  dilation,
  size: parts(first(out).shape, stride.length)[1],
})

const skewShape = (op: string, args: readonly Aval[], params: SkewParams, expands: boolean): Aval => {
  const { stride, dilation, size } = params
  const x = args[0]!
  const r = stride.length
  const isCount = (n: number, least: number): boolean => Number.isInteger(n) && n >= least
  demandShape(
    dilation.length === r && size.length === r && [...stride, ...dilation].every((n) => isCount(n, 1)),
    op,
    args,
    `strides [${stride.join(', ')}], dilations [${dilation.join(', ')}] and sizes [${size.join(', ')}] must be one an axis, steps of at least 1`,
    'Give each axis a stride, a dilation and a size.',
  )
  demandShape(
    x.shape.length >= 2 * r && size.every((n) => isCount(n, 0)),
    op,
    args,
    `windows over ${r} axes need ${2 * r} last axes, the windows' own last`,
    'Broadcast the operand over the offsets of a window first.',
  )
  const [lead, slid, window] = parts(x.shape, r)
  const [long, positions] = expands ? [size, slid] : [slid, size]
  demandShape(
    range(r).every((i) => reach(positions[i]!, window[i]!, stride[i]!, dilation[i]!) <= long[i]!),
    op,
    args,
    `${positions.join(' x ')} windows of ${window.join(' x ')} reach beyond ${long.join(' x ')} elements`,
    'Pad, or let windows be fewer.',
  )
  return { shape: [...lead, ...size, ...window], dtype: x.dtype }
}

export const skewP: Primitive<SkewParams> = single({
  name: 'skew',
  shape: (args, params) => skewShape('skew', args, params, false),
  vjp: (ct, out, params) => [unskew(ct, backTo(out, params))],
  batch: ([x], _, __, params) => skew(x!, params),
  // an equal shape leaves no room to move
  simplify: rules(sameAsOperand, movesFill),
  lower: {
    kind: 'pointwise',
    at: (index, arg, _, { stride, dilation }) => {
      const at = index.length - 2 * stride.length
      const slid = stride.map((s, i) =>
        ix.add(ix.scale(index[at + i]!, s), ix.scale(index[at + stride.length + i]!, dilation[i]!)),
      )
      return arg(0, [...index.slice(0, at), ...slid, ...index.slice(at + stride.length)])
    },
  },
  evaluate: ([x], out, params) => {
    const strides = stridesOf(x!.shape)
    return gatherValues(x!.data, out.shape, steps(strides, params), 0)
  },
})
/** How far one step along each axis of the skewed array moves in the other, whose strides are given. */
const steps = (strides: readonly number[], { stride, dilation }: SkewParams): readonly number[] => {
  const r = stride.length
  const at = strides.length - 2 * r
  return strides.map((s, i) =>
    i < at ? s : i < at + r ? s * stride[i - at]! : s + dilation[i - at - r]! * strides[i - r]!,
  )
}
export const skew = (x: Expr, params: SkewParams): Expr => apply(skewP, [x], params)

export const unskewP: Primitive<SkewParams> = single({
  name: 'unskew',
  shape: (args, params) => skewShape('unskew', args, params, true),
  vjp: (ct, out, params) => [skew(ct, backTo(out, params))],
  batch: ([x], _, __, params) => unskew(x!, params),
  simplify: rules(sameAsOperand, (out) => (isFill(first(out), 0) ? fillLike(out, 0) : null)),
  lower: {
    kind: 'pointwise',
    at: (index, arg, out, { stride, dilation }) => {
      const from = first(out).shape
      const zero = scalar.constant(out.dtype, 0)
      if (sizeOf(from) === 0) return zero
      const at = index.length - 2 * stride.length
      let inside: scalar.Scalar = scalar.constant('bool', 1)
      const demand = (holds: scalar.Scalar): void => {
        if (holds.kind === 'const' && holds.value !== 0) return
        inside = inside.kind === 'const' && inside.value !== 0 ? holds : scalar.binary('and', inside, holds)
      }
      const position = stride.map((s, i) => {
        const end = s * from[at + i]!
        const moved = ix.sub(index[at + i]!, ix.scale(index[at + stride.length + i]!, dilation[i]!))
        demand(scalar.within(moved, 0, end))
        const kept = ix.clamp(moved, 0, end - 1)
        demand(scalar.within(ix.mod(kept, s), 0, 1))
        return ix.div(kept, s)
      })
      return scalar.select(
        inside,
        arg(0, [...index.slice(0, at), ...position, ...index.slice(at + stride.length)]),
        zero,
      )
    },
  },
  evaluate: ([x], out, params) => {
    const y = new Float64Array(sizeOf(out.shape))
    const positions = Float64Array.from({ length: y.length }, (_, i) => i)
    const to = gatherValues(positions, x!.shape, steps(stridesOf(out.shape), params), 0)
    x!.data.forEach((v, i) => (y[to[i]!] = v))
    return y
  },
})
export const unskew = (x: Expr, params: SkewParams): Expr => apply(unskewP, [x], params)

/**
 * The windows of `window` elements over the last axes: [.., n..] -> [.., p.., w..], y[p, w] = x[stride p + dilation w]. Nothing is
 * copied: each is a view.
 */
export const windows = (x: Expr, window: Shape, params: SkewParams): Expr => {
  const wide = [...x.shape, ...window]
  return skew(broadcastTo(reshape(x, [...x.shape, ...window.map(() => 1)]), wide), params)
}
/** `stride` - 1 zeros between neighbours along the last axes. */
export const dilate = (x: Expr, stride: readonly number[]): Expr => {
  if (stride.every((s) => s === 1)) return x
  const r = stride.length
  const ones = stride.map(() => 1)
  const size = stride.map((s, i) => reach(x.shape.at(i - r)!, 1, s, 1))
  const spread = unskew(reshape(x, [...x.shape, ...ones]), { stride, dilation: ones, size })
  return reshape(spread, [...x.shape.slice(0, -r), ...size])
}
