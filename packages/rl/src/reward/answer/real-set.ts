/** Sets of real numbers, as the intervals and points that they are made of. */
import type { Judge } from './judge.ts'
import * as R from './real.ts'
import { constant, type Expression, type MathValue, negative, type Relation } from './value.ts'

interface End {
  readonly at: Expression
  readonly open: boolean
}
interface Interval {
  readonly low: End
  readonly high: End
}

const INFINITY = constant(R.infinity)
const minus = (x: Expression): Expression => negative(x) as Expression
const everyLow: End = { at: minus(INFINITY), open: true }
const everyHigh: End = { at: INFINITY, open: true }

/** The intervals that a value names, or null where it is no set of numbers. */
const intervals = (value: MathValue): readonly Interval[] | null => {
  switch (value._tag) {
    case 'Union': {
      const parts = value.parts.map(intervals)
      return parts.every((part) => part !== null) ? parts.flat() : null
    }
    case 'List':
      return value.items.every((item) => item._tag === 'Expression' && item.constant)
        ? value.items.map((item) => ({ low: { at: item as Expression, open: false }, high: { at: item as Expression, open: false } })) // prettier-ignore
        : null
    case 'Tuple': {
      const [low, high] = value.items
      if (value.items.length !== 2 || low?._tag !== 'Expression' || high?._tag !== 'Expression') return null
      if (!low.constant || !high.constant || !/^[([][)\]]$/.test(value.brackets)) return null
      const [from, to] = [value.brackets.startsWith('('), value.brackets.endsWith(')')]
      return [{ low: { at: low, open: from }, high: { at: high, open: to } }]
    }
    case 'Word':
      return value.text === '\\mathbb R' ? [{ low: everyLow, high: everyHigh }] : null
    case 'Relation':
      return solutions(value)
    default:
      return null
  }
}

/** Where a relation of a variable, or of its absolute value, to constants holds. */
const solutions = ({ by, left, right }: Relation): readonly Interval[] | null => {
  if (right._tag === 'Tuple') {
    const between = intervals(right)
    if (between === null || left._tag !== 'Expression') return null
    if (left.name) return between
    return left.magnitude === true ? [...between, ...between.map(mirrored)] : null
  }
  if (left._tag !== 'Expression' || right._tag !== 'Expression') return null
  const of = left.constant ? right : left
  const bound = left.constant ? left : right
  if (!bound.constant) return null
  const end = { at: bound, open: by === '<' || by === '≠' }
  const above: Interval = { low: end, high: everyHigh }
  const below: Interval = { low: everyLow, high: end }
  if (by === '≠') return of.name ? [below, above] : null
  if (by !== '<' && by !== '≤') return null
  const greater = of === right
  if (of.name) return [greater ? above : below]
  if (of.magnitude !== true) return null
  return greater ? [above, mirrored(above)] : [{ low: { ...end, at: minus(bound) }, high: end }]
}

const mirrored = ({ low, high }: Interval): Interval => ({
  low: { ...high, at: minus(high.at) },
  high: { ...low, at: minus(low.at) },
})

class Incomparable extends Error {}

/** Whether two values are the same set of real numbers; false where either is none. */
export const sameSet = ({ order }: Judge, x: MathValue, y: MathValue): boolean => {
  const [xs, ys] = [intervals(x), intervals(y)]
  if (xs === null || ys === null) return false
  const compare = (u: Expression, v: Expression): number => {
    const told = order(u, v)
    if (told === null) throw new Incomparable()
    return told
  }
  const lowFirst = (u: End, v: End): number => compare(u.at, v.at) || Number(u.open) - Number(v.open)

  /** In order, disjoint, and not to be joined. */
  const normal = (given: readonly Interval[]): readonly Interval[] => {
    const proper = given.filter(({ low, high }) => {
      const told = compare(low.at, high.at)
      return told < 0 || (told === 0 && !low.open && !high.open)
    })
    const out: Interval[] = []
    for (const next of proper.toSorted((u, v) => lowFirst(u.low, v.low))) {
      const last = out.at(-1)
      const gap = last === undefined ? 1 : compare(next.low.at, last.high.at)
      if (last === undefined || gap > 0 || (gap === 0 && next.low.open && last.high.open)) {
        out.push(next)
        continue
      }
      const told = compare(last.high.at, next.high.at)
      const further = told > 0 || (told === 0 && !last.high.open) ? last.high : next.high
      out[out.length - 1] = { low: last.low, high: further }
    }
    return out
  }
  const sameEnd = (u: End, v: End): boolean => u.open === v.open && compare(u.at, v.at) === 0
  try {
    const [a, b] = [normal(xs), normal(ys)]
    return a.length === b.length && a.every((u, i) => sameEnd(u.low, b[i]!.low) && sameEnd(u.high, b[i]!.high))
  } catch (thrown) {
    if (thrown instanceof Incomparable) return false
    throw thrown
  }
}
