import { checkGrads, grad, valueAndGrad } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import { jit, readAsync, type Scalar, softmax, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { embedding } from './embedding.ts'
import type { Floats, Integers } from './layer.ts'
import { crossEntropy, entropy, maskedMean, perplexity, tokenLogp } from './loss.ts'

const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const value = (x: Scalar): number => values(x)[0]!

const batch = fc
  .record({ rows: fc.integer({ min: 1, max: 4 }), vocab: fc.integer({ min: 1, max: 7 }) })
  .chain(({ rows, vocab }) =>
    fc.record({
      rows: fc.constant(rows),
      vocab: fc.constant(vocab),
      logits: fc.array(fc.float({ min: -30, max: 30, noNaN: true }), {
        minLength: rows * vocab,
        maxLength: rows * vocab,
      }),
      targets: fc.array(fc.nat(vocab - 1), { minLength: rows, maxLength: rows }),
    }),
  )

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

describe('ids outside the vocabulary are never taken for others', () => {
  const logits = tensor([0, 1, 2, 3, 0, 0, 0, 0], [2, 4])
  const ids = (...xs: readonly number[]): Integers => tensor(Int32Array.from(xs), [xs.length])

  test.each([4, -1, -100, 2 ** 31 - 1])('%d', async (bad) => {
    const targets = ids(2, bad)
    expect(() => tokenLogp(logits, targets)).toThrow(
      RegExp(`tokenLogp: id ${bad} at \\[1\\] is outside the vocabulary of 4`),
    )
    expect(() => crossEntropy(logits, targets)).toThrow(/is outside the vocabulary of 4, 0 to 3/)
    expect(() => crossEntropy(logits, targets, tensor([0, 1]))).toThrow(
      /crossEntropy: id .* Correct it, or set the mask to 0/,
    )
    expect(() => embedding(logits)(ids(1, 0, bad))).toThrow(/embedding: id .* at \[2\] is outside the vocabulary of 2/)
    for (const device of devices) {
      // arguments of a program, whose values the host does not know
      const logp = await readAsync(jit(tokenLogp, { device })(logits, targets), device)
      expect(logp[0]).toBeCloseTo(2 - Math.log(1 + Math.E + Math.E ** 2 + Math.E ** 3), 5)
      expect(logp[1]).toBeNaN()
      const rows = await readAsync(
        jit((t: Floats, i: Integers) => embedding(t)(i), { device })(logits, ids(1, bad)),
        device,
      )
      expect(Array.from(rows)).toEqual([0, 0, 0, 0, NaN, NaN, NaN, NaN])
      const [loss, gradient] = jit(
        valueAndGrad((x: Floats, t: Integers, mask: Floats) => crossEntropy(x, t, mask)),
        { device },
      )(logits, targets, tensor([1, 0]))
      expect((await readAsync(loss, device))[0]).toBeCloseTo(-logp[0]!, 5)
      expect(Array.from(await readAsync(gradient, device)).slice(4)).toEqual([0, 0, 0, 0])
    }
  })

  test('the place is named by its axes', () => {
    const targets = tensor(Int32Array.from([0, 1, 2, 3, 0, 9]), [2, 3])
    expect(() => tokenLogp(tensor(new Float32Array(24), [2, 3, 4]), targets)).toThrow(/id 9 at \[1, 2\]/)
  })
})

describe('what is masked or ruled out', () => {
  test('logits of any value where the mask is 0 reach neither the loss nor its gradient; nothing masked in is 0', async () => {
    const logits = tensor([0, 1, NaN, Infinity, -Infinity, -Infinity, 1e30, -1e30], [4, 2])
    for (const device of devices) {
      const run = jit(
        valueAndGrad((x: Floats, t: Integers, mask: Floats) => crossEntropy(x, t, mask)),
        { device },
      )
      const targets = tensor([1, 0, 0, 0], [4], 'i32')
      const [loss, gradient] = run(logits, targets, tensor([1, 0, 0, 0]))
      expect((await readAsync(loss, device))[0]).toBeCloseTo(Math.log(1 + Math.exp(-1)), 5)
      const g = Array.from(await readAsync(gradient, device))
      expect(g.slice(0, 2).every((x) => Math.abs(Math.abs(x) - 1 / (1 + Math.E)) < 1e-5)).toBe(true)
      expect(g.slice(2)).toEqual([0, 0, 0, 0, 0, 0])
      const [none, still] = run(logits, targets, tensor([0, 0, 0, 0]))
      expect((await readAsync(none, device))[0]).toBe(0)
      expect(Array.from(await readAsync(still, device))).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
    }
  })

  test('a target that the logits rule out: the loss is infinite, its gradient is a number', async () => {
    for (const device of devices) {
      const of = async (target: number) => {
        const [loss, gradient] = jit(
          valueAndGrad((x: Floats, t: Integers) => crossEntropy(x, t)),
          { device },
        )(tensor([0, 0, -Infinity], [1, 3]), tensor([target], [1], 'i32'))
        return [(await readAsync(loss, device))[0]!, ...(await readAsync(gradient, device))]
      }
      expect(await of(2)).toEqual([Infinity, 0.5, 0.5, -1])
      expect(await of(0)).toEqual([expect.closeTo(Math.LN2, 5), -0.5, 0.5, 0])
    }
  })
})

describe('tokenLogp', () => {
  test('is the logarithm of the softmax at the target', () => {
    fc.assert(
      fc.property(batch, ({ rows, vocab, logits, targets }) => {
        const x = tensor(logits, [1, rows, vocab])
        const p = values(softmax(-1)(x))
        const logp = tokenLogp(x, tensor(targets, [1, rows], 'i32'))
        expect(logp.shape).toEqual([1, rows])
        values(logp).forEach((v, i) => expect(Math.exp(v)).toBeCloseTo(p[i * vocab + targets[i]!]!, 6))
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('large logits neither overflow nor vanish', () => {
    const logits = tensor([1e4, -1e4, 0, 1e4], [2, 2])
    expect(values(tokenLogp(logits, tensor([1, 0], [2], 'i32')))).toEqual([-2e4, -1e4])
  })

  test('its gradient is onehot - softmax', () => {
    const logits = tensor([1, 2, 3], [1, 3])
    const p = values(softmax(-1)(logits))
    const g = values(grad((x: Floats) => crossEntropy(x, tensor([2], [1], 'i32')))(logits))
    ;[p[0]!, p[1]!, p[2]! - 1].forEach((v, i) => expect(g[i]).toBeCloseTo(v, 6))
  })
})

describe('entropy', () => {
  test('is -sum p log p, from 0 to log V', () => {
    fc.assert(
      fc.property(batch, ({ rows, vocab, logits }) => {
        const x = tensor(logits, [rows, vocab])
        const p = values(softmax(-1)(x))
        values(entropy(x)).forEach((h, r) => {
          const row = p.slice(r * vocab, (r + 1) * vocab)
          expect(h).toBeCloseTo(-row.reduce((sum, q) => sum + (q > 0 ? q * Math.log(q) : 0), 0), 6)
          expect(h).toBeGreaterThanOrEqual(-1e-9)
          expect(h).toBeLessThanOrEqual(Math.log(vocab) + 1e-9)
        })
      }),
      { seed: 2, numRuns: 60 },
    )
  })

  test('impossible tokens add nothing, in value and gradient', () => {
    const logits = tensor([0, 0, -Infinity], [1, 3])
    expect(values(entropy(logits))[0]).toBeCloseTo(Math.log(2), 6)
    const g = values(
      grad((x: Floats): Scalar => maskedMean(entropy(x), tensor([1], [1])))(tensor([0, 1, -1e5], [1, 3])),
    )
    expect(g.every(Number.isFinite)).toBe(true)
  })
})

describe('crossEntropy', () => {
  const logits = tensor([0, 0, 0, 0, 1, 2, 3, 4], [1, 2, 4])
  const targets = tensor([3, 3], [1, 2], 'i32')

  test('is the mean over tokens, or over those that the mask keeps', () => {
    const second = Math.log(Math.exp(-3) + Math.exp(-2) + Math.exp(-1) + 1)
    expect(value(crossEntropy(logits, targets))).toBeCloseTo((Math.log(4) + second) / 2, 6)
    expect(value(crossEntropy(logits, targets, tensor([0, 1], [1, 2])))).toBeCloseTo(second, 6)
    expect(value(perplexity(crossEntropy(logits, targets, tensor([1, 0], [1, 2]))))).toBeCloseTo(4, 5)
  })

  test('masked tokens count for nothing, whatever their logits', () => {
    const mask = tensor([1, 0], [1, 2])
    const wild = tensor([0, 0, 0, 0, NaN, Infinity, 1e4, -1e4], [1, 2, 4])
    expect(value(crossEntropy(wild, targets, mask))).toBeCloseTo(Math.log(4), 6)
    expect(values(grad((x: Floats) => crossEntropy(x, targets, mask))(logits)).slice(4)).toEqual([0, 0, 0, 0])
  })

  test('a mask that keeps nothing gives 0', () => {
    expect(value(crossEntropy(logits, targets, tensor([0, 0], [1, 2])))).toBe(0)
  })

  test('gradients agree with differences', () => {
    checkGrads((x: Floats) => crossEntropy(x, targets, tensor([1, 0.5], [1, 2])), { order: 2 })(logits)
    checkGrads((x: Floats) => entropy(x), { order: 2 })(logits)
  })
})
