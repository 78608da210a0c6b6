import { describe, expect, test } from 'vitest'
import { rmsprop, scaleByDeviation } from './rmsprop.ts'
import { follow, isPlain, leavesOf, values } from './steps.support.ts'
import { opaque } from './transformation.ts'

const plain =
  (lr: number, decay: number, eps: number, centered: boolean, momentum: number, nesterov: boolean) =>
  (p: number[], gradients: readonly (readonly number[])[]): void => {
    const [m, v, t] = [p.map(() => 0), p.map(() => 0), p.map(() => 0)]
    for (const g of gradients)
      g.forEach((gj, j) => {
        m[j] = decay * m[j]! + (1 - decay) * gj
        v[j] = decay * v[j]! + (1 - decay) * gj * gj
        const u = (-lr * gj) / Math.sqrt(v[j] - (centered ? m[j] * m[j] : 0) + eps)
        t[j] = u + momentum * t[j]!
        p[j] = p[j]! + (nesterov ? u + momentum * t[j] : t[j])
      })
  }

describe('rmsprop', () => {
  test.each([
    [false, 0, false],
    [true, 0, false],
    [false, 0.5, false],
    [true, 0.5, true],
  ])('centered %s, momentum %d, nesterov %s: is the recurrence written out', (centered, momentum, nesterov) => {
    isPlain(
      opaque(rmsprop({ learningRate: 0.25, decay: 0.75, eps: 1e-3, centered, momentum, nesterov })),
      plain(0.25, 0.75, 1e-3, centered, momentum, nesterov),
    )
  })

  test('a large gradient that hardly changes has no negative variance', () => {
    const g = leavesOf({ w: { shape: [2], data: [1e3, -4096] } })
    const [, { variance }] = follow(
      scaleByDeviation({ decay: 0.5 }),
      g,
      Array.from({ length: 40 }, () => g),
    )
    for (const v of values(variance)) expect(v).toBeGreaterThanOrEqual(0)
  })

  test('numbers that are none are refused', () => {
    expect(() => rmsprop({ learningRate: 1, decay: 1 })).toThrow(/rmsprop: decay is 1/)
    expect(() => rmsprop({ learningRate: 1, eps: -1 })).toThrow(/rmsprop: eps is -1/)
  })
})
