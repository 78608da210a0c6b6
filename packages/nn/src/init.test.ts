import { random } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import {
  heInit,
  type Initializer,
  lecunInit,
  normalInit,
  onesInit,
  uniformInit,
  xavierInit,
  zerosInit,
} from './init.ts'
import { initLinear } from './linear.ts'

const drawn = (init: Initializer): Float64Array => evaluate([init(random.key(3), [80, 50])])[0]!.data
const deviation = (xs: Float64Array): number => {
  const mean = xs.reduce((a, b) => a + b, 0) / xs.length
  return Math.sqrt(xs.reduce((a, b) => a + (b - mean) ** 2, 0) / xs.length)
}

describe('initializers', () => {
  test.each([
    ['normal 0.02', normalInit(0.02), 0.02],
    ['xavier', xavierInit, Math.sqrt(2 / 130)],
    ['he', heInit, Math.sqrt(2 / 80)],
    ['lecun', lecunInit, Math.sqrt(1 / 80)],
    ['uniform', uniformInit(0.3), 0.3 / Math.sqrt(3)],
  ])('%s has its standard deviation', (_, init, expected) => {
    expect(deviation(drawn(init)) / expected).toBeCloseTo(1, 1)
  })

  test('uniform stays within its bound', () => {
    expect(Math.max(...drawn(uniformInit(0.3)).map(Math.abs))).toBeLessThanOrEqual(0.3)
  })

  test('zeros and ones', () => {
    expect(new Set(drawn(zerosInit))).toEqual(new Set([0]))
    expect(new Set(drawn(onesInit))).toEqual(new Set([1]))
  })

  test('the same key draws the same weights, another key others', () => {
    const weight = (seed: number): readonly number[] => [
      ...evaluate([initLinear({ in: 3, out: 2 })(random.key(seed)).weight])[0]!.data,
    ]
    expect(weight(1)).toEqual(weight(1))
    expect(weight(1)).not.toEqual(weight(2))
  })
})
