/**
 * The threads of this one, which share the units of large kernels: one pool for all its wasm devices. What the pool is made of (pool.ts)
 * is loaded in the background when the first device asks for threads; until it is there, as until its workers are, kernels run here alone.
 */
import type { Threads } from './shared-kernel.ts'
import { type Spawn, spawner } from './spawn.ts'

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
