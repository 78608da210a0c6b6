/** What an answer of mathematics says. */
import * as Q from './rational.ts'
import * as R from './real.ts'

/** The value of each variable at one trial. */
export type Point = (variable: string) => Q.Rational

/** A number that depends on variables; null where it has no value. */
export type Term = (a: R.Arithmetic, point: Point) => R.Real | null

/** A term, and what is known of how it was written. */
export interface Expression {
  readonly _tag: 'Expression'
  readonly at: Term
  /** Its value, where it is a rational that needs no variable. */
  readonly exact: Q.Rational | null
  /** It has no variables. */
  readonly constant: boolean
  /** Made of variables alone (`x`, `f(x)`, `AB/CD`), so that it may be what an equation defines. */
  readonly name: boolean
  /** Digits after the point, of a numeral. */
  readonly places: number
  /** `5 cm`: cm. Undefined where none is said. */
  readonly unit?: string
  /** The absolute value of a name. */
  readonly magnitude?: true
  /** `20%`: its value is 20, and it may be meant as 20 or as 0.2. */
  readonly percent?: true
  /** A floor or a ceiling is in it: what it is at integers no other point shows. */
  readonly steps?: true
}

export type MathValue =
  | Expression
  | { readonly _tag: 'Word'; readonly text: string }
  /** A tuple, an interval, or a matrix: ordered, and its brackets matter. */
  | { readonly _tag: 'Tuple'; readonly brackets: string; readonly items: readonly MathValue[] }
  /** Alternatives, or a set: in any order. */
  | {
      readonly _tag: 'List'
      readonly items: readonly MathValue[]
      /** What `\pm` stands for, which may be calculated with. */
      readonly branches?: true
      /** Written in braces, so that repetition says nothing. */
      readonly set?: true
    }
  | { readonly _tag: 'Union'; readonly parts: readonly MathValue[] }
  /** `3:4`, or the time `10:30`, which is what `clock` then says. */
  | { readonly _tag: 'Ratio'; readonly terms: readonly Expression[]; readonly clock: string | null }
  | Relation

export interface Relation {
  readonly _tag: 'Relation'
  /** `=` `≈` `<` `≤` `≠` */
  readonly by: string
  readonly left: MathValue
  readonly right: MathValue
}

/** The brackets of a matrix, whatever stands around it. */
export const MATRIX = 'matrix'

/** Thrown, and caught, by the reader. */
export class Unreadable extends Error {}

/** An answer must never be right because it was not understood. */
export const refuse = (): never => {
  throw new Unreadable()
}

const compound = (at: Term, operands: readonly Expression[], exact: Q.Rational | null, name = false): Expression => ({
  _tag: 'Expression',
  at: exact === null ? at : () => exact,
  exact,
  constant: operands.every((x) => x.constant),
  name: name && operands.every((x) => x.name),
  places: 0,
  ...(operands.some((x) => x.steps === true) ? { steps: true } : {}),
})

export const number = (value: Q.Rational, places = 0): Expression => ({ ...compound(() => value, [], value), places })
export const constant = (at: (a: R.Arithmetic) => R.Real | null): Expression => compound(at, [], null)
/** A term at a point, as a constant. */
export const frozen = (x: Expression, point: Point): Expression =>
  x.exact === null ? constant((a) => x.at(a, point)) : x
export const variable = (name: string): Expression => ({
  _tag: 'Expression',
  at: (_, point) => point(name),
  exact: null,
  constant: false,
  name: true,
  places: 0,
})

/** An expression as a number among others: a percentage is so many hundredths there. Its unit is dropped. */
const plainly = (x: Expression): Expression => (x.percent === true ? scaled(x) : x)
const HUNDREDTH: Q.Rational = { n: 1n, d: 100n }
export const scaled = (x: Expression): Expression =>
  compound(
    (a, p) => {
      const value = x.at(a, p)
      return value === null ? null : R.times(a, value, HUNDREDTH)
    },
    [x],
    x.exact === null ? null : Q.multiply(x.exact, HUNDREDTH),
  )

type Operation = (a: R.Arithmetic, x: R.Real, y: R.Real) => R.Real | null

/** The most bits of constants that are folded where they are read; larger ones wait for a judge, who has a budget. */
const MOST_FOLDED = 1024
const small = (x: Q.Rational | null): x is Q.Rational => x !== null && Q.size(x) <= MOST_FOLDED

/** Constants are folded, so that `(1 + 1/2)` is a rational before anything is compared. */
const binary = (f: Operation, x: Expression, y: Expression, keepsNames = false): Expression => {
  const folded = small(x.exact) && small(y.exact) ? f(R.arithmetic(0), x.exact, y.exact) : null
  return compound(
    (a, p) => {
      const u = x.at(a, p)
      const v = u === null ? null : y.at(a, p)
      return u === null || v === null ? null : f(a, u, v)
    },
    [x, y],
    folded !== null && R.isRational(folded) ? folded : null,
    keepsNames,
  )
}

/** The most values that `\pm` may stand for. */
const MOST_BRANCHES = 16

