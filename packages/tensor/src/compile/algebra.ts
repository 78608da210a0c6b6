/**
 * Algebraic rules as data: for each primitive, ways to say the same with less. A rule sees a node whose operands are
 * already simple, and returns an equal expression, or null. A rule on floats holds for every operand, NaN, infinities and
 * the sign of zero included, so that no result depends on what is known early: x * 0 stays, since it is NaN for infinite
 * x, and so does x + 0, which is 0 for x = -0.
 */
import * as ix from '../loops/ix.ts'
import * as scalar from '../loops/scalar.ts'
import { dtypes, isFloat } from '../base/dtype.ts'
import { evaluateWith } from '../graph/evaluate.ts'
import { apply, type Expr, type Node, type Primitive } from '../graph/expr.ts'
import * as p from '../primitives/index.ts'
import { sameShape, sizeOf } from '../base/shape.ts'

export type Rule = (e: Expr) => Expr | null

/** The parameters of a node of `prim`; null for a node of another primitive. */
const paramsOf = <P>(value: Expr, prim: Primitive<P>): P | null =>
  // A node's parameters are of its primitive's type: `apply` put both there.
  value.node.prim === (prim as Primitive<unknown>) ? (value.node.params as P) : null
const is = (value: Expr, prim: Primitive<never>): boolean => value.node.prim === (prim as Primitive<unknown>)

/** The value of a node that is one number everywhere. */
const fillOf = (value: Expr): number | null => paramsOf(value, p.fillP)?.value ?? null
const first = (value: Expr): Expr => value.node.args[0]!

/** An elementwise function of fills is a fill, rounded to its dtype; not where it leaves the finite numbers. */
const fold: Rule = (value) => {
  const values = value.node.args.map(fillOf)
  if (!values.every((v) => v !== null)) return null
  const scalars = value.node.args.map(({ dtype }, i) => ({ shape: [], dtype, data: Float64Array.of(values[i]!) }))
  const result = dtypes[value.dtype].round(
    value.node.prim.evaluate(scalars, [{ shape: [], dtype: value.dtype }], value.node.params, evaluateWith)[0]![0]!,
  )
  return Number.isFinite(result) ? p.fillLike(value, result) : null
}

/** Whether a node is `value` everywhere; of a zero the sign counts. */
const isFill = (e: Expr, value: number): boolean => Object.is(fillOf(e), value)
/** op(x, unit) = x, for the operand at `at`. */
const unit =
  (at: 0 | 1, value: number): Rule =>
  (e) =>
    isFill(e.node.args[at]!, value) ? e.node.args[1 - at]! : null
/** x + 0 = x: on floats only -0 is such a zero, since -0 + 0 = 0. */
const plusZero =
  (at: 0 | 1): Rule =>
  (value) =>
    unit(at, isFloat(value.dtype) ? -0 : 0)(value)
/** op(x, zero) = zero, on integers and bool. */
const absorbing =
  (value: number): Rule =>
  (e) =>
    isFloat(e.dtype) ? null : (e.node.args.find((a) => fillOf(a) === value) ?? null)
const onBool =
  (rule: Rule): Rule =>
  (value) =>
    value.dtype === 'bool' ? rule(value) : null
const involution: Rule = (value) => (first(value).node.prim === value.node.prim ? first(first(value)) : null)
/** op(neg x) = op(x) for the second operand: x + -y = x - y. */
const absorbNeg =
  (other: (x: Expr, y: Expr) => Expr): Rule =>
  ({
    node: {
      args: [x, y],
    },
  }) =>
    is(y!, p.negP) ? other(x!, first(y!)) : null

/** A plain product or quotient does where the first operand is known not to be 0, or the second cannot make NaN of it. */
const scales =
  (plain: (ct: Expr, y: Expr) => Expr, harmless: (y: number) => boolean): Rule =>
  ({
    node: {
      args: [ct, y],
    },
  }) => {
    const [value, by] = [fillOf(ct!), fillOf(y!)]
    if (value === 0) return p.fillLike(ct!, 0)
    return value !== null || (by !== null && harmless(by)) ? plain(ct!, y!) : null
  }

/** What moves one value around gives that value. */
const movesFill: Rule = (e) => {
  const value = fillOf(first(e))
  return value === null ? null : p.fillLike(e, value)
}
/** What takes elements of one value gives that value, where positions outside give no other. */
const takesFill =
  (prim: Primitive<p.TakeParams>): Rule =>
  (e) => {
    const value = fillOf(first(e))
    const { outside } = paramsOf(e, prim)!
    return value !== null && (outside === 'nearest' || Object.is(value, p.valueOutside(e.dtype, outside)))
      ? p.fillLike(e, value)
      : null
  }
const sameAsOperand: Rule = (value) =>
  sameShape(value.shape, first(value).shape) && value.dtype === first(value).dtype ? first(value) : null

