/** Common subexpressions: equal nodes become one. What transformations look for stays, since nothing is rewritten. */
import { type Expr, type Node, over } from './expr.ts'
import { identityOf, keyOf, numbering } from './key.ts'
import { toposort } from './walk.ts'

/** Gives the one node of all that compute the same from the same operands, whichever came first. */
export const sharing = (commutes: (node: Node) => boolean = () => false): ((node: Node) => Node) => {
  const numberOf = numbering()
  const shared = new Map<string, Node>()
  return (node) => {
    // A leaf is told from others by identity: a parameter has no other.
    if (node.prim.lower.kind === 'leaf') return node
    const args = node.args.map(numberOf)
    if (commutes(node)) args.sort((x, y) => x - y)
    const key = `${identityOf(node.prim)}(${args.join(',')})${keyOf(node.params)}`
    const known = shared.get(key)
    if (known !== undefined) return known
    shared.set(key, node)
    return node
  }
}

/** The same values, each computed once. */
export const share = (roots: readonly Expr[]): readonly Expr[] => {
  const one = sharing()
  const image = new Map<Node, Node>()
  const imageOf = (x: Expr): Expr => image.get(x.node)!.outs[x.index]!
  for (const node of toposort(roots)) image.set(node, one(over(node, node.args.map(imageOf))))
  return roots.map(imageOf)
}
