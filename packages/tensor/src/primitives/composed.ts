/**
 * Elementwise functions that devices have no operation for: a meaning in double precision, a derivative, and an expansion
 * into functions that they do have, which is to be as near in single precision as those are.
 */
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { fold, type Rule, rules } from './algebra.ts'
import { mul, plus } from './arithmetic.ts'
import { align } from './broadcast.ts'
import { fillLike } from './leaves.ts'
import { demandDType, demandPairs, floats } from './operands.ts'

export interface ComposedUnary {
  readonly name: string
  readonly f: (x: number) => number
  readonly vjp: (ct: Expr, x: Expr, out: Expr) => Expr
  readonly expand: (x: Expr) => Expr
  readonly algebra?: readonly Rule<null>[]
}
export const composedUnary = ({ name, f, vjp, expand, algebra = [] }: ComposedUnary): Primitive<null> => {
  const self: Primitive<null> = single({
    name,
    shape: (args) => {
      const x = args[0]!
      demandDType(name, args, x, floats)
      return { shape: x.shape, dtype: x.dtype }
    },
    vjp: (ct, out) => [vjp(ct, out.node.args[0]!, out)],
    batch: ([x]) => apply(self, [x!], null),
    simplify: rules(fold, ...algebra),
    lower: { kind: 'composite', expand: ([x]) => expand(x!) },
    evaluate: ([x]) => x!.data.map(f),
  })
  return self
}

export interface ComposedBinary {
  readonly name: string
  readonly f: (x: number, y: number) => number
  readonly vjp: (ct: Expr, x: Expr, y: Expr, out: Expr) => readonly [Expr, Expr]
  readonly expand: (x: Expr, y: Expr) => Expr
  readonly commutes?: true
}
export const composedBinary = ({ name, f, vjp, expand, commutes }: ComposedBinary): Primitive<null> => {
  const self: Primitive<null> = single({
    name,
    shape: (args) => demandPairs(name, args, floats),
    vjp: (ct, out) => vjp(ct, out.node.args[0]!, out.node.args[1]!, out),
    batch: (args, batched, size) => apply(self, align(args, batched, size), null),
    simplify: rules(fold),
    ...(commutes === undefined ? {} : { commutes }),
    lower: { kind: 'composite', expand: ([x, y]) => expand(x!, y!) },
    evaluate: ([x, y]) => x!.data.map((v, i) => f(v, y!.data[i]!)),
  })
  return self
}

/** c_0 x^n + .. + c_n, by Horner's rule. */
export const polynomial = ([first, ...rest]: readonly number[], x: Expr): Expr =>
  rest.reduce((p, c) => plus(mul(p, x), c), fillLike(x, first!))
