/** What elementwise primitives have in common: equal shapes in, that shape out, one scalar operation an element. */
import * as scalar from '../loops/scalar.ts'
import type { BinaryOp, UnaryOp } from '../loops/scalar.ts'
import { type DType, isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { type Single, single } from '../graph/single.ts'
import { fold, type Rule, rules } from './algebra.ts'
import { align } from './broadcast.ts'
import { computed } from './cast.ts'
import { demandDType, demandPairs } from './operands.ts'

export interface UnaryRow {
  readonly op: UnaryOp
  readonly accepts: readonly DType[]
  /** bool, where the result is a predicate. */
  readonly result?: 'bool'
  readonly f: (x: number, dtype: DType) => number
  /** The cotangent of x; null where the derivative is zero wherever it exists. */
  readonly vjp: ((ct: Expr, x: Expr, out: Expr) => Expr) | null
  readonly algebra?: readonly Rule<null>[]
}

/** How a primitive is computed. */
type Computation = Pick<Single<null>, 'lower' | 'evaluate'>

/** A function of each element. */
export const ofEach = (
  name: string,
  { accepts, result, vjp, algebra = [] }: Pick<UnaryRow, 'accepts' | 'result' | 'vjp' | 'algebra'>,
  computation: Computation,
): Primitive<null> => {
  const self: Primitive<null> = single({
    name,
    shape: (args) => {
      const x = args[0]!
      demandDType(name, args, x, accepts)
      return { shape: x.shape, dtype: result ?? x.dtype }
    },
    vjp: (ct, out) => [vjp === null || !isFloat(out.dtype) ? null : vjp(ct, out.node.args[0]!, out)],
    batch: ([x]) => apply(self, [x!], null),
    simplify: rules(fold, ...algebra),
    ...computation,
  })
  return self
}

export const unaryPrimitive = ({ op, f, ...row }: UnaryRow): Primitive<null> =>
  ofEach(op, row, {
    lower: { kind: 'pointwise', at: (index, arg) => scalar.unary(op, arg(0, index)) },
    evaluate: ([x]) => {
      const y = new Float64Array(x!.data.length)
      for (let i = 0; i < y.length; i++) y[i] = f(x!.data[i]!, x!.dtype)
      return y
    },
  })

export interface BinaryRow {
  readonly name: string
  readonly op: BinaryOp
  readonly accepts: readonly DType[]
  readonly result?: 'bool'
  readonly f: (dtype: DType) => (x: number, y: number) => number
  readonly vjp: ((ct: Expr, x: Expr, y: Expr, out: Expr) => readonly [Expr | null, Expr | null]) | null
  readonly algebra?: readonly Rule<null>[]
  readonly commutes?: true
}

/** A function of each pair of elements. */
export const ofPairs = (
  { name, accepts, result, vjp, algebra = [], commutes }: Omit<BinaryRow, 'op' | 'f'>,
  computation: Computation,
): Primitive<null> => {
  const self: Primitive<null> = single({
    name,
    shape: (args) => {
      const { shape, dtype } = demandPairs(name, args, accepts)
      return { shape, dtype: result ?? dtype }
    },
    vjp: (ct, out) =>
      vjp === null || !isFloat(out.dtype) ? [null, null] : vjp(ct, out.node.args[0]!, out.node.args[1]!, out),
    batch: (args, batched, size) => apply(self, align(args, batched, size), null),
    simplify: rules(fold, ...algebra),
    ...(commutes === undefined ? {} : { commutes }),
    ...computation,
  })
  return self
}

export const binaryPrimitive = ({ op, f, ...row }: BinaryRow): Primitive<null> =>
  ofPairs(row, {
    lower: { kind: 'pointwise', at: (index, arg) => scalar.binary(op, arg(0, index), arg(1, index)) },
    evaluate: ([x, y]) => {
      const g = f(x!.dtype)
      const z = new Float64Array(x!.data.length)
      for (let i = 0; i < z.length; i++) z[i] = g(x!.data[i]!, y!.data[i]!)
      return z
    },
  })

/** Builders: `unary(p)(x)`, `binary(p)(x, y)`. */
export const unary =
  (prim: Primitive<null>) =>
  (x: Expr): Expr =>
    apply(prim, [computed(x)], null)
export const binary =
  (prim: Primitive<null>) =>
  (x: Expr, y: Expr): Expr =>
    apply(prim, [computed(x), computed(y)], null)
