import * as E from 'fp-ts/lib/Either.js'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import * as p from '../../primitives/index.ts'
import type { HostArray } from '../../base/dtype.ts'
import { add, full, jit, mul, readAsync, realizeAsync, type Tensor } from '../../index.ts'
import type { Program } from '../../loops/program.ts'
import { type DeviceError, DeviceFailure, type Storage } from '../../graph/device.ts'
import type { WebgpuDevice } from './face.ts'
import { openWebgpu as open, singleKernel } from './kernel-trial.support.ts'
import { softwareTuning, type Tuning } from './printer/index.ts'
import { affine, chain, f32 } from './programs.support.ts'

const read = async (device: WebgpuDevice, s: Storage): Promise<HostArray> => {
  const result = await device.download(s)()
  if (E.isLeft(result)) throw new DeviceFailure(result.left)
  return result.right
}
const outcome = async (device: WebgpuDevice, s: Storage): Promise<DeviceError | null> => {
  const result = await device.download(s)()
  return E.isLeft(result) ? result.left : null
}
const failure = (f: () => unknown): DeviceError => {
  try {
    f()
  } catch (error) {
    if (error instanceof DeviceFailure) return error.error
    throw error
  }
  throw new Error('nothing failed')
}
const ones = (device: WebgpuDevice, n: number): Storage => device.upload(new Float32Array(n).fill(1), f32(n))
/** `steps` times 2 x + 1, from 1. */
const expected = (steps: number): number => 2 ** (steps + 1) - 1
const two = (n: number) => [
  { slab: 0, offset: 0 },
  { slab: 0, offset: Math.ceil((4 * n) / 256) * 256 },
]

