import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Group } from './group.ts'
import { runsAfter, takeOverWaits, waitFor } from './precedence.ts'

const group = (id: number): Group => ({
  id,
  kind: 'loop',
  rows: [],
  cols: [],
  stores: [],
  reductions: [],
  dot: null,
  reads: new Map(),
  computes: new Set(),
  after: new Set(),
  height: 0,
})

/** From the definition: some chain of waits leads from one to the other. */
const reaches = (from: Group, to: Group): boolean => from === to || [...from.after].some((g) => reaches(g, to))

const agrees = (groups: readonly Group[]): void => {
  for (const p of groups) {
    for (const before of p.after) expect(before.height).toBeGreaterThan(p.height)
    for (const q of groups) expect(runsAfter(p, q)).toBe(reaches(p, q))
  }
}

const pairs = fc.array(fc.tuple(fc.nat(9), fc.nat(9)), { maxLength: 25 })

it('who runs after whom is as chains of waits say, in whatever order these were made', () => {
  fc.assert(
    fc.property(pairs, (waits) => {
      const groups = Array.from({ length: 10 }, (_, id) => group(id))
      for (const [p, q] of waits) if (p !== q && !reaches(groups[q]!, groups[p]!)) waitFor(groups[p]!, groups[q]!)
      agrees(groups)
    }),
    { seed: 1, numRuns: 300 },
  )
})

it('and so it stays when one group does the work of another', () => {
  fc.assert(
    fc.property(pairs, fc.nat(9), fc.nat(9), (waits, i, j) => {
      const groups = Array.from({ length: 10 }, (_, id) => group(id))
      for (const [p, q] of waits) if (p !== q && !reaches(groups[q]!, groups[p]!)) waitFor(groups[p]!, groups[q]!)
      const [host, gone] = [groups[i]!, groups[j]!]
      if (runsAfter(host, gone) || runsAfter(gone, host)) return
      takeOverWaits(host, gone, groups)
      const left = groups.filter((g) => g !== gone)
      expect(left.some((g) => g.after.has(gone))).toBe(false)
      agrees(left)
    }),
    { seed: 2, numRuns: 300 },
  )
})
