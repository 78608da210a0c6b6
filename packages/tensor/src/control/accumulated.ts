/**
 * What a round of a loop adds to a sum. Where it is a window of zeros, as the cotangent of an array is that a round reads a slice
 * of, only the window is read and written:
 *
 *     sum + update(0, w, at) = update(sum, slice(sum, at) + w, at)
 *
 * Added as an array, each of n rounds would read and write all of the sum for the n-th part of it that changes.
 */
import type { Expr } from '../graph/expr.ts'
import { fillOf, isOf } from '../primitives/algebra.ts'
import { add, addP } from '../primitives/arithmetic.ts'
import { materialized } from '../primitives/control.ts'
import { dynamicSlice, dynamicUpdateSlice, dynamicUpdateSliceP } from '../primitives/dynamic.ts'

/** `sum + addend`. */
export const accumulated = (sum: Expr, addend: Expr): Expr => {
  const { args } = addend.node
  if (isOf(addend, dynamicUpdateSliceP) && fillOf(args[0]!) === 0) {
    const [, window, ...starts] = args
    // Made before it is written, so that the update reads nothing of the sum and may happen in its place.
    const next = materialized(add(dynamicSlice(sum, starts, window!.shape), window!))
    return dynamicUpdateSlice(sum, next, starts)
  }
  // A round that reads several slices.
  if (isOf(addend, addP) && args.some(isWindowed)) return accumulated(accumulated(sum, args[0]!), args[1]!)
  return add(sum, addend)
}
const isWindowed = (x: Expr): boolean =>
  isOf(x, addP) ? x.node.args.some(isWindowed) : isOf(x, dynamicUpdateSliceP) && fillOf(x.node.args[0]!) === 0