describe.runIf(inject('devices').includes('webgpu'))('memory of programs', () => {
  // One for each: what another dropped is collected at any time.
  let device: WebgpuDevice
  beforeEach(async () => {
    device = await open()
  })
  afterEach(() => device.destroy())
  const live = (): number => device.stats().liveBytes

  it('programs share their arena: four hold what one holds, and give it up together', async () => {
    const n = 50_003
    const x = ones(device, n)
    const before = live()
    const programs = [4, 5, 6, 7].map((steps) => ({ steps, program: device.load(chain(n, steps, two(n))) }))
    for (const { steps, program } of programs) {
      const [y] = program.run([x])
      expect((await read(device, y!))[n - 1]).toBe(expected(steps))
      device.release(y!)
      expect(live() - before).toBeLessThan(2.1 * 4 * n)
    }
    programs.slice(1).forEach(({ program }) => program.release())
    expect(live() - before).toBeGreaterThan(4 * n)
    programs[0]!.program.release()
    expect(live()).toBe(before)
    expect(() => programs[0]!.program.run([x])).toThrow(/released/)
    device.release(x)
  })

  it('values in one slab and in several, in the order asked for, whatever was there before', async () => {
    const runs = [
      { n: 61, places: two(61) },
      { n: 4099, places: two(4099) },
      {
        n: 4099,
        places: [
          { slab: 0, offset: 0 },
          { slab: 1, offset: 512 },
        ],
      },
      {
        n: 30_011,
        places: [
          { slab: 1, offset: 256 },
          { slab: 0, offset: 0 },
          { slab: 2, offset: 0 },
        ],
      },
      { n: 61, places: two(61) },
    ]
    // All at once: the arena grows and is replaced while the first still wait for their pipelines.
    const results = runs.map(({ n, places }) => device.load(chain(n, 9, places)).run([ones(device, n)])[0]!)
    for (const [i, { n }] of runs.entries()) {
      const y = await read(device, results[i]!)
      expect(y[0]).toBe(expected(9))
      expect(y[n - 1]).toBe(expected(9))
    }
  })

  it('small and large programs in turn create nothing once both have run', async () => {
    const [small, large] = [100, 40_009]
    const programs = [small, large].map((n) => ({ n, x: ones(device, n), program: device.load(chain(n, 5, two(n))) }))
    const turn = async (): Promise<void> => {
      for (const { n, x, program } of programs) {
        const [y] = program.run([x])
        expect((await read(device, y!))[n - 1]).toBe(expected(5))
        device.release(y!)
      }
    }
    await turn()
    await turn()
    const before = device.stats()
    for (let i = 0; i < 200; i++) await turn()
    const after = device.stats()
    expect(after.created).toBe(before.created)
    expect(after.liveBytes).toBe(before.liveBytes)
    expect(after.peakBytes).toBe(before.peakBytes)
  })

  it('what is released is used again at once, by work that comes after what still waits for it', async () => {
    const n = 2 ** 16
    const base = ones(device, n)
    const once = (i: number): Storage => {
      const x = device.upload(new Float32Array(n).fill(i), f32(n))
      // Each is compiled anew, and so nothing runs before the loop is over.
      const kernel = affine(n)
      const scaled = { ...kernel, rows: [{ id: 0, extent: n - i }] }
      const [y] = device.load(singleKernel(scaled)).run([x])
      device.release(x)
      const [z] = device
        .load(chain(64 + i, 3, two(64 + i)))
        .run([device.upload(new Float32Array(64 + i).fill(i), f32(64 + i))])
      device.release(y!)
      return z!
    }
    const before = live()
    const results = Array.from({ length: 30 }, (_, i) => once(i))
    expect(live() - before).toBeLessThan(4 * 4 * n)
    for (const [i, z] of results.entries()) expect((await read(device, z))[0]).toBe(8 * i + 7)
    expect((await read(device, base))[0]).toBe(1)
  })

  it('copies between values of one slab, large ones too', async () => {
    for (const n of [3, 1000, 1_200_001]) {
      const program = chain(n, 3, two(n))
      // x -> slot 0; slot 0 -> slot 1, a copy; slot 1 -> y
      const steps = program.steps.map((s, i) =>
        i === 1 ? ({ kind: 'copy', from: 1, to: 2, bytes: 4 * n } as const) : s,
      )
      const executable = device.load({ ...program, steps })
      const before = device.stats().kernels
      const y = await read(device, executable.run([ones(device, n)])[0]!)
      expect(y.every((v) => v === expected(2))).toBe(true)
      expect(device.stats().kernels - before).toBe(2)
    }
  })

  it('a value that no binding can hold is refused by name', () => {
    const bytes = 2 ** 33
    const program = chain(8, 3, two(8))
    const buffers = program.buffers.map((b) => (b.source.kind === 'slot' ? { ...b, bytes } : b))
    const error = failure(() => device.load({ ...program, buffers, slabs: [2 * bytes] }))
    expect(error).toMatchObject({ _tag: 'OutOfMemory', op: 'affine', bytes })
  })

  it('a program that is collected gives up what it held', { timeout: 120_000 }, async () => {
    const n = 2 ** 20
    const x = ones(device, n)
    const before = live()
    const run = (): Promise<HostArray> => {
      const [y] = device.load(chain(n, 3, two(n))).run([x])
      expect(live() - before).toBeGreaterThanOrEqual(12 * n)
      const values = read(device, y!)
      device.release(y!)
      return values
    }
    await run()
    // The collector comes for what the program itself makes: arrays of 4 MB here. When it does is its own affair, and what it
    // found is told in a turn of the event loop.
    const patience = performance.now() + 60_000
    while (live() > before && performance.now() < patience) {
      await read(device, x)
      await new Promise((resolve) => setTimeout(resolve))
    }
    expect(live()).toBe(before)
    device.release(x)
  })
})

