/** Memory of the reference device: the values themselves, in doubles. */
import type { Aval } from '../../graph/expr.ts'
import type { Device, Storage } from '../../graph/device.ts'

/** Where a device keeps the values of its storages: one place, so that it can let go of all of them. */
export interface Shelf {
  values: WeakMap<Storage, Float64Array>
}

export class HostStorage implements Storage {
  readonly device: Device
  readonly aval: Aval
  readonly #shelf: Shelf
  #why: string | null = null

  constructor(device: Device, aval: Aval, shelf: Shelf, values: Float64Array) {
    this.device = device
    this.aval = aval
    this.#shelf = shelf
    shelf.values.set(this, values)
  }

  gone(): string | null {
    return this.#why ?? this.device.lost()?.message ?? null
  }

  /** The elements, not to be written. Throws where the storage is gone. */
  values(): Float64Array {
    const values = this.#shelf.values.get(this)
    if (values === undefined) throw new Error(`this tensor can no longer be read: ${this.gone() ?? 'released'}`)
    return values
  }

  /** Forgets the values; false where that was done before. */
  drop(why: string): boolean {
    if (!this.#shelf.values.delete(this)) return false
    this.#why = why
    return true
  }
}
