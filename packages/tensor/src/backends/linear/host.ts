/** What a device in linear memory gives its programs, and what a program holds of it. */
import type { Aval } from '../../graph/expr.ts'
import type { Storage } from '../../graph/device.ts'
import type { Blame } from '../blame.ts'
import type { Arena } from './arena.ts'
import type { Block } from './heap.ts'
import type { KernelFunction, Kernels, LinearMemory } from './machine.ts'
import type { LinearStorage, Parcel } from './storage.ts'

export interface Host {
  readonly memory: LinearMemory
  readonly kernels: Kernels
  /** Working memory of all programs: what they compute on the way, and what kernels need. */
  readonly arena: Arena
  /** Throws where the heap has no room. */
  readonly take: (bytes: number, blame: Blame) => Block
  /** A block with what the engine is told of it. */
  readonly load: (block: Block) => Parcel
  /** Gives a block back to the heap. */
  readonly free: (parcel: Parcel) => void
  /** A tensor's storage. */
  readonly hold: (parcel: Parcel, aval: Aval) => LinearStorage
  readonly own: (storage: Storage) => LinearStorage
  readonly surrender: (storage: LinearStorage, why: string) => Parcel
  /** Counts a program among the living until it is given up, which happens at the latest when nobody can call it. */
  readonly adopt: (callable: Callable, hold: ProgramHold) => void
  readonly giveUp: (hold: ProgramHold, why: string) => void
  readonly count: (kernels: number) => void
}

/** One thing that a call does. */
export type Run =
  | {
      readonly kind: 'kernel'
      readonly call: KernelFunction
      readonly buffers: readonly number[]
      /** Where in the arena its scratch begins. */
      readonly scratch: number
      readonly args: number[]
      readonly blame: Blame
      /** 1, or 0 for what belongs to the kernel before. */
      readonly counts: number
    }
  | { readonly kind: 'copy'; readonly from: number; readonly to: number; readonly bytes: number }
  | { readonly kind: 'loop'; readonly trips: number; readonly flag: number | null; readonly runs: readonly Run[] }

/** What can be called: functions, which reach the device's memory. */
export interface Callable {
  /** In order; none once the program was given up. */
  runs: readonly Run[]
}

/** What a program holds of its device. Shared with the collector's callback, which must not hold what can be called. */
export interface ProgramHold {
  /** Bytes of the arena. */
  readonly need: number
  readonly callable: WeakRef<Callable>
  /** Why it can no longer run. */
  released: string | null
}
