// A loop that forgets to realize what it carries is told so, once, with the line; one that does not hears nothing.
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import {
  add,
  type Device,
  jit,
  matmul,
  mean,
  mul,
  ones,
  random,
  readAsync,
  realizeAsync,
  requestDeviceAsync,
  square,
  sub,
  sum,
  tanh,
  type Tensor,
  tensor,
} from '../index.ts'

const said: string[] = []
const listen = (warning: Error & { readonly code?: unknown }): void => {
  if (warning.code === 'ADJOINT_RECOMPUTED') said.push(warning.message)
}
process.on('warning', listen)
afterAll(() => process.off('warning', listen))
/** Warnings are handed out on the next turn. */
const heard = async (): Promise<readonly string[]> => {
  await new Promise((resolve) => setImmediate(resolve))
  return said
}
beforeEach(async () => {
  await heard()
  said.length = 0
})

const STEPS = 40
const devices = ['wasm', 'reference'] as const
const x = tensor([1, 2, 3, 4], [2, 2])
const lossOf = (w: Tensor): Tensor => mean()(square(sub(matmul(x, w), 1)))
// The gradient of lossOf, by hand: this package differentiates nothing.
const gradOf = (w: Tensor): Tensor => mul(matmul(x, sub(matmul(x, w), 1)), 0.5)
const open = (kind: (typeof devices)[number]): Promise<Device> => requestDeviceAsync({ kind })
/** The line of the call, in this file. */
const here = (): number => Number(/recomputed\.test\.ts:(\d+)/.exec(new Error().stack!.split('\n')[2]!)![1])

describe('a loop', () => {
  test('that never realizes its weights is told so once, whatever it runs on, with the line that makes them', async () => {
    let line = 0
    for (const kind of devices) {
      const device = await open(kind)
      let w: Tensor = ones([2, 2])
      for (let i = 0; i < STEPS; i++) {
        line = here() + 1
        w = sub(w, mul(gradOf(w), 0.001))
        await readAsync(lossOf(w), device)
      }
      await device.destroy()
    }
    const [warning, ...more] = await heard()
    expect(more).toEqual([])
    expect(warning).toContain('await realizeAsync(w)')
    expect(warning).toMatch(/asked for at lossOf/)
    expect(warning).toMatch(new RegExp(`It is made at .*recomputed\\.test\\.ts:${line}:`))
  })

  test('whose step is compiled, and what it carries is not, is told so too', async () => {
    const device = await open('wasm')
    const step = jit((w: Tensor) => gradOf(w), { device })
    let w: Tensor = ones([2, 2])
    for (let i = 0; i < STEPS; i++) w = sub(w, mul(step(w), 0.001))
    await readAsync(w, device)
    expect(await heard()).toHaveLength(1)
    await device.destroy()
  })
})

describe.each(devices)('on %s, a loop', (kind) => {
  test('that realizes them hears nothing, nor does one that reads what it carries', async () => {
    const device = await open(kind)
    let w: Tensor = ones([2, 2])
    let total: Tensor = tensor(0)
    for (let i = 0; i < STEPS; i++) {
      w = await realizeAsync(sub(w, mul(gradOf(w), 0.001)), device)
      total = add(total, lossOf(w))
      await readAsync(total, device)
    }
    expect(await heard()).toEqual([])
    await device.destroy()
  })

  test('that reads its losses at the end only hears nothing', async () => {
    const device = await open(kind)
    let w: Tensor = ones([2, 2])
    const losses: Tensor[] = []
    for (let i = 0; i < STEPS; i++) {
      w = sub(w, mul(gradOf(w), 0.001))
      losses.push(lossOf(w))
    }
    const all = await realizeAsync(losses, device)
    for (const loss of all) await readAsync(loss, device)
    expect(await heard()).toEqual([])
    await device.destroy()
  })

  test('that reads a small expression again and again, in ever other ways, hears nothing', async () => {
    const device = await open(kind)
    const features = tanh(matmul(x, ones([2, 2])))
    const noise = random.normal()(random.key(0), [2, 2])
    for (let i = 1; i <= STEPS; i++) {
      let deep: Tensor = add(features, noise)
      for (let k = 0; k < i; k++) deep = tanh(add(deep, k))
      await readAsync(sum()(deep), device)
      await readAsync(mul(sum()(features), i), device)
    }
    expect(await heard()).toEqual([])
    await device.destroy()
  })

  test('of compiled steps hears nothing', async () => {
    const device = await open(kind)
    const step = jit((w: Tensor) => sub(w, mul(gradOf(w), 0.001)), { device })
    let w: Tensor = await realizeAsync(ones([2, 2]), device)
    for (let i = 0; i < STEPS; i++) {
      w = step(w)
      await readAsync(lossOf(w), device)
    }
    expect(await heard()).toEqual([])
    await device.destroy()
  })
})
