/**
 * What an answer of mathematics says, and when two say the same. Expressions are functions of their variables and are equal
 * where they agree at a few points, which no two different polynomials of small degree do (Schwartz 1980; Zippel 1979): no
 * algebra system is needed to see that `2-2p` is `2(1-p)`.
 */

/** The value of each variable at one trial. */
type Point = (variable: string) => number

/** What an answer says. */
export type MathValue =
  /** `name`: it is made of variables alone (`x`, `f(x)`, `AB/CD`), so that it may be what an equation defines. */
  | { readonly _tag: 'Expression'; readonly at: (point: Point) => number; readonly name: boolean }
  | { readonly _tag: 'Word'; readonly text: string }
  /** A tuple, an interval, or a matrix: ordered, and its brackets matter. */
  | { readonly _tag: 'Tuple'; readonly brackets: string; readonly items: readonly MathValue[] }
  /** Alternatives, a set, a union: in any order. */
  | { readonly _tag: 'List'; readonly items: readonly MathValue[] }
  | { readonly _tag: 'Relation'; readonly by: string; readonly left: MathValue; readonly right: MathValue }

/** @internal Thrown, and caught, by the reader. */
export class Unreadable extends Error {}

export const refuse = (): never => {
  throw new Unreadable()
}

type Expression = MathValue & { readonly _tag: 'Expression' }
export const expression = (at: (point: Point) => number, name = false): Expression => ({ _tag: 'Expression', at, name })
export const constant = (x: number): Expression => expression(() => x)
const of = (x: MathValue): ((point: Point) => number) => (x._tag === 'Expression' ? x.at : refuse())
const isName = (x: MathValue): boolean =>
  x._tag === 'Expression' ? x.name : x._tag === 'Tuple' && x.items.every(isName)
const lift =
  (f: (x: number, y: number) => number, keepsNames = false) =>
  (x: MathValue, y: MathValue): MathValue => {
    const [a, b] = [of(x), of(y)]
    return expression((p) => f(a(p), b(p)), keepsNames && isName(x) && isName(y))
  }
export const plus = lift((x, y) => x + y)
export const times = lift((x, y) => x * y, true)
// A quotient by 0 is no number, and equal to none.
export const over = lift((x, y) => (y === 0 ? NaN : x / y), true)
export const power = lift((x, y) => x ** y)
export const negative = (x: MathValue): MathValue => times(constant(-1), x)
export const apply = (f: (x: number) => number, x: MathValue): MathValue => {
  const at = of(x)
  return expression((p) => f(at(p)))
}
type Relation = MathValue & { readonly _tag: 'Relation' }

const TRIALS = 4

/** Where a trial puts a variable: between 1 and 2, so that roots and logarithms have values. (FNV-1a of its name.) */
const point =
  (trial: number): Point =>
  (name) => {
    let h = 0x811c9dc5 ^ trial
    for (const c of name) h = Math.imul(h ^ c.charCodeAt(0), 0x01000193)
    return 1 + ((Math.imul(h ^ (h >>> 15), 0x85ebca6b) >>> 0) % 9973) / 9973
  }

const sameNumbers = (tolerance: number, x: Expression, y: Expression): boolean => {
  const pairs = Array.from({ length: TRIALS }, (_, trial) => [x.at(point(trial)), y.at(point(trial))] as const)
  // Infinities are equal to themselves alone, and NaN is equal to nothing.
  const near = (a: number, b: number): boolean =>
    Number.isFinite(a - b) && Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(a), Math.abs(b))
  return pairs.every(([a, b]) => a === b || near(a, b))
}

/**
 * Whether two readings say the same, numbers within `tolerance` times the larger of them and 1.
 *
 * @internal
 */
export const sameValue = (tolerance: number) => {
  const same = (x: MathValue, y: MathValue): boolean => {
    if (x._tag === 'Relation' && y._tag === 'Relation') return sameRelation(x, y)
    if (x._tag === 'Relation') return answers(x, y)
    if (y._tag === 'Relation') return answers(y, x)
    if (x._tag === 'Expression' && y._tag === 'Expression') return sameNumbers(tolerance, x, y)
    if (x._tag === 'Word' && y._tag === 'Word') return x.text === y.text
    if (x._tag === 'Tuple' && y._tag === 'Tuple')
      return (
        x.brackets === y.brackets && x.items.length === y.items.length && x.items.every((a, i) => same(a, y.items[i]!))
      )
    if (x._tag === 'List' && y._tag === 'List') return sameList(x.items, y.items)
    return false
  }

  /** `x = 3` answers `3`; but `2x + y = 0` does not answer `0`, nor `7 = 3x` answer `3x`. */
  const answers = ({ by, left, right }: Relation, value: MathValue): boolean =>
    by === '=' && isName(left) && same(right, value)

  const sameRelation = (x: Relation, y: Relation): boolean => {
    if (x.by !== y.by) return false
    if (same(x.left, y.left) && same(x.right, y.right)) return true
    // l < r is k l < k r for k > 0, and l = r is k l = k r for any k but 0.
    if ([x.left, x.right, y.left, y.right].some((side) => side._tag !== 'Expression')) return false
    const [dx, dy] = [of(plus(x.left, negative(x.right))), of(plus(y.left, negative(y.right)))]
    const k = dx(point(0)) / dy(point(0))
    const scaled = expression((p) => k * dy(p))
    return Number.isFinite(k) && (x.by === '=' || k > 0) && k !== 0 && same(expression(dx), scaled)
  }

  /** Each item of either has its equal in the other: order and repetition say nothing. */
  const sameList = (xs: readonly MathValue[], ys: readonly MathValue[]): boolean =>
    xs.every((x) => ys.some((y) => same(x, y))) && ys.every((y) => xs.some((x) => same(x, y)))
  return same
}
