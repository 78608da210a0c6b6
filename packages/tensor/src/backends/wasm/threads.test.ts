import { spawnSync } from 'node:child_process'
import { createThreads as createThreadsHere } from '#pool'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inPlaceKernels } from '../../loops/in-place.support.ts'
import type { Kernel } from '../../loops/kernel.ts'
import { choices, kernelOf, odd, rowForms, rowKernelOf } from '../linear/dot-kernels.support.ts'
import { kernels as loopKernels } from '../linear/loop-kernels.support.ts'
import { AT, STARTING } from './control.ts'
import { spawner } from './spawn.ts'
import { linger, type Rig, rigOf } from './threads.support.ts'
import { createThreads, type ThreadOptions } from './pool.ts'
import type { Threads } from './shared-kernel.ts'
import { workerSource } from './worker.ts'

const spawn = spawner()!
const turn = (ms = 1): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))
const until = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 5000 && !holds(); i++) await turn(2)
  expect(holds()).toBe(true)
}
const dot = (m: number, n: number, k: number): Kernel =>
  kernelOf({
    batch: 1,
    m,
    n,
    k,
    orders: [false, false, false],
    prologues: [false, false],
    epilogue: true,
    shared: false,
  })

const run = (threads: Threads, { kernels, args }: Rig): void =>
  kernels.filter((k) => k.units > 0).forEach((k) => threads.run(k, args(k)))

/** Threads at hand: `most` with this one. What they were started with is theirs until it is forgotten. */
const startedWith = async (
  most: number,
  options: ThreadOptions = {},
): Promise<{ readonly threads: Threads; readonly rig: Rig }> => {
  const threads = createThreads(spawn, { starts: 0, ...options })
  const rig = rigOf(threads, dot(64, 512, 8), most, 500)
  await until(() => {
    run(threads, rig)
    return threads.stats().workers === most - 1
  })
  return { threads, rig }
}
/** Runs until others have their part in it. */
const runTogether = async (threads: Threads, rig: Rig): Promise<void> => {
  const { joined } = threads.stats()
  await until(() => {
    run(threads, rig)
    return threads.stats().joined > joined
  })
}

