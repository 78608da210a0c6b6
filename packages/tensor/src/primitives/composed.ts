/**
 * Elementwise functions that devices have no operation for: a meaning in double precision, a derivative, and an expansion
 * into functions that they do have, which is to be as near in single precision as those are.
 */
import type { Expr, Primitive } from '../graph/expr.ts'
import type { Rule } from './algebra.ts'
import { mul, plus } from './arithmetic.ts'
import { ofEach, ofPairs } from './elementwise.ts'
import { fillLike } from './leaves.ts'
import { floats } from './operands.ts'

export interface ComposedUnary {
  readonly name: string
  readonly f: (x: number) => number
  readonly vjp: (ct: Expr, x: Expr, out: Expr) => Expr
  readonly expand: (x: Expr) => Expr
  readonly algebra?: readonly Rule<null>[]
}
export const composedUnary = ({ name, f, expand, ...row }: ComposedUnary): Primitive<null> =>
  ofEach(
    name,
    { accepts: floats, ...row },
    {
      lower: { kind: 'composite', expand: ([x]) => expand(x!) },
      evaluate: ([x]) => x!.data.map(f),
    },
  )

export interface ComposedBinary {
  readonly name: string
  readonly f: (x: number, y: number) => number
  readonly vjp: (ct: Expr, x: Expr, y: Expr, out: Expr) => readonly [Expr, Expr]
  readonly expand: (x: Expr, y: Expr) => Expr
  readonly commutes?: true
}
export const composedBinary = ({ f, expand, ...row }: ComposedBinary): Primitive<null> =>
  ofPairs(
    { accepts: floats, ...row },
    {
      lower: { kind: 'composite', expand: ([x, y]) => expand(x!, y!) },
      evaluate: ([x, y]) => x!.data.map((v, i) => f(v, y!.data[i]!)),
    },
  )

/** c_0 x^n + .. + c_n, by Horner's rule. */
export const polynomial = ([first, ...rest]: readonly number[], x: Expr): Expr =>
  rest.reduce((p, c) => plus(mul(p, x), c), fillLike(x, first!))
