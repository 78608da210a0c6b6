/** Loops on devices: what a call makes and submits, however many its rounds, and what becomes of it where the device goes. */
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import type { Computation } from '../graph/device.ts'
import { loop, type Trips } from '../graph/loop.ts'
import type { HostArray } from '../base/dtype.ts'
import type { Aval, Expr } from '../graph/expr.ts'
import { trace } from '../graph/graph.ts'
import * as p from '../primitives/index.ts'
import type { Device, DeviceStats, Executable, Storage } from '../graph/device.ts'
import { nativeDevice } from './native/open.ts'
import { wasmDevice } from './wasm/device.ts'
import { webgpuDevice } from './webgpu/open.ts'

const N = 8
const vector: Aval = { shape: [N], dtype: 'f32' }
const scalar: Aval = { shape: [], dtype: 'i32' }
const zero = p.fill([], 'i32', 0)
const next = (i: Expr): Expr => p.add(i, p.fillLike(i, 1))
const plusOne = (x: Expr): Expr => p.add(x, p.fillLike(x, 1))

const rounds = (trips: Trips, carries: readonly Expr[], body: (now: readonly Expr[]) => readonly Expr[]) => {
  const { graph, operands } = trace('loop', body, carries)
  return loop(graph, operands.length, trips, [...operands, ...carries])
}
const computation = (like: readonly Aval[], build: (inputs: readonly Expr[]) => readonly Expr[]): Computation => {
  const inputs = like.map(p.parameter)
  return { inputs, outputs: build(inputs), donated: inputs.map(() => false) }
}
/** x and 1 added to it, in each round; and its elements turned round, so that a round has two kernels or a copy. */
const counted = (trips: number): Computation =>
  computation([vector], ([x]) => rounds(trips, [x!, zero], ([c, i]) => [p.flip(plusOne(c!), [0]), next(i!)]))
/** The same as long as the counter is below what the caller says. */
const flagged = (trips: Trips): Computation =>
  computation([vector, scalar], ([x, n]) =>
    rounds(trips, [x!, zero, p.lt(zero, n!)], ([c, i]) => [
      p.flip(plusOne(c!), [0]),
      next(i!),
      p.lt(next(i!), n!),
    ]).slice(0, 2),
  )
/** In each of n rounds, m rounds: both numbers the caller's. */
const nested = (outer: Trips, inner: Trips): Computation =>
  computation([vector, scalar, scalar], ([x, n, m]) =>
    rounds(outer, [x!, zero, p.lt(zero, n!)], ([c, i]) => {
      const [d] = rounds(inner, [c!, zero, p.lt(zero, m!)], ([e, j]) => [plusOne(e!), next(j!), p.lt(next(j!), m!)])
      return [d!, next(i!), p.lt(next(i!), n!)]
    }).slice(0, 2),
  )

const start = Float32Array.from({ length: N }, (_, i) => i)
const after = (n: number): readonly number[] => {
  const values = Array.from(start, (v) => v + n)
  return n % 2 === 0 ? values : values.reverse()
}
const read = async (device: Device, storage: Storage): Promise<HostArray> => {
  const found = await device.download(storage)()
  if (E.isLeft(found)) throw new Error(found.left.message)
  return found.right
}
const upload = (device: Device, ...numbers: readonly number[]): readonly Storage[] => [
  device.upload(start, vector),
  ...numbers.map((n) => device.upload(Int32Array.of(n), scalar)),
]
/** A call, its results read, and what the device counted meanwhile. */
const call = async (device: Device, executable: Executable, ...numbers: readonly number[]) => {
  const given = upload(device, ...numbers)
  const before = device.stats()
  const results = executable.run(given)
  const values: (readonly number[])[] = []
  for (const r of results) values.push(Array.from(await read(device, r)))
  const stats = device.stats()
  for (const s of [...given, ...results]) device.release(s)
  const more = (key: keyof DeviceStats): number => stats[key] - before[key]
  return { values, kernels: more('kernels'), submits: more('submits'), created: more('created') }
}

