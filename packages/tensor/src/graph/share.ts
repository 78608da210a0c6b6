/** Common subexpressions: equal nodes become one. What transformations look for stays, since nothing is rewritten. */
import { type Expr, type Node, over } from './expr.ts'
import { identityOf, nodeKey, numbering } from './key.ts'
import { toposort } from './walk.ts'

/** Gives the one node of all that compute the same from the same operands, whichever came first. */
export const sharing = (): ((node: Node) => Node) => {
  const numberOf = numbering(new Map())
  const shared = new Map<string, Node>()
  return (node) => {
    const args = node.args.map(numberOf)
    if (node.prim.commutes === true) args.sort((x, y) => x - y)
    let key = `${identityOf(node.prim)} ${nodeKey(node)}`
    for (const arg of args) key += `,${arg}`
    const known = shared.get(key)
    if (known !== undefined) return known
    shared.set(key, node)
    return node
  }
}

/** The same values, each computed once, with other expressions in the places of those that `instead` names. */
export const share = (roots: readonly Expr[], instead: ReadonlyMap<Expr, Expr> | null = null): readonly Expr[] => {
  const one = sharing()
  const image = new Map<Node, Node>()
  const imageOf = (x: Expr): Expr => instead?.get(x) ?? image.get(x.node)!.outs[x.index]!
  for (const node of toposort(roots, instead)) image.set(node, one(over(node, node.args.map(imageOf))))
  return roots.map(imageOf)
}
