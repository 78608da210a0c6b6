/**
 * Products whose parts stay within range. A product of finite numbers may be finite, or 0, though a part of it is not (1e30 1e30
 * 0), and infinity times 0 is NaN. So the parts are carried as m 2^(40 k) with |m| from 2^-40 to 2^40, or 0: what multiplies two
 * of them multiplies by powers of two besides, which are exact, and constant to every derivative.
 */
import type { Expr } from '../graph/expr.ts'
import { add, mul, times } from './arithmetic.ts'
import { fill, fillLike } from './leaves.ts'
import { concat, flip, sliceAxis } from './movement.ts'
import { and, ge, gt, le, lt, ne, where } from './select.ts'
import { abs } from './unary.ts'

interface Scaled {
  readonly m: Expr
  readonly k: Expr
}
const UNIT = 2 ** 40

/** One unit less or more in m, where it is out of range. 0 stays: scaled up it would only scale its derivative. */
const settled = ({ m, k }: Scaled): Scaled => {
  const size = abs(m)
  const large = gt(size, fillLike(m, UNIT))
  const small = and(lt(size, fillLike(m, 1 / UNIT)), ne(m, fillLike(m, 0)))
  const choose = (like: Expr, down: number, up: number, none: number): Expr =>
    where(large, fillLike(like, down), where(small, fillLike(like, up), fillLike(like, none)))
  return { m: mul(m, choose(m, 1 / UNIT, UNIT, 1)), k: add(k, choose(k, 1, -1, 0)) }
}
/** An f32 is 2^-149 to 2^128, so three units settle it. */
const scaled = (x: Expr): Scaled => settled(settled(settled({ m: x, k: fill(x.shape, 'i32', 0) })))
const multiplied = (a: Scaled, b: Scaled): Scaled => settled({ m: mul(a.m, b.m), k: add(a.k, b.k) })

/** Beyond five units m 2^(40 k) is infinite, or 0, whatever m is. */
const STEPS = [1, 2, 3, 4, 5] as const
const valueOf = ({ m, k }: Scaled): Expr =>
  STEPS.reduce(
    (v, i) => where(ge(k, fillLike(k, i)), times(v, UNIT), where(le(k, fillLike(k, -i)), times(v, 1 / UNIT), v)),
    m,
  )

/** Parts `by` places earlier along `axis`, and 1 where there are none. */
const delayed = ({ m, k }: Scaled, axis: number, by: number): Scaled => {
  const moved = (x: Expr, first: number): Expr =>
    concat([fill(x.shape.with(axis, by), x.dtype, first), sliceAxis(x, axis, 0, x.shape[axis]! - by)], axis)
  return { m: moved(m, 1), k: moved(k, 0) }
}
/** y_i = x_0 x_1 .. x_i along `axis`: after the step of stride s each part is the product of the 2 s that end there. */
const running = (x: Scaled, axis: number): Scaled => {
  let y = x
  for (let stride = 1; stride < x.m.shape[axis]!; stride *= 2) y = multiplied(y, delayed(y, axis, stride))
  return y
}

/** The running product of floats along `axis`. */
export const runningProduct = (x: Expr, axis: number): Expr => valueOf(running(scaled(x), axis))

/** For each element of the last axis the product of all others: those before it times those after it, without a division. */
export const productOfOthers = (x: Expr): Expr => {
  const axis = x.shape.length - 1
  const before = (y: Scaled): Scaled => running(delayed(y, axis, 1), axis)
  const flipped = ({ m, k }: Scaled): Scaled => ({ m: flip(m, [axis]), k: flip(k, [axis]) })
  const parts = scaled(x)
  return valueOf(multiplied(before(parts), flipped(before(flipped(parts)))))
}
