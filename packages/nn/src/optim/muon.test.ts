import { checkGrads } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import { matmul, mul, readAsync, sum, tensor, transpose, tree } from '@adjoint/tensor'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import type { Floats } from '../layer.ts'
import { adamW } from './adam.ts'
import { muon, scaleByMuon } from './muon.ts'
import { orthogonalize } from './orthogonalize.ts'
import { follow, isPlain, leavesOf, near, problems, values } from './steps.support.ts'
import { opaque } from './transformation.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

type Matrix = readonly (readonly number[])[]
const times = (x: Matrix, y: Matrix): Matrix =>
  x.map((row) => y[0]!.map((_, j) => row.reduce((s, v, k) => s + v * y[k]![j]!, 0)))
const flip = (x: Matrix): Matrix => x[0]!.map((_, j) => x.map((row) => row[j]!))
const plus = (a: number, x: Matrix, b: number, y: Matrix): Matrix =>
  x.map((row, i) => row.map((v, j) => a * v + b * y[i]![j]!))

/** Newton-Schulz by loops over numbers. */
const plain = (given: Matrix, eps: number): Matrix => {
  if (given.length > given[0]!.length) return flip(plain(flip(given), eps))
  const norm = Math.sqrt(given.flat().reduce((s, v) => s + v * v, 0))
  let x: Matrix = given.map((row) => row.map((v) => v / (norm + eps)))
  for (let i = 0; i < 5; i++) {
    const gram = times(x, flip(x))
    x = plus(3.4445, x, 1, times(plus(-4.775, gram, 2.0315, times(gram, gram)), x))
  }
  return x
}

const matrices = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })).chain(([m, n]) =>
  fc.array(
    fc.array(
      fc.integer({ min: -40, max: 40 }).map((v) => v / 8),
      { minLength: n, maxLength: n },
    ),
    { minLength: m, maxLength: m },
  ),
)

