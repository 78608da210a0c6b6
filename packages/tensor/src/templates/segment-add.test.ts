/** Adding at positions by segments, on every device: the ordered sums, bit for bit, and their gradients. */
import { grad } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import { afterAll, expect, it } from 'vitest'
import { jit, mul, readAsync, scatterAdd, sum, tensor, type Tensor, zeros } from '../index.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))
// more comparisons than are made
const [n, count, width] = [1501, 1003, 5]
const at = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 7 : ((i * i) % (n + 40)) - 20))
const rows = Array.from({ length: count * width }, (_, i) => Math.fround(Math.sin(i) * 10 ** (i % 5)))
const start = Array.from({ length: n * width }, (_, i) => Math.fround(Math.cos(i)))
/** One addition after another, in single precision; positions outside are lost, negative ones count from the end. */
const expected = (from: readonly number[]): readonly number[] => {
  const y = Float32Array.from(from)
  at.forEach((p, i) => {
    const j = p < 0 ? p + n : p
    for (let q = 0; q < width && j < n; q++) y[j * width + q]! += rows[i * width + q]!
  })
  return [...y]
}

it.each(devices.filter(({ kind }) => kind !== 'reference').map((device) => [device.kind, device] as const))(
  'on %s: from zero, from what was there, and integers',
  async (_, device) => {
    const f = jit((x: Tensor, p: Tensor<readonly number[], 'i32'>, u: Tensor) => scatterAdd(0)(x, p, u), { device })
    const none = jit(
      (p: Tensor<readonly number[], 'i32'>, u: Tensor) => scatterAdd(0)(zeros([n, width]) as Tensor, p, u),
      {
        device,
      },
    )
    const [p, u] = [tensor(at, 'i32'), tensor(rows, [count, width])]
    expect([...(await readAsync(f(tensor(start, [n, width]), p, u), device))]).toEqual(expected(start))
    expect([...(await readAsync(none(p, u), device))]).toEqual(expected(start.map(() => 0)))
    const pull = (p: Tensor<readonly number[], 'i32'>, u: Tensor) =>
      grad((v: Tensor) => sum()(mul(scatterAdd(0)(zeros([n, width]) as Tensor, p, v), tensor(start, [n, width]))))(u)
    const g = await readAsync(jit(pull, { device })(p, u), device)
    at.forEach((q, i) => {
      const j = q < 0 ? q + n : q
      for (let k = 0; k < width; k++) expect(g[i * width + k]).toBe(j < n ? start[j * width + k] : 0)
    })
    const wrapped = jit(
      (p: Tensor<readonly number[], 'i32'>, u: Tensor<readonly number[], 'i32'>) =>
        scatterAdd(0)(zeros([n, width], 'i32') as Tensor<readonly number[], 'i32'>, p, u),
      { device },
    )(
      p,
      tensor(
        rows.map((_, i) => 2 ** 30 + i),
        [count, width],
        'i32',
      ),
    )
    const whole = new Int32Array(n * width)
    at.forEach((q, i) => {
      const j = q < 0 ? q + n : q
      for (let k = 0; k < width && j < n; k++) whole[j * width + k]! += 2 ** 30 + i * width + k
    })
    expect([...(await readAsync(wrapped, device))]).toEqual([...whole])
  },
)
