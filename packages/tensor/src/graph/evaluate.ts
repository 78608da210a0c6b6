/**
 * The reference meaning of a graph: every node by its own `evaluate`, in doubles. Templates of devices, fusion and
 * simplification are all judged by this.
 */
import type { Evaluator, Expr, Value } from './expr.ts'
import { showAval } from '../base/errors.ts'
import { sizeOf } from '../base/shape.ts'
import { leak, traceOf } from './trace.ts'
import { toposort } from './walk.ts'

/** Values of `roots`, given the values of the placeholders below them. */
export const evaluateWith: Evaluator = (roots, given) => {
  const values = new Map<Expr, Value>(given)
  for (const { prim, args, outs, params } of toposort(roots)) {
    if (outs.every((out) => values.has(out))) continue
    if (prim.lower.kind === 'leaf' && traceOf(outs[0]!) !== null) throw new Error(leak(outs[0]!))
    const avals = outs.map(({ shape, dtype }) => ({ shape, dtype }))
    const found = prim.evaluate(
      args.map((a) => values.get(a)!),
      avals,
      params,
      evaluateWith,
    )
    outs.forEach((out, i) => {
      const data = found[i]
      if (data?.length !== sizeOf(out.shape))
        throw new Error(
          `The evaluate rule of ${prim.name} gave ${data === undefined ? 'nothing' : `${data.length} elements`} for result ${i}, a ${showAval(out)}. ` +
            'It gives the elements of each result: correct the rule.',
        )
      values.set(out, { ...avals[i]!, data })
    })
  }
  return roots.map((r) => values.get(r)!)
}

/** Values of `roots`, which hang on no placeholder. */
export const evaluate = (roots: readonly Expr[]): readonly Value[] => evaluateWith(roots, new Map())