const open: Readonly<Record<string, () => Promise<Device>>> = {
  wasm: () => Promise.resolve(wasmDevice()),
  native: async () => {
    const opened = await nativeDevice()()
    if (E.isLeft(opened)) throw new Error(opened.left.message)
    return opened.right
  },
  webgpu: async () => {
    const opened = await webgpuDevice()()
    if (E.isLeft(opened)) throw new Error(opened.left.message)
    return opened.right
  },
}
for (const [kind, opening] of Object.entries(open))
  describe.runIf(inject('devices').includes(kind))(`loops on ${kind}`, () => {
    let device: Device
    beforeAll(async () => {
      device = await opening()
    })
    afterAll(() => device.destroy())

    it('a counted loop is one submission of its kernels, and makes nothing the second time', async () => {
      // a kernel makes the counter's zero
      const executable = device.compile(counted(50))
      const steps = executable.program!.steps.length
      expect(steps).toBeLessThan(6)
      await call(device, executable)
      const again = await call(device, executable)
      expect(again.values).toEqual([after(50), [50]])
      expect(again).toMatchObject({ kernels: 101, submits: 1, created: 0 })
    })

    it.each([0, 1, 15, 16, 17, 100, 1000])('a flag that holds for %i rounds', async (n) => {
      for (const trips of [null, { atMost: 5 }, { atMost: 60 }]) {
        const executable = device.compile(flagged(trips))
        const rounds = Math.min(n, trips?.atMost ?? Infinity)
        await call(device, executable, n)
        const again = await call(device, executable, n)
        expect(again.values).toEqual([after(rounds), [rounds]])
        expect(again.created).toBe(0)
        if (kind !== 'webgpu') expect(again.kernels).toBe(2 + 2 * rounds)
      }
    })

    it.each([
      [0, 0],
      [1, 3],
      [3, 1],
      [4, 0],
      [3, 40],
      [40, 3],
    ])('flags inside of flags: %i times %i rounds', async (n, m) => {
      for (const outer of [null, { atMost: 7 }])
        for (const inner of [null, { atMost: 2 }]) {
          const executable = device.compile(nested(outer, inner))
          const i = Math.min(n, outer?.atMost ?? Infinity)
          const j = Math.min(m, inner?.atMost ?? Infinity)
          const { values } = await call(device, executable, n, m)
          expect(values).toEqual([Array.from(start, (v) => v + i * j), [i]])
        }
    })

    it('very many rounds', { timeout: 120_000 }, async () => {
      const executable = device.compile(counted(20_000))
      const before = device.stats()
      const { values, kernels, submits } = await call(device, executable)
      expect(values).toEqual([after(20_000), [20_000]])
      expect(kernels).toBe(40_001)
      // in parts of some thousand dispatches, of which there are three a round
      if (kind === 'webgpu') expect(submits).toBeGreaterThan(10)
      expect(submits).toBeLessThan(20)
      expect(device.stats().liveBytes - before.liveBytes).toBeLessThan(10_000)
    })
  })

describe.runIf(inject('devices').includes('webgpu'))('a loop whose end the host waits for', () => {
  it('returns at once, and what is called later sees its results', async () => {
    const device = await open['webgpu']!()
    const executable = device.compile(flagged(null))
    const more = device.compile(computation([vector], ([x]) => [plusOne(x!)]))
    await call(device, executable, 1) // compiled
    const given = upload(device, 300)
    const before = device.stats().submits
    const [y, i] = executable.run(given)
    expect(device.stats().submits - before).toBeLessThanOrEqual(1)
    const [z] = more.run([y!])
    const used = device.upload(
      Float32Array.from(start, (v) => -v),
      vector,
    )
    for (const s of given) device.release(s)
    expect(Array.from(await read(device, z!))).toEqual(after(301).toReversed())
    expect(Array.from(await read(device, i!))).toEqual([300])
    expect(Array.from(await read(device, used))).toEqual(Array.from(start, (v) => -v))
    expect(device.stats().submits - before).toBeGreaterThan(3)
    await device.destroy()
  })

  it('ends with the device, and so do those who wait for it', async () => {
    const device = await open['webgpu']!()
    const endless = device.compile(
      computation([vector], ([x]) =>
        rounds(null, [x!, p.lt(p.reduceSum(x!, [0]), p.fill([], 'f32', 1e9))], ([c]) => [
          p.tanh(c!),
          p.lt(p.reduceSum(c!, [0]), p.fill([], 'f32', 1e9)),
        ]),
      ),
    )
    const [y] = endless.run(upload(device))
    const late = device.upload(start, vector)
    const reads = [y!, late].map((s) => device.download(s)())
    await vi.waitFor(() => expect(device.stats().submits).toBeGreaterThan(2), 10_000)
    await device.destroy()
    for (const result of await Promise.all(reads)) expect(result).toMatchObject({ left: { _tag: 'DeviceLost' } })
    const { submits } = device.stats()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(device.stats().submits).toBe(submits)
  })
})