const twice =
  <P>(prim: Primitive<P>, join: (inner: P, outer: P, x: Expr, value: Expr) => Expr): Rule =>
  (value) => {
    const inner = paramsOf(first(value), prim)
    const outer = paramsOf(value, prim)
    return inner === null || outer === null ? null : join(inner, outer, first(first(value)), value)
  }
const plus = (x: readonly number[], y: readonly number[]): readonly number[] => x.map((v, i) => v + y[i]!)

const reductions = [p.reduceSumP, p.reduceProdP, p.multiplyAllP, p.reduceMaxP, p.reduceMinP] as const
const reduceOf = (value: Expr): readonly number[] =>
  reductions.map((prim) => paramsOf(value, prim)?.axes ?? null).find((axes) => axes !== null)!

/** An axis of size 1 has nothing to reduce. */
const unitAxes: Rule = (value) => {
  const x = first(value)
  const axes = reduceOf(value)
  if (!axes.some((a) => x.shape[a] === 1)) return null
  const dropped = axes.filter((a) => x.shape[a] === 1)
  const flat = p.reshape(
    x,
    x.shape.filter((_, i) => !dropped.includes(i)),
  )
  const rest = axes.filter((a) => x.shape[a] !== 1).map((a) => a - dropped.filter((d) => d < a).length)
  return rest.length === 0 ? flat : apply(value.node.prim, [flat], { axes: rest })
}
/** A reduction of `count` equal values, where `f` knows it. */
const reducesFill =
  (f: (value: number, count: number, e: Expr) => number | null): Rule =>
  (e) => {
    const value = fillOf(first(e))
    const count = sizeOf(reduceOf(e).map((a) => first(e).shape[a]!))
    const reduced = value === null || count === 0 ? null : f(value, count, e)
    return reduced === null ? null : p.fillLike(e, reduced)
  }

/** A transposition that only moves axes of size 1 is a reshape, which costs no thought downstream. */
const movesUnitAxes: Rule = (value) => {
  const perm = paramsOf(value, p.transposeP)!.perm.filter((a) => first(value).shape[a] !== 1)
  return perm.every((a, i) => i === 0 || perm[i - 1]! < a) ? p.reshape(first(value), value.shape) : null
}

/**
 * A pointwise primitive whose element at an index is its first operand's element there. How `input`, `stopGradient` and
 * identities that other packages define are told: by what they compute.
 */
export const identity: Rule = (value) => {
  const { lower } = value.node.prim
  const x = value.node.args[0]
  if (lower.kind !== 'pointwise' || x === undefined || sameAsOperand(value) === null) return null
  // What is in memory anyway needs no storing.
  if (lower.stored === true && x.node.prim.lower.kind === 'pointwise') return null
  const index = value.shape.map((extent, id) => ix.ofAxis({ id, extent }))
  const own = new Set<scalar.Scalar>()
  const element = lower.at(
    index,
    (arg, at) => {
      const read = scalar.load(arg, ix.constant(0), value.node.args[arg]!.dtype)
      if (arg === 0 && at.every((i, k) => i === index[k])) own.add(read)
      return read
    },
    value,
    value.node.params,
  )
  return own.has(element) ? x : null
}

