/** Where tensors of a device in linear memory are made: blocks, and storages over them. */
import type { Aval } from '../../graph/expr.ts'
import type { Blame } from '../blame.ts'
import type { Block } from './heap.ts'
import type { LinearStorage, Parcel } from './storage.ts'

export interface Ground {
  /** Throws where the heap has no room. */
  readonly take: (bytes: number, blame: Blame) => Block
  /** A block with what the engine is told of it. */
  readonly load: (block: Block) => Parcel
  /** Gives a block back to the heap. */
  readonly free: (parcel: Parcel) => void
  /** A tensor's storage. */
  readonly hold: (parcel: Parcel, aval: Aval) => LinearStorage
}
