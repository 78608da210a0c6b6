/** Reshape, and the adjoint pair of broadcast and sum. The three that every batch rule and most adjoints stand on. */
import * as ix from '../loops/ix.ts'
import { isFloat } from '../base/dtype.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { type Single, single } from '../graph/single.ts'
import { sameShape, type Shape, sizeOf, stridesOf } from '../base/shape.ts'
import { fillOf, first, movesFill, type Rule, rules, sameAsOperand, twice } from './algebra.ts'
import { computed } from './cast.ts'
import { fillLike } from './leaves.ts'
import { demandShape, isAxis, demandDType, numbers, without } from './operands.ts'
import { reduceValues } from './reduction.ts'

export interface ReshapeParams {
  readonly shape: Shape
}
export const reshapeP: Primitive<ReshapeParams> = single({
  name: 'reshape',
  shape: (args, { shape }) => {
    const x = args[0]!
    demandShape(
      sizeOf(x.shape) === sizeOf(shape),
      'reshape',
      args,
      `${sizeOf(x.shape)} elements cannot take the shape [${shape.join(', ')}] of ${sizeOf(shape)}`,
      'Give a shape with as many elements.',
    )
    return { shape, dtype: x.dtype }
  },
  vjp: (ct, out) => [reshape(ct, out.node.args[0]!.shape)],
  batch: ([x], _, size, { shape }) => reshape(x!, [size, ...shape]),
  simplify: rules(
    sameAsOperand,
    movesFill,
    twice(
      () => reshapeP,
      (_, { shape }, x) => reshape(x, shape),
    ),
  ),
  lower: {
    kind: 'pointwise',
    at: (index, arg, out) => arg(0, ix.unflatten(ix.flatten(index, out.shape), out.node.args[0]!.shape)),
  },
  evaluate: ([x]) => x!.data,
})
/** The same elements in row-major order under another shape of the same size. */
export const reshape = (x: Expr, shape: Shape): Expr =>
  sameShape(x.shape, shape) ? x : apply(reshapeP, [x], { shape })

export interface BroadcastParams {
  readonly shape: Shape
}
export const broadcastToP: Primitive<BroadcastParams> = single({
  name: 'broadcastTo',
  shape: (args, { shape }) => {
    const x = args[0]!
    demandShape(
      x.shape.length === shape.length && x.shape.every((d, i) => d === 1 || d === shape[i]),
      'broadcastTo',
      args,
      `cannot become [${shape.join(', ')}]: every axis must have that size already or be 1`,
      'Insert axes of size 1 with reshape first.',
    )
    return { shape, dtype: x.dtype }
  },
  vjp: (ct, out) => {
    const from = out.node.args[0]!.shape
    const axes = from.flatMap((d, i) => (d === out.shape[i] ? [] : [i]))
    return [reshape(reduceSum(ct, axes), from)]
  },
  batch: ([x], _, size, { shape }) => broadcastTo(x!, [size, ...shape]),
  simplify: rules(
    sameAsOperand,
    movesFill,
    twice(
      () => broadcastToP,
      (_, { shape }, x) => broadcastTo(x, shape),
    ),
  ),
  lower: {
    kind: 'pointwise',
    at: (index, arg, out) =>
      arg(
        0,
        index.map((p, i) => (out.node.args[0]!.shape[i] === 1 ? ix.constant(0) : p)),
      ),
  },
  evaluate: ([x], out) => {
    const strides = stridesOf(x!.shape).map((s, i) => (x!.shape[i] === 1 ? 0 : s))
    return gatherValues(x!.data, out.shape, strides, 0)
  },
})
/** Repeats along the axes of size 1; equal ranks. */
export const broadcastTo = (x: Expr, shape: Shape): Expr =>
  sameShape(x.shape, shape) ? x : apply(broadcastToP, [x], { shape })

