/**
 * In place of pool.ts in a browser's bundle: what the pool is made of is loaded when the first device asks for threads, and until it is there,
 * as until its workers are, kernels run here alone. (Not so in Node, where a program may never leave the event loop a turn to load it in.)
 */
import type { Threads } from './shared-kernel.ts'
import type { Spawn } from './spawn.ts'

/** Threads as soon as the pool is loaded; what is numbered before keeps its numbers. */
export const createThreads = (spawn: Spawn): Threads => {
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
