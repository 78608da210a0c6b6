/** Comparisons, logic, bits and choice. */
import * as scalar from '../loops/scalar.ts'
import type { BinaryOp } from '../loops/scalar.ts'
import { type DType, isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { absorbing, fillOf, first, fold, involution, isOf, type Rule, rules, unit } from './algebra.ts'
import { align } from './broadcast.ts'
import { binary, binaryPrimitive, type BinaryRow, unary, unaryPrimitive } from './elementwise.ts'
import { fillLike } from './leaves.ts'
import { any, bits, demandDType, demandSameDType, demandSameShape, floats, integers } from './operands.ts'
import { wrap } from './reduction.ts'

const comparison = (op: BinaryOp, holds: (x: number, y: number) => boolean, commutes?: true): Primitive<null> =>
  binaryPrimitive({
    name: op,
    op,
    accepts: any,
    result: 'bool',
    f: () => (x, y) => (holds(x, y) ? 1 : 0),
    vjp: null,
    ...(commutes === undefined ? {} : { commutes }),
  })
export const eqP = comparison('eq', (x, y) => x === y, true)
export const neP = comparison('ne', (x, y) => x !== y, true)
export const ltP = comparison('lt', (x, y) => x < y)
export const leP = comparison('le', (x, y) => x <= y)
export const gtP = comparison('gt', (x, y) => x > y)
export const geP = comparison('ge', (x, y) => x >= y)
export const eq = binary(eqP)
export const ne = binary(neP)
export const lt = binary(ltP)
export const le = binary(leP)
export const gt = binary(gtP)
export const ge = binary(geP)

/** A rule of logic, where integers are something else. */
const onBool =
  (rule: Rule): Rule =>
  (out, params) =>
    out.dtype === 'bool' ? rule(out, params) : null
const bitwise = (
  op: BinaryOp,
  accepts: readonly DType[],
  f: (x: number, y: number) => number,
  more: Pick<BinaryRow, 'algebra' | 'commutes'>,
): Primitive<null> =>
  binaryPrimitive({ name: op, op, accepts, f: (dtype) => (x, y) => wrap(dtype, f(x, y)), vjp: null, ...more })
export const andP = bitwise('and', bits, (x, y) => x & y, {
  algebra: [onBool(unit(1, 1)), onBool(unit(0, 1)), absorbing(0)],
  commutes: true,
})
export const orP = bitwise('or', bits, (x, y) => x | y, {
  algebra: [unit(1, 0), unit(0, 0), onBool(absorbing(1))],
  commutes: true,
})
export const xorP = bitwise('xor', bits, (x, y) => x ^ y, { algebra: [unit(1, 0), unit(0, 0)], commutes: true })
export const shlP = bitwise('shl', integers, (x, y) => x << y, { algebra: [unit(1, 0)] })
/** Logical on u32, arithmetic on i32; the count counts modulo 32. */
export const shrP = binaryPrimitive({
  name: 'shr',
  op: 'shr',
  accepts: integers,
  f: (dtype) => (dtype === 'u32' ? (x, y) => x >>> y : (x, y) => x >> y),
  vjp: null,
  algebra: [unit(1, 0)],
})
export const and = binary(andP)
export const or = binary(orP)
export const xor = binary(xorP)
export const shl = binary(shlP)
export const shr = binary(shrP)

export const notP = unaryPrimitive({
  op: 'not',
  accepts: ['bool'],
  f: (x) => (x === 0 ? 1 : 0),
  vjp: null,
  algebra: [involution],
})
export const isnanP = unaryPrimitive({
  op: 'isnan',
  accepts: floats,
  result: 'bool',
  f: (x) => (Number.isNaN(x) ? 1 : 0),
  vjp: null,
})
export const isinfP = unaryPrimitive({
  op: 'isinf',
  accepts: floats,
  result: 'bool',
  f: (x) => (Math.abs(x) === Infinity ? 1 : 0),
  vjp: null,
})
export const not = unary(notP)
export const isnan = unary(isnanP)
export const isinf = unary(isinfP)

export const whereP: Primitive<null> = single({
  name: 'where',
  shape: (args) => {
    const [cond, x, y] = [args[0]!, args[1]!, args[2]!]
    demandDType('where', args, cond, ['bool'])
    demandSameDType('where', args, x, y)
    demandSameShape('where', args, x, y)
    demandSameShape('where', args, cond, x)
    return { shape: x.shape, dtype: x.dtype }
  },
  vjp: (ct, out) => {
    if (!isFloat(out.dtype)) return [null, null, null]
    const cond = out.node.args[0]!
    const zero = fillLike(ct, 0)
    return [null, where(cond, ct, zero), where(cond, zero, ct)]
  },
  batch: (args, batched, size) => apply(whereP, align(args, batched, size), null),
  simplify: rules(
    fold,
    ({ node: { args } }) => {
      const [cond, x, y] = [args[0]!, args[1]!, args[2]!]
      const value = fillOf(cond)
      return x === y ? x : value === null ? null : value === 0 ? y : x
    },
    // where(not c, x, y) = where(c, y, x)
    ({ node: { args } }) => (isOf(args[0]!, notP) ? where(first(args[0]!), args[2]!, args[1]!) : null),
  ),
  lower: { kind: 'pointwise', at: (index, arg) => scalar.select(arg(0, index), arg(1, index), arg(2, index)) },
  evaluate: ([cond, x, y]) => {
    const z = new Float64Array(x!.data.length)
    for (let i = 0; i < z.length; i++) z[i] = cond!.data[i] === 0 ? y!.data[i]! : x!.data[i]!
    return z
  },
})
/** x where cond, y elsewhere. */
export const where = (cond: Expr, x: Expr, y: Expr): Expr => apply(whereP, [cond, x, y], null)
