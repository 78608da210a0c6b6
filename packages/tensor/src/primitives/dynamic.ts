/**
 * A block at a position known only on the device: read (dynamicSlice) and written (dynamicUpdateSlice). Starts count from
 * the end where negative, and are moved so that the block fits, as in JAX (positions.ts). The two are one another's adjoints, up to the part that is overwritten.
 */
import * as ix from '../loops/ix.ts'
import type { Access } from '../graph/expr.ts'
import { isFloat } from '../base/dtype.ts'
import { apply, type Aval, type Expr, type Primitive, type Value } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { sameShape, type Shape, sizeOf, stridesOf } from '../base/shape.ts'
import { movesFill, rules, sameAsOperand } from './algebra.ts'
import { add, sub } from './arithmetic.ts'
import { batchOf } from './batching.ts'
import { align, broadcastTo, gatherValues, reshape } from './broadcast.ts'
import { fill, fillLike, iota } from './leaves.ts'
import { scatterValues } from './movement.ts'
import { any, demandDType, demandSameDType, demandShape } from './operands.ts'
import { locateStart, resolvedStart, startAt } from './positions.ts'
import { and, ge, lt, where } from './select.ts'
import { take } from './take.ts'

const demandStarts = (op: string, args: readonly Aval[], starts: readonly Aval[], x: Aval, block: Shape): void => {
  demandShape(
    starts.length === x.shape.length && starts.every((s) => s.shape.length === 0),
    op,
    args,
    `needs one scalar start for each of the ${x.shape.length} axes`,
    'Pass scalars of dtype i32, zero for the axes that are whole.',
  )
  for (const s of starts) demandDType(op, args, s, ['i32'])
  demandShape(
    block.length === x.shape.length && block.every((d, i) => d >= 0 && d <= x.shape[i]!),
    op,
    args,
    `a block of [${block.join(', ')}] does not fit`,
    'Give a block no longer than the operand along any axis.',
  )
}
/** index + start in an array of `shape`, the starts being the arguments from `first`. */
const shifted = (index: readonly ix.Ix[], arg: Access, first: number, shape: Shape, block: Shape): readonly ix.Ix[] =>
  index.map((p, i) => ix.add(p, locateStart(arg(first + i, []), shape[i]!, block[i]!)))
const startValues = (starts: readonly Value[], shape: Shape, block: Shape): readonly number[] =>
  starts.map((s, i) => startAt(s.data[0]!, shape[i]!, block[i]!))
/** Positions start, start + 1, ... of a block of `size` along an axis of `n`. */
const positions = (start: Expr, size: number, n: number): Expr =>
  add(broadcastTo(reshape(resolvedStart(start, n, size), [1]), [size]), iota([size], 0, 'i32'))

export interface DynamicSliceParams {
  readonly sizes: Shape
}
export const dynamicSliceP: Primitive<DynamicSliceParams> = single({
  name: 'dynamicSlice',
  shape: (args, { sizes }) => {
    const x = args[0]!
    demandDType('dynamicSlice', args, x, any)
    demandStarts('dynamicSlice', args, args.slice(1), x, sizes)
    return { shape: sizes, dtype: x.dtype }
  },
  vjp: (ct, out) => {
    const [x, ...starts] = out.node.args
    return [isFloat(out.dtype) ? dynamicUpdateSlice(fillLike(x!, 0), ct, starts) : null, ...starts.map(() => null)]
  },
  batch: (args, batched, size, { sizes }) => {
    const [x, ...starts] = args
    if (!batched.slice(1).includes(true)) return dynamicSlice(x!, [fill([], 'i32', 0), ...starts], [size, ...sizes])
    // every member of the batch starts elsewhere: gather along each axis that is cut
    const gather = ([x, ...starts]: readonly Expr[]): Expr =>
      starts.reduce((y, start, axis) => {
        const n = y.shape[axis]!
        return sizes[axis] === n ? y : take(y, positions(start, sizes[axis]!, n), axis, 'nearest')
      }, x!)
    return batchOf(gather, args, batched, size)
  },
  simplify: rules(movesFill, sameAsOperand),
  lower: {
    kind: 'pointwise',
    at: (index, arg, out) => arg(0, shifted(index, arg, 1, out.node.args[0]!.shape, out.shape)),
  },
  evaluate: ([x, ...starts], out) => {
    const strides = stridesOf(x!.shape)
    const at = startValues(starts, x!.shape, out.shape)
    return gatherValues(
      x!.data,
      out.shape,
      strides,
      at.reduce((sum, s, i) => sum + s * strides[i]!, 0),
    )
  },
})
/** The block of `sizes` at `starts` (i32 scalars). */
export const dynamicSlice = (x: Expr, starts: readonly Expr[], sizes: Shape): Expr =>
  apply(dynamicSliceP, [x, ...starts], { sizes })

