/** Memory of the reference device: the values themselves, in doubles. */
import type { Aval } from '../expr.ts'
import type { Device, Storage } from './device.ts'

export class HostStorage implements Storage {
  readonly device: Device
  readonly aval: Aval
  #values: Float64Array | null
  #why: string | null = null

  constructor(device: Device, aval: Aval, values: Float64Array) {
    this.device = device
    this.aval = aval
    this.#values = values
  }

  gone(): string | null {
    return this.#why
  }

  /** The elements, not to be written. Throws where the storage is gone. */
  values(): Float64Array {
    if (this.#values === null) throw new Error(`this tensor can no longer be read: ${this.#why ?? 'released'}`)
    return this.#values
  }

  /** Forgets the values; false where that was done before. */
  drop(why: string): boolean {
    if (this.#values === null) return false
    this.#values = null
    this.#why = why
    return true
  }
}
