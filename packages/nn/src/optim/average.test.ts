import { describe, expect, test } from 'vitest'
import { averageParams, ema } from './average.ts'
import { scale } from './scale.ts'
import { sgd } from './sgd.ts'
import { byLoops, follow, isPlain, leavesOf, near, problems, values } from './steps.support.ts'
import { chain, opaque } from './transformation.ts'
import fc from 'fast-check'

describe('ema', () => {
  test.each([true, false])('debiased %s: is the recurrence written out', (debias) => {
    isPlain(opaque(chain(ema({ decay: 0.75, debias }), scale(-1))), (p, gradients) => {
      const m = p.map(() => 0)
      gradients.forEach((g, t) => {
        g.forEach((gj, j) => {
          m[j] = 0.75 * m[j]! + 0.25 * gj
          p[j] = p[j]! - m[j] / (debias ? 1 - 0.75 ** (t + 1) : 1)
        })
      })
    })
  })
})

describe('averageParams', () => {
  test('holds the mean of the parameters after each update, and leaves updates alone', () => {
    const optimizer = chain(sgd({ learningRate: 0.5 }), averageParams({ decay: 0.75 }))
    fc.assert(
      fc.property(problems, ({ start, steps }) => {
        const [params, [, { average }]] = follow(optimizer, leavesOf(start), steps.map(leavesOf))
        expect(values(params)).toEqual(
          values(follow(sgd({ learningRate: 0.5 }), leavesOf(start), steps.map(leavesOf))[0]),
        )
        const wanted = byLoops(
          (p, gradients) => {
            const [x, m] = [[...p], p.map(() => 0)]
            for (const g of gradients)
              g.forEach((gj, j) => {
                x[j] = x[j]! - 0.5 * gj
                m[j] = 0.75 * m[j]! + 0.25 * x[j]
              })
            m.forEach((v, j) => (p[j] = v / (1 - 0.75 ** gradients.length)))
          },
          start,
          steps,
        )
        near(values(average), wanted)
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  test('of one that stands still is that one, however long', () => {
    const still = leavesOf({ w: { shape: [2], data: [3, -1] } })
    const zero = leavesOf({ w: { shape: [2], data: [0, 0] } })
    const [, { average }] = follow(
      averageParams({ decay: 0.999 }),
      still,
      Array.from({ length: 50 }, () => zero),
    )
    near(values(average), [3, -1], 6)
  })

  test('decays that are none are refused', () => {
    expect(() => ema({ decay: 1 })).toThrow(/ema: decay is 1/)
    expect(() => averageParams({ decay: -1 })).toThrow(/averageParams: decay is -1/)
  })
})
