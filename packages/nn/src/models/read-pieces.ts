/**
 * Leaves without a copy of them on the host, for devices that put tensors together themselves: a few rows of the file at a time are read, and go to
 * their places in the device's memory by other threads, while the next are read. What is resident is the leaves, and one piece for each
 * lane; where rows are reordered, a piece is a whole tensor of the file.
 */
import type { Tensor } from '@adjoint/tensor'
import { type Aval, type Piece, sizeOf, type TensorAssembly } from '@adjoint/tensor/ir'
import { orThrow } from '../io/failure.ts'
import { allocated } from '../io/stored.ts'
import type { StoredBits, BitsRoom, StoredTensor, Weights } from '../io/weights.ts'
import type { FloatDType } from '../optim/mixed.ts'
import { rethrowDevice } from './failure.ts'
import type { StoredLeaf } from './names.ts'
import { isWhole } from './parts.ts'
import type { WantedLeaf } from './read-whole.ts'

/** Elements of a piece: few enough that many threads have some, and a multiple of any block of quantised ones. */
const ELEMENTS = 2 ** 19
/** Rows of a piece are a multiple of this, so that whole blocks of quantised elements and whole lines of memory are written. */
const ROWS = 32
/** Pieces that are under way: one is read while others are put in place. */
const LANES = 2

/** Some elements of a tensor of the file, and where they belong. */
interface Job {
  /** Its index. */
  readonly leaf: number
  readonly name: string
  readonly stored: StoredTensor
  readonly first: number
  readonly count: number
  readonly place: Omit<Piece, 'bytes' | 'dtype'>
  /** For each row of the piece, which row of the file it is. */
  readonly order: ((row: number) => number) | null
}

/** Ranges of at most `step` that make up `n`. */
const ranges = (n: number, step: number): readonly (readonly [first: number, count: number])[] =>
  Array.from({ length: Math.ceil(n / step) }, (_, i) => [i * step, Math.min(step, n - i * step)] as const)

/** What is to be done for a leaf; of a whole one as many elements as are wanted. */
const jobsOf = ({ tensors }: Weights, { leaf, shape }: WantedLeaf, index: number, elements: number): readonly Job[] => {
  const common = (name: string) => ({ leaf: index, name, stored: tensors.get(name)! })
  if (isWhole(leaf))
    return ranges(sizeOf(shape), elements).map(([first, count]) => ({
      ...{ ...common(leaf.parts[0]!.name), first, count, order: null },
      place: { rows: 1, columns: count, at: first, rowStride: 0, columnStride: 1 },
    }))
  const width = leaf.shape.at(-1)!
  return leaf.parts.flatMap(({ name, columns: [from, to], order = null }) => {
    const [rows, columns] = sidesOf(leaf, to - from)
    const [rowStride, columnStride] = leaf.transposed ? [1, width] : [width, 1]
    const step = order === null ? Math.max(1, Math.floor(elements / columns / ROWS)) * ROWS : rows
    return ranges(rows, step).map(([first, count]): Job => {
      const place = { rows: count, columns, at: from + first * rowStride, rowStride, columnStride }
      return { ...common(name), first: first * columns, count: count * columns, place, order }
    })
  })
}

/** Rows and columns in the file of a part that is so many columns of a leaf. */
const sidesOf = ({ shape, transposed }: StoredLeaf, own: number): readonly [number, number] => {
  const rows = shape.length === 1 ? 1 : shape[0]!
  return transposed ? [own, rows] : [rows, own]
}

/** Room for the largest of these. Throws CheckpointFailure, which names it, where no array is so large. */
const roomFor = (path: string, jobs: readonly Job[]): BitsRoom => {
  const most = jobs.reduce((x, y) => (y.count > x.count ? y : x), { count: 0, name: 'nothing' })
  const widest = jobs.reduce(
    (n, { stored: { bytes, shape }, count }) => Math.max(n, (bytes / sizeOf(shape)) * count),
    0,
  )
  const largest = { name: most.name, shape: [most.count] }
  return {
    stored: allocated(path, largest, () => new Uint8Array(widest)),
    decoded: allocated(path, largest, (size) => new Float32Array(size)),
  }
}

/** The rows of a piece in another order. */
const reordered = ({ bytes, dtype }: StoredBits, rows: number, order: (row: number) => number): StoredBits => {
  const length = bytes.length / rows
  const into = new Uint8Array(bytes.length)
  for (let r = 0; r < rows; r++) into.set(bytes.subarray(order(r) * length, (order(r) + 1) * length), r * length)
  return { bytes: into, dtype }
}

/** How elements are kept, where tensors begin, and how many elements a piece has at most, or a few rows: for tests. */
export interface PiecesConfig {
  readonly dtype: FloatDType
  readonly begin: (aval: Aval) => Promise<TensorAssembly>
  readonly elements?: number
}

/** The leaves, in order. Throws CheckpointFailure. */
export const readPieces = async (
  weights: Weights,
  leaves: readonly WantedLeaf[],
  { dtype, begin, elements = ELEMENTS }: PiecesConfig,
): Promise<readonly Tensor[]> => {
  const { path } = weights
  const jobs = leaves.flatMap((leaf, i) => jobsOf(weights, leaf, i, elements))
  const assemblies: TensorAssembly[] = []
  let next = 0
  const lane = async (room: BitsRoom): Promise<void> => {
    for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) {
      const { leaf, stored, first, count, place, order } = job
      const bits = await orThrow(stored.bits(dtype, first, count, room))
      await assemblies[leaf]!.put({ ...place, ...(order === null ? bits : reordered(bits, place.rows, order)) })
    }
  }
  try {
    // Room for all of it before anything is read: that there is none is said at once, and the garbage collector, which comes for every 64 MB that
    // it is told of, comes once and not a dozen times.
    for (const { shape } of leaves) assemblies.push(await begin({ shape, dtype }))
    // all lanes are waited for: nothing is read of files that are closed, and nothing put into memory that was given back
    const lanes = await Promise.allSettled(
      Array.from({ length: LANES }, () => roomFor(path, jobs)).map((room) =>
        lane(room).catch((error: unknown) => {
          next = jobs.length
          throw error
        }),
      ),
    )
    for (const ended of lanes) if (ended.status === 'rejected') throw ended.reason
    return assemblies.map(({ finish }) => finish())
  } catch (error) {
    for (const { abandon } of assemblies) abandon()
    return rethrowDevice(path)(error)
  }
}
