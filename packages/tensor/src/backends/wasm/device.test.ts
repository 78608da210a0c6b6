import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HostArray } from '../../base/dtype.ts'
import type { Expr } from '../../graph/expr.ts'
import * as p from '../../primitives/index.ts'
import {
  add,
  jit,
  matmul,
  mul,
  random,
  readAsync,
  realizeAsync,
  slice,
  tensor,
  type Tensor,
  transpose,
  zeros,
} from '../../index.ts'
import { storageOfTensor } from '../../run/storages.ts'
import { schedule } from '../../compile/schedule.ts'
import { takeOn } from '../engine/ballast.ts'
import { DeviceFailure, type Storage } from '../../graph/device.ts'
import { turn } from '../engine/turns.ts'
import { wasmDevice } from './device.ts'

const get = async (storage: Storage): Promise<HostArray> => {
  const result = await storage.device.download(storage)()
  if (E.isLeft(result)) throw new Error(result.left.message)
  return result.right
}
/** Tells the collector of more and more memory until `done`, or enough. */
const collected = async (done: () => boolean): Promise<void> => {
  for (let i = 0; i < 200 && !done(); i++) {
    takeOn(2 ** 26)
    await turn()
  }
}
const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const })
const arange = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => i)
const softmax = (x: Expr): Expr => {
  const wide = (y: Expr): Expr => p.broadcastTo(p.reshape(y, [x.shape[0]!, 1]), x.shape)
  const z = p.exp(p.sub(x, wide(p.reduceMax(x, [1]))))
  return p.div(z, wide(p.reduceSum(z, [1])))
}

