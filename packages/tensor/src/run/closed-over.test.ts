/** Programs hold no data: what a function closes over is an operand, in memory that the call's own program was given once. */
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { add, jit, mul, readAsync, realizeAsync, sum, tensor, type Tensor, zeros } from '../index.ts'
import * as p from '../primitives/index.ts'
import { storageOfTensor } from './storages.ts'

const devices = await presentDevices()
const data = (n: number, value: number): Tensor => tensor(new Float32Array(n).fill(value))
const SMALL = 2 ** 10
const LARGE = 2 ** 16

describe.each(devices.map((device) => [device.kind, device] as const))('what is closed over on %s', (_, device) => {
  it('is an input: a program that reads anything else is refused, by the line that made it', () => {
    const x = p.parameter({ shape: [2], dtype: 'f32' })
    const other = p.parameter({ shape: [2], dtype: 'f32' })
    for (const leaf of [p.constant(Float32Array.of(1, 2), [2], 'f32'), other])
      for (const outputs of [[p.add(x, leaf)], [x, leaf]])
        expect(() => device.compile({ inputs: [x], outputs, donated: [false] })).toThrow(
          /^compile: f32\[2\] \((constant|parameter), made at .*closed-over\.test\.ts.*\) is read and is none of the 1 inputs/,
        )
  })

  it('is given to the program like an argument, and makes nothing from call to call', async () => {
    const realized = await realizeAsync(data(SMALL, 3), device)
    const [x, y] = await realizeAsync([zeros([SMALL]), data(LARGE, 1)] as const, device)
    const [small, large] = [data(SMALL, 1), data(LARGE, 2)]
    const f = jit((x: Tensor, y: Tensor) => [add(add(x, small), realized), mul(large, y), small], { device })
    const step = async (): Promise<void> => {
      const results = f(x, y)
      expect(await Promise.all(results.map(async (r) => (await readAsync(r))[7]))).toEqual([4, 2, 1])
      for (const storage of results.map((r) => storageOfTensor(r)!))
        if (storage.gone() === null) device.release(storage)
    }
    await step()
    const program = f.program(x, y)
    if (program === null) return // the reference device interprets
    expect(program.inputs.map(({ shape }) => shape[0]).sort()).toEqual([SMALL, SMALL, SMALL, LARGE, LARGE].sort())
    expect(new Set(program.buffers.map((b) => b.source.kind))).toEqual(new Set(['input', 'output']))
    await step()
    const before = device.stats()
    for (let i = 0; i < 100; i++) await step()
    const after = device.stats()
    expect(after.created - before.created).toBe(0)
    expect(after.liveBytes - before.liveBytes).toBe(0)
    expect(after.submits - before.submits).toBe(100)
  })

  it('is uploaded once for all programs where it is large, and is no argument to overwrite', async () => {
    const large = data(LARGE, 2)
    const x = await realizeAsync(data(LARGE, 1), device)
    const programs = [1, 2, 3, 4, 5].map((k) => jit((y: Tensor) => sum()(mul(mul(y, large), k)), { device }))
    const call = async (k: number): Promise<void> => {
      expect((await readAsync(programs[k - 1]!(x)))[0]).toBe(2 * k * LARGE)
    }
    await call(1)
    const before = device.stats().liveBytes
    for (let k = 2; k <= 5; k++) await call(k)
    expect(device.stats().liveBytes - before).toBeLessThan(LARGE)
    const over = jit((y: Tensor) => add(y, large), { device, donate: [0] })
    for (let i = 0; i < 2; i++) expect((await readAsync(over(large)))[5]).toBe(4)
    const held = await realizeAsync(data(SMALL, 1), device)
    const both = jit((y: Tensor) => add(y, held), { device, donate: [0] })
    expect(() => both(held)).toThrow(/argument 0 is donated and is also another argument \(or closed over\)/)
  })
})