describe.runIf(inject('devices').includes('webgpu'))('a webgpu device that is used up', () => {
  it('a loop that never awaits ends with an error that says what to do, and the device goes on', async () => {
    const device = await open({ memory: 2 ** 24 })
    const n = 2 ** 16
    const kept: Storage[] = []
    const error = failure(() => {
      for (let i = 0; i < 1000; i++) kept.push(ones(device, n))
    })
    expect(error).toMatchObject({ _tag: 'OutOfMemory', op: 'upload of f32[65536]', bytes: 4 * n })
    expect(error.message).toMatch(/`memory` of webgpuDevice.*Await a `read` or `realize` every few steps/)
    kept.splice(1).forEach(device.release)
    expect((await read(device, kept[0]!))[n - 1]).toBe(1)
    const program = device.load(singleKernel(affine(n)))
    for (let i = 0; i < 20; i++) {
      const [y] = program.run([kept[0]!])
      expect((await read(device, y!))[0]).toBe(3)
      device.release(y!)
    }
    await device.destroy()
  })

  it('work handed over faster than it is done ends with an error, and a read makes room again', async () => {
    const device = await open({ memory: 2 ** 23 })
    const n = 64
    const step = device.load(singleKernel(affine(n, true)))
    let w = device.upload(new Float32Array(n), f32(n))
    const error = failure(() => {
      for (let i = 0; i < 100_000; i++) w = step.run([w])[0]!
    })
    expect(error).toMatchObject({ _tag: 'OutOfMemory', op: 'affine' })
    expect(w.gone()).toBeNull() // what was refused took nothing
    for (let i = 0; i < 50; i++) {
      await read(device, w)
      for (let j = 0; j < 100; j++) w = step.run([w])[0]!
    }
    expect((await read(device, w)).length).toBe(n)
    await device.destroy()
  })

  it('a loop that realizes and never reads stays within its memory, however long', { timeout: 60_000 }, async () => {
    // Room for some 500 steps under way.
    const device = await open({ memory: 2 ** 23 })
    const n = 2 ** 12
    const step = jit((w: Tensor) => add(mul(w, 0.5), 1), { device, donate: [0] })
    let w: Tensor = await realizeAsync(full([n], 0), device)
    for (let i = 0; i < 6000; i++) w = await realizeAsync(step(w), device)
    expect((await readAsync(w))[n - 1]).toBe(2)
    await device.destroy()
  })

  it('many devices, opened and destroyed one after the other, do not add up', { timeout: 120_000 }, async () => {
    const once = async (): Promise<void> => {
      const device = await open()
      const n = 2 ** 20
      const xs = Array.from({ length: 16 }, () => ones(device, n))
      const [y] = device.load(chain(n, 4, two(n))).run([xs[0]!])
      expect((await read(device, y!))[n - 1]).toBe(expected(4))
      await device.destroy()
      expect(device.stats().liveBytes).toBe(0)
    }
    for (let i = 0; i < 3; i++) await once()
    const before = process.memoryUsage.rss()
    for (let i = 0; i < 12; i++) await once()
    expect(process.memoryUsage.rss() - before).toBeLessThan(2 * 2 ** 26)
  })

  it('destroyed, it answers all that waits, at once and as often as it is asked', async () => {
    const device = await open({ memory: 2 ** 24 })
    const step = device.load(singleKernel(affine(64, true)))
    let w = device.upload(new Float32Array(64), f32(64))
    w = step.run([w])[0]!
    await read(device, w)
    for (let i = 0; i < 400; i++) w = step.run([w])[0]!
    const paced = device.pace() // for work that runs
    const n = 12_345 // its pipelines are new, and so its work waits
    const x = ones(device, n)
    const program = device.load(chain(n, 4, two(n)))
    const [y] = program.run([x])
    const waiting = [device.download(y!)(), device.download(x)()]
    let answered = 0
    for (const task of [...waiting, paced, device.pace()]) void task.then(() => answered++)
    await device.destroy()
    await device.destroy()
    // No turn of the event loop goes by, and so nothing is compiled meanwhile.
    for (let i = 0; i < 20; i++) await Promise.resolve()
    expect(answered).toBe(4)
    for (const result of await Promise.all(waiting)) expect(E.isLeft(result) && result.left._tag).toBe('DeviceLost')
    expect(device.stats().liveBytes).toBe(0)
    device.release(x)
    program.release()
    expect(device.stats().liveBytes).toBe(0)
    expect(await outcome(device, y!)).toMatchObject({ _tag: 'DeviceLost' })
    expect(failure(() => program.run([y!]))._tag).toBe('DeviceLost')
  })
})

