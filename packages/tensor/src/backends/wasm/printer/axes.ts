/**
 * Loops without division: an axis that indices take apart as a / n and a % n becomes two nested axes, so that the parts
 * are loop variables and addresses are sums of products.
 */
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import { linearize } from '../../../loops/scalar.ts'
import { indicesOf, loopRoots, withAxes } from '../../../loops/substitute.ts'

/** The largest n for which some index has exactly axis / n or axis % n, with n dividing the axis; null for none. */
const divisorOf = (axis: Axis, indices: readonly Ix[]): number | null => {
  let best: number | null = null
  const visit = (ix: Ix): void => {
    for (const { atom } of ix.terms) {
      if (atom.kind === 'axis' || atom.kind === 'value') continue
      const [only] = atom.of.terms
      const bare =
        only !== undefined && atom.of.terms.length === 1 && only.atom.kind === 'axis' && only.atom.axis === axis
      if (bare && only.coef === 1 && atom.of.constant === 0 && atom.kind !== 'clamp' && axis.extent % atom.by === 0)
        best = Math.max(best ?? 0, atom.by)
      visit(atom.of)
    }
  }
  indices.forEach(visit)
  return best
}

/** Splits the axes of a kernel wherever its indices do, innermost parts of four and more. */
export const splitAxes = (kernel: LoopKernel): LoopKernel => {
  const fresh = 1 + Math.max(0, ...[...kernel.rows, ...kernel.cols].map((a) => a.id))
  const indices = indicesOf(linearize(loopRoots(kernel)))
  if (kernel.reductions.some((r) => r.scan)) return kernel
  for (const list of ['rows', 'cols'] as const) {
    for (const [i, axis] of kernel[list].entries()) {
      const by = divisorOf(axis, indices)
      // A short innermost axis would waste lanes; its few divisions are constants lane by lane.
      if (by === null || by === axis.extent || (i === kernel[list].length - 1 && by < 16 && by % 4 !== 0)) continue
      const outer: Axis = { id: fresh, extent: axis.extent / by }
      const inner: Axis = { id: fresh + 1, extent: by }
      const axes = kernel[list].flatMap((a) => (a === axis ? [outer, inner] : [a]))
      const image = new Map([[axis, I.add(I.scale(I.ofAxis(outer), by), I.ofAxis(inner))]])
      return splitAxes({ ...withAxes(kernel, image), [list]: axes })
    }
  }
  return kernel
}
