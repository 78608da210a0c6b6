/** Memory of a tensor on a WebGPU device: a block of its pool, returned when the tensor is released, donated or collected. */
import type { Aval } from '../../expr.ts'
import type { Device, Storage } from '../device.ts'
import type { Outcome } from './faults.ts'
import type { Block } from './memory.ts'

export class GpuStorage implements Storage {
  readonly device: Device
  readonly aval: Aval
  /** What computes or uploads the contents; an error there is this tensor's error. */
  readonly origin: Outcome
  #block: Block
  #why: string | null = null

  constructor(device: Device, aval: Aval, block: Block, origin: Outcome) {
    this.device = device
    this.aval = aval
    this.origin = origin
    this.#block = block
  }

  gone(): string | null {
    return this.#why
  }

  block(): Block {
    if (this.#why !== null) throw new Error(`this tensor can no longer be used: ${this.#why}`)
    return this.#block
  }

  /** Gives up the block: the caller has it now. */
  surrender(why: string): Block {
    const block = this.block()
    this.#why = why
    return block
  }
}
