import { checkGrads, grad } from '@adjoint/autograd'
import { type Scalar, softmax, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Floats } from './layer.ts'
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
