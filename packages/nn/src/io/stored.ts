/** A tensor's elements by their range in an open file: read in parts, and decoded part by part where they do not lie there as they are. */
import type { DType, HostArray, Shape } from '@adjoint/tensor'
import { dtypes, isHalf, packHalves, sizeOf } from '@adjoint/tensor/ir'
import type { FloatDType } from '../optim/mixed.ts'
import { bitsOf, bytesOf, decodeInto, decodes, isKnown, isPlain } from './convert.ts'
import { CheckpointFailure, type Fault, rethrow, task } from './failure.ts'
import type { OpenFile } from './files.ts'
import type { BitsRoom, StoredTensor } from './weights.ts'

/** A file that is read by ranges, and what it is called in messages. */
export interface Source {
  readonly path: string
  readonly size: number
  /** `count` bytes from `from` on. Rejects with a CheckpointFailure: the file system failed, or the file was cut. */
  readonly read: (from: number, into: Uint8Array) => Promise<void>
}

/** A failure that names the file. */
export const corrupt = (path: string, fault: Fault, message: string): CheckpointFailure =>
  new CheckpointFailure({
    _tag: 'Corrupt',
    path,
    fault,
    message: `read ${path}: the file is corrupt: ${message}. Download or write it again.`,
  })

export const sourceOf = (path: string, file: OpenFile, isOpen: () => boolean): Source => ({
  path,
  size: file.size,
  read: async (from, into) => {
    if (!isOpen())
      throw new Error(
        `withWeights: ${path} is closed: read within the function that is given its weights, and await it.`,
      )
    const count = await file.read(from, into).catch(rethrow(path, 'read'))
    if (count < into.length)
      throw corrupt(path, 'Cut', `it ends at byte ${from + count}, and had ${file.size} when it was opened`)
  },
})

/** Where a tensor is in a file, and how its elements lie there: `block.elements` of them in `block.bytes`. */
export interface Place {
  readonly name: string
  readonly dtype: string
  readonly shape: Shape
  readonly from: number
  readonly bytes: number
  readonly block: { readonly elements: number; readonly bytes: number }
}

/** Bytes that are decoded at once: few enough for the processor's caches. */
const PART = 2 ** 20

const unsupported = (path: string, leaf: string, message: string): CheckpointFailure =>
  new CheckpointFailure({ _tag: 'Unsupported', path, leaf, message: `read ${path}: ${message}` })

/** What is made for as many elements as a tensor has. Throws CheckpointFailure, which names it, where no array can be so large. */
export const allocated = <A extends HostArray>(
  path: string,
  { name, shape }: Pick<Place, 'name' | 'shape'>,
  make: (size: number) => A,
): A => {
  try {
    return make(sizeOf(shape))
  } catch (error) {
    if (error instanceof RangeError)
      throw unsupported(path, name, `${name} of shape [${shape.join(', ')}] is larger than an array can be here`)
    throw error
  }
}

/** The array that the elements go to: a new one, or the one that was given, where it fits. */
const room = (path: string, place: Place, wanted: DType, into: HostArray | undefined): HostArray => {
  if (into === undefined) return allocated(path, place, dtypes[wanted].allocate)
  const size = sizeOf(place.shape)
  if (into.length !== size)
    throw new RangeError(
      `withWeights: ${place.name} has ${size} elements, and the array to read into ${into.length}. Give one of as many.`,
    )
  const kind = dtypes[wanted].allocate(0).constructor
  if (into.constructor !== kind)
    throw new TypeError(
      `withWeights: ${place.name} is read as ${wanted}, into a ${kind.name}, and not a ${into.constructor.name}.`,
    )
  return into
}

/** Throws CheckpointFailure where a tensor's elements are never ones of `wanted`: before any of them is read. */
export const demandKind = (path: string, { name, dtype }: Pick<Place, 'name' | 'dtype'>, wanted: DType): void => {
  if (!decodes(dtype, wanted))
    throw unsupported(
      path,
      name,
      `${name} has elements of ${dtype}, which ${isKnown(dtype) ? `are not read as ${wanted}` : 'are not read here'}. ` +
        (isKnown(dtype) ? 'Ask for a dtype of their kind' : 'Convert the file with the tool that made it'),
    )
}

/** The tensor at a place, unread. */
export const storedTensor = (source: Source, place: Place): StoredTensor => {
  const { name, dtype, shape, from, bytes, block } = place
  const { path } = source
  /** Elements whose bytes these are, from the `first` on. */
  const decode = (wanted: DType, piece: Uint8Array<ArrayBuffer>, data: HostArray, first: number): void => {
    const wrong = decodeInto(dtype, wanted, piece, data, first)
    if (wrong !== null)
      throw unsupported(path, name, `${name} has elements of ${dtype}, and ${wrong}. Ask for a wider dtype`)
  }
  const read = async (wanted: DType, into: HostArray | undefined): Promise<HostArray> => {
    demandKind(path, place, wanted)
    const data = room(path, place, wanted, into)
    if (isPlain(dtype, wanted)) {
      await source.read(from, bytesOf(data))
      return data
    }
    const step = Math.max(1, Math.floor(PART / block.bytes)) * block.bytes
    const part = new Uint8Array(Math.min(step, bytes))
    for (let at = 0; at < bytes; at += step) {
      const piece = part.subarray(0, Math.min(step, bytes - at))
      await source.read(from + at, piece)
      const first = (at / block.bytes) * block.elements
      const count = (piece.length / block.bytes) * block.elements
      decode(wanted, piece, data.subarray(first, first + count), first)
    }
    return data
  }
  const bits = async (wanted: FloatDType, first: number, count: number, { stored, decoded }: BitsRoom) => {
    demandKind(path, place, wanted)
    const piece = stored.subarray(0, (count / block.elements) * block.bytes)
    await source.read(from + (first / block.elements) * block.bytes, piece)
    const same = bitsOf(dtype, wanted)
    if (same !== null) return { bytes: piece, dtype: same }
    const floats = decoded.subarray(0, count)
    decode(wanted, piece, floats, first)
    if (!isHalf(wanted)) return { bytes: bytesOf(floats), dtype: wanted }
    // over the floats themselves: element i is read before its two bytes, which lie no further on, are written
    return { bytes: bytesOf(packHalves(wanted, floats, new Uint16Array(floats.buffer, 0, count))), dtype: wanted }
  }
  return {
    ...{ dtype, shape, bytes },
    read: (wanted, into) => task(() => read(wanted, into)),
    bits: (wanted, first, count, room) => task(() => bits(wanted, first, count, room)),
  }
}
