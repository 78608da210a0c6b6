/**
 * Batches of which some members only are meant for a computation: those that chose it, those that have not ended. It may never
 * end for the others; so each of them takes the place of one that it is meant for, and its result is not looked at.
 */
import type { Expr } from '../graph/expr.ts'
import { broadcastTo, reshape } from '../primitives/broadcast.ts'
import { cast } from '../primitives/cast.ts'
import { dynamicSlice } from '../primitives/dynamic.ts'
import { fill, fillLike, iota } from '../primitives/leaves.ts'
import { reduceMax } from '../primitives/reduce.ts'
import { ne, where } from '../primitives/select.ts'

/** Whether any of a vector of bools is true. */
export const any = (flags: Expr): Expr => {
  const most = reduceMax(cast('i32', flags), [0])
  return ne(most, fillLike(most, 0))
}

/** where(flags, x, y) for one flag, or for one a member of the leading axis. */
export const choose = (flags: Expr, x: Expr, y: Expr): Expr => {
  const lead = flags.shape.length
  return where(broadcastTo(reshape(flags, [...flags.shape, ...x.shape.slice(lead).map(() => 1)]), x.shape), x, y)
}

/** Values of a batch (where `batched`) with a member of those that are flagged in the place of each that is not. One is flagged. */
export const onlyMembers = (flags: Expr, xs: readonly Expr[], batched: readonly boolean[]): readonly Expr[] => {
  const places = iota(flags.shape, 0, 'i32')
  const one = reduceMax(where(flags, places, fillLike(places, 0)), [0])
  const zero = fill([], 'i32', 0)
  return xs.map((x, i) => {
    if (batched[i] !== true) return x
    const starts = x.shape.map((_, axis) => (axis === 0 ? one : zero))
    return choose(flags, x, broadcastTo(dynamicSlice(x, starts, [1, ...x.shape.slice(1)]), x.shape))
  })
}
