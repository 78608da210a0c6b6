/** What a reduction holds for one row, or one vector of rows, while the columns go by. */
import type { Reduction } from '../../../loops/kernel.ts'
import { emptyReduction } from '../../../loops/scalar.ts'
import { extract, narrow, shuffle, wide, type Wide, widen } from './arithmetic.ts'
import type { Emitter, Val } from './emitter.ts'
import { extremes } from './extremes.ts'
import { binaryOps, reducer, typeOf } from './operators.ts'

export interface Accumulator {
  readonly fold: (strand: number, x: Val) => void
  /** The value so far, of the one strand that a running reduction has. */
  readonly running: () => Val
  /** Ends a block of additions. */
  readonly putBy: () => void
  /** The whole, when all is folded: one value a row. */
  readonly result: () => Val
}

interface Form {
  /** Whether it is a vector. */
  readonly lanes: boolean
  /** Whether the lanes are columns, to be combined in the end. */
  readonly across: boolean
  /** Independent partial values, which are folded into in turn. */
  readonly strands: number
  /** Whether more is added than one block: the blocks' sums, or a running sum, are then doubles. */
  readonly long: boolean
}

export const identityOf = (e: Emitter, { op, dtype }: Pick<Reduction, 'op' | 'dtype'>): Val => {
  const type = typeOf(dtype)
  return e.constant(type, type === 'i32' ? emptyReduction(op, dtype) | 0 : emptyReduction(op, dtype))
}

/** A sum in doubles. */
const wideSum = (e: Emitter, lanes: boolean): { readonly add: (x: Val) => void; readonly read: () => Wide } => {
  const zero = e.constant('f64', 0)
  const parts = Array.from({ length: lanes ? 2 : 1 }, () => {
    const part = e.variable('f64', lanes)
    e.assign(part, lanes ? e.splat(zero) : zero)
    return part
  })
  const read = (): Wide => parts.map(e.read)
  return {
    read,
    add: (x) => wide(e, 'dadd', read(), widen(e, lanes ? e.splat(x) : x)).forEach((y, i) => e.assign(parts[i]!, y)),
  }
}

export const accumulator = (e: Emitter, reduction: Reduction, form: Form): Accumulator => {
  const { op, dtype, running } = reduction
  const { lanes, across, strands, long } = form
  const apply = (x: Val, y: Val): Val => binaryOps[reducer[op]](e, x, y, dtype)
  if (long && running) {
    const sum = wideSum(e, lanes)
    const value = (): Val => narrow(e, sum.read())
    return { fold: (_, x) => sum.add(x), running: value, putBy: () => undefined, result: value }
  }
  const total = long ? wideSum(e, lanes) : null
  const combined = (x: Val): Val => {
    if (!x.lanes) return x
    const pairs = apply(x, shuffle(e, x, x, [2, 3, 0, 1]))
    return extract(e, apply(pairs, shuffle(e, pairs, pairs, [1, 0, 3, 2])), 0)
  }
  if (lanes && dtype === 'f32' && !running && (op === 'max' || op === 'min')) {
    const { fold, result } = extremes(e, op, identityOf(e, reduction), strands)
    return {
      fold,
      running: result,
      putBy: () => undefined,
      result: () => (across ? combined(result()) : result()),
    }
  }
  const start = (): Val => (lanes ? e.splat(identityOf(e, reduction)) : identityOf(e, reduction))
  const partials = Array.from({ length: strands }, () => {
    const partial = e.variable(typeOf(dtype), lanes)
    e.assign(partial, start())
    return partial
  })
  const whole = (): Val => partials.map(e.read).reduce(apply)
  const putBy = (): void => {
    total?.add(whole())
    for (const partial of partials) e.assign(partial, start())
  }
  return {
    fold: (strand, x) => e.assign(partials[strand]!, apply(e.read(partials[strand]!), x)),
    running: () => e.read(partials[0]!),
    putBy: total === null ? () => undefined : putBy,
    result: () => {
      if (total === null) return across ? combined(whole()) : whole()
      total.add(whole())
      const [low, high] = total.read()
      if (!across || low === undefined || high === undefined) return narrow(e, total.read())
      const pair = e.op('dadd', low, high)
      const sum = e.op('dadd', pair, shuffle(e, pair, pair, [2, 3, 0, 1]))
      return extract(e, narrow(e, [sum, sum]), 0)
    },
  }
}
