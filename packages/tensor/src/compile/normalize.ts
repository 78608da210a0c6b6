/**
 * What the scheduler wants to see: no composites, nothing over empty arrays, no sum too long for one kernel or that would
 * leave lanes idle.
 */
import { emptyReduction } from '../loops/scalar.ts'
import { type Expr, rewrite, toposort, withArgs } from '../graph/expr.ts'
import { fill } from '../primitives/index.ts'
import { sizeOf } from '../base/shape.ts'
import type { Capabilities } from './program.ts'
import { split } from './split.ts'

export const normalize = (capabilities: Capabilities, roots: readonly Expr[]): readonly Expr[] => {
  let expanded = roots
  // An expansion may contain composites of its own.
  while (toposort(expanded).some((e) => expansion(capabilities, e, e.args) !== null))
    expanded = rewrite(expanded, (e, args) => expansion(capabilities, e, args) ?? withArgs(e, args))
  return rewrite(expanded, (e, args) => emptied(e, args) ?? split(capabilities, withArgs(e, args)))
}

const expansion = (capabilities: Capabilities, e: Expr, args: readonly Expr[]): Expr | null => {
  const { lower } = e.prim
  if (lower.kind === 'composite') return lower.expand(args, e.params)
  if (lower.kind === 'pointwise' && lower.stored === true && capabilities.reproducible) return args[0]!
  if (lower.kind === 'update' && lower.mode === 'add' && !capabilities.orderedStores)
    return lower.composition(args, e.params)
  return null
}

const emptied = (e: Expr, args: readonly Expr[]): Expr | null => {
  const { lower } = e.prim
  if (lower.kind === 'leaf') return null
  if (sizeOf(e.shape) === 0) return fill(e.shape, e.dtype, 0)
  if (lower.kind === 'reduce' && sizeOf(args[0]!.shape) === 0)
    return fill(e.shape, e.dtype, emptyReduction(lower.op, e.dtype))
  if (lower.kind === 'dot' && args[0]!.shape.at(-1) === 0) return fill(e.shape, e.dtype, 0)
  if (lower.kind === 'update' && sizeOf(lower.grid(withArgs(e, args), e.params)) === 0) return args[0]!
  return null
}
