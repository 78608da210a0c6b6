/**
 * The reference meaning of a graph: every node by its own `evaluate`, in doubles. Templates of devices, fusion and
 * simplification are all judged by this.
 */
import type { Evaluator, Expr, Value } from './expr.ts'
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
    outs.forEach((out, i) => values.set(out, { ...avals[i]!, data: found[i]! }))
  }
  return roots.map((r) => values.get(r)!)
}

/** Values of `roots`, which hang on no placeholder. */
export const evaluate = (roots: readonly Expr[]): readonly Value[] => evaluateWith(roots, new Map())
