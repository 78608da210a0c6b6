/**
 * How the work of a dot may be cut without a change of any bit: the sums of an element are those of its blocks of k in order,
 * and within a block of its steps in order, whatever tile they are made in, and wherever b is read.
 */
import type { Candidate } from '../../tuner/candidate.ts'

export interface DotChoice {
  /** Rows of a tile, which divide the lanes of a vector, and vectors of its columns. */
  readonly tile: { readonly rows: number; readonly vectors: number }
  /** Rows from which a b that lies well in place is copied all the same. */
  readonly copyFrom: number
  /** Rows of a unit of work; a multiple of the rows of a tile, and of the lanes. */
  readonly unitRows: number
  /** Columns of a unit, at most: their part of b, a block of k of it, should stay in the second-level cache. */
  readonly unitColumns: number
  /** Units that keep the processor's cores busy. */
  readonly enoughUnits: number
}

const tileRows = (width: number): number => (width === 16 ? 8 : 4)
/** Registers for sums where a tile is not small; there are 32 of 16 lanes, and else 16. */
const sumsOf = (width: number): number => (width === 16 ? 24 : 12)
const registers = (width: number): number => (width === 16 ? 32 : 16)
/** Vectors of a tile of so many rows: more where there are few, so that sums do not wait for one another. */
const tileVectors = (rows: number, width: number): number =>
  Math.max(3, Math.min(rows === 1 ? 8 : 6, Math.floor(sumsOf(width) / rows)))

/** A product, turned as it is computed. */
export interface Extents {
  readonly items: number
  readonly rows: number
  readonly columns: number
  /** Whether its columns are summed along k by lanes. */
  readonly inner: boolean
}

/** Units below which they are halved: two cores share four better than two. */
const FEW_UNITS = 8

/** What runs where nothing was measured. */
export const shippedChoice = ({ items, rows, columns, inner }: Extents, width: number): DotChoice => {
  const ofTile = Math.min(tileRows(width), Math.max(1, rows))
  const vectors = tileVectors(ofTile, width)
  const units = items * Math.ceil(rows / 32) * Math.floor(columns / (vectors * width))
  return {
    tile: { rows: ofTile, vectors },
    copyFrom: 33,
    unitRows: units < FEW_UNITS ? 16 : 32,
    unitColumns: 528,
    enoughUnits: inner ? 64 : 16,
  }
}

const nameOf = ({ tile, copyFrom, unitRows, unitColumns, enoughUnits }: DotChoice): string =>
  `tiles of ${tile.rows} x ${tile.vectors}, units of ${unitRows} x ${unitColumns}, ${enoughUnits} of them, b copied from ${copyFrom} rows`

/** Tiles of few rows, and of many; those that the registers hold, with a vector of each column and one of a, are candidates. */
const TILES = [
  [1, 4],
  [1, 6],
  [1, 12],
  [2, 4],
  [2, 6],
  [2, 10],
  [4, 2],
  [4, 4],
  [4, 6],
  [8, 2],
  [16, 1],
] as const

/** What is shipped, and what differs from it in one respect. */
export const choicesOf = (extents: Extents, width: number): readonly Candidate<DotChoice>[] => {
  const shipped = shippedChoice(extents, width)
  const { rows } = extents
  const most = shipped.tile.rows
  const tiles = TILES.filter(
    ([r, v]) =>
      width % r === 0 && r <= rows && 2 * r >= most && r * v + v + 1 <= registers(width) && 4 * r * v >= sumsOf(width),
  )
  const choices: readonly DotChoice[] = [
    shipped,
    ...tiles.map(([r, v]) => ({ ...shipped, tile: { rows: r, vectors: v } })),
    { ...shipped, copyFrom: rows < shipped.copyFrom ? rows : rows + 1 },
    { ...shipped, unitColumns: 264 },
    { ...shipped, unitColumns: 1056 },
    { ...shipped, unitRows: 16 },
    { ...shipped, unitRows: 32 },
    { ...shipped, unitRows: 64 },
    { ...shipped, enoughUnits: 4 },
    { ...shipped, enoughUnits: 8 },
    { ...shipped, enoughUnits: 16 },
    { ...shipped, enoughUnits: 64 },
  ]
  return choices.map((choice) => ({ name: nameOf(choice), choice }))
}
