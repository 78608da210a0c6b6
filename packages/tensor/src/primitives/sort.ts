/**
 * Sorting: operands of one shape put in the order of the first, and that order itself, as one node. Its derivatives go
 * by the order that was computed once: a tangent is put in order as the operand was, a cotangent is written back to where
 * its element came from.
 */
import { sameShape } from '../base/shape.ts'
import { applyAll, type Expr, type Primitive } from '../graph/expr.ts'
import { parameter } from '../graph/parameter.ts'
import { permuteAlongAxis, putAlongAxis } from './along.ts'
import { align } from './broadcast.ts'
import { computed } from './cast.ts'
import { fillLike } from './leaves.ts'
import { any, demandAxis, demandDType, demandShape } from './operands.ts'
import { argsort, type ArgsortParams } from './order.ts'

export const sortP: Primitive<ArgsortParams> = {
  name: 'sort',
  outs: (args, { axis }) => {
    const key = args[0]!
    for (const x of args) demandDType('sort', args, x, any)
    demandAxis('sort', args, axis, key.shape)
    demandShape(
      args.every((x) => sameShape(x.shape, key.shape)),
      'sort',
      args,
      'the operands have different shapes',
      'Bring all to the shape of the first, whose order they take.',
    )
    return [...args.map(({ shape, dtype }) => ({ shape, dtype })), { shape: key.shape, dtype: 'i32' }]
  },
  vjp: (cts, outs, args, { axis }) =>
    args.map((x, i) => {
      const ct = cts[i] ?? null
      return ct === null ? null : putAlongAxis(fillLike(x, 0), outs.at(-1)!, ct, axis)
    }),
  jvp: (tangents, outs, _, { axis }) => [
    ...tangents.map((t) => (t === null ? null : permuteAlongAxis(t, outs.at(-1)!, axis))),
    null,
  ],
  batch: (args, batched, size, { axis, descending }) =>
    applyAll(sortP, align(args, batched, size), { axis: axis + 1, descending }),
  lower: {
    kind: 'composite',
    expand: (args, { axis, descending }) => {
      const positions = argsort(args[0]!, axis, descending)
      return [...args.map((x) => permuteAlongAxis(x, positions, axis)), positions]
    },
  },
  evaluate: (args, _, { axis, descending }, run) => {
    const given = args.map(parameter)
    const positions = argsort(given[0]!, axis, descending)
    const results = [...given.map((x) => permuteAlongAxis(x, positions, axis)), positions]
    return run(results, new Map(given.map((x, i) => [x, args[i]!]))).map((v) => v.data)
  },
}
/** The operands in the order of the first along `axis`, and last the positions (i32) that put them there. */
export const sort = (operands: readonly Expr[], axis: number, descending: boolean): readonly Expr[] =>
  applyAll(sortP, operands.map(computed), { axis, descending })
