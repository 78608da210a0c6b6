import { broadcastablePairs, shapes } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ShapeError } from './errors.ts'
import {
  broadcastShapes,
  dim,
  isShape,
  normalizeAxes,
  normalizeAxis,
  reduceShape,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from './shape.ts'

const runs = { seed: 11, numRuns: 200 }

describe('broadcasting', () => {
  it('is commutative, has the scalar as identity and every shape as its own square', () => {
    fc.assert(
      fc.property(broadcastablePairs, ({ x, y, out }) => {
        expect(broadcastShapes(x, y)).toEqual(out)
        expect(broadcastShapes(y, x)).toEqual(out)
        expect(broadcastShapes(x, [])).toEqual(x)
        expect(broadcastShapes(x, x)).toEqual(x)
        expect(broadcastShapes(out, x)).toEqual(out)
      }),
      runs,
    )
  })
  it('is associative', () => {
    const bits = fc.array(fc.boolean(), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(shapes({ minRank: 3, maxRank: 3 }), fc.tuple(bits, bits, bits), (out, masks) => {
        const [a, b, c] = masks.map((mask) => out.map((d, i) => (mask[i] === true ? 1 : d)))
        expect(broadcastShapes(broadcastShapes(a!, b!)!, c!)).toEqual(broadcastShapes(a!, broadcastShapes(b!, c!)!))
      }),
      runs,
    )
  })
  it('refuses different sizes other than 1', () => {
    expect(broadcastShapes([2, 3], [4])).toBeNull()
    expect(broadcastShapes([0], [2])).toBeNull()
    expect(broadcastShapes([0], [1])).toEqual([0])
  })
})

describe('strides and sizes', () => {
  it('number every element once', () => {
    fc.assert(
      fc.property(shapes(), (shape) => {
        let offsets = [0]
        stridesOf(shape).forEach((stride, i) => {
          offsets = offsets.flatMap((o) => Array.from({ length: shape[i]! }, (_, j) => o + j * stride))
        })
        expect(offsets).toEqual(Array.from({ length: sizeOf(shape) }, (_, i) => i))
      }),
      runs,
    )
  })
})

describe('axes', () => {
  it('count from the end where negative', () => {
    expect(normalizeAxis('op', -1, 3)).toBe(2)
    expect(normalizeAxis('op', 0, 3)).toBe(0)
    expect(normalizeAxes('op', [-1, 0], 3)).toEqual([0, 2])
    expect(normalizeAxes('op', undefined, 2)).toEqual([0, 1])
  })
  it('out of range name the operation, the operand, the rule and the fix', () => {
    expect(() => normalizeAxis('sum', 2, 2, { shape: [2, 3], dtype: 'f32' })).toThrow(
      'sum(f32[2, 3]): axis 2 is out of range for rank 2. Name an axis from -2 to 1',
    )
    expect(() => normalizeAxis('sum', 0, 0)).toThrow(ShapeError)
    expect(() => normalizeAxes('sum', [0, -2], 2)).toThrow('name an axis twice')
    expect(() => normalizeAxis('sum', 0.5, 2)).toThrow(ShapeError)
  })
  it('reduce away, or to 1', () => {
    expect(reduceShape([2, 3, 4], [0, 2], false)).toEqual([3])
    expect(reduceShape([2, 3, 4], [0, 2], true)).toEqual([1, 3, 1])
  })
})

it('shapes compare, print and are checked', () => {
  expect(sameShape([2, 3], [2, 3])).toBe(true)
  expect(sameShape([2, 3], [2])).toBe(false)
  expect(showShape([2, 3])).toBe('[2, 3]')
  expect([[2, 0], [2, -1], [1.5]].map(isShape)).toEqual([true, false, false])
  expect(dim('T', 7)).toBe(7)
})