type Combine = (x: Expression, y: Expression) => MathValue

/** An operation on numbers is one on lists of alternatives (`1 \pm 2`), each with each, and on nothing else. */
const onNumbers =
  (f: Combine, onMatrices: (x: MathValue, y: MathValue) => MathValue | null = () => null) =>
  (x: MathValue, y: MathValue): MathValue => {
    if (x._tag === 'Expression' && y._tag === 'Expression') return f(x, y)
    const matrix = onMatrices(x, y)
    if (matrix !== null) return matrix
    const [xs, ys] = [branches(x), branches(y)]
    if (xs.length * ys.length > MOST_BRANCHES) return refuse()
    return { _tag: 'List', branches: true, items: xs.flatMap((u) => ys.map((v) => f(u, v))) }
  }

const branches = (x: MathValue): readonly Expression[] => {
  if (x._tag === 'Expression') return [x]
  if (x._tag !== 'List' || x.branches !== true) return refuse()
  return x.items.map((item) => (item._tag === 'Expression' ? item : refuse()))
}

const sum = (x: Expression, y: Expression): Expression =>
  x.percent === true && y.percent === true
    ? { ...binary(R.plus, x, y), percent: true }
    : withUnit(binary(R.plus, plainly(x), plainly(y)), x.unit === y.unit ? x.unit : undefined)
const product = (x: Expression, y: Expression): Expression => {
  if (x.percent === true && y.percent !== true) return { ...binary(R.times, x, y), percent: true }
  if (y.percent === true && x.percent !== true) return { ...binary(R.times, x, y), percent: true }
  return binary(R.times, plainly(x), plainly(y), true)
}
const ratio = (x: Expression, y: Expression): Expression =>
  x.percent === true && y.percent !== true
    ? { ...binary(R.over, x, y), percent: true }
    : binary(R.over, plainly(x), plainly(y), true)

export const withUnit = (x: Expression, unit: string | undefined): Expression =>
  unit === undefined ? x : { ...x, unit }

const rows = (x: MathValue): readonly (readonly MathValue[])[] | null =>
  x._tag === 'Tuple' && x.brackets === MATRIX
    ? x.items.map((row) => (row._tag === 'Tuple' ? row.items : refuse()))
    : null
export const matrix = (entries: readonly (readonly MathValue[])[]): MathValue => {
  const tuple = (items: readonly MathValue[]): MathValue => ({ _tag: 'Tuple', brackets: MATRIX, items })
  return tuple(entries.map(tuple))
}

export const plus: (x: MathValue, y: MathValue) => MathValue = onNumbers(sum, (x, y) => {
  const [a, b] = [rows(x), rows(y)]
  if (a === null || b === null) return null
  if (a.length !== b.length || a.some((row, i) => row.length !== b[i]!.length)) return refuse()
  return matrix(a.map((row, i) => row.map((entry, j) => plus(entry, b[i]![j]!))))
})

/** The most products that a product of matrices may take. */
const MOST_PRODUCTS = 4096

export const times: (x: MathValue, y: MathValue) => MathValue = onNumbers(product, (x, y) => {
  const [a, b] = [rows(x), rows(y)]
  if (a !== null && b !== null) {
    const [inner, columns] = [b.length, b[0]!.length]
    if (a.length * inner * columns > MOST_PRODUCTS || a.some((row) => row.length !== inner)) return refuse()
    if (b.some((row) => row.length !== columns)) return refuse()
    const entry = (row: readonly MathValue[], j: number): MathValue =>
      row.map((u, k) => times(u, b[k]![j]!)).reduce(plus)
    return matrix(a.map((row) => Array.from({ length: columns }, (_, j) => entry(row, j))))
  }
  if (a !== null) return y._tag === 'Expression' ? matrix(a.map((row) => row.map((u) => times(u, y)))) : refuse()
  if (b !== null) return x._tag === 'Expression' ? matrix(b.map((row) => row.map((v) => times(x, v)))) : refuse()
  return null
})

export const over: (x: MathValue, y: MathValue) => MathValue = onNumbers(ratio, (x, y) => {
  const a = rows(x)
  return a !== null && y._tag === 'Expression' ? matrix(a.map((row) => row.map((u) => over(u, y)))) : null
})
export const power = onNumbers((x, y) => binary(R.power, plainly(x), plainly(y)))
export const binomial = onNumbers((n, k) => binary(R.binomial, n, k))

const MINUS_ONE = number(Q.integer(-1n))
export const negative = (x: MathValue): MathValue =>
  x._tag !== 'Expression'
    ? times(MINUS_ONE, x)
    : {
        ...x,
        at: (a, p) => {
          const value = x.at(a, p)
          return value === null ? null : R.negative(value)
        },
        exact: x.exact === null ? null : Q.negate(x.exact),
      }

export const apply = (f: (a: R.Arithmetic, x: R.Real) => R.Real | null, x: MathValue): MathValue =>
  onNumbers((u) => binary((a, value) => f(a, value), plainly(u), MINUS_ONE))(x, MINUS_ONE)
