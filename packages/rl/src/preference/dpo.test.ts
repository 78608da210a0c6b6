import { checkGrads, grad } from '@adjoint/autograd'
import { type Floats, transformer, type TransformerParams } from '@adjoint/nn'
import { mul, random, type Scalar, slice, sub, sum, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { completionLengths, dpo, ipo, type PreferenceLoss, preferenceLoss, sequenceLogp } from './dpo.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { type Scored, scoresOf } from '../policy/score.ts'
import { mod10Chain } from '../task/chain.ts'

const values = (x: Floats | Scalar): readonly number[] => Array.from(evaluate([x])[0]!.data)
const value = (x: Scalar): number => values(x)[0]!
const near = (x: number, y: number, tol = 1e-6): boolean => Math.abs(x - y) <= tol * (1 + Math.abs(x) + Math.abs(y))
const law = <T>(name: string, arbitrary: fc.Arbitrary<T>, holds: (t: T) => boolean): void => {
  test(name, () => {
    fc.assert(fc.property(arbitrary, holds), { seed: 1, numRuns: 100 })
  })
}

const vector = (xs: readonly number[]): Floats => tensor([...xs], [xs.length])
const nats = fc.integer({ min: -640, max: 0 }).map((n) => n / 32)
const beta = fc.constantFrom(1 / 16, 1 / 4, 1)
/** Rows of [policy, reference], chosen in the first half. */
const logps = fc.integer({ min: 1, max: 4 }).chain((pairs) =>
  fc.record({
    policy: fc.array(nats, { minLength: 2 * pairs, maxLength: 2 * pairs }),
    reference: fc.array(nats, { minLength: 2 * pairs, maxLength: 2 * pairs }),
  }),
)
interface Host {
  readonly policy: readonly number[]
  readonly reference: readonly number[]
}
const device = ({ policy, reference }: Host) => ({ policy: vector(policy), reference: vector(reference) })
const lossOf = (loss: PreferenceLoss, h: Host): number => value(preferenceLoss(loss)(device(h))[0])
const gradOf = (loss: PreferenceLoss, h: Host): readonly number[] =>
  values(grad((policy: Floats) => preferenceLoss(loss)({ ...device(h), policy })[0])(vector(h.policy)))
const margins = ({ policy, reference }: Host): readonly number[] => {
  const n = policy.length / 2
  return Array.from({ length: n }, (_, i) => policy[i]! - policy[n + i]! - (reference[i]! - reference[n + i]!))
}
const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length

describe('DPO', () => {
  law('is the mean of -log sigmoid(beta (dlogp - dlogpRef))', fc.tuple(logps, beta), ([h, b]) =>
    near(lossOf(dpo({ beta: b }), h), mean(margins(h).map((m) => Math.log1p(Math.exp(-b * m))))),
  )

  law('at policy = reference is ln 2, with the gradient of -beta/2 dlogp', fc.tuple(logps, beta), ([h, b]) => {
    const start = { policy: h.policy, reference: h.policy }
    const n = h.policy.length / 2
    const expected = h.policy.map((_, i) => ((i < n ? -1 : 1) * b) / 2 / n)
    return (
      near(lossOf(dpo({ beta: b }), start), Math.LN2) &&
      gradOf(dpo({ beta: b }), start).every((g, i) => near(g, expected[i]!))
    )
  })

  law('sees a reward of completions only up to a term of the prompt', fc.tuple(logps, beta, nats), ([h, b, shift]) => {
    const shifted = { ...h, policy: h.policy.map((l) => l + shift) }
    return near(lossOf(dpo({ beta: b }), h), lossOf(dpo({ beta: b }), shifted))
  })

  test('does not overflow', () => {
    const far = (d: number): Host => ({ policy: [d, 0], reference: [0, 0] })
    expect(lossOf(dpo({ beta: 1 }), far(5000))).toBe(0)
    expect(lossOf(dpo({ beta: 1 }), far(-5000))).toBe(5000)
    expect(gradOf(dpo({ beta: 1 }), far(-5000))).toEqual([-1, 1])
  })

  law('with smoothed labels is the mixture of both labels', fc.tuple(logps, beta), ([h, b]) => {
    const n = h.policy.length / 2
    const turn = (xs: readonly number[]): readonly number[] => [...xs.slice(n), ...xs.slice(0, n)]
    const swapped = { policy: turn(h.policy), reference: turn(h.reference) }
    const plain = dpo({ beta: b })
    return near(
      lossOf(dpo({ beta: b, labelSmoothing: 0.125 }), h),
      0.875 * lossOf(plain, h) + 0.125 * lossOf(plain, swapped),
    )
  })

  test('with smoothed labels rests where the chance of a pair is 1 - e', () => {
    // beta h = log((1 - e) / e)
    const rest = { policy: [Math.log(3) / 0.5, 0], reference: [0, 0] }
    gradOf(dpo({ beta: 0.5, labelSmoothing: 0.25 }), rest).forEach((g) => expect(g).toBeCloseTo(0, 6))
  })
})

describe('IPO', () => {
  law('is the mean of (h - 1 / (2 beta))^2, and rests there', fc.tuple(logps, beta), ([h, b]) => {
    const n = h.policy.length / 2
    const rest = { ...h, policy: h.reference.map((l, i) => l + (i < n ? 1 / (2 * b) : 0)) }
    return (
      near(lossOf(ipo({ beta: b }), h), mean(margins(h).map((m) => (m - 1 / (2 * b)) ** 2))) &&
      gradOf(ipo({ beta: b }), rest).every((g) => g === 0)
    )
  })

  law('per token is that of means over tokens, as TRL has it', logps, (h) => {
    const n = h.policy.length
    const lengths = h.policy.map((_, i) => (i % 3) + 1)
    const over = (xs: readonly number[]): readonly number[] => xs.map((x, i) => x / lengths[i]!)
    const found = value(
      preferenceLoss(ipo({ beta: 0.5, perToken: true }))({ ...device(h), lengths: vector(lengths) })[0],
    )
    return n > 0 && near(found, lossOf(ipo({ beta: 0.5 }), { policy: over(h.policy), reference: over(h.reference) }))
  })
})

describe('losses of pairs', () => {
  law('of parts add up to that of the whole, metrics too', logps, (h) => {
    const n = h.policy.length / 2
    const part = (from: number, to: number): Host => {
      const of = (xs: readonly number[]): readonly number[] => [...xs.slice(from, to), ...xs.slice(n + from, n + to)]
      return { policy: of(h.policy), reference: of(h.reference) }
    }
    const at = Math.floor(n / 2)
    const parts = [part(0, at), part(at, n)].filter(({ policy }) => policy.length > 0)
    const loss = preferenceLoss(dpo({ beta: 0.25 }))
    const [whole, metrics] = loss(device(h))
    const each = parts.map((p) => loss(device(p)))
    const shares = parts.map((p) => p.policy.length / h.policy.length)
    const total = (xs: readonly Scalar[]): number => xs.reduce((s, x, i) => s + shares[i]! * value(x), 0)
    return (
      near(total(each.map(([l]) => l)), value(whole)) &&
      Object.keys(metrics).every((name) => near(total(each.map(([, m]) => m[name]!)), value(metrics[name]!)))
    )
  })

  test('ask for what they need', () => {
    const policy = vector([-1, -2])
    expect(() => preferenceLoss(dpo({ beta: 1 }))({ policy })).toThrow(/preferenceLoss: this loss needs a reference/)
    expect(() => preferenceLoss(ipo({ beta: 1, perToken: true }))({ policy, reference: policy })).toThrow(/lengths/)
  })

  law('have the gradients of finite differences, and none in the reference', logps, (h) => {
    for (const loss of [dpo({ beta: 0.25 }), dpo({ beta: 0.25, labelSmoothing: 0.1 }), ipo({ beta: 0.25 })]) {
      const { policy, reference } = device(h)
      if (margins(h).every((m) => Math.abs(m) > 1e-2))
        checkGrads((x: Floats) => preferenceLoss(loss)({ policy: x, reference })[0], { order: 1 })(policy)
      const ofReference = grad((x: Floats) => preferenceLoss(loss)({ policy, reference: x })[0])(reference)
      if (values(ofReference).some((g) => g !== 0)) return false
    }
    return true
  })

  test('are logged with the implicit rewards beta log(pi / pi_ref), under the names of TRL', () => {
    // Two pairs: gains of the chosen 2 and -1, of the rejected 1 and 1.
    const h = { policy: [-3, -5, -4, -2], reference: [-5, -4, -5, -3] }
    const [, metrics] = preferenceLoss(dpo({ beta: 0.5 }))(device(h))
    expect(Object.fromEntries(Object.entries(metrics).map(([name, x]) => [name, value(x)]))).toEqual({
      'logps/chosen': -4,
      'logps/rejected': -3,
      'rewards/accuracies': 0.5,
      'rewards/chosen': 0.25,
      'rewards/margins': -0.25,
      'rewards/rejected': 0.5,
    })
    const slope = grad(
      (x: Floats) => preferenceLoss(dpo({ beta: 1 }))({ ...device(h), policy: x })[1]['rewards/margins'],
    )
    expect(values(slope(vector(h.policy))).every((g) => g === 0)).toBe(true)
  })
})

describe('log-probabilities of completions', () => {
  const model = transformer({ vocab: 6, width: 8, layers: 1, heads: 2, context: 8 })
  const policy = transformerPolicy(model, { ...mod10Chain.vocabulary, size: 6 })
  const params = model.init(random.key(1))
  const row = [1, 3, 4, 5, 2]
  const mask = [0, 0, 1, 1, 1]
  const rowsOf = (width: number, fill: number) => ({
    tokens: tensor(Int32Array.from([...row, ...Array<number>(width - row.length).fill(fill)]), [1, width]),
    mask: tensor([...mask, ...Array<number>(width - row.length).fill(0)], [1, width]) as Floats,
  })
  const logp = (p: TransformerParams, width: number, fill: number): Floats => {
    const { tokens, mask: counted } = rowsOf(width, fill)
    return sequenceLogp(policy)(p)(tokens, counted)
  }

  test('are sums of the log-probabilities of their tokens given all before them', () => {
    const logits = values(model.apply(params)(tensor(Int32Array.from(row), [1, 5])))
    const expected = [2, 3, 4].map((t) => {
      const before = logits.slice((t - 1) * 6, t * 6)
      return before[row[t]!]! - Math.log(before.reduce((s, l) => s + Math.exp(l), 0))
    })
    expect(values(logp(params, 5, 0))[0]).toBeCloseTo(
      expected.reduce((s, l) => s + l, 0),
      9,
    )
  })

  test('have as many tokens as their mask', () => {
    expect(values(completionLengths(rowsOf(8, 0).mask))).toEqual([3])
  })

  test('do not see padding: neither its width, nor its content, nor through their gradient', () => {
    const once = values(logp(params, 5, 0))[0]!
    for (const [width, fill] of [
      [6, 0],
      [8, 0],
      [8, 5],
    ] as const)
      expect(values(logp(params, width, fill))[0]).toBeCloseTo(once, 9)
    const slope = (width: number, fill: number): readonly number[] =>
      values(grad((p: TransformerParams) => sum()(logp(p, width, fill)))(params).positions!)
    const [plain, padded] = [slope(5, 0), slope(8, 4)]
    padded.forEach((g, i) => expect(g).toBeCloseTo(plain[i]!, 9))
  })

  test('move no logit of the prompt, nor those after the end', () => {
    // The gradient with respect to what is said at a column, through a head of its own there.
    const stream = model.hidden(params)(rowsOf(7, 0).tokens)
    const through = grad((s: Floats) => {
      const at = {
        ...policy,
        score:
          () =>
          (_: TransformerParams, { tokens }: Scored) =>
            scoresOf(1)(model.head(params)(slice([0, 0, 0], [1, 6, 8])(s)), tokens),
      }
      const { tokens, mask: counted } = rowsOf(7, 0)
      return sum()(mul(sub(sequenceLogp(at)(params)(tokens, counted), 0), 1))
    })(stream)
    const moved = Array.from({ length: 7 }, (_, t) =>
      values(through)
        .slice(t * 8, t * 8 + 8)
        .some((g) => g !== 0),
    )
    // Column t is about the token at t + 1: the completion is at columns 2, 3 and 4.
    expect(moved).toEqual([false, true, true, true, false, false, false])
  })
})
