/** What a kind of adapter runs well. Every number is a power of two unless it says otherwise. */
import type { Candidate } from '../../tuner/candidate.ts'

/** A dot's workgroup computes a tile of the result. */
export interface DotTile {
  /** Lanes along the rows and columns of the tile. */
  readonly lanesM: number
  readonly lanesN: number
  /** Rows and columns of the result that one lane accumulates in registers; any positive integers. */
  readonly perM: number
  readonly perN: number
  /** Depth of the operand tiles held in workgroup memory; 0 = every lane reads the operands themselves. */
  readonly depth: number
  /** With lanesM = 1, depth 0 and lanesN the lanes of a subgroup: operands are read in fours, and rows shuffled (see fours.ts). */
  readonly fours?: boolean
}

/**
 * Subgroup matrices of an adapter: its subgroups multiply [m, k] by [k, n] of f16, and add that to [m, n] of f32 (see
 * fragments.ts). What `device.tuning` says an adapter has; null turns them off.
 */
export interface Matrices {
  readonly m: number
  readonly n: number
  readonly k: number
  /** Lanes of every subgroup. */
  readonly subgroup: number
  /** Bytes of a workgroup's memory. */
  readonly memory: number
}

/** Shapes of the kernels that are generated for a WebGPU adapter. */
export interface Tuning {
  /** Workgroup of kernels with one lane an element or a row. */
  readonly lanes: number
  /** Most lanes that share a row. */
  readonly rowLanes: number
  /** Rows of at most this many columns are reduced by one lane, where there are rows enough for a workgroup. */
  readonly serialColumns: number
  /** The adapter's one subgroup size, where lanes that share a row should talk by shuffles; 0 = by workgroup memory. */
  readonly subgroup: number
  /** What multiplies f16 by f16; null where there is none, or it is not to be used: plain tiles then do. */
  readonly matrices: Matrices | null
  /** The cut of a product of [m, k] and [k, n], `batch` times. */
  readonly dot: (m: number, n: number, k: number, batch: number) => DotTile
}

const ceilDiv = (x: number, y: number): number => Math.ceil(x / y)
/** The least power of two that is at least x. */
export const powerOfTwo = (x: number): number => 2 ** Math.ceil(Math.log2(Math.max(1, x)))

/** GPUs: tiles in workgroup memory, smaller ones where large ones would leave most of the machine idle. */
export const hardwareTuning: Tuning = {
  lanes: 64,
  rowLanes: 256,
  serialColumns: 32,
  subgroup: 0,
  matrices: null,
  dot: (m, n, _k, batch) => {
    const groups = (tile: number): number => ceilDiv(m, tile) * ceilDiv(n, tile) * batch
    if (m <= 8) return { lanesM: 1, lanesN: 64, perM: m < 1 ? 1 : m, perN: 1, depth: 16 }
    if (n <= 8) return { lanesM: 64, lanesN: 1, perM: 1, perN: n < 1 ? 1 : n, depth: 16 }
    // the work of the larger tile by its loads: 8 x 4 sums for 12 numbers, to 4 x 4 for 8
    if (ceilDiv(m, 128) * ceilDiv(n, 64) * batch >= 128) return { lanesM: 16, lanesN: 16, perM: 8, perN: 4, depth: 16 }
    return groups(64) >= 64
      ? { lanesM: 16, lanesN: 16, perM: 4, perN: 4, depth: 16 }
      : { lanesM: 8, lanesN: 8, perM: 4, perN: 4, depth: 16 }
  },
}

/**
 * Software adapters (lavapipe, SwiftShader): a workgroup is one SIMD register of lanes, barriers are expensive, workgroup
 * memory is no faster than any other. Measured on one core of an AMD EPYC: 16 x 8 results a lane reach 10 GFLOP/s and take
 * over a second to compile, 8 x 8 9 and a third of that. So large tiles are for dots that pay them back.
 */
