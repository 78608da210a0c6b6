/**
 * The threads of this one, which share the units of large kernels: one pool for all its wasm devices. What the pool is made of (pool.ts)
 * is loaded in the background when the first device asks for threads; until it is there, as until its workers are, kernels run here alone.
 */
import type { KernelFunction } from '../linear/machine.ts'
import { type Spawn, spawner } from './spawn.ts'

/** A module whose kernels can be shared, and the memory that they work on. */
export interface SharedModule {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  /** The number of its first kernel, and how many it has. */
  readonly first: number
  readonly count: number
}
export interface SharedKernel {
  readonly of: SharedModule
  readonly number: number
  readonly here: KernelFunction
  readonly units: number
  /** Operations on vectors, about. */
  readonly work: number
  /** Most threads that are worth it, this one included; scratch is for so many, `stride` bytes each. */
  readonly threads: number
  readonly stride: number
}

export interface Threads {
  /** Numbers for so many kernels: the first of them. */
  readonly numbers: (count: number) => number
  /** Runs all units of a kernel, here and on the threads that are at hand. */
  readonly run: (kernel: SharedKernel, args: readonly number[]) => void
  /** No thread is to hold this memory any longer. */
  readonly forget: (memory: WebAssembly.Memory) => void
  /** Workers at hand, and jobs so far that they had a part in. */
  readonly stats: () => { readonly workers: number; readonly joined: number }
}

/** Threads as soon as the pool is loaded; what is numbered before keeps its numbers. */
const inBackground = (spawn: Spawn): Threads => {
  let pool: Threads | null = null
  let kernels = 0
  import('./pool.ts').then(
    ({ createThreads }) => (pool = createThreads(spawn)),
    (error: unknown) =>
      console.warn(`the threads of the wasm device could not be loaded, and it goes on with one: ${String(error)}`),
  )
  return {
    numbers: (count) => (kernels += count) - count,
    run: (kernel, args) => {
      if (pool === null) kernel.here(...args)
      else pool.run(kernel, args)
    },
    forget: (memory) => pool?.forget(memory),
    stats: () => pool?.stats() ?? { workers: 0, joined: 0 },
  }
}

let threads: Threads | null | undefined

/** The threads of this one; null where there are none, or no memory that they could share. */
export const sharedThreads = (): Threads | null => {
  if (threads === undefined) {
    const spawn = spawner()
    threads = spawn === null ? null : inBackground(spawn)
  }
  return threads
}
