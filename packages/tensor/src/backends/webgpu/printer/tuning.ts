/** What a kind of adapter runs well. Every number is a power of two unless it says otherwise. */

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
  dot: (m, n, _k, batch) => {
    const groups = (tile: number): number => ceilDiv(m, tile) * ceilDiv(n, tile) * batch
    if (m <= 8) return { lanesM: 1, lanesN: 64, perM: m < 1 ? 1 : m, perN: 1, depth: 16 }
    if (n <= 8) return { lanesM: 64, lanesN: 1, perM: 1, perN: n < 1 ? 1 : n, depth: 16 }
    return groups(64) >= 64
      ? { lanesM: 16, lanesN: 16, perM: 4, perN: 4, depth: 16 }
      : { lanesM: 8, lanesN: 8, perM: 4, perN: 4, depth: 16 }
  },
}

/**
 * Software adapters (lavapipe, SwiftShader): a workgroup is one SIMD register of lanes, barriers are expensive, workgroup
 * memory is no faster than any other. Measured on one core: 16 x 8 results a lane reach 29 GFLOP/s and take a second to
 * compile, 8 x 8 half of both, 8 x 4 a third; shared tiles 3 GFLOP/s. So large tiles are for dots that pay them back.
 */
export const softwareTuning: Tuning = {
  lanes: 128,
  rowLanes: 8,
  serialColumns: 1024,
  subgroup: 0,
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
