import { tensor, tree, type Tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { accumulate } from './accumulate.ts'
import { adam } from './adam.ts'
import { clipByGlobalNorm, globalNorm } from './clip.ts'

const values = (t: Tree): readonly number[] => evaluate(tree.leaves(t)).flatMap((v) => [...v.data])
const row = fc.array(
  fc.integer({ min: -64, max: 64 }).map((n) => n / 8),
  { minLength: 3, maxLength: 3 },
)
const treeOf = (data: readonly number[]) => ({ a: tensor(data.slice(0, 1), [1]), b: [tensor(data.slice(1), [2])] })

describe('clipByGlobalNorm', () => {
  test('bounds the norm, keeps the direction, and leaves short updates alone', () => {
    fc.assert(
      fc.property(row, fc.constantFrom(0.5, 1, 8, 1000), (data, bound) => {
        const [clipped] = clipByGlobalNorm(bound).update(treeOf(data), null, treeOf(data))
        const norm = Math.hypot(...data)
        expect(values(globalNorm(treeOf(data)))[0]).toBeCloseTo(norm, 6)
        const factor = Math.min(1, bound / norm)
        values(clipped).forEach((v, i) => expect(v).toBeCloseTo(factor * data[i]!, 6))
      }),
      { seed: 1, numRuns: 50 },
    )
  })

  test('updates of norm 0 stay 0', () => {
    const zero = treeOf([0, 0, 0])
    expect(values(clipByGlobalNorm(1).update(zero, null, zero)[0])).toEqual([0, 0, 0])
    expect(values(globalNorm({ none: null }))).toEqual([0])
  })
})

describe('accumulate', () => {
  test('of equal parts is one update with their mean, and zero before', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(row, row), { minLength: 1, maxLength: 3 }), (batches) => {
        const params = treeOf([0, 0, 0])
        const [whole, parts] = [adam({ learningRate: 0.1 }), accumulate({ every: 2 })(adam({ learningRate: 0.1 }))]
        let [wholeState, partState] = [whole.init(params), parts.init(params)]
        for (const [first, second] of batches) {
          const [expected, nextWhole] = whole.update(
            treeOf(first.map((v, i) => (v + second[i]!) / 2)),
            wholeState,
            params,
          )
          const [nothing, between] = parts.update(treeOf(first), partState, params)
          const [found, nextPart] = parts.update(treeOf(second), between, params)
          expect(values(nothing)).toEqual([0, 0, 0])
          const wanted = values(expected)
          values(found).forEach((v, i) => expect(v).toBeCloseTo(wanted[i]!, 6))
          ;[wholeState, partState] = [nextWhole, nextPart]
        }
      }),
      { seed: 2, numRuns: 20 },
    )
  })

  test('a number of parts that is none is refused', () => {
    expect(() => accumulate({ every: 0 })(adam({ learningRate: 1 }))).toThrow(/every is 0/)
  })
})