export const softwareTuning: Tuning = {
  lanes: 128,
  rowLanes: 8,
  serialColumns: 1024,
  subgroup: 0,
  matrices: null,
  dot: (m, n, k, batch) => {
    const multiplications = m * n * k * batch
    const [perM, perN] = multiplications > 2 ** 24 ? [16, 8] : multiplications > 2 ** 20 ? [8, 8] : [8, 4]
    return {
      lanesM: 1,
      lanesN: 8,
      perM: Math.min(perM, Math.max(1, m)),
      perN: Math.min(perN, Math.max(1, ceilDiv(n, 8))),
      depth: 0,
    }
  },
}

/**
 * The same where workgroups of some size are one subgroup of `lanes` lanes, which talk by shuffles. On the same core 16 x 4
 * results a lane reach 22 GFLOP/s in 0.8 s of compiling; 32 x 4 reach 25 in 2.5 s, 8 x 4 18 in 0.4 s.
 */
export const shuffledTuning = (lanes: number): Tuning => ({
  ...softwareTuning,
  subgroup: lanes,
  dot: (m, n, k, batch) => foursTile(lanes, m, n, m * n * k * batch > 2 ** 18 ? 16 : 8, 4),
})
const foursTile = (lanes: number, m: number, n: number, perM: number, perN: number): DotTile => ({
  ...{ lanesM: 1, lanesN: lanes, depth: 0, fours: true },
  perM: Math.min(perM, Math.max(1, m)),
  perN: Math.min(perN, Math.max(1, ceilDiv(n, lanes))),
})

const nameOf = ({ lanesM, lanesN, perM, perN, depth, fours = false }: DotTile): string =>
  `${lanesM} x ${lanesN} lanes of ${perM} x ${perN}, ${fours ? 'in fours' : depth === 0 ? 'from registers' : `${depth} deep`}`

/** What every adapter has: lanes of a workgroup, and bytes of its memory. */
const MOST_LANES = 256
const MOST_BYTES = 16_384

/** Tiles of a product that a tuner chooses among, the tuning's own first. */
export const dotTiles = (
  tuning: Tuning,
  m: number,
  n: number,
  k: number,
  batch: number,
): readonly Candidate<DotTile>[] => {
  const shipped = tuning.dot(m, n, k, batch)
  const tile = (lanesM: number, lanesN: number, perM: number, perN: number, depth: number): DotTile => ({
    ...{ lanesM, lanesN, depth },
    perM: Math.min(perM, Math.max(1, ceilDiv(m, lanesM))),
    perN: Math.min(perN, Math.max(1, ceilDiv(n, lanesN))),
  })
  const fours = (perM: number, perN: number): DotTile => foursTile(shipped.lanesN, m, n, perM, perN)
  const others =
    shipped.depth === 0
      ? [
          ...(shipped.fours === true ? [fours(8, 4), fours(16, 4), fours(24, 4), fours(32, 4), fours(16, 8)] : []),
          tile(1, 8, 16, 8, 0),
          tile(1, 8, 8, 8, 0),
          tile(1, 8, 8, 4, 0),
          tile(1, 8, 4, 8, 0),
          tile(1, 8, 16, 4, 0),
          tile(1, 16, 8, 4, 0),
        ]
      : m <= 8
        ? [
            tile(1, 64, 8, 2, 16),
            tile(1, 128, 8, 1, 16),
            tile(1, 256, 8, 1, 16),
            tile(1, 64, 8, 1, 32),
            tile(1, 64, 8, 1, 0),
          ]
        : n <= 8
          ? [
              tile(64, 1, 2, 8, 16),
              tile(128, 1, 1, 8, 16),
              tile(256, 1, 1, 8, 8),
              tile(64, 1, 1, 8, 32),
              tile(64, 1, 1, 8, 0),
            ]
          : [
              tile(16, 16, 4, 4, 16),
              tile(16, 16, 8, 4, 16),
              tile(16, 16, 8, 8, 8),
              tile(8, 8, 4, 4, 16),
              tile(8, 8, 8, 4, 16),
              tile(8, 16, 4, 4, 32),
              tile(8, 8, 4, 4, 0),
            ]
  const fits = ({ lanesM, lanesN, perM, perN, depth }: DotTile): boolean =>
    lanesM * lanesN <= MOST_LANES && 4 * depth * (lanesM * perM + lanesN * perN) <= MOST_BYTES
  return [shipped, ...others.filter(fits)].map((choice) => ({ name: nameOf(choice), choice }))
}
