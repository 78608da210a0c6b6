// Texts to stop at, however the tokens that say them come.
import fc from 'fast-check'
import { isLeft } from 'fp-ts/lib/Either.js'
import { expect, test } from 'vitest'
import { huggingFaceTokenizer } from './text/hugging-face.ts'
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

test('ids that the tokenizer does not know, as models with more rows than tokens say them, are no text', () => {
  const made = huggingFaceTokenizer({
    tokenizer: {
      model: { type: 'BPE', vocab: { a: 0, b: 1 }, merges: [] },
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
      decoder: { type: 'ByteLevel' },
      added_tokens: [],
    },
  })
  if (isLeft(made)) throw new Error(made.left.message)
  const [stop] = listener({ strings: ['ab'], tokenizer: made.right }).hear([1, 7, 0, 90, 1, 0])
  expect(stop).toBe(5)
})
