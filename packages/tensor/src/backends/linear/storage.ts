/** Memory of a tensor on a device in linear memory: a block of its heap, given back when the tensor is released, donated or collected. */
import type { Aval } from '../../graph/expr.ts'
import type { Laden, Load } from '../engine/ballast.ts'
import type { Device, Storage } from '../../graph/device.ts'
import type { Block } from './heap.ts'

/** A block, and how the engine was told of it. */
export interface Parcel {
  readonly block: Block
  readonly laden: Laden
}

/** Who holds a block; null once it was given up. Shared with the collector's callback, which must not hold the storage. */
export interface Hold {
  held: { readonly block: Block; readonly load: Load } | null
}

export class LinearStorage implements Storage {
  readonly device: Device
  readonly aval: Aval
  readonly hold: Hold
  #ballast: ArrayBuffer | null
  #why: string | null = null

  constructor(device: Device, aval: Aval, { block, laden }: Parcel) {
    this.device = device
    this.aval = aval
    this.hold = { held: { block, load: laden.load } }
    this.#ballast = laden.ballast
  }

  gone(): string | null {
    return this.#why ?? this.device.lost()?.message ?? null
  }

  block(): Block {
    const gone = this.gone()
    if (gone !== null || this.hold.held === null)
      throw new Error(`this tensor can no longer be used: ${gone ?? 'it was released'}`)
    return this.hold.held.block
  }

  /** Gives up the block: the caller has it now. */
  surrender(why: string): Parcel {
    const block = this.block()
    const laden = { load: this.hold.held!.load, ballast: this.#ballast }
    this.hold.held = null
    this.#ballast = null
    this.#why = why
    return { block, laden }
  }
}
