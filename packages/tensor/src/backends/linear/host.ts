/** What a device in linear memory gives its programs, and what a program holds of it. */
import type { Storage } from '../../graph/device.ts'
import type { Arena } from './arena.ts'
import type { Ground } from './ground.ts'
import type { Kernels, LinearMemory, Run, Walk } from './machine.ts'
import type { LinearStorage, Parcel } from './storage.ts'

export interface Host extends Ground {
  readonly memory: LinearMemory
  readonly kernels: Kernels
  readonly walk: (runs: readonly Run[]) => Walk
  /** Working memory of all programs: what they compute on the way, and what kernels need. */
  readonly arena: Arena
  readonly own: (storage: Storage) => LinearStorage
  readonly surrender: (storage: LinearStorage, why: string) => Parcel
  /** Counts a program among the living until it is given up, which happens at the latest when nobody can call it. */
  readonly adopt: (callable: Callable, hold: ProgramHold) => void
  readonly giveUp: (hold: ProgramHold, why: string) => void
  readonly count: (kernels: number) => void
}

/** What can be called: functions, which reach the device's memory. */
export interface Callable {
  /** Runs all in order; nothing once the program was given up. */
  walk: Walk
}

/** What a program holds of its device. Shared with the collector's callback, which must not hold what can be called. */
export interface ProgramHold {
  /** Bytes of the arena. */
  readonly need: number
  readonly callable: WeakRef<Callable>
  /** Why it can no longer run. */
  released: string | null
}
