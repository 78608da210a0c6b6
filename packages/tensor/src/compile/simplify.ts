/**
 * Simplification: the algebra of each primitive (algebra.ts) interleaved with hash-consing, bottom-up in one pass, so that equal
 * expressions become one node and the rules see through one another. Runs once transformations are done: `input` and other
 * identities, which exist only for them, go.
 */
import { atSite } from '../base/site.ts'
import { type Expr, type Node, over } from '../graph/expr.ts'
import { sharing } from '../graph/share.ts'
import { toposort } from '../graph/walk.ts'
import { commutative, simpler } from './algebra.ts'

/** The same values with less work; roots keep their order. Linear in the number of nodes. */
export const simplify = (roots: readonly Expr[]): readonly Expr[] => {
  /** Simple expressions for the results of a node, once it was met. */
  const simple = new Map<Node, readonly Expr[]>()
  const share = sharing(({ prim }) => commutative.has(prim))
  // Deep only within what one rule makes: in topological order the operands are simple already.
  const simplified = (node: Node): readonly Expr[] => {
    const known = simple.get(node)
    if (known !== undefined) return known
    const own = over(node, node.args.map(image))
    const next = atSite(node.site, () => simpler(own))
    const results = next === null ? share(own).outs : next.map(image)
    simple.set(node, results)
    for (const result of results) if (!simple.has(result.node)) simple.set(result.node, result.node.outs)
    return results
  }
  const image = (x: Expr): Expr => simplified(x.node)[x.index]!
  for (const node of toposort(roots)) simplified(node)
  return roots.map(image)
}
