/**
 * Positions that are data: what position p along an axis of n elements means, said once, in each form a position takes: a
 * number of the interpreter, a scalar of a kernel, an expression. From -n to n - 1 it names an element, counted from the
 * end where it is negative. Every other position is outside, and never names an element silently.
 */
import { getOrInsert } from '../base/get-or-insert.ts'
import * as ix from '../loops/ix.ts'
import * as scalar from '../loops/scalar.ts'
import type { Scalar } from '../loops/scalar.ts'
import { type DType, dtypes, isFloat } from '../base/dtype.ts'
import type { Aval, Expr } from '../graph/expr.ts'
import { sizeOf } from '../base/shape.ts'
import { fillOf, first, type Rule } from './algebra.ts'
import { add, plus, times } from './arithmetic.ts'
import { maximum, minimum } from './binary.ts'
import { broadcastTo } from './broadcast.ts'
import { fill, fillLike, iota } from './leaves.ts'
import { demandAxis, demandDType, demandShape, integers } from './operands.ts'
import { cast } from './cast.ts'
import { and, ge, lt, where } from './select.ts'

/**
 * What is read where the position is outside: `invalid`, the dtype's mark of a value that does not exist; `zero`, as if a
 * zero stood there, which makes reading and adding adjoint to one another; `nearest`, the nearest element (and nothing counts
 * from the end): free of tests, for positions that the program made itself and that are inside, or that are masked after.
 */
export type Outside = 'invalid' | 'zero' | 'nearest'

/** As JAX fills: NaN, the least i32, the largest u32, true. As a position, the first of the integers is outside of any axis. */
export const invalid = (dtype: DType): number =>
  isFloat(dtype) ? NaN : dtype === 'i32' ? dtypes.i32.lowest : dtypes[dtype].highest

export const valueOutside = (dtype: DType, outside: Outside): number => (outside === 'invalid' ? invalid(dtype) : 0)

/** What takes elements of one value gives that value, where positions outside give no other. */
export const takesFill: Rule<{ readonly outside: Outside }> = (out, { outside }) => {
  const value = fillOf(first(out))
  return value !== null && (outside === 'nearest' || Object.is(value, valueOutside(out.dtype, outside)))
    ? fill(out.shape, out.dtype, value)
    : null
}

/** The axis that positions point into must have elements, unless there is no position. */
export const demandPositions = (op: string, args: readonly Aval[], x: Aval, indices: Aval, axis: number): void => {
  demandAxis(op, args, axis, x.shape)
  demandDType(op, args, indices, integers)
  demandShape(
    x.shape[axis]! > 0 || sizeOf(indices.shape) === 0,
    op,
    args,
    `axis ${axis} is empty, so there is nothing to point at`,
    'Give an operand with at least one element along that axis.',
  )
}

/** The element that number p names; null where it is outside. */
export const elementAt = (p: number, n: number, outside: Outside): number | null => {
  if (outside === 'nearest') return Math.min(Math.max(p, 0), n - 1)
  const q = p < 0 ? p + n : p
  return q >= 0 && q < n ? q : null
}
/** The start that number p names for a block of `size`: counted from the end where negative, moved so that the block fits. */
export const startAt = (p: number, n: number, size: number): number =>
  Math.min(Math.max(p < 0 ? p + n : p, 0), n - size)

const ofEnd = (p: Scalar, n: number): Scalar =>
  scalar.select(
    scalar.binary('lt', p, scalar.constant('i32', 0)),
    scalar.binary('add', p, scalar.constant('i32', n)),
    p,
  )

/** What was counted from the end of how many elements: one scalar for one position, so that two blocks that start there start alike. */
const known = new WeakMap<Scalar, Map<number, Scalar>>()
const fromEnd = (p: Scalar, n: number): Scalar => {
  if (p.dtype === 'u32') return p
  const at = getOrInsert(known, p, () => new Map<number, Scalar>())
  return getOrInsert(at, n, () => ofEnd(p, n))
}
/** The element that scalar p names, and whether it is inside; where it is not, the index is that of some element. */
export const locate = (p: Scalar, n: number, outside: Outside): { readonly at: ix.Ix; readonly inside: Scalar } => {
  if (outside === 'nearest') return { at: ix.dynamic(p, n), inside: scalar.constant('bool', 1) }
  const q = fromEnd(p, n)
  // as u32, what is left of the negative ones lies far beyond n
  const inside = scalar.binary('lt', scalar.cast('u32', q), scalar.constant('u32', n))
  return { at: ix.dynamic(q, n), inside }
}
/** The start that scalar p names, as `startAt`. */
export const locateStart = (p: Scalar, n: number, size: number): ix.Ix =>
  ix.dynamic(size === n ? p : fromEnd(p, n), n - size + 1)

/** Expressions as i32, the nearest inside [0, n). */
const nearest = (p: Expr, n: number): Expr => {
  const capped = minimum(p, fillLike(p, n - 1))
  return cast('i32', p.dtype === 'u32' ? capped : maximum(capped, fillLike(p, 0)))
}
const counted = (p: Expr, n: number): Expr => where(lt(p, fillLike(p, 0)), plus(p, n), p)

/** Positions as i32, none of which counts from the end: the element in [0, n), or something outside of [0, n). */
export const resolved = (p: Expr, n: number, outside: Outside): Expr => {
  if (outside === 'nearest') return nearest(p, n)
  // u32 beyond i32 would come out negative
  return p.dtype === 'u32' ? cast('i32', minimum(p, fillLike(p, n))) : counted(p, n)
}
/** The start of a block of `size`, as `startAt`. */
export const resolvedStart = (p: Expr, n: number, size: number): Expr => nearest(counted(p, n), n - size + 1)

/**
 * Positions [B, ..] into B arrays of n as positions into one of B n, in which array b owns b n to (b + 1) n. What is outside
 * of its own array is outside of all.
 */
export const joined = (p: Expr, size: number, n: number, outside: Outside): Expr => {
  const own = resolved(p, n, outside)
  const first = times(iota([size, ...own.shape.slice(1).map(() => 1)], 0, 'i32'), n)
  const whole = add(own, broadcastTo(first, own.shape))
  if (outside === 'nearest') return whole
  const inside = and(ge(own, fillLike(own, 0)), lt(own, fillLike(own, n)))
  return where(inside, whole, fillLike(whole, size * n))
}
