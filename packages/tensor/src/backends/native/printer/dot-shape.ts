/** How the work of a dot is cut: what follows from its extents, how its operands lie, and the width of a vector. */
import type { Axis } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import { liesAlongK, type Strides, stridesOf } from '../../linear/operand.ts'
import { accessCost } from '../../linear/plan.ts'
import { choicesOf, type DotChoice, type Extents, shippedChoice } from './dot-choice.ts'
import type { Candidate } from '../../tuner/candidate.ts'

/** Steps of k in a row: what is added up before it is added to the others. All cuts but this one change no bit. */
const KC = 256
/** Rows that share a packed b: as many as packed rows of a, or sums, leave it in that cache. */
const SHARED_ROWS = { packed: 256, summed: 512, direct: 4096 } as const
/** Rows for which a b that lies along k is not turned. */
const FEW = 4

export interface DotShape {
  readonly kernel: DotKernel
  /** Rows and vectors of a tile, and columns of its panel of b. */
  readonly rows: number
  readonly vectors: number
  readonly panel: number
  /** Where an operand can be read in place: how it lies. */
  readonly a: Strides | null
  readonly b: Strides | null
  readonly aAlongK: boolean
  readonly bAlongK: boolean
  /** Whether columns are summed along k by lanes (tile.ts), from a b in place. */
  readonly inner: boolean
  readonly kBlock: number
  readonly kBlocks: number
  /** Groups of rows, and how many of them may share a packed b. */
  readonly groupRows: number
  readonly groups: number
  readonly together: number
  /** Whole panels of n and of a block of columns, and the blocks. */
  readonly panels: number
  readonly panelsOfBlock: number
  readonly columnBlocks: number
  readonly units: number
  /** Floats: from one packed panel, or group of rows, to the next; from one row of sums to the next. */
  readonly panelStride: (steps: number) => number
  readonly groupStride: (steps: number) => number
  readonly sumStride: number
  /** Where packed b and the sums are in scratch, which begins with packed a; and its end. */
  readonly bAt: number
  readonly sumsAt: number
  readonly floats: number
}

/** The same product transposed, where that makes the stores run along the lanes. Rows that are reduced stay rows. */
const oriented = (kernel: DotKernel, width: number): DotKernel => {
  const { m, n, a, b } = kernel
  if (kernel.reductions.length > 0) return kernel
  const stores = kernel.stores.map((s) => s.at)
  const better = m.extent >= 4 && accessCost(stores, m, width) < accessCost(stores, n, width)
  return n.extent === 1 || better ? { ...kernel, m: n, n: m, a: b, b: a } : kernel
}

const up = (n: number, by: number): number => Math.ceil(n / by) * by
const product = (axes: readonly Axis[]): number => axes.reduce((count, x) => count * x.extent, 1)

/** How the device may cut a product; the first is how it does unless it is told. */
export const dotChoices = (given: DotKernel, width: number): readonly Candidate<DotChoice>[] =>
  choicesOf(extentsOf(oriented(given, width), width), width)

/** Whether columns of a b in place are summed along k by lanes. */
const sumsAlongK = (kernel: DotKernel, width: number): boolean => {
  const { m, n, k } = kernel
  const b = stridesOf(kernel.b, [n, k], kernel)
  return (
    b?.dtype === 'f32' && b.along(k) === 1 && b.along(n) > 1 && m.extent <= FEW && k.extent >= width && n.extent > 1
  )
}
const extentsOf = (kernel: DotKernel, width: number): Extents => ({
  items: product(kernel.batch),
  rows: kernel.m.extent,
  columns: kernel.n.extent,
  inner: sumsAlongK(kernel, width),
})

/** `chosen`: null as it is shipped. */
export const dotShape = (given: DotKernel, width: number, chosen: DotChoice | null = null): DotShape => {
  const kernel = oriented(given, width)
  const { m, n, k } = kernel
  const extents = extentsOf(kernel, width)
  const { inner } = extents
  const { tile, copyFrom, unitRows, unitColumns, enoughUnits } = chosen ?? shippedChoice(extents, width)
  const rows = Math.min(tile.rows, Math.max(1, m.extent))
  const bStrides = stridesOf(kernel.b, [n, k], kernel)
  const aStrides = stridesOf(kernel.a, [m, k], kernel)
  const vectors = inner ? 1 : tile.vectors
  const panel = vectors * width
  const aAlongK = inner || m.extent === 1 || liesAlongK(kernel.a, k, m, width)
  const bAlongK = liesAlongK(kernel.b, k, n, width)
  const aInPlace =
    aStrides?.dtype === 'f32' &&
    aStrides.along(m) >= 0 &&
    (aStrides.along(k) === 1 || (aStrides.along(k) > 0 && !inner && m.extent <= rows))
  const bInPlace =
    inner || (bStrides?.dtype === 'f32' && bStrides.along(n) === 1 && bStrides.along(k) > 0 && m.extent < copyFrom)
  const kBlocks = Math.max(1, Math.ceil(k.extent / KC))

  const groups = Math.max(1, Math.ceil(m.extent / unitRows))
  const sharing = !aInPlace ? SHARED_ROWS.packed : kBlocks > 1 ? SHARED_ROWS.summed : SHARED_ROWS.direct
  const together = Math.max(1, Math.min(groups, sharing / unitRows))
  const panels = Math.floor(n.extent / panel)
  const { items } = extents
  const byUnits = Math.floor((items * groups * panels) / enoughUnits)
  // What reduces a row has all of it.
  const most = kernel.reductions.length > 0 ? panels : Math.min(Math.floor(unitColumns / panel), byUnits, panels)
  const columnBlocks = Math.max(1, Math.ceil(panels / Math.max(1, most)))
  const panelsOfBlock = Math.ceil(panels / columnBlocks)

  const steps = Math.min(KC, k.extent)
  // a little more than a power of two, so that what lies side by side is in different sets of the cache
  const panelStride = (length: number): number => length * panel + width
  const groupStride = (length: number): number => (length + 1) * width
  const rest = n.extent - panels * panel
  const columns = panelsOfBlock * panel + up(rest, width)
  const rowsHeld = up(Math.min(together * unitRows, m.extent), width)
  const aFloats = aInPlace ? 0 : (rowsHeld / width) * groupStride(steps) + width
  const bFloats = bInPlace ? 0 : (panelsOfBlock + 1) * panelStride(steps) + width * panel
  const sumStride = columns + width
  const sumRows = kBlocks > 1 ? up(rowsHeld, rows) + rows : rows
  return {
    kernel,
    rows,
    vectors,
    panel,
    a: aInPlace ? aStrides : null,
    b: bInPlace ? bStrides : null,
    aAlongK,
    bAlongK,
    inner,
    kBlock: KC,
    kBlocks,
    groupRows: unitRows,
    groups,
    together,
    panels,
    panelsOfBlock,
    columnBlocks,
    units: m.extent === 0 || n.extent === 0 ? 0 : items * groups * columnBlocks,
    panelStride,
    groupStride,
    sumStride,
    bAt: aFloats,
    sumsAt: aFloats + bFloats,
    floats: aFloats + bFloats + sumRows * sumStride,
  }
}
