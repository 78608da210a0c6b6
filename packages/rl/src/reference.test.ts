import type { Floats } from '@adjoint/nn'
import { ones, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mixReference } from './reference.ts'
import { allNear, law, values } from './rollouts.support.ts'

const trees = fc
  .array(fc.double({ min: -4, max: 4, noNaN: true }), { minLength: 5, maxLength: 5 })
  .map((xs) => ({ embed: tensor(xs.slice(0, 3)), layers: [{ bias: tensor(xs.slice(3)), gate: null }] as const }))
const flat = (t: {
  readonly embed: Floats
  readonly layers: readonly [{ readonly bias: Floats }]
}): readonly number[] => [...values(t.embed), ...values(t.layers[0].bias)]
const share = fc.double({ min: 0, max: 1, noNaN: true })

describe('mixReference', () => {
  law('is alpha policy + (1 - alpha) reference, leaf by leaf', fc.tuple(trees, trees, share), ([p, r, alpha]) =>
    allNear(
      flat(mixReference(alpha)(p, r)),
      flat(p).map((x, i) => alpha * x + (1 - alpha) * flat(r)[i]!),
      1e-5,
    ),
  )

  law(
    'is the policy at 1, the reference at 0',
    fc.tuple(trees, trees),
    ([p, r]) => mixReference(1)(p, r) === p && mixReference(0)(p, r) === r,
  )

  law('a share, and a share of the rest, are one larger share', fc.tuple(trees, trees, share, share), ([p, r, a, b]) =>
    allNear(flat(mixReference(b)(p, mixReference(a)(p, r))), flat(mixReference(1 - (1 - a) * (1 - b))(p, r)), 1e-5),
  )

  test('alpha is a share, and the trees are alike', () => {
    for (const alpha of [-0.1, 1.1, NaN]) expect(() => mixReference(alpha)).toThrow(/alpha is/)
    expect(() => mixReference(0.5)<Record<string, Floats>>({ a: ones([1]) }, { b: ones([1]) })).toThrow(/differ/)
  })
})