describe.runIf(inject('devices').includes('webgpu'))('work that fails', () => {
  let device: WebgpuDevice
  beforeAll(async () => {
    device = await open()
  })
  afterAll(() => device.destroy())

  /** A program whose submission throws: a step names a buffer that there is not. */
  const throwing = (n: number): Program => {
    const program = chain(n, 3, two(n))
    return {
      ...program,
      steps: program.steps.map((s, i) => (i === 1 && s.kind === 'kernel' ? { ...s, buffers: [1, 99] } : s)),
    }
  }

  it('what throws while it is submitted is the failure of its results, and what comes after runs', async () => {
    for (const n of [31, 31]) {
      // The first waits for its pipelines, the second does not.
      const x = ones(device, n)
      const before = device.stats().liveBytes
      const [y] = device.load(throwing(n)).run([x])
      const [z] = device.load(singleKernel(affine(n))).run([x])
      const error = await outcome(device, y!)
      expect(error).toMatchObject({ _tag: 'Validation' })
      expect(error?.message).toMatch(/could not be run/)
      expect((await read(device, z!))[0]).toBe(3)
      expect((await read(device, x))[0]).toBe(1)
      device.release(y!)
      device.release(z!)
      expect(device.stats().liveBytes).toBeLessThanOrEqual(before + 3 * 256)
    }
  })

  // A program waits for what is measured of its products, and is printed then: too late to throw where it is loaded.
  const unprintable: Tuning = {
    ...softwareTuning,
    dot: () => {
      throw new Error('no tile')
    },
  }
  const inputs = [p.parameter({ shape: [20, 40], dtype: 'f32' }), p.parameter({ shape: [40, 24], dtype: 'f32' })]
  const compileOn = (on: WebgpuDevice) =>
    on.compile({ inputs, outputs: [p.dot(inputs[0]!, inputs[1]!)], donated: [false, false] })

  it('a program that cannot be printed once its products are measured fails each of its runs', async () => {
    const tuned = await open({ tune: true, tuning: unprintable })
    const data = inputs.map(({ shape, dtype }) =>
      tuned.upload(new Float32Array(shape[0]! * shape[1]!).fill(1), { shape, dtype }),
    )
    const program = compileOn(tuned)
    const first = await outcome(tuned, program.run(data)[0]!)
    expect(first).toMatchObject({ _tag: 'Validation' })
    expect(failure(() => program.run(data))).toEqual(first)
    expect(first?.message).toMatch(/^dot .*could not be run: no tile$/)
    expect((await read(tuned, data[0]!))[0]).toBe(1) // the failure is told once, and not to the next read
    expect(() => compileOn(tuned)).toThrow('no tile') // nothing is left to measure: it throws where it is loaded
    await tuned.destroy()
  })

  it('nor is it an unhandled rejection where it is never run', async () => {
    const another = await open({ tune: true, tuning: unprintable })
    const unhandled: unknown[] = []
    const listen = (error: unknown): void => void unhandled.push(error)
    process.on('unhandledRejection', listen)
    compileOn(another)
    for (let i = 0; i < 5; i++) await new Promise((resolve) => void setImmediate(resolve))
    process.off('unhandledRejection', listen)
    expect(unhandled).toEqual([])
    await another.destroy()
  })

  it('a tensor computed from one that failed tells the first cause, whether it was known or not', async () => {
    const n = 47
    const bad = device.upload(new Float32Array(4 * n), f32(n)) // more than there is room for
    const first = await outcome(device, bad)
    expect(first).toMatchObject({ _tag: 'Validation', op: `upload of f32[${n}]` })
    const next = device.load(singleKernel(affine(n)))
    expect(failure(() => next.run([bad]))).toEqual(first)
    // Not known yet: the work that fails is still waiting when its results are used.
    const late = 53
    const [y] = device.load(throwing(late)).run([ones(device, late)])
    const [z] = device.load(singleKernel(affine(late))).run([y!])
    const cause = await outcome(device, y!)
    expect(cause?.message).toMatch(/could not be run/)
    expect(await outcome(device, z!)).toEqual(cause)
  })
})
