/**
 * Simplification: the algebra of each primitive (`simplify`, `commutes` and `key` of its record) interleaved with hash-consing,
 * bottom-up in one pass, so that equal expressions become one node and the rules see through one another. Runs once
 * transformations are done: `input` and other identities, which exist only for them, go.
 */
import { showAval } from '../base/errors.ts'
import { sameShape } from '../base/shape.ts'
import { atSite } from '../base/site.ts'
import { type Expr, type Node, over } from './expr.ts'
import { identity } from './identity.ts'
import { sharing } from './share.ts'
import { toposort } from './walk.ts'

/** Smaller equal expressions for the results of a node over simple operands; null where none is known. */
const simpler = (node: Node): readonly Expr[] | null => {
  const { prim, params, outs } = node
  if (prim.simplify === undefined) {
    const same = identity(node)
    return same === null ? null : [same]
  }
  const next = prim.simplify(node, params)
  if (next === null || (next.length === outs.length && next.every((x, i) => x === outs[i]))) return null
  if (
    next.length !== outs.length ||
    next.some((x, i) => !sameShape(x.shape, outs[i]!.shape) || x.dtype !== outs[i]!.dtype)
  )
    throw new Error(
      `simplify: the rule of ${prim.name} gives ${next.map(showAval).join(', ')} for ${outs.map(showAval).join(', ')}. ` +
        'A simpler expression has the shape and dtype of what it stands for.',
    )
  return next
}

/** What came out of one simplification is simple, all of it together: each result bears the mark of the last that it came out of. */
const marks = new WeakMap<Expr, object>()
const isSimple = (roots: readonly Expr[]): boolean => {
  const mark = roots[0] && marks.get(roots[0])
  return mark !== undefined && roots.every((x) => marks.get(x) === mark)
}

/** The same values with less work; roots keep their order. Linear in the number of nodes; what it gave it gives back as it is. */
export const simplify = (roots: readonly Expr[]): readonly Expr[] => {
  if (isSimple(roots)) return roots
  /** Simple expressions for the results of a node, once it was met. */
  const simple = new Map<Node, readonly Expr[]>()
  const share = sharing()
  // Deep only within what one rule makes: in topological order the operands are simple already.
  const simplified = (node: Node): readonly Expr[] => {
    const known = simple.get(node)
    if (known !== undefined) return known
    const own = over(node, node.args.map(image))
    const next = atSite(node.site, () => simpler(own))
    // a rule may know some of several results, and leave the others
    const results =
      next === null ? share(own).outs : next.map((x) => (x.node === own ? share(own).outs[x.index]! : image(x)))
    simple.set(node, results)
    for (const result of results) if (!simple.has(result.node)) simple.set(result.node, result.node.outs)
    return results
  }
  const image = (x: Expr): Expr => simplified(x.node)[x.index]!
  for (const node of toposort(roots)) simplified(node)
  const made = roots.map(image)
  const mark = {}
  for (const x of made) marks.set(x, mark)
  return made
}
