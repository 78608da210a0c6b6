/**
 * What the scheduler wants to see: no composites, nothing over empty arrays, no sum too long for one kernel or that would
 * leave lanes idle.
 */
import { emptyReduction } from '../loops/scalar.ts'
import { demandAnswers } from '../graph/answers.ts'
import { type Expr, type Node, over } from '../graph/expr.ts'
import { rewrite, toposort, withArgs } from '../graph/walk.ts'
import { fill } from '../primitives/index.ts'
import { sizeOf } from '../base/shape.ts'
import type { Capabilities } from './capabilities.ts'
import { split } from './split.ts'

export const normalize = (capabilities: Capabilities, roots: readonly Expr[]): readonly Expr[] => {
  let expanded = roots
  // An expansion may contain composites of its own.
  while (toposort(expanded).some((node) => expands(capabilities, node)))
    expanded = rewrite(expanded, (node, args) => expansion(capabilities, node, args) ?? withArgs(node, args))
  return rewrite(expanded, (node, args) => {
    const { outs } = over(node, args)
    return outs.length > 1 ? outs : [emptied(outs[0]!) ?? split(capabilities, outs[0]!)]
  })
}

const expands = ({ reproducible, orderedStores, templates }: Capabilities, { prim: { lower } }: Node): boolean =>
  lower.kind === 'composite' ||
  (lower.kind === 'template' && !templates.has(lower.template.name)) ||
  lower.kind === 'branch' ||
  (lower.kind === 'pointwise' && lower.stored === 'unreproducible' && reproducible) ||
  (lower.kind === 'update' && lower.mode === 'add' && !orderedStores)

const expansion = (capabilities: Capabilities, node: Node, args: readonly Expr[]): readonly Expr[] | null => {
  if (!expands(capabilities, node)) return null
  const { prim, params } = node
  const { lower } = prim
  if (lower.kind === 'composite' || lower.kind === 'template') {
    const results = lower.expand(args, params)
    demandAnswers({ rule: 'expand', of: 'result' }, prim, results, node.outs)
    return results
  }
  if (lower.kind === 'branch') return capabilities.skips ? lower.skip(args, params) : lower.both(args, params)
  return lower.kind === 'update' ? [lower.composition(args, params)] : [args[0]!]
}

/** What is known of a result because it, or what it is made of, is empty. */
const emptied = (e: Expr): Expr | null => {
  const { args, params, prim } = e.node
  const { lower } = prim
  if (lower.kind === 'leaf' || lower.kind === 'told') return null
  if (sizeOf(e.shape) === 0) return fill(e.shape, e.dtype, 0)
  if (lower.kind === 'reduce' && sizeOf(args[0]!.shape) === 0)
    return fill(e.shape, e.dtype, emptyReduction(lower.op, e.dtype))
  if (lower.kind === 'dot' && args[0]!.shape.at(-1) === 0) return fill(e.shape, e.dtype, 0)
  if (lower.kind === 'update' && sizeOf(lower.grid(e, params)) === 0) return args[0]!
  return null
}
