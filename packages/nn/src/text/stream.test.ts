import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type TextStream, textOf, textStream, type TokenBytes } from './stream.ts'

/** A vocabulary in which each byte is a token. */
const bytes: TokenBytes = { bytes: (id) => Uint8Array.of(id), dropSpace: false }

const through = (stream: TextStream, parts: readonly (readonly number[])[]): readonly string[] => {
  const said: string[] = []
  for (const part of parts) {
    const [text, next] = stream.push(part)
    said.push(text)
    stream = next
  }
  return [...said, stream.end()]
}
const cut = (all: readonly number[], at: readonly number[]): readonly (readonly number[])[] => {
  const edges = [0, ...at.map((x) => x % (all.length + 1)).sort((a, b) => a - b), all.length]
  return edges.slice(1).map((to, i) => all.slice(edges[i], to))
}

// Bytes that mean something, some that are cut off, and some that never do.
const sequence = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 3 }).map((text) => [...new TextEncoder().encode(text)]),
      fc.constantFrom('😶‍🌫️', '我想', 'é', '\ufeff', ' ').map((text) => [...new TextEncoder().encode(text)]),
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 3 }),
      fc.constantFrom([0xf0, 0x9f], [0xe0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90], [0xc0, 0x80]),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.flat())

describe('textStream', () => {
  test('its pieces, joined, are the text of all tokens, however they come', () => {
    fc.assert(
      fc.property(sequence, fc.array(fc.nat(), { maxLength: 6 }), fc.boolean(), (all, at, dropSpace) => {
        const tokens = { ...bytes, dropSpace }
        const whole = textOf(tokens, all)
        expect(through(textStream(tokens), cut(all, at)).join('')).toBe(whole)
        const plain = new TextDecoder('utf-8', { ignoreBOM: true }).decode(Uint8Array.from(all))
        expect(whole).toBe(dropSpace ? plain.replace(/^ /, '') : plain)
      }),
      { seed: 1, numRuns: 1000 },
    )
  })

  test('no piece of a text ends within a character, and none is late', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (text) => {
        const all = [...new TextEncoder().encode(text)]
        const said = through(
          textStream(bytes),
          all.map((byte) => [byte]),
        )
        expect(said.join('')).not.toContain(text.includes('\ufffd') ? '\0\0\0' : '\ufffd')
        // each character comes with its last byte
        expect(said.filter((piece) => piece !== '')).toEqual(Array.from(text))
      }),
      { seed: 2, numRuns: 500 },
    )
  })

  test('a stream is a value: pushing twice says the same twice', () => {
    const [, half] = textStream(bytes).push([0xf0, 0x9f])
    expect(half.push([0x98, 0x80])[0]).toBe('😀')
    expect(half.push([0x98, 0x81])[0]).toBe('😁')
    expect(half.end()).toBe('\ufffd')
  })

  test('what can no longer become a character is not kept back', () => {
    expect(textStream(bytes).push([0xed, 0xa0])[0]).toBe('\ufffd\ufffd')
    expect(textStream(bytes).push([0x41, 0xff])[0]).toBe('A\ufffd')
  })
})
