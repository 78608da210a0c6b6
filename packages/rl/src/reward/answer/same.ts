/** When two readings of answers say the same. */
import { type Judge, judge, point } from './judge.ts'
import type { Rational } from './rational.ts'
import * as R from './real.ts'
import { sameSet } from './real-set.ts'
import {
  type Expression,
  frozen,
  type MathValue,
  negative,
  over,
  plus,
  type Relation,
  times,
  Unreadable,
} from './value.ts'

type Ratio = MathValue & { readonly _tag: 'Ratio' }

/** Numbers within `tolerance` times the first of them; 0 is exact. */
export const sameValue = (tolerance: Rational, x: MathValue, y: MathValue): boolean => {
  try {
    return same(judge(tolerance), x, y)
  } catch (thrown) {
    if (thrown instanceof Unreadable || thrown instanceof R.TooMuch) return false
    throw thrown
  }
}

const same = (by: Judge, x: MathValue, y: MathValue): boolean => {
  if (x._tag === 'Relation' && y._tag === 'Relation') return sameRelation(by, x, y)
  if (x._tag === 'Relation') return answers(by, x, y) || sameSet(by, x, y)
  if (y._tag === 'Relation') return answers(by, y, x) || sameSet(by, x, y)
  if (x._tag === 'Union' || y._tag === 'Union') return sameUnion(by, x, y)
  if (x._tag === 'Expression' && y._tag === 'Expression') return by.same(x, y)
  if (x._tag === 'Word' && y._tag === 'Word') return x.text === y.text
  if (x._tag === 'Tuple' && y._tag === 'Tuple') return x.brackets === y.brackets && inOrder(by, x.items, y.items)
  if (x._tag === 'List' || y._tag === 'List') return isSet(x) || isSet(y) ? sameSetOf(by, itemsOf(x), itemsOf(y)) : sameList(by, itemsOf(x), itemsOf(y)) // prettier-ignore
  if (x._tag === 'Ratio') return sameRatio(by, x, y)
  return y._tag === 'Ratio' && sameRatio(by, y, x)
}

const inOrder = (by: Judge, xs: readonly MathValue[], ys: readonly MathValue[]): boolean =>
  xs.length === ys.length && xs.every((x, i) => same(by, x, ys[i]!))

/** One alternative needs no list. */
const itemsOf = (x: MathValue): readonly MathValue[] =>
  x._tag !== 'List' ? [x] : x.items.flatMap((item) => (item._tag === 'List' && item.branches === true ? item.items : [item])) // prettier-ignore

/** Solutions are a set, and so is what stands in braces, or what `\pm` stands for: `\pm 0` is 0. */
const isSet = (x: MathValue): boolean =>
  x._tag === 'List' &&
  (x.set === true || x.branches === true || x.items.some(isSet) || x.items.every(({ _tag }) => _tag === 'Tuple'))

/** Each item is as often in either: order says nothing. */
const sameList = (by: Judge, xs: readonly MathValue[], ys: readonly MathValue[]): boolean => {
  const count = (of: MathValue, items: readonly MathValue[]) => items.filter((item) => same(by, of, item)).length
  return xs.length === ys.length && xs.every((x) => count(x, xs) === count(x, ys))
}

/** Each item of either has its equal in the other: order and repetition say nothing. */
const sameSetOf = (by: Judge, xs: readonly MathValue[], ys: readonly MathValue[]): boolean =>
  xs.every((x) => ys.some((y) => same(by, x, y))) && ys.every((y) => xs.some((x) => same(by, x, y)))

const sameUnion = (by: Judge, x: MathValue, y: MathValue): boolean =>
  sameSet(by, x, y) || (x._tag === 'Union' && y._tag === 'Union' && sameSetOf(by, x.parts, y.parts))

/** Times, and ratios with a zero, as they are written; other ratios where they are proportional; and of two terms their quotient. */
const sameRatio = (by: Judge, x: Ratio, y: MathValue): boolean => {
  if (y._tag === 'Expression') return x.terms.length === 2 && same(by, over(x.terms[0]!, x.terms[1]!), y)
  if (y._tag !== 'Ratio' || x.terms.length !== y.terms.length) return false
  if (x.clock !== null && y.clock !== null) return x.clock === y.clock && x.terms.at(-1)!.unit === y.terms.at(-1)!.unit
  if ([...x.terms, ...y.terms].some((term) => term.exact?.n === 0n)) return inOrder(by, x.terms, y.terms)
  const [first, other] = [x.terms[0]!, y.terms[0]!]
  return x.terms.slice(1).every((term, i) => same(by, over(term, first), over(y.terms[i + 1]!, other)))
}

/** `f(x)` and `\text{Area}` may be defined by an equation; so may `(x, y)`. */
const isName = (x: MathValue): boolean => {
  if (x._tag === 'Expression') return x.name
  if (x._tag === 'Tuple') return x.items.every(isName)
  return x._tag === 'Ratio' ? x.terms.every(isName) : x._tag === 'Word'
}

const isConstant = (x: MathValue): x is Expression => x._tag === 'Expression' && x.constant

/** What is said to be near a number may be off by this much. */
const NEARLY: Rational = { n: 1n, d: 100n }

/**
 * `x = 3` answers `3`, and so does `1 + 2 = 3`, whose last side is what it comes to; but `2x + y = 0` does not answer `0`, nor
 * `7 = 3x` answer `3x`. Of `7/9 ≈ 0.78` either side is meant.
 */
const answers = (by: Judge, relation: Relation, value: MathValue): boolean => {
  const { left, right } = relation
  if (relation.by === '≠' || relation.by === '<' || relation.by === '≤') return false
  if (isName(left)) return same(by, right, value)
  if (!isConstant(left) || !isConstant(right)) return false
  if (relation.by === '=') return same(by, right, value)
  return relation.by === '≈' && judge(NEARLY).same(left, right) && (same(by, left, value) || same(by, right, value))
}

const sameRelation = (by: Judge, x: Relation, y: Relation): boolean => {
  const [op, other] = [x, y].map((r) => (r.by === '≈' ? '=' : r.by))
  if (op !== other) return false
  if (same(by, x.left, y.left) && same(by, x.right, y.right)) return true
  // l < r is k l < k r for k > 0, and l = r is k l = k r for any k but 0.
  if ([x.left, x.right, y.left, y.right].some((side) => side._tag !== 'Expression')) return false
  const difference = (r: Relation): Expression => plus(r.left, negative(r.right)) as Expression
  const [dx, dy] = [difference(x), difference(y)]
  const k = over(frozen(dx, point(0)), frozen(dy, point(0))) as Expression
  const value = k.at(R.arithmetic(0), point(0))
  if (value === null || R.isZero(value) || (op !== '=' && op !== '≠' && R.isNegative(value))) return false
  return by.same(dx, times(k, dy) as Expression)
}
