/** Memory of a tensor on a WebGPU device: a block of its pool, returned when the tensor is released, donated or collected. */
import { type Laden, takeOn } from '../engine/ballast.ts'
import type { Aval } from '../../graph/expr.ts'
import type { Device, DeviceError, Storage } from '../../graph/device.ts'
import type { Outcome } from './faults.ts'
import { type Block, costOf } from './memory.ts'

export class GpuStorage implements Storage {
  readonly device: Device
  readonly aval: Aval
  /** What computes or uploads the contents; an error there is this tensor's error. */
  readonly origin: Outcome
  readonly #block: Block
  /** Its weight to the collector: the block's, where a tensor left it there. */
  #laden: Laden | null
  #why: string | null = null

  constructor(device: Device, aval: Aval, block: Block, origin: Outcome) {
    this.device = device
    this.aval = aval
    this.origin = origin
    this.#block = block
    this.#laden = block.laden ?? takeOn(costOf(block))
    block.laden = null
  }

  /** The part of its weight that its finalizer may know. */
  load(): Laden['load'] | null {
    return this.#laden?.load ?? null
  }

  gone(): string | null {
    return this.#why ?? this.device.lost()?.message ?? null
  }

  /** Why its contents are not what they should be. */
  failure(): DeviceError | null {
    return this.origin.error ?? this.#block.fault.error
  }

  block(): Block {
    if (this.#why !== null) throw new Error(`this tensor can no longer be used: ${this.#why}`)
    return this.#block
  }

  /** Gives up the block, and its weight with it: the caller has both now. */
  surrender(why: string): Block {
    const block = this.block()
    this.#why = why
    block.laden = this.#laden
    this.#laden = null
    return block
  }
}