describe('threads', () => {
  it('are there at once in Node, where a program may never give the event loop a turn to load them in', () => {
    expect(createThreadsHere).toBe(createThreads)
  })

  it('change no bit of any kernel, however many there are', { timeout: 120_000 }, async () => {
    const pools = [await startedWith(2), await startedWith(3)]
    const alone = createThreads(spawn, { starts: Infinity })
    const large = fc.constantFrom(33, 100, 257)
    const some: fc.Arbitrary<Kernel> = fc.oneof(
      loopKernels,
      inPlaceKernels,
      choices(odd, 3).map(kernelOf),
      choices(large, 1).map(kernelOf),
      fc.tuple(choices(large, 1), rowForms).map(([choice, form]) => rowKernelOf(choice, form)),
    )
    const before = pools.map(({ threads }) => threads.stats().joined)
    fc.assert(
      fc.property(some, fc.integer(), (kernel, seed) => {
        const result = (threads: Threads, most: number, slow: number): Uint8Array => {
          const rig = rigOf(threads, kernel, most, slow)
          // Again: a worker reads of a module that is new to it after the call that sends it.
          for (const again of [0, 1]) {
            rig.fill(seed + again)
            run(threads, rig)
          }
          return rig.bytes()
        }
        const wanted = Buffer.from(result(alone, 1, 0))
        pools.forEach(({ threads }, i) => {
          expect(wanted.equals(result(threads, i + 2, 500))).toBe(true)
        })
      }),
      { seed: 3, numRuns: 60 },
    )
    pools.forEach(({ threads }, i) => expect(threads.stats().joined).toBeGreaterThan(before[i]! + 10))
  })

  it('throw what a kernel throws on any of them, and work on', async () => {
    const { threads, rig } = await startedWith(3)
    await runTogether(threads, rig)
    const [kernel] = rig.kernels
    // Only others run it: here nothing is done, slowly.
    const elsewhere = { ...kernel!, here: () => linger(2000) }
    const beyond = rig.args(kernel!).map((x, i, all) => (i < 2 || i === all.length - 1 ? x : 2 ** 31))
    await expect(
      until(() => {
        threads.run(elsewhere, beyond)
        return false
      }),
    ).rejects.toThrow(/^memory access out of bounds$/)
    expect(() => threads.run(kernel!, beyond)).toThrow('memory access out of bounds')
    await runTogether(threads, rig)
    expect(threads.stats().workers).toBe(2)
  })

  it('see a memory that grew while they slept', async () => {
    const { threads } = await startedWith(2)
    // 257 steps of k clear their sums with an instruction that asks where the memory ends.
    const kernel = dot(64, 512, 257)
    const rig = rigOf(threads, kernel, 2, 500)
    await runTogether(threads, rig)
    await turn(50)
    const pages = rig.memory.buffer.byteLength / 65536
    const by = 65536 * pages
    rig.memory.grow(2 * pages)
    const moved = { ...rig, args: (k: Rig['kernels'][number]) => rig.args(k).map((x, i) => (i < 2 ? x : x + by)) }
    const seen = threads.stats().joined
    for (let i = 0; i < 20; i++) run(threads, moved)
    await runTogether(threads, moved)
    expect(threads.stats().joined).toBeGreaterThan(seen)
  })

  it('end when idle, and come again', async () => {
    const { threads, rig } = await startedWith(3, { idle: 300 })
    for (const again of [0, 1]) {
      if (again === 1)
        await until(() => {
          run(threads, rig)
          return threads.stats().workers === 2
        })
      await runTogether(threads, rig)
      await until(() => threads.stats().workers === 0)
    }
  })

  it('end where a memory that they hold is given up', async () => {
    const { threads, rig } = await startedWith(3)
    await runTogether(threads, rig)
    threads.forget(rig.memory)
    expect(threads.stats().workers).toBe(0)
    await until(() => {
      run(threads, rig)
      return threads.stats().workers === 2
    })
    await runTogether(threads, rig)
  })

  it('are not started before there was work that repays them, and not where they are not wanted', () => {
    let started = 0
    const counting = () => {
      started++
      return { post: () => undefined }
    }
    const threads = createThreads(counting, { starts: 1e6 })
    const rig = rigOf(threads, dot(64, 512, 8), 4, 0)
    const [kernel] = rig.kernels
    for (let calls = 1; calls * kernel!.work < 1e6; calls++) run(threads, rig)
    expect(started).toBe(0)
    run(threads, rig)
    expect(started).toBe(3)
    for (let i = 0; i < 100; i++) run(threads, rig)
    expect(started).toBe(3)
  })

  it('that cannot start are said to be missing once, and all runs on this one', () => {
    const said: unknown[] = []
    const { warn } = console
    console.warn = (text: unknown) => said.push(text)
    const threads = createThreads(
      () => {
        throw new Error('no threads here')
      },
      { starts: 0 },
    )
    const rig = rigOf(threads, dot(64, 512, 8), 3, 0)
    for (let i = 0; i < 10; i++) run(threads, rig)
    console.warn = warn
    expect(said).toEqual(['the threads of the wasm device ended, and it goes on with one: Error: no threads here'])
  })

  it('keep no process alive', () => {
    // What a program does that ends with workers asleep: here by itself, there by a call.
    const program = (end: string): string => `
      const { Worker } = require('node:worker_threads')
      const words = new Int32Array(new SharedArrayBuffer(4096 * 4))
      const source = ${JSON.stringify(workerSource(60_000))}
      for (let place = 0; place < 2; place++) {
        words[${AT.life} + place] = ${STARTING}
        words[${AT.mail} + place] = 1
        const worker = new Worker(source, { eval: true, execArgv: [] })
        worker.unref()
        worker.postMessage({ words, place })
      }
      const asleep = () => (Atomics.load(words, ${AT.asleep}) < 2 ? setTimeout(asleep, 10) : (${end}))
      asleep()`
    for (const end of ['0', 'process.exit(0)']) {
      const { status, signal } = spawnSync(process.execPath, ['-e', program(end)], { timeout: 20_000 })
      expect([status, signal]).toEqual([0, null])
    }
  })
})
