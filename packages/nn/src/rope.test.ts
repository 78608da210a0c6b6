import { checkGrads } from '@adjoint/autograd'
import { random, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normalInit } from './init.ts'
import type { Floats } from './layer.ts'
import { place } from './placement.ts'
import { rope, type RopeTable, ropeTable } from './rope.ts'

const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const inner = (x: readonly number[], y: readonly number[]): number => x.reduce((sum, v, i) => sum + v * y[i]!, 0)

const length = 64
// One head of `dim` features at one position.
const at = (table: RopeTable, position: number, x: readonly number[]): readonly number[] => {
  const starts = tensor([-position], [1], 'i32')
  const here = place({ queries: 1, starts })
  return values(rope({ cos: here.rows(table.cos), sin: here.rows(table.sin) })(tensor(x, [1, 1, 1, x.length])))
}
const heads = fc.constantFrom(2, 6, 8).chain((dim) => {
  const vector = fc.array(fc.double({ min: -3, max: 3, noNaN: true }), { minLength: dim, maxLength: dim })
  return fc.record({ q: vector, k: vector })
})

describe('rope', () => {
  test('scores depend on the distance only, and norms are kept', () => {
    fc.assert(
      fc.property(heads, fc.nat(20), fc.nat(20), fc.nat(20), ({ q, k }, i, j, shift) => {
        const table = ropeTable({ dim: q.length, length })
        const here = inner(at(table, i, q), at(table, j, k))
        const there = inner(at(table, i + shift, q), at(table, j + shift, k))
        expect(there).toBeCloseTo(here, 4)
        const turned = at(table, i, q)
        expect(inner(turned, turned)).toBeCloseTo(inner(q, q), 4)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('position 0 changes nothing; position p turns feature pairs i, i + D/2 by p theta^(-2i/D)', () => {
    const table = ropeTable({ dim: 4, length, theta: 100 })
    expect(at(table, 0, [1, 2, 3, 4])).toEqual([1, 2, 3, 4])
    const [a, b] = [3, 3 * 100 ** -0.5]
    const expected = [
      Math.cos(a) * 1 - Math.sin(a) * 3,
      Math.cos(b) * 2 - Math.sin(b) * 4,
      Math.cos(a) * 3 + Math.sin(a) * 1,
      Math.cos(b) * 4 + Math.sin(b) * 2,
    ]
    at(table, 3, [1, 2, 3, 4]).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 6))
  })

  test('every head and row of a batch is turned alike', () => {
    const table = ropeTable({ dim: 4, length: 3 })
    const rows = rope(table)(
      tensor(
        Array.from({ length: 2 * 3 * 2 * 4 }, (_, i) => i % 4),
        [2, 3, 2, 4],
      ),
    )
    const y = values(rows)
    for (let t = 0; t < 3; t++)
      for (const [b, h] of [
        [0, 1],
        [1, 0],
        [1, 1],
      ] as const)
        for (let d = 0; d < 4; d++) expect(y[((b * 3 + t) * 2 + h) * 4 + d]).toBe(y[t * 2 * 4 + d])
  })

  test('an odd head is refused', () => {
    expect(() => ropeTable({ dim: 5, length })).toThrow(/5 features has no two halves/)
  })

  test('gradients agree with differences', () => {
    checkGrads((x: Floats) => rope(ropeTable({ dim: 4, length: 3 }))(x), { order: 2 })(
      normalInit(1)(random.key(0), [1, 3, 2, 4]),
    )
  })
})
