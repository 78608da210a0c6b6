/**
 * What the engine is told of memory outside its heap. To the garbage collector a tensor is a small object, whatever hangs on
 * it, so that it would come far too rarely; nothing here makes it come. Instead a tensor carries ballast: an ArrayBuffer as
 * large as its memory, whose pages are never touched, so that they take address space and no memory, and which the collector
 * counts like any other. Ballast must hang on the object that the program drops, and on nothing else.
 *
 * A block of at least GRAIN bytes carries ballast of its own. Smaller ones share: whenever those that live outweigh the
 * ballast among them by a grain, the next to be made carries a grain for all.
 */
import { noteTaken } from './turns.ts'

const GRAIN = 2 ** 20
/** Ballast kept for the next block of its size, in bytes, so that a steady loop makes none. */
const POOLED = 2 ** 26

declare global {
  interface ArrayBufferConstructor {
    /** ES2024: memory of its own, by pages, that is not written until it is used. An engine that does not know it takes the length alone. */
    new (byteLength: number, options: { readonly maxByteLength: number }): ArrayBuffer
  }
}

/** A block as it is accounted for: plain numbers, which a finalizer may hold. */
export interface Load {
  readonly bytes: number
  /** Bytes of the ballast that it carries, for itself or for its small neighbours. */
  readonly ballast: number
}

/** A load with the ballast itself, which belongs in the tensor's storage and must not be held by its finalizer. */
export interface Laden {
  readonly load: Load
  readonly ballast: ArrayBuffer | null
}

const pool = new Map<number, ArrayBuffer[]>()
let pooled = 0
/** Bytes in small blocks that live, and the ballast that some of them carry. */
let small = 0
let shared = 0

/** Eight sizes an octave, in whole grains, so that what is put down fits the next of about the same size. */
const sizeClass = (bytes: number): number => {
  const step = Math.max(GRAIN, 2 ** (Math.floor(Math.log2(bytes)) - 3))
  return Math.floor(bytes / step) * step
}

const ballastOf = (bytes: number): ArrayBuffer | null => {
  const kept = pool.get(bytes)?.pop()
  if (kept !== undefined) {
    pooled -= bytes
    return kept
  }
  try {
    // Resizable, for its pages are mapped for it alone: what `malloc` has used before would be cleared, and so touched.
    return new ArrayBuffer(bytes, { maxByteLength: bytes })
  } catch (error) {
    // No address space is left: the engine has tried to find some, by collecting, and the block itself may still fit.
    if (error instanceof RangeError) return null
    throw error
  }
}

/** Accounts for a block of memory outside the engine's heap. */
export const takeOn = (bytes: number): Laden => {
  noteTaken(bytes)
  if (bytes < GRAIN) small += bytes
  const due = bytes >= GRAIN ? sizeClass(bytes) : small - shared >= GRAIN ? GRAIN : 0
  const ballast = due === 0 ? null : ballastOf(due)
  const carried = ballast === null ? 0 : due
  if (bytes < GRAIN) shared += carried
  return { load: { bytes, ballast: carried }, ballast }
}

/** The block has gone; with its ballast where that is at hand, and without where the collector has taken it. */
export const putDown = ({ bytes, ballast: size }: Load, ballast: ArrayBuffer | null): void => {
  if (bytes < GRAIN) {
    small -= bytes
    shared -= size
  }
  if (ballast === null || pooled + size > POOLED) return
  pooled += size
  const kept = pool.get(size)
  if (kept === undefined) pool.set(size, [ballast])
  else kept.push(ballast)
}