export interface ReduceParams {
  readonly axes: readonly number[]
}
export const reduceShape =
  (op: string): Single<ReduceParams>['shape'] =>
  (args, { axes }) => {
    const x = args[0]!
    demandDType(op, args, x, numbers)
    demandShape(
      axes.every((a, i) => isAxis(a, x.shape.length) && (i === 0 || axes[i - 1]! < a)),
      op,
      args,
      `axes [${axes.join(', ')}] must be ascending axes of the operand`,
      `Give distinct axes from 0 to ${x.shape.length - 1} in order.`,
    )
    return { shape: without(x.shape, axes), dtype: x.dtype }
  }

/** An axis of size 1 has nothing to reduce. */
export const unitAxes: Rule<ReduceParams> = (out, { axes }) => {
  const x = first(out)
  if (!axes.some((a) => x.shape[a] === 1)) return null
  const dropped = axes.filter((a) => x.shape[a] === 1)
  const flat = reshape(x, without(x.shape, dropped))
  const rest = axes.filter((a) => x.shape[a] !== 1).map((a) => a - dropped.filter((d) => d < a).length)
  return rest.length === 0 ? flat : apply(out.node.prim, [flat], { axes: rest })
}
/** A reduction of `count` equal values, where `f` knows it. */
export const reducesFill =
  (f: (value: number, count: number, out: Expr) => number | null): Rule<ReduceParams> =>
  (out, { axes }) => {
    const x = first(out)
    const value = fillOf(x)
    const count = sizeOf(axes.map((a) => x.shape[a]!))
    const reduced = value === null || count === 0 ? null : f(value, count, out)
    return reduced === null ? null : fillLike(out, reduced)
  }

/** What was reduced over `axes`, spread over them again. */
export const respread = (reduced: Expr, shape: Shape, axes: readonly number[]): Expr =>
  broadcastTo(
    reshape(
      reduced,
      shape.map((d, i) => (axes.includes(i) ? 1 : d)),
    ),
    shape,
  )

export const reduceSumP: Primitive<ReduceParams> = single({
  name: 'reduceSum',
  shape: reduceShape('reduceSum'),
  vjp: (ct, out, { axes }) => [isFloat(out.dtype) ? respread(ct, out.node.args[0]!.shape, axes) : null],
  batch: ([x], _, __, { axes }) =>
    reduceSum(
      x!,
      axes.map((a) => a + 1),
    ),
  simplify: rules(
    reducesFill((v, n, { dtype }) => (isFloat(dtype) ? v * n + 0 : Math.imul(v, n))),
    unitAxes,
  ),
  lower: { kind: 'reduce', op: 'sum', axes: ({ axes }) => axes },
  evaluate: ([x], out, { axes }) => reduceValues('sum', x!, out, axes),
})
/** Sum over `axes` (ascending), which leave the shape. */
export const reduceSum = (x: Expr, axes: readonly number[]): Expr =>
  axes.length === 0 ? computed(x) : apply(reduceSumP, [computed(x)], { axes })

/** A shared operand given the batch axis at 0. */
export const spread = (x: Expr, size: number): Expr => broadcastTo(reshape(x, [1, ...x.shape]), [size, ...x.shape])

/** Every operand with the batch axis at 0. */
export const align = (args: readonly Expr[], batched: readonly boolean[], size: number): readonly Expr[] =>
  args.map((a, i) => (batched[i] === true ? a : spread(a, size)))

/** out[i] = data[offset + i . strides], for every index of `shape`. */
export const gatherValues = (
  data: Float64Array,
  shape: Shape,
  strides: readonly number[],
  offset: number,
): Float64Array => {
  const out = new Float64Array(sizeOf(shape))
  const index = shape.map(() => 0)
  let at = offset
  for (let i = 0; i < out.length; i++) {
    out[i] = data[at]!
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis]!
      index[axis]!++
      if (index[axis]! < shape[axis]!) break
      at -= strides[axis]! * shape[axis]!
      index[axis] = 0
    }
  }
  return out
}
