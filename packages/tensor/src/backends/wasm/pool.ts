/**
 * Threads that share the units of a kernel. One pool serves all devices of this thread: workers are started once there was work enough
 * to repay them, in the background, and end when nothing has come for a while; kernels run here alone until then. Which thread
 * computes a unit changes no bit of it.
 */
import * as C from './control.ts'
import type { Spawn, Thread } from './spawn.ts'
import type { SharedKernel, SharedModule, Threads } from './shared-kernel.ts'
import { SPINS, workerSource } from './worker.ts'

/** Operations on vectors, in kernels that could have been shared, that a worker's start costs (50 ms of a processor). */
const STARTS = 5e7
/** Milliseconds without work after which a worker ends. */
const IDLE = 5000
/** Times that each thread takes units, about: more where others take up what one of them does not get to. */
const CHUNKS = 16
/** Modules that a worker is given before another takes its place: what it holds is bounded, whatever its collector does. */
const MOST_MODULES = 1024

export interface ThreadOptions {
  /** Operations on vectors that could have been shared, before workers are started. */
  readonly starts?: number
  readonly idle?: number
}

interface Worker {
  readonly thread: Thread
  readonly place: number
  /** Modules it was given, by their first kernels, and memories. */
  readonly modules: Set<number>
  readonly memories: Set<number>
  mail: number
}

/** Whether this thread may sleep: a page's may not. */
const maySleep = (words: Int32Array): boolean => {
  try {
    Atomics.wait(words, C.AT.left, -1, 0)
    return true
  } catch {
    return false // the answer to the question
  }
}

export const createThreads = (spawn: Spawn, { starts = STARTS, idle = IDLE }: ThreadOptions = {}): Threads => {
  const words = new Int32Array(new SharedArrayBuffer(4 * C.WORDS))
  const sleeps = maySleep(words)
  const memories = new WeakMap<WebAssembly.Memory, number>()
  let workers: readonly Worker[] = []
  let kernels = 0
  let known = 0
  let owed = 0
  let epoch = 0
  let broken = false
  let joined = 0

  const life = (place: number): number => Atomics.load(words, C.AT.life + place)
  const quit = ({ place }: Worker): void => {
    Atomics.compareExchange(words, C.AT.life + place, C.LIVE, C.QUIT)
    // It may sleep: a new state wakes it.
    Atomics.store(words, C.AT.state, (epoch = (epoch + 1) & 0x3fffff) * C.EPOCH)
    Atomics.notify(words, C.AT.state)
  }
  const release = (memory: number): void => workers.filter((w) => w.memories.has(memory)).forEach(quit)
  const collected = new FinalizationRegistry<number>(release)

  const send = (worker: Worker, message: unknown): void => {
    worker.thread.post(message)
    Atomics.store(words, C.AT.mail + worker.place, ++worker.mail)
  }
  const start = (): void => {
    const place = Array.from({ length: C.MOST_WORKERS }, (_, i) => i).find(
      (i) => life(i) === C.FREE || life(i) === C.ENDED,
    )
    if (place === undefined) return
    Atomics.store(words, C.AT.mail + place, 0)
    Atomics.store(words, C.AT.life + place, C.STARTING)
    const failed = (error: unknown): void => {
      if (!broken) console.warn(`the threads of the wasm device ended, and it goes on with one: ${String(error)}`)
      broken = true
      Atomics.store(words, C.AT.life + place, C.ENDED)
    }
    try {
      const worker = {
        thread: spawn(workerSource(idle), failed),
        place,
        modules: new Set<number>(),
        memories: new Set<number>(),
        mail: 0,
      }
      workers = [...workers, worker]
      send(worker, { words, place })
    } catch (error) {
      failed(error)
    }
  }
  /** Counts what could have been shared, and starts workers once it would have repaid them. */
  const owe = ({ work, threads }: SharedKernel): void => {
    workers = workers.filter(({ place }) => life(place) === C.LIVE || life(place) === C.STARTING)
    const missing = Math.min(threads - 1, C.MOST_WORKERS) - workers.length
    if (missing <= 0 || broken || (owed += work) < starts) return
    owed = 0
    for (let i = 0; i < missing; i++) start()
  }
  const give = (worker: Worker, { module, memory, first, count }: SharedModule): void => {
    if (worker.modules.has(first)) return
    if (worker.modules.size === MOST_MODULES) {
      quit(worker)
      return
    }
    const number = memories.get(memory) ?? known++
    if (!memories.has(memory)) {
      memories.set(memory, number)
      collected.register(memory, number)
    }
    worker.modules.add(first)
    worker.memories.add(number)
    send(worker, { module, memory, first, count })
  }

  const takeUnits = (kernel: SharedKernel, args: readonly number[], chunk: number): void => {
    const { here, units } = kernel
    const given = [...args]
    for (;;) {
      const from = Atomics.add(words, C.AT.next, chunk)
      if (from >= units) return
      given[0] = from
      given[1] = Math.min(units, from + chunk)
      here(...given)
    }
  }
  const open = (kernel: SharedKernel, args: readonly number[], chunk: number): void => {
    words[C.AT.kernel] = kernel.number
    words[C.AT.units] = kernel.units
    words[C.AT.chunk] = chunk
    words[C.AT.threads] = kernel.threads
    words[C.AT.stride] = kernel.stride
    words[C.AT.count] = args.length
    for (let i = 0; i < args.length; i++) words[C.AT.arguments + i] = args[i]!
    words[C.AT.next] = 0
    words[C.AT.joined] = 0
    words[C.AT.failed] = 0
    epoch = (epoch + 1) & 0x3fffff
    Atomics.store(words, C.AT.state, epoch * C.EPOCH + C.OPEN)
    if (Atomics.load(words, C.AT.asleep) > 0) Atomics.notify(words, C.AT.state, kernel.threads - 1)
  }
  /** Nobody joins any more; those at work are waited for. */
  const close = (): void => {
    Atomics.and(words, C.AT.state, ~C.OPEN)
    const active = (): boolean => (Atomics.load(words, C.AT.state) & C.ACTIVE) > 0
    for (let i = 0; active(); i++) {
      const left = Atomics.load(words, C.AT.left)
      if (i >= SPINS && sleeps && active()) Atomics.wait(words, C.AT.left, left)
    }
  }
  const failure = (): string => {
    const letters = words.subarray(C.AT.letters, C.AT.letters + words[C.AT.failed]! - 1)
    return String.fromCharCode(...letters)
  }

  return {
    numbers: (count) => (kernels += count) - count,
    run: (kernel, args) => {
      let ready = 0
      for (const worker of workers) {
        if (life(worker.place) !== C.LIVE) continue
        ready++
        give(worker, kernel.of)
      }
      if (ready < kernel.threads - 1) owe(kernel)
      if (ready === 0 || args.length > C.MOST_ARGUMENTS) {
        kernel.here(...args)
        return
      }
      const chunk = Math.max(1, Math.floor(kernel.units / (CHUNKS * Math.min(kernel.threads, ready + 1))))
      open(kernel, args, chunk)
      try {
        takeUnits(kernel, args, chunk)
      } finally {
        Atomics.store(words, C.AT.next, kernel.units)
        close()
      }
      if (words[C.AT.joined] !== 0) joined++
      if (words[C.AT.failed] !== 0) throw new Error(failure())
    },
    forget: (memory) => {
      const number = memories.get(memory)
      if (number !== undefined) release(number)
    },
    stats: () => ({ workers: workers.filter(({ place }) => life(place) === C.LIVE).length, joined }),
  }
}
