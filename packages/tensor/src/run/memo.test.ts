/** The law of what is remembered: it is computed once, it never changes a value, and it pins nothing. */
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  add,
  exp,
  full,
  jit,
  matmul,
  mul,
  ones,
  readAsync,
  realizeAsync,
  slice,
  sub,
  tensor,
  type Tensor,
  wasmDevice,
} from '../index.ts'
import { overRemembered, remember, remembered } from './memo.ts'
import { storageOfTensor } from './storages.ts'
import { turn } from '../backends/engine/turns.ts'

const devices = await presentDevices()
const numbers = async (x: Tensor): Promise<readonly number[]> => Array.from(await readAsync(x), Number)
const LARGE = [64, 128]

describe.each(devices.map((device) => [device.kind, device] as const))('what was asked for, on %s', (_, device) => {
  /** Kernels that `work` runs. */
  const kernels = async (work: () => Promise<unknown>): Promise<number> => {
    const before = device.stats().kernels
    await work()
    return device.stats().kernels - before
  }
  const on = <T extends Tensor>(x: T): Promise<T> => realizeAsync(x, device)
  const base = async (): Promise<Tensor> => on(full(LARGE, 0.5))

  it('is computed once, whoever asks again: realize, read, an expression over it, a jit argument, a closure', async () => {
    const x = exp(matmul(await base(), full([128, 8], 0.03125)))
    await on(x)
    await readAsync(await base()) // a device that compiles meanwhile counts when it submits
    expect(device.stats().kernels).toBeGreaterThan(0)
    const value = Math.exp(2)
    expect(await kernels(async () => expect(await on(x)).toBe(await on(x)))).toBe(0)
    expect(await kernels(async () => expect((await readAsync(x))[7]).toBeCloseTo(value, 0))).toBe(0)
    const one = device.kind === 'reference' ? 2 : 1 // it counts nodes
    expect(
      await kernels(async () => expect((await readAsync(add(x, 1)))[7]).toBeCloseTo(value + 1, 0)),
    ).toBeLessThanOrEqual(one)
    const next = jit((y: Tensor) => sub(y, 1), { device })
    expect(await kernels(() => readAsync(next(x)))).toBeLessThanOrEqual(one)
    const closed = jit((y: Tensor) => sub(y, x), { device })
    expect(
      await kernels(async () => expect((await readAsync(closed(full([64, 8], 0))))[7]).toBeCloseTo(-value, 0)),
    ).toBeLessThanOrEqual(one + 1)
  })

  it('is remembered when it was read, small or large', async () => {
    for (const x of [exp(await base()), exp(slice([0, 0], [2, 2])(await base()))]) {
      const first = await numbers(x)
      expect(await kernels(async () => expect(await numbers(x)).toEqual(first))).toBe(0)
    }
  })

  it('alone is remembered, and not what lies within', async () => {
    const inner = exp(await base())
    await on(mul(inner, 2))
    expect(remembered(device, inner)).toBeNull()
  })

  it('holds no history: the tensor is a leaf, and the expression is the same as before', async () => {
    const x = exp(await base())
    const realized = await on(x)
    expect(realized.node.args).toEqual([])
    expect(x.node.args).toHaveLength(1)
    expect(overRemembered(device, [add(x, 1)])[0]!.node.args[0]).toBe(realized)
  })

  it('is computed again after it was donated, while what it is made of is there', async () => {
    const x = exp(await base())
    const realized = await on(x)
    const closed = jit((y: Tensor) => add(y, x), { device })
    const zero = await base()
    const expected = await numbers(closed(zero))
    const take = jit((y: Tensor) => mul(y, 2), { donate: [0], device })
    take(realized)
    await expect(numbers(realized)).rejects.toThrow(/was donated to the call at .*memo\.test\.ts/)
    // The closure had captured the value; the expression it was written with is still an expression.
    expect(await numbers(closed(zero))).toEqual(expected)
    expect((await numbers(x))[0]).toBeCloseTo(Math.exp(0.5), 5)
    expect((await numbers(add(x, 1)))[0]).toBeCloseTo(Math.exp(0.5) + 1, 5)
  })

  it('names the donor where what it is made of is gone too', async () => {
    const root = await base()
    const x = exp(root)
    const realized = await on(x)
    const take = jit((y: Tensor, z: Tensor) => [mul(y, 2), mul(z, 2)], { donate: [0, 1], device })
    expect((await numbers(x))[0]).toBeCloseTo(Math.exp(0.5), 5)
    take(root, realized)
    await expect(numbers(x)).rejects.toThrow(/f32\[64, 128\] was donated to the call at .*memo\.test\.ts/)
    await expect(on(x)).rejects.toThrow(/donated/)
    expect(() => jit((y: Tensor) => add(y, 1), { device })(x)).toThrow(/donated/)
  })

  it('outlives the donation of what it is made of', async () => {
    const root = await base()
    const x = exp(root)
    await on(x)
    jit((y: Tensor) => mul(y, 2), { donate: [0], device })(root)
    expect((await numbers(x))[0]).toBeCloseTo(Math.exp(0.5), 5)
    expect((await numbers(add(x, 1)))[0]).toBeCloseTo(Math.exp(0.5) + 1, 5)
  })

  it('donating the expression donates its value', async () => {
    const x = exp(await base())
    const realized = await on(x)
    const take = jit((y: Tensor) => mul(y, 2), { donate: [0], device })
    expect((await numbers(take(x)))[0]).toBeCloseTo(2 * Math.exp(0.5), 5)
    await expect(numbers(realized)).rejects.toThrow(/donated/)
    const twice = jit((y: Tensor, z: Tensor) => add(y, z), { donate: [0], device })
    const again = await on(x)
    if (device.kind !== 'reference') expect(() => twice(x, again)).toThrow(/donated and is also another argument/)
  })

  it('equal expressions that are two are two tensors, and so is what has no arguments each time', async () => {
    const root = await base()
    const [a, b] = await realizeAsync([exp(root), exp(root)], device)
    const zeros = full(LARGE, 0)
    const [m, v] = [await on(zeros), await on(zeros)]
    const data = tensor(new Float32Array(64 * 128).fill(3), LARGE)
    const [p, q] = [await on(data), await on(data)]
    for (const [x, y] of [
      [a, b],
      [m, v],
      [p, q],
    ] as const) {
      expect(storageOfTensor(x)).not.toBe(storageOfTensor(y))
      const kept = await numbers(y)
      jit((z: Tensor) => add(z, 1), { donate: [0], device })(x)
      expect(await numbers(y)).toEqual(kept)
    }
  })

  it('whatever is realized, read and donated between, a read gives the value or names the donor', async () => {
    const op = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('make' as const), a: fc.nat(), b: fc.nat() }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: fc.constantFrom('realize' as const, 'read' as const, 'value' as const),
          a: fc.nat(),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('donate' as const), a: fc.nat(), b: fc.nat() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('jit' as const), a: fc.nat(), b: fc.nat() }) },
    )
    const both = jit((x: Tensor, y: Tensor) => sub(mul(x, 2), y), { device })
    const overwrite = jit((x: Tensor, y: Tensor) => add(x, y), { donate: [0], device })
    const size = [3000] // not moved to the host
    await fc.assert(
      fc.asyncProperty(fc.array(op, { maxLength: 25 }), async (ops) => {
        const xs: Tensor[] = [await on(full(size, 1)), tensor(new Float32Array(3000).fill(2), size)]
        const values = [1, 2]
        let donations = 0
        const put = (x: Tensor, value: number): void => {
          if (Math.abs(value) > 1e6) return
          xs.push(x)
          values.push(value)
        }
        for (const o of ops) {
          const a = o.a % xs.length
          const b = 'b' in o ? o.b % xs.length : 0
          try {
            if (o.kind === 'make')
              put(
                o.a % 2 === 0 ? add(xs[a]!, xs[b]!) : sub(mul(xs[a]!, 3), xs[b]!),
                o.a % 2 === 0 ? values[a]! + values[b]! : 3 * values[a]! - values[b]!,
              )
            else if (o.kind === 'realize') await on(xs[a]!)
            else if (o.kind === 'value') put(await on(xs[a]!), values[a]!)
            else if (o.kind === 'jit') put(both(xs[a]!, xs[b]!), 2 * values[a]! - values[b]!)
            else if (o.kind === 'donate') {
              donations++
              put(overwrite(xs[a]!, xs[b]!), values[a]! + values[b]!)
            } else expect(new Set(await readAsync(xs[a]!, device))).toEqual(new Set([values[a]]))
          } catch (error) {
            if (!(error instanceof Error) || !/donated/.test(error.message) || donations === 0) throw error
          }
        }
        for (const [i, x] of xs.entries()) {
          try {
            expect(new Set(await readAsync(x, device))).toEqual(new Set([values[i]]))
          } catch (error) {
            if (!(error instanceof Error) || !/donated/.test(error.message) || donations === 0) throw error
          }
        }
      }),
      { seed: 17, numRuns: device.kind === 'webgpu' ? 15 : 60 },
    )
  })
})

