/**
 * How the work of a dot may be cut without a change of any bit: the sums of an element are those of its blocks of k in order,
 * and within a block of its steps in order, whatever tile they are made in, and wherever b is read.
 */
import type { DType } from '../../../base/dtype.ts'
import type { Candidate } from '../../tuner/candidate.ts'

export interface DotChoice {
  /** Vectors of a tile's row. */
  readonly vectors: number
  /** Rows from which a b that lies well in place is copied all the same. */
  readonly copyFrom: number
  /** Rows that share a packed panel: with a block of k, packed a should stay in a second-level cache. An even number of groups of lines. */
  readonly blockRows: number
  /** Units that keep the threads of a process busy, and short enough that none waits long for the last of another. */
  readonly enoughUnits: number
}

/** A product, turned as it is computed. */
export interface Extents {
  readonly rows: number
  /** What b is stored as, where it is plainly loaded, and how many elements of it there are. */
  readonly stored: DType | null
  readonly elements: number
}

/** Elements of a b that a second-level cache keeps. */
const IN_CACHE = 400_000

/** A copy is repaid by many rows; by few where b comes from afar, or is widened, which in a copy is done once. */
const copyFrom = ({ stored, elements }: Extents): number =>
  stored === 'f16' ? 4 : stored === 'f32' && elements <= IN_CACHE ? 33 : 12

/** What runs where nothing was measured. */
export const shippedChoice = (extents: Extents): DotChoice => ({
  // 16 columns. A single row has registers for twice as many.
  vectors: extents.rows === 1 ? 8 : 4,
  copyFrom: copyFrom(extents),
  blockRows: 256,
  enoughUnits: 64,
})

const nameOf = ({ vectors, copyFrom, blockRows, enoughUnits }: DotChoice): string =>
  `${vectors} vectors, b copied from ${copyFrom} rows, blocks of ${blockRows} rows, ${enoughUnits} units`

/** What is shipped, and what differs from it in one respect; not in the units, whose best number is a matter of threads. */
export const choicesOf = (extents: Extents): readonly Candidate<DotChoice>[] => {
  const shipped = shippedChoice(extents)
  const { rows } = extents
  const choices: readonly DotChoice[] = [
    shipped,
    ...(rows === 1 ? [4, 6, 12] : [2, 3, 5, 6]).map((vectors) => ({ ...shipped, vectors })),
    { ...shipped, copyFrom: rows < shipped.copyFrom ? rows : rows + 1 },
    { ...shipped, blockRows: 64 },
    { ...shipped, blockRows: 128 },
  ]
  return choices.map((choice) => ({ name: nameOf(choice), choice }))
}
