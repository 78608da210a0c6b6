import { checkGrads, grad, valueAndGrad } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import { jit, readAsync, type Scalar, softmax, sum, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { binaryCrossEntropy, klDivergence, labelCrossEntropy } from './classification.ts'
import type { Floats, Integers } from './layer.ts'
import { crossEntropy } from './loss.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))
const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const value = (x: Floats): number => values(x)[0]!
const all = (xs: ArrayLike<number>) => expect(Array.from(xs).every(Number.isFinite)).toBe(true)

const x = tensor([0.5, -1, 2, 1.5, 0.25, -0.75], [2, 3])
const y = tensor([1, 0.25, -1, 0, 0.5, 1], [2, 3])

describe('binaryCrossEntropy', () => {
  test('is -t log p - (1 - t) log(1 - p), the mean', () => {
    const pairs = fc.array(
      fc.record({
        x: fc.integer({ min: -80, max: 80 }).map((n) => n / 8),
        t: fc.integer({ min: 0, max: 4 }).map((n) => n / 4),
      }),
      { minLength: 1, maxLength: 5 },
    )
    fc.assert(
      fc.property(pairs, (given) => {
        const mean =
          given.reduce((s, r) => {
            const p = 1 / (1 + Math.exp(-r.x))
            return s - r.t * Math.log(p) - (1 - r.t) * Math.log(1 - p)
          }, 0) / given.length
        const n = given.length
        expect(
          value(
            binaryCrossEntropy(
              tensor(
                given.map((r) => r.x),
                [n],
              ),
              tensor(
                given.map((r) => r.t),
                [n],
              ),
            ),
          ),
        ).toBeCloseTo(mean, 6)
      }),
      { seed: 1, numRuns: 60 },
    )
    // optax 0.2.8, of targets clipped to [0, 1]
    expect(value(binaryCrossEntropy(x, tensor([1, 0.25, 0, 0, 0.5, 1], [2, 3])))).toBeCloseTo(1.1172484, 6)
  })

  test('logits of any size: right ones cost 0, wrong ones what they are, and gradients are finite', async () => {
    const given = tensor([1e4, -1e4, Infinity, -Infinity, 1e4, 3e38])
    const targets = tensor([1, 0, 1, 0, 0, 1])
    for (const device of devices) {
      const run = jit(
        valueAndGrad((p: Floats) => binaryCrossEntropy(p, targets)),
        { device },
      )
      const [loss, gradient] = run(given)
      expect((await readAsync(loss, device))[0]).toBeCloseTo(1e4 / 6, 2)
      const g = await readAsync(gradient, device)
      all(g)
      expect(g[4]).toBeCloseTo(1 / 6, 6)
    }
    checkGrads((p: Floats) => binaryCrossEntropy(p, softmax(-1)(y)), { order: 2 })(x)
  })
})

describe('klDivergence', () => {
  test('is sum p log(p / q) of each row, 0 only of equal ones, and blind to shifts of logits', () => {
    const row = fc.array(
      fc.integer({ min: -24, max: 24 }).map((n) => n / 8),
      { minLength: 3, maxLength: 3 },
    )
    fc.assert(
      fc.property(row, row, (a, b) => {
        const [p, q] = [a, b].map((r) => {
          const e = r.map(Math.exp)
          const total = e.reduce((s, v) => s + v, 0)
          return e.map((v) => v / total)
        })
        const wanted = p!.reduce((s, v, i) => s + v * Math.log(v / q![i]!), 0)
        expect(value(klDivergence(tensor(a), tensor(b)))).toBeCloseTo(wanted, 6)
        expect(value(klDivergence(tensor(a.map((v) => v + 5)), tensor(b)))).toBeCloseTo(wanted, 6)
        expect(value(klDivergence(tensor(a), tensor(a)))).toBeCloseTo(0, 6)
      }),
      { seed: 2, numRuns: 60 },
    )
    // optax 0.2.8: kl_divergence_with_log_targets(log_softmax(y), log_softmax(x)) is KL(x || y)
    values(klDivergence(x, y)).forEach((v, i) => expect(v).toBeCloseTo([1.4537497, 0.74328333][i]!, 5))
  })

  test('what p rules out adds nothing, what q alone rules out is infinite', async () => {
    const [p, q] = [tensor([[0, -Infinity]]), tensor([[0, 0]])]
    for (const device of devices) {
      expect((await readAsync(klDivergence(p, q), device))[0]).toBeCloseTo(Math.LN2, 6)
      expect((await readAsync(klDivergence(q, p), device))[0]).toBe(Infinity)
      all(await readAsync(grad((a: Floats) => sum()(klDivergence(a, q)) as Scalar)(p), device))
      all(await readAsync(grad((b: Floats) => sum()(klDivergence(p, b)) as Scalar)(q), device))
    }
    checkGrads((a: Floats, b: Floats) => sum()(klDivergence(a, b)) as Scalar, { order: 2 })(x, y)
    expect(() => klDivergence(tensor([1, 2]), tensor([1, 2, 3]))).toThrow(/klDivergence.*one shape/)
  })
})

describe('labelCrossEntropy', () => {
  const problem = fc
    .record({ rows: fc.integer({ min: 1, max: 4 }), classes: fc.integer({ min: 1, max: 4 }) })
    .chain(({ rows, classes }) =>
      fc.record({
        classes: fc.constant(classes),
        logits: fc.array(
          fc.array(
            fc.integer({ min: -24, max: 24 }).map((n) => n / 8),
            { minLength: classes, maxLength: classes },
          ),
          { minLength: rows, maxLength: rows },
        ),
        labels: fc.array(
          fc.oneof({ weight: 4, arbitrary: fc.nat(classes - 1) }, { weight: 1, arbitrary: fc.constant(-100) }),
          { minLength: rows, maxLength: rows },
        ),
        weights: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: rows, maxLength: rows }),
        classWeights: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: classes, maxLength: classes }),
        smoothing: fc.constantFrom(0, 0.125, 0.5),
      }),
    )

  test('is the formula written out', () => {
    fc.assert(
      fc.property(problem, ({ classes, logits, labels, weights, classWeights, smoothing }) => {
        let [total, mass] = [0, 0]
        logits.forEach((row, i) => {
          const label = labels[i]!
          if (label === -100 || weights[i] === 0) return
          const lse = Math.log(row.reduce((s, v) => s + Math.exp(v), 0))
          const own = classWeights[label]! * (lse - row[label]!)
          const spread = row.reduce((s, v, k) => s + classWeights[k]! * (lse - v), 0) / classes
          total += weights[i]! * ((1 - smoothing) * own + smoothing * spread)
          mass += weights[i]! * classWeights[label]!
        })
        const loss = labelCrossEntropy({ smoothing, ignore: -100, classWeights: tensor(classWeights, [classes]) })
        const n = labels.length
        const found = loss(tensor(logits.flat(), [n, classes]), tensor(labels, [n], 'i32'), tensor(weights, [n]))
        expect(value(found)).toBeCloseTo(mass === 0 ? 0 : total / mass, 6)
      }),
      { seed: 3, numRuns: 80 },
    )
  })

  test('plain labels are crossEntropy, its mask the weights', () => {
    const labels: Integers = tensor([2, 0], [2], 'i32')
    expect(value(labelCrossEntropy({})(x, labels))).toBeCloseTo(value(crossEntropy(x, labels)), 6)
    const mask = tensor([1, 0.5])
    expect(value(labelCrossEntropy({})(x, labels, mask))).toBeCloseTo(value(crossEntropy(x, labels, mask)), 6)
    // optax 0.2.8: softmax_cross_entropy(x, smooth_labels(one_hot([2, 0]), 0.1))
    expect(value(labelCrossEntropy({ smoothing: 0.1 })(x, labels))).toBeCloseTo(0.4193253, 6)
  })

  test('ignored places reach neither loss nor gradient, whatever their logits', async () => {
    const wild = tensor([0, 0, NaN, Infinity], [2, 2])
    for (const device of devices)
      for (const smoothing of [0, 0.1]) {
        const loss = labelCrossEntropy({ smoothing, ignore: -1, classWeights: tensor([1, 3]) })
        const run = jit(
          valueAndGrad((p: Floats, t: Integers) => loss(p, t)),
          { device },
        )
        all(values(grad((p: Floats) => loss(p, tensor([1, -1], [2], 'i32')))(wild))) // before anything is simplified
        const [found, gradient] = run(wild, tensor([1, -1], [2], 'i32'))
        expect((await readAsync(found, device))[0]).toBeCloseTo(Math.LN2 * (1 - smoothing + (smoothing * 2) / 3), 5)
        const g = await readAsync(gradient, device)
        all(g)
        expect(Array.from(g).slice(2).map(Math.abs)).toEqual([0, 0])
        const [nothing] = run(wild, tensor([-1, -1], [2], 'i32'))
        expect((await readAsync(nothing, device))[0]).toBe(0)
      }
  })

  test('gradients agree with differences', () => {
    const loss = labelCrossEntropy({ smoothing: 0.25, classWeights: tensor([1, 2, 0.5]) })
    checkGrads((p: Floats) => loss(p, tensor([2, 0], [2], 'i32'), tensor([1, 2])), { order: 2 })(x)
  })

  test('labels outside the classes, and shapes that do not fit, are refused', () => {
    const labels: Integers = tensor([0, 3], [2], 'i32')
    expect(() => labelCrossEntropy({})(x, labels)).toThrow(
      /labelCrossEntropy: id 3 at \[1\] is outside the vocabulary of 3/,
    )
    expect(() => labelCrossEntropy({ ignore: 3 })(x, labels)).not.toThrow()
    expect(() => labelCrossEntropy({ classWeights: tensor([1, 2]) })(x, tensor([0, 1], [2], 'i32'))).toThrow(
      /there are 3 classes/,
    )
    expect(() => labelCrossEntropy({})(x, tensor([0, 1], [2], 'i32'), tensor([1]))).toThrow(
      /weights are not of the shape \[2\]/,
    )
    expect(() => labelCrossEntropy({ smoothing: 2 })).toThrow(/smoothing is 2/)
  })
})