describe('wasm device', () => {
  it('computes a column of a product the same in whatever block of columns and of k it stands', async () => {
    const device = wasmDevice()
    const drawn = (seed: number, m: number, n: number): Promise<Tensor> =>
      realizeAsync(random.normal()(random.key(seed), [m, n]), device)
    const columns = (b: Tensor, from: number, to: number): Tensor => slice([0, from], [b.shape[0]!, to])(b)
    const [m, k, n] = [258, 600, 1100] // more sums than wait at once, and more steps than one block has
    const [a, b] = [await drawn(1, k, m), await drawn(2, k, n)]
    for (const x of [transpose()(a), await realizeAsync(transpose()(a), device)]) {
      const whole = await realizeAsync(matmul(x, b), device)
      for (const [from, to] of [
        [0, 96],
        [496, 560],
        [1020, 1100],
      ] as const)
        expect(await readAsync(matmul(x, await realizeAsync(columns(b, from, to), device)), device)).toEqual(
          await readAsync(columns(whole, from, to), device),
        )
    }
  })

  it('runs a compiled graph and keeps its memory flat', async () => {
    const device = wasmDevice()
    const x = p.parameter(f32(5, 37))
    const run = device.compile({ inputs: [x], outputs: [softmax(x), p.reduceSum(softmax(x), [1])], donated: [false] })
    const input = device.upload(arange(5 * 37), f32(5, 37))
    const results = run.run([input])
    const y = await get(results[0]!)
    const rowSums = await get(results[1]!)
    expect(Array.from(rowSums).every((v) => Math.abs(v - 1) < 1e-5)).toBe(true)
    expect(y[36]).toBeCloseTo((1 - Math.exp(-1)) / (1 - Math.exp(-37)), 5)
    results.forEach(device.release)
    const before = device.stats()
    for (let i = 0; i < 1000; i++) run.run([input]).forEach(device.release)
    const after = device.stats()
    expect(after.liveBytes).toBe(before.liveBytes)
    expect(after.peakBytes).toBe(before.peakBytes)
    expect(after.pipelines).toBe(before.pipelines)
    expect(after.submits - before.submits).toBe(1000)
  })

  it('hands a donated block to the output that overwrote it', async () => {
    const device = wasmDevice()
    const x = p.parameter(f32(1000))
    const next = device.compile({ inputs: [x], outputs: [p.add(x, p.fill([1000], 'f32', 1))], donated: [true] })
    let state = device.upload(arange(1000), f32(1000))
    const first = state
    const before = device.stats()
    for (let i = 0; i < 10; i++) state = next.run([state])[0]!
    expect(first.gone()).toMatch(/donated/)
    expect((await get(state))[7]).toBe(17)
    expect(device.stats().liveBytes).toBe(before.liveBytes)
    expect(E.isLeft(await device.download(first)())).toBe(true)
  })

  it('copies every dtype in and out', async () => {
    const device = wasmDevice()
    const cases = [
      [Float32Array.of(1.5, -0, NaN, Infinity), 'f32'],
      [Int32Array.of(-1, 0, 2147483647, -2147483648), 'i32'],
      [Uint32Array.of(0, 1, 4294967295, 7), 'u32'],
      [Uint8Array.of(0, 1, 1, 0), 'bool'],
    ] as const
    for (const [data, dtype] of cases) {
      const storage = device.upload(data, { shape: [2, 2], dtype })
      expect(await get(storage)).toEqual(data)
      device.release(storage)
      expect(storage.gone()).toMatch(/released/)
    }
    expect(device.stats().liveBytes).toBe(0)
    const empty = device.upload(new Float32Array(0), f32(0, 3))
    expect(await get(empty)).toEqual(new Float32Array(0))
  })

  it('fails with the op, the place and the size where memory ends, and stays usable', async () => {
    const device = wasmDevice({ maximumPages: 80 })
    const x = p.parameter(f32(1))
    const big = device.compile({ inputs: [x], outputs: [p.broadcastTo(p.neg(x), [1 << 22])], donated: [false] })
    const one = device.upload(Float32Array.of(2), f32(1))
    const attempt = (): unknown => {
      try {
        return big.run([one])
      } catch (error) {
        return error
      }
    }
    const error = attempt()
    expect(error).toBeInstanceOf(DeviceFailure)
    if (!(error instanceof DeviceFailure) || error.error._tag !== 'OutOfMemory') throw new Error('expected OutOfMemory')
    expect(error.error.bytes).toBe(4 << 22)
    expect(error.error.op).toMatch(/neg/)
    expect(error.error.site).toMatch(/device\.test\.ts/)
    expect(await get(one)).toEqual(Float32Array.of(2))
  })

  it.each([true, false])(
    'a kernel that fails leaves nothing of what was donated (%s), and all else as it was',
    (donated) => {
      const device = wasmDevice()
      const x = p.parameter(f32(1 << 24))
      const program = schedule(device.capabilities)({ inputs: [x], outputs: [p.exp(x), p.neg(x)], donated: [donated] })
      // A schedule that lies about its sizes reads beyond the memory.
      const lying = device.load({ ...program, buffers: program.buffers.map((b) => ({ ...b, bytes: 4 })) })
      const before = device.stats().liveBytes
      const small = device.upload(Float32Array.of(1), f32(1))
      const held = device.stats().liveBytes
      expect(() => lying.run([small])).toThrow(
        /^neg exp: memory access out of bounds \(asked for at .*device\.test\.ts/,
      )
      expect(device.stats().liveBytes).toBe(donated ? before : held)
      if (donated) expect(small.gone()).toContain('failed and may have overwritten a part of it')
      else expect(small.gone()).toBeNull()
    },
  )

  it('takes no storage of another device', () => {
    const here = wasmDevice()
    const storage = wasmDevice().upload(Float32Array.of(1), f32(1))
    expect(() => here.release(storage)).toThrow(/another device/)
  })

  it('a program lives as long as someone can run it, and then gives back what it was given for itself', async () => {
    const device = wasmDevice()
    const y = await realizeAsync(zeros([1000]), device)
    const before = device.stats().liveBytes
    const programs = [1, 2].map((k) => {
      const data = tensor(arange(1000))
      return jit((x: Tensor) => add(mul(x, k), data), { device })
    })
    const call = async (f: (x: Tensor) => Tensor): Promise<void> => {
      const result = storageOfTensor(f(y))!
      expect(await get(result)).toEqual(arange(1000))
      device.release(result)
    }
    await Promise.all(programs.map(call))
    const held = device.stats().liveBytes - before
    expect(held).toBeGreaterThanOrEqual(8000)
    programs.pop()
    await collected(() => device.stats().liveBytes - before < held)
    expect(device.stats().liveBytes - before).toBe(held / 2)
    await call(programs[0]!)
    programs.pop()
    await collected(() => device.stats().liveBytes === before)
    expect(device.stats().liveBytes).toBe(before)
  })

  it('means what the primitives mean, on matrices of any size', async () => {
    const device = wasmDevice()
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        async (m, n, k) => {
          const x = p.parameter(f32(m, k))
          const y = p.parameter(f32(k, n))
          const { run } = device.compile({ inputs: [x, y], outputs: [p.dot(x, y)], donated: [false, false] })
          const a = Float32Array.from({ length: m * k }, (_, i) => Math.sin(i))
          const b = Float32Array.from({ length: k * n }, (_, i) => Math.cos(i))
          const z = await get(run([device.upload(a, f32(m, k)), device.upload(b, f32(k, n))])[0]!)
          for (const [i, j] of [
            [0, 0],
            [m - 1, n - 1],
          ] as const) {
            let sum = 0
            for (let l = 0; l < k; l++) sum += a[i * k + l]! * b[l * n + j]!
            expect(z[i * n + j]).toBeCloseTo(sum, 3)
          }
        },
      ),
      { seed: 3, numRuns: 40 },
    )
  })
})
