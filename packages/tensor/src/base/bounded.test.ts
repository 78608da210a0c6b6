import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bounded } from './bounded.ts'

describe('a bounded cache', () => {
  const step = fc.record({ kind: fc.constantFrom('set', 'set', 'get', 'delete'), key: fc.nat(9), bytes: fc.nat(40) })

  it('keeps the last used within count and bytes, and drops each value once', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const dropped: number[] = []
        const cache = bounded<number, number>({ count: 5, bytes: 100, dropped: (value) => dropped.push(value) })
        /** Least recently used first. */
        let model: { readonly key: number; readonly value: number; readonly bytes: number }[] = []
        const gone: number[] = []
        const without = (key: number): void => {
          gone.push(...model.filter((e) => e.key === key).map((e) => e.value))
          model = model.filter((e) => e.key !== key)
        }
        steps.forEach((s, value) => {
          if (s.kind === 'get') {
            const found = model.find((e) => e.key === s.key)
            expect(cache.get(s.key)).toBe(found?.value)
            if (found !== undefined) model = [...model.filter((e) => e !== found), found]
          } else if (s.kind === 'delete') {
            cache.delete(s.key)
            without(s.key)
          } else {
            cache.set(s.key, value, s.bytes)
            without(s.key)
            model.push({ key: s.key, value, bytes: s.bytes })
            while (model.length > 1 && (model.length > 5 || model.reduce((n, e) => n + e.bytes, 0) > 100))
              without(model[0]!.key)
          }
          expect(cache.size()).toBe(model.length)
          expect(cache.bytes()).toBe(model.reduce((n, e) => n + e.bytes, 0))
          expect(dropped).toEqual(gone)
        })
      }),
      { seed: 3, numRuns: 300 },
    )
  })

  it('keeps what was put in last however large it is', () => {
    const cache = bounded<string, number>({ count: 2, bytes: 10 })
    cache.set('a', 1, 5)
    cache.set('b', 2, 500)
    expect([cache.get('a'), cache.get('b')]).toEqual([undefined, 2])
  })
})
