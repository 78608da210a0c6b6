/** The threads of this one, which share the units of large kernels: one pool for all its wasm devices. */
import { createThreads } from '#pool'
import type { Threads } from './shared-kernel.ts'
import { spawner } from './spawn.ts'

let threads: Threads | null | undefined

/** The threads of this one; null where there are none, or no memory that they could share. */
export const sharedThreads = (): Threads | null => {
  if (threads === undefined) {
    const spawn = spawner()
    threads = spawn === null ? null : createThreads(spawn)
  }
  return threads
}