const table: readonly (readonly [Primitive<never>, ...Rule[]])[] = [
  [p.addP, plusZero(1), plusZero(0), absorbNeg(p.sub)],
  [
    p.subP,
    unit(1, 0),
    // 0 - x is 0 for x = 0, and -x is -0
    (n) => (isFill(first(n), isFloat(n.dtype) ? -0 : 0) && n.dtype !== 'u32' ? p.neg(n.node.args[1]!) : null),
    absorbNeg(p.add),
  ],
  [p.mulP, unit(1, 1), unit(0, 1), absorbing(0)],
  [p.divP, unit(1, 1)],
  [p.powP, unit(1, 1), (n) => (fillOf(n.node.args[1]!) === 2 ? p.mul(first(n), first(n)) : null)],
  [p.negP, involution],
  [p.notP, involution],
  [p.andP, onBool(unit(1, 1)), onBool(unit(0, 1)), absorbing(0)],
  [p.orP, unit(1, 0), unit(0, 0), onBool(absorbing(1))],
  [p.xorP, unit(1, 0), unit(0, 0)],
  [p.shlP, unit(1, 0)],
  [p.shrP, unit(1, 0)],
  [
    p.whereP,
    ({
      node: {
        args: [cond, x, y],
      },
    }) => {
      const value = fillOf(cond!)
      return x === y ? x! : value === null ? null : value === 0 ? y! : x!
    },
    // where(not c, x, y) = where(c, y, x)
    ({
      node: {
        args: [cond, x, y],
      },
    }) => (is(cond!, p.notP) ? p.where(first(cond!), y!, x!) : null),
  ],
  [p.scaledP, scales(p.mul, Number.isFinite)],
  [
    p.mutualP,
    ({
      node: {
        args: [x, y],
      },
    }) => {
      const [fill, other] = fillOf(x!) !== null ? [x!, y!] : [y!, x!]
      const value = fillOf(fill)
      return value === null ? null : value === 0 ? p.fillLike(fill, 0) : p.scaled(other, fill)
    },
  ],
  [p.dividedP, scales(p.div, (y) => y !== 0 && !Number.isNaN(y))],
  [p.castP, sameAsOperand],
  [p.reshapeP, sameAsOperand, movesFill, twice(p.reshapeP, (_, { shape }, x) => p.reshape(x, shape))],
  [
    p.transposeP,
    movesFill,
    movesUnitAxes,
    twice(p.transposeP, (inner, outer, x) =>
      p.transpose(
        x,
        outer.perm.map((i) => inner.perm[i]!),
      ),
    ),
  ],
  [p.broadcastToP, sameAsOperand, movesFill, twice(p.broadcastToP, (_, { shape }, x) => p.broadcastTo(x, shape))],
  [
    p.sliceP,
    sameAsOperand,
    movesFill,
    twice(p.sliceP, (inner, outer, x) =>
      p.slice(x, plus(inner.starts, outer.starts), plus(inner.starts, outer.limits)),
    ),
  ],
  [
    p.padP,
    sameAsOperand,
    (n) => (isFill(first(n), 0) ? p.fillLike(n, 0) : null),
    twice(p.padP, (inner, outer, x) => p.pad(x, plus(inner.lo, outer.lo), plus(inner.hi, outer.hi))),
  ],
  [
    p.flipP,
    movesFill,
    (n) => (paramsOf(n, p.flipP)!.axes.every((a) => n.shape[a] === 1) ? first(n) : null),
    twice(p.flipP, (inner, outer, x) =>
      p.flip(
        x,
        x.shape.flatMap((_, i) => (inner.axes.includes(i) !== outer.axes.includes(i) ? [i] : [])),
      ),
    ),
  ],
  [
    p.concatP,
    (n) => {
      const { axis } = paramsOf(n, p.concatP)!
      const held = n.node.args.filter((a) => a.shape[axis] !== 0)
      return held.length === 0 || held.length === n.node.args.length ? null : p.concat(held, axis)
    },
    (n) =>
      fillOf(first(n)) !== null && n.node.args.every((a) => isFill(a, fillOf(first(n))!))
        ? p.fillLike(n, fillOf(first(n))!)
        : null,
  ],
  [p.reduceSumP, reducesFill((v, n, { dtype }) => (isFloat(dtype) ? v * n + 0 : Math.imul(v, n))), unitAxes],
  [p.reduceProdP, reducesFill((v) => (v === 1 || Object.is(v, 0) ? v : null)), unitAxes],
  [p.multiplyAllP, reducesFill((v) => (v === 1 || Object.is(v, 0) ? v : null)), unitAxes],
  [p.reduceMaxP, reducesFill((v) => v), unitAxes],
  [p.reduceMinP, reducesFill((v) => v), unitAxes],
  [p.takeP, takesFill(p.takeP)],
  [p.takeAlongAxisP, takesFill(p.takeAlongAxisP)],
  [p.dynamicSliceP, movesFill, sameAsOperand],
  [p.dynamicUpdateSliceP, (n) => (sameShape(n.shape, n.node.args[1]!.shape) ? n.node.args[1]! : null)],
  [
    p.scatterAddP,
    (n) => {
      const nothing = isFloat(n.dtype) && !isFill(first(n), 0) ? -0 : 0
      return isFill(n.node.args[2]!, nothing) ? first(n) : null
    },
  ],
  [p.inputP, identity],
  [p.stopGradientP, identity],
  [p.storedP, identity],
]

/** The rules of every primitive of this package; for one defined elsewhere, `identity` alone is asked. */
const rules: ReadonlyMap<Primitive<unknown>, readonly Rule[]> = (() => {
  const map = new Map<Primitive<unknown>, readonly Rule[]>()
  for (const prim of p.primitives) map.set(prim as Primitive<unknown>, [])
  for (const prim of p.elementwise) map.set(prim as Primitive<unknown>, [fold])
  for (const [prim, ...own] of table) {
    const known = prim as Primitive<unknown>
    map.set(known, [...(map.get(known) ?? []), ...own])
  }
  return map
})()

const identityAlone: readonly Rule[] = [identity]

/** Smaller equal expressions for the results of a node over simple operands; null where no rule knows any. */
export const simpler = (node: Node): readonly Expr[] | null => {
  const [out, ...others] = node.outs
  if (node.prim.simplify !== undefined) return node.prim.simplify(node)
  if (out === undefined || others.length > 0) return null
  for (const rule of rules.get(node.prim) ?? identityAlone) {
    const next = rule(out)
    if (next !== null && next !== out) return [next]
  }
  return null
}

/** Operations whose operands may trade places, so that x + y and y + x are one node. */
export const commutative: ReadonlySet<Primitive<unknown>> = new Set(
  [p.addP, p.mulP, p.maximumP, p.minimumP, p.andP, p.orP, p.xorP, p.eqP, p.neP, p.mutualP].map(
    (prim) => prim as Primitive<unknown>,
  ),
)
