import { checkGrads, grad } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import { jit, readAsync, sum, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { Floats } from './layer.ts'
import { cosineSimilarity, hinge, huber, mae, mse } from './regression.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))
const value = (x: Floats): number => evaluate([x])[0]!.data[0]!
const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]

const eighth = fc.integer({ min: -40, max: 40 }).map((n) => n / 8)
const rows = fc.array(fc.record({ x: eighth, y: eighth, w: fc.integer({ min: 0, max: 4 }).map((n) => n / 2) }), {
  maxLength: 6,
})

const elementwise = {
  mse: [mse, (x: number, y: number) => (x - y) ** 2],
  mae: [mae, (x: number, y: number) => Math.abs(x - y)],
  huber: [
    huber({ delta: 0.5 }),
    (x: number, y: number) => (Math.abs(x - y) <= 0.5 ? (x - y) ** 2 / 2 : 0.5 * (Math.abs(x - y) - 0.25)),
  ],
  hinge: [hinge, (x: number, y: number) => Math.max(0, 1 - x * y)],
} as const

describe.each(Object.entries(elementwise))('%s', (_, [loss, plain]) => {
  test('is the mean written out, and the weighted mean; 0 of nothing', () => {
    fc.assert(
      fc.property(rows, (given) => {
        const [x, y, w] = (['x', 'y', 'w'] as const).map((k) =>
          tensor(
            given.map((r) => r[k]),
            [given.length],
          ),
        )
        const mean = given.reduce((s, r) => s + plain(r.x, r.y), 0) / Math.max(1, given.length)
        expect(value(loss(x!, y!))).toBeCloseTo(mean, 5)
        const mass = given.reduce((s, r) => s + r.w, 0)
        const weighted = given.reduce((s, r) => s + r.w * plain(r.x, r.y), 0) / (mass === 0 ? 1 : mass)
        expect(value(loss(x!, y!, w))).toBeCloseTo(weighted, 5)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('gradients agree with differences', () => {
    const [x, y] = [tensor([0.3, -1.7, 2.2]), tensor([0.1, 0.4, -1])]
    checkGrads((p: Floats, t: Floats) => loss(p, t, tensor([1, 0.5, 2])), { order: 2 })(x, y)
    checkGrads((p: Floats) => loss(p, y), { order: 2 })(x)
  })

  test('what has weight 0 reaches neither the loss nor its gradient', async () => {
    const [y, w] = [tensor([1, NaN, 2]), tensor([1, 0, 1])]
    // As it stands too, before anything is simplified.
    expect(values(grad((p: Floats) => loss(p, y, w))(tensor([0.5, Infinity, 1]))).every(Number.isFinite)).toBe(true)
    for (const device of devices) {
      const g = await readAsync(
        jit(
          grad((p: Floats) => loss(p, y, w)),
          { device },
        )(tensor([0.5, Infinity, 1])),
        device,
      )
      expect(g.every(Number.isFinite)).toBe(true)
      expect(Math.abs(g[1]!)).toBe(0)
    }
  })

  test('shapes that would broadcast are refused', () => {
    expect(() => loss(tensor([1, 2], [2, 1]), tensor([1, 2]))).toThrow(/targets are not of the shape \[2, 1\]/)
    expect(() => loss(tensor([1, 2]), tensor([1, 2]), tensor([1]))).toThrow(/weights are not of the shape \[2\]/)
  })
})

test('huber of huge errors is no infinity, and its slope is delta', async () => {
  for (const device of devices) {
    const x = tensor([1e30, -3e37])
    expect((await readAsync(huber()(x, tensor([0, 0])), device))[0]! / 1.5005e37).toBeCloseTo(1, 3)
    const g = await readAsync(grad((p: Floats) => huber({ delta: 2 })(p, tensor([0, 0])))(x), device)
    expect([...g]).toEqual([1, -1])
  }
  expect(() => huber({ delta: 0 })).toThrow(/delta is 0/)
})

describe('values of optax 0.2.8', () => {
  const x = tensor([0.5, -1, 2, 1.5, 0.25, -0.75], [2, 3])
  const y = tensor([1, 0.25, -1, 0, 0.5, 1], [2, 3])
  test('huber, hinge and cosine', () => {
    expect(value(huber()(x, y))).toBeCloseTo(0.9427084, 6)
    expect(value(huber({ delta: 0.25 })(x, y))).toBeCloseTo(0.3125, 6)
    expect(value(hinge(x, tensor([1, 1, -1, 1, 1, 1], [2, 3])))).toBeCloseTo(1.3333334, 6)
    values(cosineSimilarity()(x, y)).forEach((v, i) => expect(v).toBeCloseTo([-0.531816, -0.32969022][i]!, 6))
  })
})

test('the cosine of rows of 0 is 0, with a finite gradient', async () => {
  const [x, y] = [tensor([0, 0, 3, 4], [2, 2]), tensor([1, 2, 3, 4], [2, 2])]
  expect(values(cosineSimilarity()(x, y))).toEqual([0, expect.closeTo(1, 6)])
  for (const device of devices) {
    const g = await readAsync(grad((p: Floats) => sum()(cosineSimilarity()(p, y)))(x), device)
    expect(g.every(Number.isFinite)).toBe(true)
  }
  checkGrads((p: Floats) => sum()(cosineSimilarity()(p, y)), { order: 2 })(tensor([1, 2, -1, 0.5], [2, 2]))
})
