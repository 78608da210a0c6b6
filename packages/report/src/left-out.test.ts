import type { LogRecord } from '@adjoint/rl'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { leftOutOf, placing } from './left-out.ts'
import { lines, sampleLine } from './made-up.ts'
import { stageOf } from './run.ts'
import { samplesOf } from './samples.ts'

/** A log of so many groups, whose completions say who wrote it. */
const log = (groups: number, writer = 'one'): readonly LogRecord[] =>
  Array.from({ length: groups }, (_, i) => sampleLine(i, `${writer} ${i}`))

const run = (folder: string, records: readonly LogRecord[]) => ({
  ...{ name: folder, folder, seed: 0, notes: [], changed: 0 },
  stages: [stageOf('', lines(records), '').stage],
})
const page = (limit: number, ...logs: readonly (readonly LogRecord[])[]) =>
  samplesOf(
    logs.map((records, i) => ({ label: `${i}`, runs: [run(`/${i}`, records)] })),
    limit,
  )
const placesOf = (samples: ReturnType<typeof page>) => samples.groups.map(placing(samples))

describe('what has left a page', () => {
  test('is left out, and not gone, for as long as its run goes on, whatever other runs do', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.nat(60), fc.integer({ min: 2, max: 50 }), (n, more, other, limit) => {
        const before = page(1000, log(n))
        const after = page(limit, log(n + more), log(other))
        const there = new Set(placesOf(after).map(({ key }) => key))
        for (const place of placesOf(before)) expect(there.has(place.key) || leftOutOf(after)(place)).toBe(true)
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('is gone where its run has gone, or was begun anew in its folder, however long that is by now', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.nat(90), fc.nat(60), fc.nat(50), (n, anew, other, limit) => {
        const before = placesOf(page(1000, log(n)))
        const after = page(limit, log(anew, 'two'), log(other))
        const there = new Set(placesOf(after).map(({ key }) => key))
        for (const place of before) expect(there.has(place.key) || leftOutOf(after)(place)).toBe(false)
      }),
      { seed: 2, numRuns: 200 },
    )
  })

  test('is gone where the run does the same again, and has not come as far', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.nat(60), fc.integer({ min: 2, max: 50 }), (n, anew, limit) => {
        const after = page(limit, log(anew), log(60))
        const there = new Set(placesOf(after).map(({ key }) => key))
        for (const place of placesOf(page(1000, log(n))))
          expect(there.has(place.key) || leftOutOf(after)(place)).toBe(place.step < anew)
      }),
      { seed: 3, numRuns: 200 },
    )
  })

  test('is gone from a page that has room for all', () => {
    const [place] = placesOf(page(1000, log(3)))
    expect(leftOutOf(page(1000, log(3)))(place!)).toBe(false)
  })
})

describe('keys', () => {
  test('are of one group each, and go with it from page to page though names and numbers change', () => {
    const twice = [...log(3), ...log(3)]
    const keys = placesOf(page(1000, twice)).map(({ key }) => key)
    expect(new Set(keys).size).toBe(6)
    // Another run of the name stands before it now.
    const of = (folders: readonly string[]) => {
      const samples = samplesOf([{ label: 'a', runs: folders.map((folder) => run(folder, log(3, folder))) }])
      return placesOf(samples).map(({ key }) => key)
    }
    expect(of(['/new', '/0']).slice(3)).toEqual(of(['/0']))
  })
})
