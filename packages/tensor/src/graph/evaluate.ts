/**
 * The reference meaning of a graph: every node by its own `evaluate`, in doubles. Templates of devices, fusion and
 * simplification are all judged by this.
 */
import { type Expr, toposort, type Value } from './expr.ts'
import { leak, traceOf } from './trace.ts'

/** Values of `roots`, given the values of the placeholders below them. */
export const evaluateWith = (roots: readonly Expr[], given: ReadonlyMap<Expr, Value>): readonly Value[] => {
  const values = new Map<Expr, Value>(given)
  for (const node of toposort(roots)) {
    if (values.has(node)) continue
    if (node.prim.lower.kind === 'leaf' && traceOf(node) !== null) throw new Error(leak(node))
    const { shape, dtype } = node
    const data = node.prim.evaluate(
      node.args.map((a) => values.get(a)!),
      { shape, dtype },
      node.params,
    )
    values.set(node, { shape, dtype, data })
  }
  return roots.map((r) => values.get(r)!)
}

/** Values of `roots`, which hang on no placeholder. */
export const evaluate = (roots: readonly Expr[]): readonly Value[] => evaluateWith(roots, new Map())