describe('orthogonalize', () => {
  test('is the iteration written out', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        near(values(orthogonalize()(tensor(x.flat(), [x.length, x[0]!.length]))), plain(x, 1e-8).flat())
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('a stack is its matrices one by one; the transpose goes through', () => {
    fc.assert(
      fc.property(matrices, (x) => {
        const [m, n] = [x.length, x[0]!.length]
        const one = tensor(x.flat(), [m, n])
        const stack = tensor([...x.flat(), ...x.flat().map((v) => 3 * v - 1)], [2, m, n])
        const second = tensor(
          x.flat().map((v) => 3 * v - 1),
          [m, n],
        )
        near(values(orthogonalize()(stack)), [...values(orthogonalize()(one)), ...values(orthogonalize()(second))])
        const turned: Floats = transpose([1, 0])(one)
        near(values(transpose([1, 0])(orthogonalize()(turned))), values(orthogonalize()(one)))
      }),
      { seed: 2, numRuns: 30 },
    )
  })

  test('singular values end between 0.65 and 1.25, for numbers of any size', async () => {
    // A rotation by two singular values in the ratio 1 to 20.
    const [c, s] = [Math.cos(1), Math.sin(1)]
    const base = [c, -0.05 * s, s, 0.05 * c]
    for (const size of [1, 1e30, 1e-30, 1e38]) {
      const q = orthogonalize({ eps: 0 })(
        tensor(
          base.map((v) => v * size),
          [2, 2],
        ),
      )
      for (const device of devices) {
        const [a, b, , d] = await readAsync(matmul(transpose([1, 0])(q), q), device)
        for (const square of [a!, d!]) {
          expect(Math.sqrt(square)).toBeGreaterThan(0.65)
          expect(Math.sqrt(square)).toBeLessThan(1.25)
        }
        expect(Math.abs(b!)).toBeLessThan(1e-4)
      }
    }
  })

  test('a matrix of zeros stays one, an empty one too; NaN and Infinity are seen', async () => {
    for (const device of devices) {
      expect([...(await readAsync(orthogonalize()(tensor([0, 0, 0, 0], [2, 2])), device))]).toEqual([0, 0, 0, 0])
      for (const bad of [NaN, Infinity])
        expect([...(await readAsync(orthogonalize()(tensor([bad, 1, 1, 1], [2, 2])), device))]).toEqual([
          NaN,
          NaN,
          NaN,
          NaN,
        ])
    }
    expect(orthogonalize()(tensor([], [0, 3])).shape).toEqual([0, 3])
  })

  test('has gradients', () => {
    const weight = tensor([1, -2, 0.5, 0.25, 1, 3], [2, 3])
    checkGrads((x: Floats) => sum()(mul(orthogonalize({ steps: 2 })(x), weight)), { order: 2 })(
      tensor([1, 0.5, -1, 0.25, 2, 1], [2, 3]),
    )
  })

  test('vectors, and steps that are none, are refused', () => {
    expect(() => orthogonalize()(tensor([1, 2]))).toThrow(/orthogonalize.*the last two axes are those of matrices/)
    expect(() => orthogonalize({ steps: 1.5 })).toThrow(/steps is 1.5/)
    expect(() => scaleByMuon({ beta: 1 })).toThrow(/muon: beta is 1/)
    expect(() => muon({ learningRate: 1, consistentRms: 0 })).toThrow(/consistentRms is 0/)
  })
})

describe('muon', () => {
  test('is the algorithm written out for matrices', () => {
    const optimizer = opaque(muon({ learningRate: 0.25, beta: 0.5, weightDecay: 0.5, adam: { learningRate: 0 } }))
    isPlain(
      optimizer,
      (p, gradients, shape) => {
        if (shape.length !== 2 || p.length === 0) return
        const [m, n] = shape as readonly [number, number]
        const rows = (xs: readonly number[]): Matrix =>
          Array.from({ length: m }, (_, i) => xs.slice(i * n, (i + 1) * n))
        const mean = p.map(() => 0)
        gradients.forEach((g, i) => {
          g.forEach((gj, j) => {
            mean[j] = 0.5 * mean[j]! + 0.5 * gj
          })
          const ahead = mean.map((v, j) => (0.5 * v) / (1 - 0.5 ** (i + 2)) + (0.5 * g[j]!) / (1 - 0.5 ** (i + 1)))
          plain(rows(ahead), 1e-8)
            .flat()
            .forEach((o, j) => {
              p[j] = p[j]! - 0.25 * (Math.sqrt(Math.max(1, n / m)) * o + 0.5 * p[j]!)
            })
        })
      },
      4,
    )
  })

  test('what is no matrix is AdamW, with a state of its own', () => {
    fc.assert(
      fc.property(problems, ({ start, steps }) => {
        const none = muon({ learningRate: 0.25, matrices: false, adam: { b1: 0.5, weightDecay: 0.5 } })
        const adam = adamW({ learningRate: 0.25, b1: 0.5, weightDecay: 0.5, nesterov: true })
        const [params, gradients] = [leavesOf(start), steps.map(leavesOf)]
        expect(values(follow(none, params, gradients)[0])).toEqual(values(follow(adam, params, gradients)[0]))
      }),
      { seed: 3, numRuns: 20 },
    )
    const params = leavesOf({ w: { shape: [2, 2], data: [1, 2, 3, 4] }, b: { shape: [2], data: [1, 2] } })
    const state = muon({ learningRate: 1 }).init(params)
    expect([tree.size(state.muon), tree.size(state.adam)]).toEqual([4 + 2, 4 + 2])
  })

  test('a stack of matrices, by a mask', () => {
    const data = [1, 2, 3, 4, 4, -3, 2, 1]
    const stack = leavesOf({ w: { shape: [2, 2, 2], data } })
    const optimizer = muon({ learningRate: 1, matrices: { w: true } })
    const [updates] = optimizer.update(stack, optimizer.init(stack), stack)
    const alone = [data.slice(0, 4), data.slice(4)].flatMap((part) => {
      const one = leavesOf({ w: { shape: [2, 2], data: part } })
      const single = muon({ learningRate: 1 })
      return values(single.update(one, single.init(one), one)[0])
    })
    near(values(updates), alone)
  })

  test('updates by the root of their mean square are as large as asked', () => {
    const g = leavesOf({ w: { shape: [2, 4], data: [1, 2, 3, 4, 4, -3, 2, 1] } })
    const optimizer = muon({ learningRate: 1, consistentRms: 0.2 })
    const u = values(optimizer.update(g, optimizer.init(g), g)[0])
    const rms = Math.sqrt(u.reduce((s, x) => s + x * x, 0) / u.length)
    expect(rms).toBeGreaterThan(0.2 * 0.65)
    expect(rms).toBeLessThan(0.2 * 1.25)
  })
})
