/**
 * Axes cut and merged. The same loops can be written over one long axis or over several nested ones; each pass wants
 * another form, and all of them get it here.
 *
 * Cut: an axis whose indices are taken apart by div and mod becomes nested axes, one for each part. A loop over r < 6 that
 * reads [2, 3] at (r / 3, r % 3) becomes loops over p < 2 and q < 3 that read it at (p, q):
 *
 *     cut(r, {3}) = [p < 2, q < 3], r = 3 p + q, so that r / 3 = p and r % 3 = q
 *
 * Fusion does so to a reader that is to take up what it reads (`refinement`), a printer to what would divide in its innermost
 * loop (`withoutDivision`). Merging is the way back: where all indices see p and q only as 3 p + q, one loop over r < 6
 * does, and the kernel is the same as that of somebody who wrote it over r in the first place (`merged`).
 */
import { setAt } from '../base/get-or-insert.ts'
import { type Axis, div, flatten, type Ix, mod, ofAxis, substitute } from './ix.ts'
import type { LoopKernel } from './kernel.ts'
import { linearize } from './scalar.ts'
import { indicesOf, loopRoots, withAxes } from './substitute.ts'

let made = 0
/** Axis ids only name loop variables; kernels are renumbered when they are built. */
export const freshAxis = (extent: number): Axis => ({ id: made++, extent })
export const freshAxes = (shape: readonly number[]): readonly Axis[] => shape.map(freshAxis)

export const extents = (axes: readonly Axis[]): readonly number[] => axes.map((a) => a.extent)
export const count = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.extent, 1)

/** An axis as nested ones, outermost first, so that each stride is the size of some of the innermost; null where these do not nest. */
const cut = (
  axis: Axis,
  strides: ReadonlySet<number>,
  fresh: (extent: number) => Axis = freshAxis,
): readonly Axis[] | null => {
  const sizes: number[] = []
  let inner = 1
  for (const stride of [...[...strides].filter((n) => n < axis.extent).sort((p, q) => p - q), axis.extent]) {
    if (stride % inner !== 0) return null
    sizes.unshift(stride / inner)
    inner = stride
  }
  return sizes.map(fresh)
}

/** What the cut axis was, in terms of its parts. */
const whole = (parts: readonly Axis[]): Ix => flatten(parts.map(ofAxis), extents(parts))

const moving =
  (image: ReadonlyMap<Axis, Ix>): ((ix: Ix) => Ix) =>
  (ix) =>
    substitute(
      ix,
      (a) => image.get(a) ?? ofAxis(a),
      (s) => s,
    )

/** The one axis that an index is. */
const bare = (ix: Ix): Ix['terms'][number]['atom'] | null =>
  ix.terms.length === 1 && ix.constant === 0 && ix.terms[0]!.coef === 1 ? ix.terms[0]!.atom : null

/** The strides at which to cut each axis so that every div and mod of it in `index` is an axis; null where that cannot be. */
const stridesOf = (index: readonly Ix[]): ReadonlyMap<Axis, ReadonlySet<number>> | null => {
  const strides = new Map<Axis, Set<number>>()
  const at = (axis: Axis, ...ns: readonly number[]): void => {
    for (const n of ns) setAt(strides, axis).add(n)
  }
  for (const { terms } of index)
    for (const { atom } of terms) {
      if (atom.kind === 'axis') continue
      if (atom.kind !== 'div' && atom.kind !== 'mod') return null
      const of = bare(atom.of)
      if (of?.kind === 'axis') at(of.axis, atom.by)
      else if (of?.kind === 'div' && atom.kind === 'mod') {
        // (a / n) % m: the axis between strides n and n m
        const inner = bare(of.of)
        if (inner?.kind !== 'axis') return null
        at(inner.axis, of.by, of.by * atom.by)
      } else return null
    }
  return strides
}

/** Loops, and the same in other axes: `move` takes an index of the old ones to one of the new. */
export interface Loops {
  readonly rows: readonly Axis[]
  readonly cols: readonly Axis[]
}
export interface Refinement extends Loops {
  readonly move: (ix: Ix) => Ix
}

/**
 * Finer axes for loops in which `index` has no div or mod left: a reader that runs over [B T] sees a [B, T] value at
 * (r / T, r % T), and is rewritten to run over B and T. Null where there is nothing to cut, or it cannot be cut.
 */
