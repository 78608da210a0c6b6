import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { group } from './advantage.ts'
import { gdpo, type NamedGroups } from './gdpo.ts'
import { allNear, law, sumOf } from '../policy/rollouts.support.ts'

const sharp = { ddof: 1, eps: 0 } as const
const reward = fc.integer({ min: -8, max: 8 }).map((n) => n / 4)
const holed = fc.oneof({ weight: 5, arbitrary: reward }, { weight: 1, arbitrary: fc.constant(NaN) })

/** Two rewards over the same groups. */
const named = (
  of: fc.Arbitrary<number>,
): fc.Arbitrary<NamedGroups & Record<'a' | 'b', readonly (readonly number[])[]>> =>
  fc.array(fc.array(fc.tuple(of, of), { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 4 }).map((pairs) => ({
    a: pairs.map((g) => g.map(([a]) => a)),
    b: pairs.map((g) => g.map(([, b]) => b)),
  }))
const advantage = gdpo({ a: 1, b: 0.5 })

describe('gdpo', () => {
  test('by hand: z-scores of each reward, their weighted sum over its deviation', () => {
    const [x] = gdpo({ correct: 1, format: 0.5 }, sharp)({ correct: [[1, 0]], format: [[1, 1]] })
    // One pair of z-scores is +-sqrt(1/2), the other says nothing; the sum has the deviation 1.
    expect(x).toEqual([expect.closeTo(Math.SQRT1_2, 12), expect.closeTo(-Math.SQRT1_2, 12)])
    const [p, q] = gdpo(
      { a: 1, b: 0.5 },
      sharp,
    )({
      a: [
        [1, 0],
        [0, 0],
      ],
      b: [
        [3, 3],
        [0, 2],
      ],
    })
    const z = [Math.SQRT1_2, -Math.SQRT1_2, -0.5 * Math.SQRT1_2, 0.5 * Math.SQRT1_2]
    const scale = Math.sqrt(sumOf(z.map((v) => v * v)) / 3)
    expect([...p!, ...q!]).toEqual(z.map((v) => expect.closeTo(v / scale, 12) as unknown))
  })

  test('tells apart combinations that a z-score of the sum does not', () => {
    // Sums 0, 1, 2 twice over: {0,1} and {0,2} have the same z-scores of sums, not of their parts.
    const both = {
      a: [
        [0, 1],
        [0, 1],
      ],
      b: [
        [0, 0],
        [0, 1],
      ],
    }
    const [one, two] = gdpo({ a: 1, b: 1 })(both)
    expect(two![1]).toBeGreaterThan(one![1]! * 1.5)
    const [u, v] = group()(both.a.map((g, i) => g.map((r, j) => r + both.b[i]![j]!)))
    expect(v![1]).toBeCloseTo(u![1]!, 3)
  })

  law('sums to 0 over every group', named(reward), (r) => advantage(r).every((g) => Math.abs(sumOf(g)) < 1e-9))

  law('has over the batch the deviation 1', named(reward), (r) => {
    const flat = gdpo({ a: 1, b: 0.5 }, sharp)(r).flat()
    const square = sumOf(flat.map((x) => x * x))
    return square < 1e-9 || Math.abs(square / (flat.length - 1) - 1) < 1e-9
  })

  law(
    'does not change when one reward is shifted or scaled',
    fc.tuple(named(reward), fc.constantFrom(0.25, 2, 64), reward),
    ([r, k, c]) => {
      const moved = { ...r, b: r.b.map((g) => g.map((x) => k * x + c)) }
      const of = gdpo({ a: 1, b: 0.5 }, sharp)
      return allNear(of(moved).flat(), of(r).flat(), 1e-9)
    },
  )

  law('at r + 1e4 nothing is lost to cancellation', named(reward), (r) => {
    const far = { a: r.a.map((g) => g.map((x) => x + 1e4)), b: r.b }
    return allNear(advantage(far).flat(), advantage(r).flat(), 1e-12)
  })

  law('permutes with the completions', named(holed), (r) => {
    const turned = (gs: readonly (readonly number[])[]): readonly (readonly number[])[] =>
      gs.map((g) => [...g].reverse())
    return allNear(turned(advantage({ a: turned(r.a), b: turned(r.b) })).flat(), advantage(r).flat(), 1e-9)
  })

  law('with one reward it is the z-score within groups, over the deviation of the batch', named(reward), ({ a }) => {
    const within = group(sharp)(a).flat()
    const scale = Math.sqrt(sumOf(within.map((x) => x * x)) / (within.length - 1))
    return allNear(gdpo({ a: 3 }, sharp)({ a }).flat(), scale === 0 ? within : within.map((x) => x / scale), 1e-9)
  })

  law('equal rewards give exactly 0', fc.tuple(reward, reward, fc.nat({ max: 5 })), ([a, b, n]) =>
    advantage({ a: [Array<number>(n).fill(a), [1, 0]], b: [Array<number>(n).fill(b), [0, 0]] })[0]!.every(
      (x) => x === 0,
    ),
  )

  law(
    'a reward that is absent adds nothing to its completion; all absent is 0, and counts nowhere',
    named(holed),
    (r) => {
      const as = advantage(r)
      const without = advantage({
        a: r.a.map((g, i) => g.filter((_, j) => !gone(i, j))),
        b: r.b.map((g, i) => g.filter((_, j) => !gone(i, j))),
      })
      function gone(i: number, j: number): boolean {
        return Number.isNaN(r.a[i]![j]) && Number.isNaN(r.b[i]![j])
      }
      return (
        as.every((g, i) => g.every((x, j) => Number.isFinite(x) && (!gone(i, j) || x === 0))) &&
        allNear(
          as.flatMap((g, i) => g.filter((_, j) => !gone(i, j))),
          without.flat(),
          1e-9,
        )
      )
    },
  )

  test('with one reward absent, a completion has the advantage of the other', () => {
    const r = { a: [[1, 0, 0]], b: [[NaN, 2, 0]] }
    const [z, y] = [group(sharp)(r.a)[0]!, group(sharp)(r.b)[0]!]
    const sums = z.map((x, i) => x + y[i]!)
    const scale = Math.sqrt(sumOf(sums.map((x) => x * x)) / 2)
    expect(gdpo({ a: 1, b: 1 }, sharp)(r)[0]).toEqual(sums.map((x) => expect.closeTo(x / scale, 12) as unknown))
    expect(gdpo({ a: 1, b: 1 }, sharp)(r)[0]![0]).toBeGreaterThan(0.9)
  })

  test('a reward of weight 0 does not make up for an absent one', () => {
    const r = { a: [[1, 0, NaN]], b: [[0, 5, 3]] }
    expect(gdpo({ a: 1, b: 0 })(r)).toEqual(gdpo({ a: 1 })(r))
  })

  test('weight 0 leaves a reward out, and a weight must name one', () => {
    const r = { a: [[1, 0, 0]], b: [[0, 5, NaN]] }
    expect(gdpo({ a: 1, b: 0 })(r)).toEqual(gdpo({ a: 1 })(r))
    for (const none of [{}, { a: 0 }]) expect(() => gdpo(none)).toThrow(/gdpo: no reward has a weight other than 0/)
    expect(() => gdpo({ a: NaN })).toThrow(/gdpo: the weight of "a" is NaN/)
    expect(() => gdpo({ c: 1 })(r)).toThrow(/names 'c', but the rewards are a, b/)
  })
})