export const dynamicUpdateSliceP: Primitive<null> = single({
  name: 'dynamicUpdateSlice',
  shape: (args) => {
    const [x, update] = [args[0]!, args[1]!]
    demandDType('dynamicUpdateSlice', args, x, any)
    demandSameDType('dynamicUpdateSlice', args, x, update)
    demandStarts('dynamicUpdateSlice', args, args.slice(2), x, update.shape)
    return { shape: x.shape, dtype: x.dtype }
  },
  vjp: (ct, out) => {
    const [, update, ...starts] = out.node.args
    const none = starts.map(() => null)
    if (!isFloat(out.dtype)) return [null, null, ...none]
    return [dynamicUpdateSlice(ct, fillLike(update!, 0), starts), dynamicSlice(ct, starts, update!.shape), ...none]
  },
  batch: (args, batched, size) => {
    if (batched.slice(2).includes(true)) return batchOf(blend, args, batched, size)
    const [x, update] = align(args.slice(0, 2), batched, size)
    return dynamicUpdateSlice(x!, update!, [fill([], 'i32', 0), ...args.slice(2)])
  },
  // all of it is replaced
  simplify: (out) => {
    const update = out.node.args[1]!
    return sameShape(out.shape, update.shape) ? update : null
  },
  lower: {
    kind: 'update',
    mode: 'set',
    grid: (out) => out.node.args[1]!.shape,
    to: (index, arg, out) => shifted(index, arg, 2, out.shape, out.node.args[1]!.shape),
    value: (index, arg) => arg(1, index),
    composition: blend,
  },
  evaluate: ([x, update, ...starts], out) => {
    const y = Float64Array.from(x!.data)
    const at = startValues(starts, out.shape, update!.shape)
    scatterValues(y, update!.data, update!.shape, stridesOf(out.shape), at)
    return y
  },
})
/** x with the block at `starts` (i32 scalars) replaced by `update`. */
export const dynamicUpdateSlice = (x: Expr, update: Expr, starts: readonly Expr[]): Expr =>
  apply(dynamicUpdateSliceP, [x, update, ...starts], null)

/** The update as a choice at every element: inside the block the update's element, outside x. */
function blend([x, update, ...starts]: readonly Expr[]): Expr {
  const shape = x!.shape
  if (sizeOf(update!.shape) === 0) return x!
  let inside: Expr | null = null
  let block = update!
  for (const [axis, start] of starts.entries()) {
    const n = shape[axis]!
    const size = update!.shape[axis]!
    if (size === n) continue
    const relative = sub(iota([n], 0, 'i32'), broadcastTo(reshape(resolvedStart(start, n, size), [1]), [n]))
    // what is read beyond the block is not chosen below
    block = take(block, relative, axis, 'nearest')
    const within = and(ge(relative, fillLike(relative, 0)), lt(relative, fillLike(relative, size)))
    const onAxis = reshape(
      within,
      shape.map((_, i) => (i === axis ? n : 1)),
    )
    const everywhere = broadcastTo(onAxis, shape)
    inside = inside === null ? everywhere : and(inside, everywhere)
  }
  return inside === null ? block : where(inside, block, x!)
}
