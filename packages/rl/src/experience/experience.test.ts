import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { concatExperiences, dropTruncated, type Experience, pickGroups } from './experience.ts'

const N = 3
// Every number of a row tells which row it is, so that a row that lost one of its parts is seen.
const experience = (group: number, groups: number, from = 0, padded = true): Experience<number> => {
  const rows = Array.from({ length: group * groups }, (_, i) => from + i)
  return {
    group,
    width: 2,
    tokens: Int32Array.from(rows.flatMap((r) => Array.from({ length: 2 + N }, (_, c) => 10 * r + c))),
    starts: padded ? Int32Array.from(rows) : null,
    mask: Float32Array.from(rows.flatMap((r) => Array.from({ length: N }, (_, c) => (c <= r % N ? 1 : 0)))),
    samplerLogp: Float32Array.from(rows.flatMap((r) => Array.from({ length: N }, (_, c) => -(10 * r + c)))),
    samples: rows.map((r) => ({
      problem: r,
      prompt: String(r),
      completion: '',
      length: (r % N) + 1,
      terminated: r % 2 === 0,
    })),
    breakdowns: rows.map((r) => ({ total: r, parts: {} })),
    steps: rows.map((r) => [{ end: 0, reward: r }]),
    ids: Array.from({ length: groups }, (_, g) => `draw ${from / group + g}`),
    versions: Array.from({ length: groups }, (_, g) => from + g),
  }
}
const size = fc.record({ group: fc.integer({ min: 1, max: 4 }), groups: fc.integer({ min: 1, max: 5 }) })
const config = { seed: 1, numRuns: 200 }

describe('groups of an experience', () => {
  test('all of them are the experience; a choice of a choice is a choice', () => {
    fc.assert(
      fc.property(size, fc.boolean(), fc.infiniteStream(fc.nat()), ({ group, groups }, padded, noise) => {
        const e = experience(group, groups, 0, padded)
        const all = Array.from({ length: groups }, (_, g) => g)
        expect(pickGroups(all)(e)).toEqual(e)
        const first = all.filter(() => noise.next().value! % 2 === 0)
        const second = first.map((_, i) => i).filter(() => noise.next().value! % 2 === 0)
        expect(pickGroups(second)(pickGroups(first)(e))).toEqual(pickGroups(second.map((i) => first[i]!))(e))
      }),
      config,
    )
  })

  test('concatenation is the inverse of splitting, and associative', () => {
    fc.assert(
      fc.property(size, fc.nat({ max: 4 }), ({ group, groups }, cut) => {
        const e = experience(group, groups)
        const at = Math.min(cut, groups)
        const all = Array.from({ length: groups }, (_, g) => g)
        const [left, right] = [pickGroups(all.slice(0, at))(e), pickGroups(all.slice(at))(e)]
        expect(concatExperiences(left, right)).toEqual(e)
        const other = experience(group, 2, 100)
        expect(concatExperiences(concatExperiences(left, right), other)).toEqual(
          concatExperiences(left, concatExperiences(right, other)),
        )
      }),
      config,
    )
  })

  test('rows without padding start at column 0', () => {
    const both = concatExperiences(experience(2, 1, 0, false), experience(2, 1, 2))
    expect(both.starts).toEqual(Int32Array.of(0, 0, 2, 3))
    expect(concatExperiences(experience(2, 1, 0, false), experience(2, 1, 2, false)).starts).toBeNull()
  })

  test('other groups or columns do not join', () => {
    expect(() => concatExperiences(experience(2, 1), experience(3, 1))).toThrow(/groups of 2 .* groups of 3/)
    expect(() => concatExperiences(experience(2, 1), { ...experience(2, 1), width: 3 })).toThrow(/promptWidth/)
  })
})

test('a completion that was cut keeps its reward and loses its tokens', () => {
  const e = experience(2, 2)
  const kept = dropTruncated(e)
  expect(kept).toEqual({ ...e, mask: Float32Array.of(1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0) })
  expect(dropTruncated(kept)).toEqual(kept)
})