describe('remembering pins nothing', () => {
  const MB = 2 ** 20
  const loop = async (step: (i: number) => Promise<unknown>, steps: number, live: () => number): Promise<number> => {
    let peak = 0
    for (let i = 0; i < steps; i++) {
      await step(i)
      peak = Math.max(peak, live())
    }
    return peak
  }

  it('a value goes with its expression: realized and read in a loop, 4 GB in pieces of 1 MB', async () => {
    const device = wasmDevice()
    const root = await realizeAsync(full([512, 512], 0.5), device)
    const peak = await loop(
      (i) => (i % 2 === 0 ? realizeAsync(add(root, 1), device) : readAsync(add(root, 1), device)),
      4096,
      () => device.stats().liveBytes,
    )
    expect(peak).toBeLessThan(1000 * MB)
  })

  it('an expression that stays keeps its value, of so many the last', async () => {
    const device = wasmDevice()
    const root = await realizeAsync(ones([4]), device)
    const held: Tensor[] = []
    for (let i = 0; i < 5000; i++) {
      const x = add(root, root)
      held.push(x)
      remember(device, x, root, 16)
    }
    expect(held.filter((x) => remembered(device, x) !== null)).toEqual(held.slice(-4096))
    const heavy = held.slice(0, 5)
    heavy.forEach((x) => {
      remember(device, x, root, 2 ** 29)
    })
    await turn()
    expect(heavy.map((x) => remembered(device, x) !== null)).toEqual([false, true, true, true, true])
  })
})
