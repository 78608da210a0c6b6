/**
 * The greatest or the least of many lanes. An engine makes of f32x4.max, which tells zeros apart and keeps NaN, eight instructions that wait
 * for one another. Here x < y ? y : x is taken of both orders. They differ in the sign of a zero alone, which the bits that both have (of a
 * maximum) or that either has (of a minimum) decide; and whether there was a NaN, which leaves anything in its lane, is kept beside.
 */
import { bitsOf, fromBits, lower, upper } from './arithmetic.ts'
import type { Emitter, Val, Variable } from './emitter.ts'

export interface Extremes {
  /** `strand`: which of the independent partial values it goes into. */
  readonly fold: (strand: number, x: Val) => void
  /** Lane by lane. */
  readonly result: () => Val
}

export const extremes = (e: Emitter, op: 'max' | 'min', identity: Val, strands: number): Extremes => {
  const ofBoth = (x: Val, y: Val): Val => {
    const [taken, joined] = op === 'max' ? ([upper, 'iand'] as const) : ([lower, 'ior'] as const)
    return fromBits(e, e.op(joined, bitsOf(e, taken(e, x, y)), bitsOf(e, taken(e, y, x))))
  }
  const either = (x: Val, y: Val): Val => e.op('bor', x, y)
  const startingAt = (x: Val): Variable => {
    const held = e.variable(x.type, true)
    e.assign(held, e.splat(x))
    return held
  }
  const partials = Array.from({ length: strands }, () => ({
    best: startingAt(identity),
    isNaN: startingAt(e.constant('bool', 0)),
  }))
  return {
    fold: (strand, given) => {
      const { best, isNaN } = partials[strand]!
      const x = e.splat(given)
      e.assign(best, ofBoth(e.read(best), x))
      e.assign(isNaN, either(e.read(isNaN), e.op('fne', x, x)))
    },
    result: () => {
      const best = partials.map((p) => e.read(p.best)).reduce(ofBoth)
      const isNaN = partials.map((p) => e.read(p.isNaN)).reduce(either)
      return fromBits(e, e.op('ior', bitsOf(e, best), bitsOf(e, isNaN))) // all bits set are a NaN
    },
  }
}