export const refinement = (loops: Loops, index: readonly Ix[]): Refinement | null => {
  const strides = stridesOf(index)
  if (strides === null || strides.size === 0) return null
  const image = new Map<Axis, Ix>()
  const refine = (axes: readonly Axis[]): readonly Axis[] | null => {
    const finer: Axis[] = []
    for (const axis of axes) {
      const at = strides.get(axis)
      const parts = at === undefined ? [axis] : cut(axis, at)
      if (parts === null) return null
      if (at !== undefined) image.set(axis, whole(parts))
      finer.push(...parts)
    }
    return finer
  }
  const rows = refine(loops.rows)
  const cols = refine(loops.cols)
  return rows === null || cols === null ? null : { rows, cols, move: moving(image) }
}

/** Whether `outer` and `inner` only ever occur as outer * inner.extent + inner. */
const areOne = (ix: Ix, outer: Axis, inner: Axis): boolean => {
  let outerCoef = 0
  let innerCoef = 0
  for (const { coef, atom } of ix.terms) {
    if (atom.kind === 'axis') {
      if (atom.axis === outer) outerCoef = coef
      if (atom.axis === inner) innerCoef = coef
    } else if (atom.kind !== 'value' && !areOne(atom.of, outer, inner)) return false
  }
  return outerCoef === innerCoef * inner.extent
}

/** Loops count in 32-bit integers. */
const COUNTED = 2 ** 31

export interface Merged {
  readonly axes: readonly Axis[]
  /** The axes that are gone, in terms of those that are left. */
  readonly image: ReadonlyMap<Axis, Ix>
}

/** Nested axes with neighbours merged wherever all indices allow it, and without those of one iteration. */
export const merged = (axes: readonly Axis[], indices: readonly Ix[]): Merged => {
  const image = new Map<Axis, Ix>()
  const left: Axis[] = []
  const current = axes.filter((a) => a.extent !== 1)
  let ixs = indices
  for (let inner = current.pop(); inner !== undefined; inner = current.pop()) {
    const outer = current.at(-1)
    const one = inner
    const fits = outer !== undefined && outer.extent * one.extent < COUNTED
    if (!fits || !ixs.every((ix) => areOne(ix, outer, one))) {
      left.unshift(one)
      continue
    }
    const both: Axis = { id: one.id, extent: outer.extent * one.extent }
    const parts = new Map<Axis, Ix>([
      [outer, div(ofAxis(both), one.extent)],
      [one, mod(ofAxis(both), one.extent)],
    ])
    const move = moving(parts)
    for (const [a, ix] of image) image.set(a, move(ix))
    for (const [a, ix] of parts) if (!image.has(a)) image.set(a, ix)
    ixs = ixs.map(move)
    current.splice(-1, 1, both)
  }
  return { axes: left, image }
}

/** The largest n for which some index has exactly axis / n or axis % n, with n dividing the axis; null for none. */
const divisorOf = (axis: Axis, indices: readonly Ix[]): number | null => {
  let best: number | null = null
  const visit = (ix: Ix): void => {
    for (const { atom } of ix.terms) {
      if (atom.kind === 'axis' || atom.kind === 'value') continue
      const of = bare(atom.of)
      if (of?.kind === 'axis' && of.axis === axis && atom.kind !== 'clamp' && axis.extent % atom.by === 0)
        best = Math.max(best ?? 0, atom.by)
      visit(atom.of)
    }
  }
  indices.forEach(visit)
  return best
}

/**
 * A kernel whose axes are cut wherever its indices divide them, so that the parts are loop variables and addresses sums of
 * products; a short innermost axis is left whole, since its parts would waste lanes. A running sum keeps its one column.
 */
export const withoutDivision = (kernel: LoopKernel): LoopKernel => {
  if (kernel.reductions.some((r) => r.running)) return kernel
  const indices = indicesOf(linearize(loopRoots(kernel)))
  for (const list of ['rows', 'cols'] as const) {
    for (const [i, axis] of kernel[list].entries()) {
      const by = divisorOf(axis, indices)
      // The few divisions of a short innermost axis are constants lane by lane.
      if (by === null || by === axis.extent || (i === kernel[list].length - 1 && by < 16 && by % 4 !== 0)) continue
      let id = 1 + Math.max(0, ...[...kernel.rows, ...kernel.cols].map((a) => a.id))
      const parts = cut(axis, new Set([by]), (extent) => ({ id: id++, extent }))!
      const axes = kernel[list].flatMap((a) => (a === axis ? parts : [a]))
      return withoutDivision({ ...withAxes(kernel, new Map([[axis, whole(parts)]])), [list]: axes })
    }
  }
  return kernel
}
