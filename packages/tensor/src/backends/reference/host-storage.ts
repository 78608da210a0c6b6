/**
 * Memory of the reference device: elements as their dtype stores them, but that f32 is kept in doubles, since the device is exact where
 * the others round. f16 and bf16 are their 16 bits, to which they were rounded by the cast that made them; integers have the array of
 * the host, and a bool is a byte.
 */
import type { DType } from '../../base/dtype.ts'
import { isHalf, packHalves, unpackHalves } from '../../base/rounding.ts'
import { sizeOf } from '../../base/shape.ts'
import type { Aval } from '../../graph/expr.ts'
import type { Device, Storage } from '../../graph/device.ts'

type Elements = Float64Array | Uint16Array | Int32Array | Uint32Array | Uint8Array

interface Kept {
  readonly bytes: number
  readonly pack: (data: ArrayLike<number>) => Elements
}
const kept: Readonly<Record<DType, Kept>> = {
  f32: { bytes: 8, pack: (data) => (data instanceof Float64Array ? data : Float64Array.from(data)) },
  f16: { bytes: 2, pack: (data) => packHalves('f16', data, new Uint16Array(data.length)) },
  bf16: { bytes: 2, pack: (data) => packHalves('bf16', data, new Uint16Array(data.length)) },
  i32: { bytes: 4, pack: (data) => Int32Array.from(data) },
  u32: { bytes: 4, pack: (data) => Uint32Array.from(data) },
  bool: { bytes: 1, pack: (data) => Uint8Array.from(data) },
}
/** Bytes that a tensor takes. */
export const keptBytes = ({ shape, dtype }: Aval): number => sizeOf(shape) * kept[dtype].bytes

/** Where a device keeps the elements of its storages: one place, so that it can let go of all of them. */
export interface Shelf {
  elements: WeakMap<Storage, Elements>
}

export class HostStorage implements Storage {
  readonly device: Device
  readonly aval: Aval
  readonly #shelf: Shelf
  #why: string | null = null

  constructor(device: Device, aval: Aval, shelf: Shelf, values: ArrayLike<number>) {
    this.device = device
    this.aval = aval
    this.#shelf = shelf
    shelf.elements.set(this, kept[aval.dtype].pack(values))
  }

  gone(): string | null {
    return this.#why ?? this.device.lost()?.message ?? null
  }

  /** The elements as numbers, not to be written. Throws where the storage is gone. */
  values(): Float64Array {
    const elements = this.#shelf.elements.get(this)
    if (elements === undefined) throw new Error(`this tensor can no longer be read: ${this.gone() ?? 'released'}`)
    if (elements instanceof Float64Array) return elements
    const { dtype } = this.aval
    return Float64Array.from(
      isHalf(dtype) && elements instanceof Uint16Array ? unpackHalves(dtype, elements) : elements,
    )
  }

  /** Forgets the values; false where that was done before. */
  drop(why: string): boolean {
    if (!this.#shelf.elements.delete(this)) return false
    this.#why = why
    return true
  }
}
