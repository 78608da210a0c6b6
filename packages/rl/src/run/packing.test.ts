import type { Floats } from '@adjoint/nn'
import { scalar, tensor, type Tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Fold, packing } from './packing.ts'

const valuesOf = (x: Tensor): readonly number[] => Array.from(evaluate([x])[0]!.data)
const folds = fc.dictionary(fc.string({ minLength: 1 }), fc.constantFrom<Fold>('sum', 'max', 'min'), {
  minKeys: 1,
  maxKeys: 6,
  noNullPrototype: true,
})
const numbers = fc.integer({ min: -1000, max: 1000 }).map((n) => n / 8)
const many = fc.array(numbers, { minLength: 6, maxLength: 6 })

describe('numbers that a step measures', () => {
  test('keep their names, in whatever order they were given', () => {
    fc.assert(
      fc.property(folds, many, (of, values) => {
        const { pack, unpack, scalars } = packing(of)
        const measured = Object.fromEntries(Object.keys(of).map((name, i) => [name, values[i]!]))
        const reversed = Object.fromEntries(
          Object.entries(measured)
            .reverse()
            .map(([name, x]) => [name, scalar(x)]),
        )
        const packed = pack(reversed)
        expect(unpack(valuesOf(packed))).toEqual(measured)
        for (const [name, x] of Object.entries(scalars(packed))) expect(valuesOf(x)[0]).toBe(measured[name])
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('fold part by part, each in its own way', () => {
    fc.assert(
      fc.property(folds, fc.array(many, { minLength: 2, maxLength: 4 }), (of, given) => {
        const names = Object.keys(of).sort()
        const { fold, unpack } = packing(of)
        const parts = given.map((values) => names.map((_, i) => values[i]!))
        const folded = parts
          .map((p): Floats => tensor(Float32Array.from(p), [names.length]))
          .reduce((x, y) => fold(x, y))
        const wanted = names.map((name, i) => {
          const each = parts.map((p) => p[i]!)
          if (of[name] === 'max') return Math.max(...each)
          if (of[name] === 'min') return Math.min(...each)
          return each.reduce((s, x) => s + x, 0)
        })
        expect(unpack(valuesOf(folded))).toEqual(Object.fromEntries(names.map((name, i) => [name, wanted[i]])))
      }),
      { seed: 1, numRuns: 100 },
    )
  })

  test('are refused where one is missing, or has no place', () => {
    const { pack } = packing({ kl: 'sum', entropy: 'sum' })
    expect(() => pack({ kl: scalar(1) })).toThrow(/measured kl, and says that it measures entropy, kl/)
    expect(() => pack({ kl: scalar(1), entropy: scalar(1), other: scalar(2) })).toThrow(/measured entropy, kl, other/)
  })
})
