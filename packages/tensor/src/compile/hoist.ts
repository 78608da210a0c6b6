/**
 * What a compiled function computes from nothing that varies: closed-over expressions (initial parameters, tables of angles)
 * whose values are the same at every call. `jit` computes them once and binds the results; what is cheaper to compute again
 * than to load (fills, masks from indices) stays in the kernels.
 */
import { type Expr, toposort } from '../graph/expr.ts'
import { ownCost } from './fuse/cost.ts'

/** Operations an element from which on a value is kept rather than computed at each call. */
const WORTH_KEEPING = 16

/** The largest subexpressions of `roots` that depend on none of `varying` and take work; movement of one is left to its reader. */
export const invariants = (roots: readonly Expr[], varying: readonly Expr[]): readonly Expr[] => {
  const varies = new Set<Expr>(varying)
  /** Operations an element below an invariant node, none for leaves. */
  const work = new Map<Expr, number>()
  const views = new Set<Expr>()
  const found = new Set<Expr>()
  const keep = (e: Expr): void => {
    if (views.has(e)) e.args.forEach(keep)
    else if (work.get(e)! >= WORTH_KEEPING) found.add(e)
  }
  for (const e of toposort(roots)) {
    if (e.args.some((a) => varies.has(a))) {
      varies.add(e)
      for (const a of e.args) if (!varies.has(a)) keep(a)
      continue
    }
    if (varies.has(e)) continue
    const { lower } = e.prim
    const below = e.args.reduce((sum, a) => sum + work.get(a)!, 0)
    if (lower.kind === 'leaf') work.set(e, 0)
    else if (lower.kind === 'pointwise') {
      const { arithmetic, reads } = ownCost(e, lower.at)
      work.set(e, below + arithmetic)
      if (arithmetic === 0 && reads.length === 1 && reads[0]!.times === 1) views.add(e)
    } else work.set(e, below + WORTH_KEEPING)
  }
  for (const root of roots) if (!varies.has(root)) keep(root)
  return [...found]
}
