import { expect, it } from 'vitest'
import {
  add,
  arange,
  cast,
  exp,
  matmul,
  mul,
  ones,
  readAsync,
  realizeAsync,
  reshape,
  sum,
  tensor,
  type Tensor,
  wasmDevice,
} from '../index.ts'

it('an expression of a structure that was run before is not compiled again, whatever its data', async () => {
  const device = wasmDevice()
  const f = (data: readonly number[]): Tensor => sum()(exp(tensor(data, [3])))
  await readAsync(f([1, 2, 3]), device)
  const before = device.stats().pipelines
  expect((await readAsync(f([0, 0, 0]), device))[0]).toBeCloseTo(3, 5)
  expect(device.stats().pipelines).toBe(before)
})

it('realizes what is shared once, and leaves what is realized alone', async () => {
  const device = wasmDevice()
  const x = await realizeAsync(matmul(ones([8, 8]), ones([8, 8])), device)
  const kernels = device.stats().kernels
  const [same, next] = await realizeAsync([x, add(x, 1)], device)
  expect(same).toBe(x)
  expect((await readAsync(next))[0]).toBe(9)
  expect(device.stats().kernels - kernels).toBe(1)
})

it('programs that hold much scratch memory are forgotten: a loop over new structures does not fill the device', async () => {
  const device = wasmDevice()
  // Each program holds the exponential [n, 1024] as scratch, 64 MB and a little more.
  for (let i = 0; i < 70; i++) {
    const n = 16_384 + i
    const x: Tensor = exp(mul(reshape([n, 1024])(cast('f32')(arange(n * 1024))), 1e-9))
    expect((await readAsync(sum()(matmul(x, ones([1024, 1]))), device))[0]).toBeGreaterThan(0)
  }
  expect(device.stats().peakBytes).toBeLessThan(2 ** 31)
}, 60_000)

it('programs that are forgotten give their memory back', async () => {
  const device = wasmDevice()
  const x = await realizeAsync(ones([1024, 1024]), device)
  const before = device.stats().liveBytes
  const scratch = (): number => device.stats().liveBytes - before
  await readAsync(sum()(matmul(exp(matmul(x, x)), x)), device)
  expect(scratch()).toBeGreaterThan(2 ** 22)
  for (let i = 0; i < 260; i++) await readAsync(mul(ones([i + 1]), tensor(0.5)), device)
  expect(scratch()).toBeLessThan(2 ** 16)
})
