/** Memory of a tensor on a wasm device: a block of its heap, given back when the tensor is released, donated or collected. */
import type { Aval } from '../../expr.ts'
import type { Device, Storage } from '../device.ts'
import type { Block } from './heap.ts'

/** Who holds a block; null once it was given up. Shared with the collector's callback, which must not hold the storage. */
export interface Hold {
  block: Block | null
}

export class WasmStorage implements Storage {
  readonly device: Device
  readonly aval: Aval
  readonly hold: Hold
  #why: string | null = null

  constructor(device: Device, aval: Aval, block: Block) {
    this.device = device
    this.aval = aval
    this.hold = { block }
  }

  gone(): string | null {
    return this.#why
  }

  block(): Block {
    if (this.hold.block === null)
      throw new Error(`this tensor can no longer be used: ${this.#why ?? 'it was released'}`)
    return this.hold.block
  }

  /** Gives up the block: the caller has it now. */
  surrender(why: string): Block {
    const block = this.block()
    this.hold.block = null
    this.#why = why
    return block
  }
}
