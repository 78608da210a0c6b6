/**
 * How the work of a kernel is cut into units, which threads take as they come. The cut depends on shapes alone: which thread
 * computes a unit, and how many threads there are, changes no bit of it.
 *
 *     rows [32, 4, 64], lanes along columns     the outer axes, as many as it takes to have 64 points: 32 * 4 units
 *     rows [4194304], lanes along the rows      blocks of turns of the loop over vectors: at most 256 units
 *     dot of [512, 512] and [512, 512]          blocks of rows, and of panels of columns
 */
import type { Axis } from '../../loops/ix.ts'
import type { LoopKernel } from '../../loops/kernel.ts'
import { linearize } from '../../loops/scalar.ts'
import { LINE } from './heap.ts'
import { cutsOf, type Plan } from './plan.ts'

/** Units that keep any processor's cores busy, and are work enough to be handed out one by one. */
const ENOUGH_UNITS = 64
const MOST_UNITS = 256

export interface LoopUnits {
  readonly units: number
  /** Row axes, outermost first, of which a unit has one point; its number counts them, and then the blocks. */
  readonly axes: readonly Axis[]
  /** The other row axes that lanes do not span, all of which each unit goes over. */
  readonly rest: readonly Axis[]
  /** Blocks of turns of the loop over the lanes' row axis, and turns of a block; null where a unit has all of them. */
  readonly blocks: { readonly count: number; readonly turns: number } | null
  /** Operations on vectors, about. */
  readonly work: number
}

/** `width`: lanes of a vector. A kernel that increases elements keeps its order: one unit. */
export const loopUnits = (kernel: LoopKernel, plan: Plan, width: number): LoopUnits => {
  const { rows, cols, reductions, stores } = kernel
  const ofLanes = plan.vector === 'row' ? rows.at(-1)! : null
  const outer = rows.filter((a) => a !== ofLanes)
  const roots = [...reductions.map((r) => r.value), ...stores.map((s) => s.value)]
  const points = [...rows, ...cols].reduce((n, a) => n * a.extent, 1)
  const work = (points / (plan.vector === 'none' ? 1 : width)) * linearize(roots).length
  if (rows.some((a) => a.extent === 0)) return { units: 0, axes: [], rest: outer, blocks: null, work }
  if (stores.some((s) => s.mode === 'add')) return { units: 1, axes: [], rest: outer, blocks: null, work }
  let counted = 0
  let product = 1
  while (counted < outer.length && product < ENOUGH_UNITS) product *= outer[counted++]!.extent
  const [axes, rest] = [outer.slice(0, counted), outer.slice(counted)]
  // An axis in pieces has a loop for each: one unit.
  const turns =
    ofLanes === null || cutsOf(kernel, ofLanes).length > 0 ? 0 : Math.floor(ofLanes.extent / (width * plan.unroll))
  if (rest.length > 0 || product >= ENOUGH_UNITS || turns < 2) return { units: product, axes, rest, blocks: null, work }
  const ofBlock = Math.ceil(turns / Math.min(turns, Math.ceil(MOST_UNITS / product)))
  const count = Math.ceil(turns / ofBlock)
  return { units: product * count, axes, rest, blocks: { count, turns: ofBlock }, work }
}

export interface ColumnBlocks {
  readonly count: number
  /** Panels of columns in a block. */
  readonly panels: number
}

/** The blocks of columns of a dot with so many panels, where there are `others` units beside: `wanted` units in all. */
export const columnBlocks = (panels: number, others: number, wanted: number): ColumnBlocks => {
  const split = Math.max(1, Math.min(panels, Math.ceil(wanted / Math.max(1, others))))
  const ofBlock = Math.max(1, Math.ceil(panels / split))
  return { count: Math.max(1, Math.ceil(panels / ofBlock)), panels: ofBlock }
}

/** Threads among which so much work is worth sharing; `repays`: operations on vectors that repay the waking of one. */
export const threadsFor = (
  { units, work }: { readonly units: number; readonly work: number },
  most: number,
  repays: number,
): number => Math.max(1, Math.min(most, units, Math.floor(work / repays)))

/** Bytes from the scratch of one thread to that of the next: a multiple of a cache line. */
export const strideOf = (scratchBytes: number): number => LINE * Math.ceil(scratchBytes / LINE)
