/**
 * Leaves by way of the host, for devices that take whole arrays: tensors are read one by one, and each leaf goes to the device while the next is
 * read. What is resident is the leaves so far, one more, and two tensors of the file, as large as the largest.
 */
import { type Device, type HostArray, realizeAsync, type Shape, type Tensor } from '@adjoint/tensor'
import { discard, primitives, sizeOf, typed } from '@adjoint/tensor/ir'
import { orThrow } from '../io/failure.ts'
import { allocated } from '../io/stored.ts'
import type { Weights } from '../io/weights.ts'
import type { FloatDType } from '../optim/mixed.ts'
import { rethrowDevice } from './failure.ts'
import type { Part, StoredLeaf } from './names.ts'
import { insertPart, isWhole } from './parts.ts'

/** An array in which there is room for each of these, one at a time. Throws CheckpointFailure, which names the largest. */
const roomOf = (path: string, all: readonly Pick<Part, 'name' | 'shape'>[]): Float32Array => {
  const most = all.reduce((x, y) => (sizeOf(y.shape) > sizeOf(x.shape) ? y : x), { name: 'nothing', shape: [0] })
  return allocated(path, most, (size) => new Float32Array(size))
}

/** Tensors of the file in an order that is known beforehand. */
interface Ahead {
  /** The elements of the next one, to be used until the next are asked for. */
  readonly next: () => Promise<Float32Array>
  /** When nothing is being read any more, whatever became of it. */
  readonly settled: () => Promise<unknown>
}

/**
 * Reads each tensor while the one before it is at work, into two arrays in turn: the memory of an array for each would be cleared, touched
 * and collected anew.
 */
const readAhead = ({ path, tensors }: Weights, parts: readonly Part[], dtype: FloatDType): Ahead => {
  const sizes = parts.map(({ shape }) => sizeOf(shape))
  const arrays = [0, 1].map((turn) =>
    roomOf(
      path,
      parts.filter((_, i) => i % 2 === turn),
    ),
  )
  const start = (i: number): Promise<HostArray> | null => {
    if (i >= parts.length) return null
    const reading = orThrow(tensors.get(parts[i]!.name)!.read(dtype, arrays[i % 2]!.subarray(0, sizes[i])))
    // told when it is asked for
    reading.catch(() => undefined)
    return reading
  }
  let at = 0
  let reading = start(at)
  return {
    next: async () => {
      const elements = await reading
      const { name } = parts[at]!
      reading = start(++at)
      if (elements instanceof Float32Array) return elements
      throw new TypeError(`loadModel: ${name} was read as ${elements === null ? 'nothing' : elements.constructor.name}`)
    },
    settled: async () => reading?.catch(() => undefined),
  }
}

/**
 * A leaf's elements, of a table of positions longer than the context its first rows: those of its tensor, or in `room`, where it is made of
 * several, or of one turned.
 */
const elementsOf = async (
  { next }: Ahead,
  leaf: StoredLeaf,
  length: number,
  room: Float32Array,
): Promise<Float32Array> => {
  if (isWhole(leaf)) return (await next()).subarray(0, length)
  const elements = room.subarray(0, length)
  for (const part of leaf.parts) insertPart(leaf, part, elements, await next())
  return elements
}

/** A leaf in the file, and the shape that is wanted of it: of a table of positions perhaps its first rows. */
export interface WantedLeaf {
  readonly leaf: StoredLeaf
  readonly shape: Shape
}

/** How elements are kept, and where. */
export interface KeepConfig {
  readonly dtype: FloatDType
  readonly device: Device | undefined
}

/** The leaves, in order. Throws CheckpointFailure. */
export const readWhole = async (
  weights: Weights,
  leaves: readonly WantedLeaf[],
  { dtype, device }: KeepConfig,
): Promise<readonly Tensor[]> => {
  const { path } = weights
  const room = roomOf(
    path,
    leaves.flatMap(({ leaf }) => (isWhole(leaf) ? [] : [{ name: leaf.path, shape: leaf.shape }])),
  )
  const ahead = readAhead(
    weights,
    leaves.flatMap(({ leaf }) => leaf.parts),
    dtype,
  )
  const loaded: Tensor[] = []
  try {
    for (const { leaf, shape } of leaves) {
      const elements = await elementsOf(ahead, leaf, sizeOf(shape), room)
      // The elements are of this dtype, as they were read, and need no look; the device has copied them when it is awaited.
      const tensor = typed(primitives.constant(elements, shape, dtype))
      loaded.push(await realizeAsync(tensor, device).catch(rethrowDevice(path)))
    }
    return loaded
  } catch (error) {
    discard(loaded)
    throw error
  } finally {
    // nothing is read of files that are closed
    await ahead.settled()
  }
}
