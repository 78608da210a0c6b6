/**
 * What a compiled function computes from nothing that varies: closed-over expressions (initial parameters, tables of angles)
 * whose values are the same at every call. `jit` computes them once and binds the results; what is cheaper to compute again
 * than to load (fills, masks from indices) stays in the kernels.
 *
 * In `jit((x) => add(matmul(x, transpose()(w)), full([8], 0.5)))` with `w = random.normal(random.key(0), [8, 4])`:
 *
 *     x                 varies
 *     w                 dozens of operations an element, from nothing that varies: computed once
 *     transpose()(w)    movement of one such value: left to its reader, so that w itself is kept, not a copy of it
 *     full([8], 0.5)    no work: stays where it is read
 */
import type { Expr } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
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
    if (views.has(e)) e.node.args.forEach(keep)
    else if (work.get(e)! >= WORTH_KEEPING) found.add(e)
  }
  for (const { prim, args, outs } of toposort(roots)) {
    if (args.some((a) => varies.has(a))) {
      for (const out of outs) varies.add(out)
      for (const a of args) if (!varies.has(a)) keep(a)
      continue
    }
    const { lower } = prim
    const below = args.reduce((sum, a) => sum + work.get(a)!, 0)
    for (const out of outs) {
      if (varies.has(out)) continue
      if (lower.kind === 'leaf' || lower.kind === 'unwritten') work.set(out, 0)
      else if (lower.kind === 'pointwise') {
        const { arithmetic, reads } = ownCost(out, lower.at)
        work.set(out, below + arithmetic)
        if (arithmetic === 0 && reads.length === 1 && reads[0]!.times === 1) views.add(out)
      } else work.set(out, below + WORTH_KEEPING)
    }
  }
  for (const root of roots) if (!varies.has(root)) keep(root)
  return [...found]
}
