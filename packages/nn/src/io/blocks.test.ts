// Blocks against the definition, written out once more in plain steps of f32.
import fc from 'fast-check'
import { unpackHalves } from '@adjoint/tensor/ir'
import { expect, test } from 'vitest'
import { BLOCK, blocks } from './blocks.ts'

const half = (lo: number, hi: number): number => unpackHalves('f16', Uint16Array.of(lo | (hi << 8)))[0]!
const { fround } = Math
/** Element i of a block, each operation rounded to f32. */
const plain: Readonly<Record<keyof typeof blocks, (b: readonly number[], i: number) => number>> = {
  Q8_0: (b, i) => fround(half(b[0]!, b[1]!) * ((b[2 + i]! << 24) >> 24)),
  Q4_0: (b, i) => {
    const byte = b[2 + (i % 16)]!
    return fround(((i < 16 ? byte % 16 : Math.floor(byte / 16)) - 8) * half(b[0]!, b[1]!))
  },
  Q4_1: (b, i) => {
    const byte = b[4 + (i % 16)]!
    const product = fround((i < 16 ? byte % 16 : Math.floor(byte / 16)) * half(b[0]!, b[1]!))
    return fround(product + half(b[2]!, b[3]!))
  },
}

test.each(['Q8_0', 'Q4_0', 'Q4_1'] as const)('%s: each element has the bits of the definition', (name) => {
  const { bytes, decode } = blocks[name]
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ minLength: bytes, maxLength: bytes }), { minLength: 1, maxLength: 4 }),
      (given) => {
        const all = Uint8Array.from(given.flatMap((b) => [...b]))
        const out = new Float32Array(given.length * BLOCK)
        decode(all, out)
        const expected = given.flatMap((b) => Array.from({ length: BLOCK }, (_, i) => plain[name]([...b], i)))
        // toEqual tells 0 from -0, and takes NaN for NaN
        expect([...out]).toEqual(expected)
      },
    ),
    { seed: 12, numRuns: 300 },
  )
})

test('known values', () => {
  // d = 0.5 (0x3800), m = -1 (0xbc00)
  const q4 = [0x21, ...new Array<number>(14).fill(0x88), 0xf0]
  const out = new Float32Array(BLOCK)
  blocks.Q4_1.decode(Uint8Array.of(0, 0x38, 0, 0xbc, ...q4), out)
  expect([out[0], out[16], out[1], out[15], out[31]]).toEqual([-0.5, 0, 3, -1, 6.5])
  blocks.Q4_0.decode(Uint8Array.of(0, 0x38, ...q4), out)
  expect([out[0], out[16], out[1], out[15], out[31]]).toEqual([-3.5, -3, 0, -4, 3.5])
  blocks.Q8_0.decode(Uint8Array.of(0, 0x38, 127, 128, ...new Array<number>(30).fill(0)), out)
  expect([out[0], out[1], out[2]]).toEqual([63.5, -64, 0])
})
