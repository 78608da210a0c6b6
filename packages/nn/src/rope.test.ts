import { checkGrads } from '@adjoint/autograd'
import { random, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normalInit } from './init.ts'
import type { Floats } from './layer.ts'
import { place } from './placement.ts'
import { rope, type RopeScaling, type RopeTable, ropeTable, ropeTables } from './rope.ts'

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

  describe('scaled frequencies', () => {
    // Angles of position 1, by their cosine and sine: the frequencies.
    const frequencies = (scaling: RopeScaling | null): readonly number[] => {
      const { cos, sin } = ropeTable({ dim: 64, length: 2, theta: 10_000, scaling })
      const [c, s] = [values(cos), values(sin)]
      return Array.from({ length: 32 }, (_, i) => Math.atan2(s[64 + 32 + i]!, c[64 + i]!))
    }
    const plain = frequencies(null)

    test('linear divides all of them', () => {
      frequencies({ type: 'linear', factor: 4 }).forEach((f, i) => expect(f).toBeCloseTo(plain[i]! / 4, 6))
    })

    test("Llama 3's keeps short waves, divides long ones, and goes from the one to the other between", () => {
      const scaling: RopeScaling = { type: 'llama3', factor: 8, low: 1, high: 4, original: 1024 }
      const ratios = frequencies(scaling).map((f, i) => plain[i]! / f)
      const wavelengths = plain.map((f) => (2 * Math.PI) / f)
      ratios.forEach((ratio, i) => {
        if (wavelengths[i]! < 1024 / 4) expect(ratio).toBeCloseTo(1, 4)
        else if (wavelengths[i]! > 1024) expect(ratio / 8).toBeCloseTo(1, 2)
        else expect(ratio > 1 && ratio < 8).toBe(true)
        expect(ratio).toBeGreaterThan((ratios[i - 1] ?? 0) - 1e-2)
      })
      expect(new Set(ratios.map((ratio) => Math.round(ratio * 2))).size).toBeGreaterThan(4)
    })

    test('one that is none is refused where the table is made', () => {
      const table = (scaling: unknown) => () => ropeTables({ dim: 8, length, scaling: scaling as RopeScaling })
      expect(table({ type: 'linear', factor: 0 })).toThrow(/factor of the scaling linear is 0/)
      expect(table({ type: 'llama3', factor: 8, low: 4, high: 4, original: 16 })).toThrow(/low .* is 4, and high 4/)
    })
  })

  test('tables are as long as they are asked for, by doublings, and made once', () => {
    const tables = ropeTables({ dim: 4, length: 131_072 })
    expect([1, 256, 257, 1000].map((n) => tables(n).cos.shape[0])).toEqual([256, 256, 512, 1024])
    expect(tables(300)).toBe(tables(512))
    expect(values(tables(300).sin).slice(0, 1024)).toEqual(values(tables(2).sin))
    expect(ropeTables({ dim: 4, length: 300 })(300).cos.shape[0]).toBe(300)
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
