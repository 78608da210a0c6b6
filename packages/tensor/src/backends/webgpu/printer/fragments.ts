/**
 * Subgroup matrices: which of those that an adapter offers are used, and how a product is cut into them.
 *
 * All lanes of a subgroup together hold a matrix of a fixed shape, and add a product of two to a third: [m, k] by [k, n] of f16 to
 * [m, n] of f32. Such a matrix is a fragment of the tile that a workgroup computes:
 *
 *     a workgroup   down x across subgroups
 *     a subgroup    perM x perN fragments of the result, which stay in its registers over all of k
 *     a step        `depth` of k: the operands of the tile, in workgroup memory as f16
 */
import type { Candidate } from '../../tuner/candidate.ts'
import type { Matrices } from './tuning.ts'

/** What an adapter says of one shape (`GPUAdapterInfo.subgroupMatrixConfigs`, which is no standard yet). */
export interface MatrixConfig {
  readonly componentType: string
  readonly resultComponentType: string
  readonly M: number
  readonly N: number
  readonly K: number
}

/** What is asked of an adapter: its shapes, the lanes of a subgroup, bytes of a workgroup's memory. */
export interface MatrixOffer {
  readonly configs: Iterable<MatrixConfig>
  readonly subgroupMinSize: number
  readonly subgroupMaxSize: number
  readonly memory: number
}

/** How a product is cut. */
export interface MatrixCut {
  readonly down: number
  readonly across: number
  readonly perM: number
  readonly perN: number
  readonly depth: number
}

/** Halves between the rows of an operand's tile, so that rows begin in other banks of memory; 16 bytes, which rows are aligned to. */
export const GAP = 8
/** Most lanes of a workgroup, on every adapter. */
const MOST_LANES = 256
/** Workgroups below which a product is cut finer: fewer leave a large GPU idle. */
const ENOUGH = 128

/** Rows and columns of a subgroup's part of the result, how many of them a workgroup has, and steps of k; the largest first. */
const CUTS = [
  { rows: 64, columns: 32, down: 2, across: 4, steps: 32 },
  { rows: 64, columns: 32, down: 2, across: 2, steps: 32 },
  { rows: 32, columns: 32, down: 2, across: 2, steps: 32 },
  { rows: 32, columns: 32, down: 2, across: 2, steps: 16 },
  { rows: 16, columns: 16, down: 2, across: 2, steps: 16 },
] as const
/** Others that a tuner tries: more sums a subgroup, so that each operand in workgroup memory is loaded less often. */
const TRIED = [
  { rows: 64, columns: 64, down: 2, across: 2, steps: 32 },
  { rows: 32, columns: 64, down: 4, across: 2, steps: 32 },
  { rows: 64, columns: 32, down: 2, across: 4, steps: 16 },
] as const

/** Rows and columns of a workgroup's tile. */
export const tileOf = ({ m, n }: Matrices, { down, across, perM, perN }: MatrixCut): readonly [number, number] => [
  down * perM * m,
  across * perN * n,
]

/** Bytes of workgroup memory that a cut takes, however its operands lie: two tiles of f16, and of each subgroup one row of fragments. */
export const memoryOf = (matrices: Matrices, cut: MatrixCut): number => {
  const { m, n } = matrices
  const { down, across, perN, depth } = cut
  const operand = (width: number): number => 2 * Math.max(width * (depth + GAP), depth * (width + GAP))
  const [rows, columns] = tileOf(matrices, cut)
  return operand(rows) + operand(columns) + 4 * down * across * m * perN * n
}

/** Those that fit. */
const cutsOf = (
  matrices: Matrices,
  cuts: readonly Readonly<Record<keyof (typeof CUTS)[number], number>>[] = CUTS,
): readonly MatrixCut[] => {
  const { m, n, k, subgroup, memory } = matrices
  return cuts
    .map(({ rows, columns, down, across, steps }) => ({
      ...{ down, across },
      perM: Math.ceil(rows / m),
      perN: Math.ceil(columns / n),
      depth: k * Math.ceil(steps / k),
    }))
    .filter((cut) => cut.down * cut.across * subgroup <= MOST_LANES && memoryOf(matrices, cut) <= memory)
}

/** The largest tile of which there are enough, and whose rows and columns are not for the most part beyond the product's; else the smallest. */
export const cutOf = (matrices: Matrices, m: number, n: number, batch: number): MatrixCut => {
  const cuts = cutsOf(matrices)
  const good = cuts.find((cut) => {
    const [rows, columns] = tileOf(matrices, cut)
    const groups = Math.ceil(m / rows) * Math.ceil(n / columns) * batch
    return groups >= ENOUGH && rows < 2 * m && columns < 2 * n
  })
  const chosen = good ?? cuts.at(-1)
  if (chosen === undefined) throw new Error(`no tile of subgroup matrices fits ${matrices.memory} bytes`)
  return chosen
}

const nameOf = ({ down, across, perM, perN, depth }: MatrixCut): string =>
  `${down} x ${across} subgroups of ${perM} x ${perN} matrices, ${depth} deep`

/** Cuts that a tuner chooses among, the shipped one first. All make an element's sum in the order of k, a matrix at a time. */
export const matrixCuts = (
  matrices: Matrices,
  m: number,
  n: number,
  batch: number,
): readonly Candidate<MatrixCut>[] => {
  const shipped = cutOf(matrices, m, n, batch)
  const cuts = new Map([shipped, ...cutsOf(matrices, [...CUTS, ...TRIED])].map((cut) => [nameOf(cut), cut]))
  return [...cuts].map(([name, choice]) => ({ name, choice }))
}

/**
 * The shape that is used of those an adapter offers: of f16 with sums in f32, the one of most multiplications, the adapter's own order
 * among equals. Null where there is none, where the lanes of a subgroup vary (then nobody knows how many subgroups a workgroup is), or
 * where no tile fits. Rows of tiles are aligned to 16 bytes: sizes are multiples of eight.
 */
export const matricesOf = ({ configs, subgroupMinSize, subgroupMaxSize, memory }: MatrixOffer): Matrices | null => {
  if (subgroupMinSize !== subgroupMaxSize || !(subgroupMaxSize > 0)) return null
  const usable = [...configs].flatMap(
    ({ componentType, resultComponentType, M: m, N: n, K: k }): readonly Matrices[] => {
      if (componentType !== 'f16' || resultComponentType !== 'f32') return []
      if (![m, n, k].every((size) => size > 0 && size % 8 === 0)) return []
      const matrices = { m, n, k, subgroup: subgroupMaxSize, memory }
      return cutsOf(matrices).length === 0 ? [] : [matrices]
    },
  )
  const work = ({ m, n, k }: Matrices): number => m * n * k
  const most = Math.max(...usable.map(work))
  return usable.find((one) => work(one) === most) ?? null
}
