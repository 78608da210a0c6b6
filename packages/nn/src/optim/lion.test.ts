import { describe, expect, test } from 'vitest'
import { lion } from './lion.ts'
import { isPlain } from './steps.support.ts'
import { opaque } from './transformation.ts'

describe('lion', () => {
  test('is algorithm 2 written out', () => {
    isPlain(opaque(lion({ learningRate: 0.25, weightDecay: 0.125, b1: 0.75, b2: 0.5 })), (p, gradients) => {
      const m = p.map(() => 0)
      for (const g of gradients)
        g.forEach((gj, j) => {
          const c = 0.75 * m[j]! + 0.25 * gj
          p[j] = p[j]! - 0.25 * (Math.sign(c) + 0.125 * p[j]!)
          m[j] = 0.5 * m[j]! + 0.5 * gj
        })
    })
  })

  test('decays that are none are refused', () => {
    expect(() => lion({ learningRate: 1, b1: 1 })).toThrow(/lion: b1 is 1/)
    expect(() => lion({ learningRate: 1, b2: -0.1 })).toThrow(/lion: b2 is -0.1/)
    expect(() => lion({ learningRate: 1, weightDecay: NaN })).toThrow(/weight is NaN/)
  })
})
