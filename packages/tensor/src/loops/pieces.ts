/**
 * Guards out of loops: where a kernel asks for each element whether an axis is in some range (padding, joining, slicing
 * back), the axis is cut at the range's ends, and each piece is a kernel in which the answer is known: no test, no load of
 * what is not wanted, and indices that are plain again.
 */
import { setAt } from '../base/get-or-insert.ts'
import type { Axis, Ix } from './ix.ts'
import * as I from './ix.ts'
import type { LoopKernel } from './kernel.ts'
import { linearize } from './scalar.ts'
import { loopRoots, withAxes } from './substitute.ts'

/** More pieces than this are not worth their code. */
const PIECES = 8

/** Where a condition on `coef * axis + constant` changes as the axis grows, for lo <= ix < hi. */
const changes = (ix: Ix, lo: number, hi: number): { readonly axis: Axis; readonly at: readonly number[] } | null => {
  const [term] = ix.terms
  if (term === undefined || ix.terms.length > 1 || term.atom.kind !== 'axis') return null
  const { coef } = term
  // coef a + c >= bound first holds at ceil((bound - c) / coef); with coef < 0 it stops holding after floor(...)
  const edge = (bound: number): number =>
    coef > 0 ? Math.ceil((bound - ix.constant) / coef) : Math.floor((bound - ix.constant) / coef) + 1
  return { axis: term.atom.axis, at: [edge(lo), edge(hi)] }
}

const cutsOf = (kernel: LoopKernel): ReadonlyMap<Axis, ReadonlySet<number>> => {
  const cuts = new Map<Axis, Set<number>>()
  for (const s of linearize(loopRoots(kernel))) {
    const found = s.kind === 'within' ? changes(s.ix, s.lo, s.hi) : null
    if (found === null) continue
    const known = setAt(cuts, found.axis)
    for (const at of found.at) if (at > 0 && at < found.axis.extent) known.add(at)
  }
  return cuts
}

const cutAxis = (
  kernel: LoopKernel,
  list: 'rows' | 'cols',
  axis: Axis,
  cuts: ReadonlySet<number>,
): readonly LoopKernel[] => {
  const ends = [...cuts].sort((p, q) => p - q)
  return [...ends, axis.extent].map((end, i) => {
    const start = i === 0 ? 0 : ends[i - 1]!
    const part: Axis = { id: axis.id, extent: end - start }
    const image = new Map<Axis, Ix>([[axis, I.offset(I.ofAxis(part), start)]])
    return { ...withAxes(kernel, image), [list]: kernel[list].map((a) => (a === axis ? part : a)) }
  })
}

/**
 * A kernel as kernels over parts of its iteration space, together the same; itself where it has no guards. Rows may always
 * be cut; columns only where nothing is reduced over them. A kernel that increases elements keeps its order, and is one.
 */
export const pieces = (kernel: LoopKernel): readonly LoopKernel[] => {
  if (kernel.stores.some((s) => s.mode === 'add')) return [kernel]
  let parts: readonly LoopKernel[] = [kernel]
  const cuts = cutsOf(kernel)
  for (const list of ['rows', 'cols'] as const) {
    if (list === 'cols' && kernel.reductions.length > 0) continue
    for (const axis of kernel[list]) {
      const at = cuts.get(axis)
      if (at === undefined || at.size === 0 || parts.length * (at.size + 1) > PIECES) continue
      parts = parts.flatMap((part) => cutAxis(part, list, axis, at))
    }
  }
  return parts
}
