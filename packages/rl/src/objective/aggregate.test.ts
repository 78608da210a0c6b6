import { grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { scalar, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Aggregate, constant, sequenceMean, tokenMean, totalsOf } from './aggregate.ts'
import { objective } from './objective.ts'
import {
  allNear,
  batches,
  full,
  gradOf,
  law,
  logpOf,
  lossOf,
  near,
  rolloutsOf,
  rowsOf,
  sumOf,
  value,
  values,
} from '../policy/rollouts.support.ts'

const aggregates: readonly (readonly [string, Aggregate])[] = [
  ['sequenceMean', sequenceMean],
  ['tokenMean', tokenMean],
  ['constant', constant(6)],
]

describe('by hand', () => {
  // Rows of two tokens, one, and none; what stands at 0 of the mask is not read.
  const mask = tensor([1, 1, 0, 1, 0, 0, 0, 0, 0], [3, 3])
  const perToken = tensor([1, 3, 99, 5, 99, 99, 99, 99, 99], [3, 3])
  const of = (aggregate: Aggregate): number => value(aggregate(perToken, mask, totalsOf(mask)))

  test('the totals of a whole batch', () => {
    const { sequences, tokens } = totalsOf(mask)
    expect([value(sequences), value(tokens)]).toEqual([3, 3])
  })
  test('sequenceMean: means of sequences, then their mean; a sequence without tokens counts as 0', () => {
    expect(of(sequenceMean)).toBeCloseTo((2 + 5 + 0) / 3, 6)
  })
  test('tokenMean: all tokens alike', () => {
    expect(of(tokenMean)).toBeCloseTo((1 + 3 + 5) / 3, 6)
  })
  test('constant: the sum over B L_max', () => {
    expect(of(constant(10))).toBeCloseTo((1 + 3 + 5) / (3 * 10), 6)
  })
})

describe('micro-batches', () => {
  // Any number of parts, of uneven numbers of rows and of tokens, some of them without a token.
  const cut = batches.chain((h) =>
    fc.record({
      h: fc.constant(h),
      cuts: fc.uniqueArray(fc.integer({ min: 1, max: h.B }), { maxLength: h.B }).map((at) => [0, ...at.sort(), h.B]),
    }),
  )
  test.each(aggregates)('%s: the losses and gradients of the parts add up to those of the whole', (_, aggregate) => {
    fc.assert(
      fc.property(cut, ({ h, cuts }) => {
        const config = { ...full, aggregate, entropyBonus: 0.1 }
        const totals = { sequences: scalar(h.B), tokens: scalar(sumOf(h.lengths)) }
        const parts = cuts
          .slice(1)
          .map((to, i) => rowsOf(h, cuts[i]!, to))
          .filter((part) => part.B > 0)
        // Entropies that depend on the policy, so that the bonus has a gradient.
        const loss = (p: typeof h, of: typeof totals | null) => (logp: Floats) =>
          objective(config)({ ...rolloutsOf(p), totals: of })(logp, logp)
        const total = sumOf(parts.map((p) => value(loss(p, totals)(logpOf(p)))))
        const grads = parts.flatMap((p) => values(grad(loss(p, totals))(logpOf(p))))
        return (
          near(total, value(loss(h, null)(logpOf(h))), 1e-5) &&
          allNear(grads, values(grad(loss(h, null))(logpOf(h))), 1e-5)
        )
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  law('at equal lengths sequenceMean = tokenMean = (L_max / len) constant, gradients too', batches, (h) => {
    const equal = { ...h, lengths: h.lengths.map(() => h.T) }
    const loss = (aggregate: Aggregate): number => lossOf({ ...full, aggregate }, equal)
    const slope = (aggregate: Aggregate): readonly number[] => gradOf({ ...full, aggregate }, equal)
    const scale = 8 / h.T
    return (
      near(loss(sequenceMean), loss(tokenMean), 1e-5) &&
      near(loss(sequenceMean), scale * loss(constant(8)), 1e-5) &&
      allNear(slope(sequenceMean), slope(tokenMean), 1e-5) &&
      allNear(
        slope(sequenceMean),
        slope(constant(8)).map((g) => scale * g),
        1e-5,
      )
    )
  })

  law('at uneven lengths they differ: a long sequence weighs more by tokenMean', batches, (h) => {
    const [short, long] = [Math.min(...h.lengths), Math.max(...h.lengths)]
    if (short === long || short === 0) return
    const perToken = (aggregate: Aggregate): readonly number[] =>
      values(grad((x: Floats) => aggregate(x, rolloutsOf(h).mask, totalsOf(rolloutsOf(h).mask)))(logpOf(h)))
    const weight = (aggregate: Aggregate, length: number): number =>
      perToken(aggregate)[h.lengths.indexOf(length) * h.T]! * length
    return (
      near(weight(sequenceMean, long), weight(sequenceMean, short)) &&
      near(weight(tokenMean, long) / weight(tokenMean, short), long / short) &&
      near(weight(constant(9), long), long / (9 * h.B))
    )
  })
})
