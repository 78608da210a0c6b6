// Texts to stop at, however the tokens that say them come.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { listener, type StopConfig, untilStop } from './stop.ts'

/** A tokenizer whose tokens are the codes of characters. */
const stream: StopConfig['tokenizer']['stream'] = () => ({
  push: (ids) => [String.fromCharCode(...Array.from(ids)), stream()],
  end: () => '',
})

test('a row ends with the first token that completes one, wherever calls cut the row', () => {
  const said = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 16 })
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 3,
  })
  fc.assert(
    fc.property(
      said,
      stops,
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 16, maxLength: 16 }),
      (text, strings, cuts) => {
        const ends = strings
          .map((stop) => text.indexOf(stop) + stop.length)
          .filter((_, i) => text.includes(strings[i]!))
        const wanted = ends.length === 0 ? null : Math.min(...ends)
        let listening = listener({ strings, tokenizer: { stream } })
        let at = 0
        for (const count of cuts) {
          const tokens = Array.from(text.slice(at, at + count), (c) => c.charCodeAt(0))
          const [stop, next] = listening.hear(tokens)
          if (stop !== null) {
            expect(at + stop).toBe(wanted)
            return
          }
          listening = next
          at += tokens.length
        }
        expect(wanted).toBeNull()
        expect(untilStop(strings)(text)).toBe(text)
      },
    ),
    { seed: 1, numRuns: 300 },
  )
})
