/**
 * Matrices [in, out] kept as small integers, several to a word, with a scale for many: `w = s c`. A word holds what lies one below the
 * other, so that neighbours in memory are neighbours of a row:
 *
 *     word [p, j] of bits 8:   c[4p, j] | c[4p + 1, j] << 8 | c[4p + 2, j] << 16 | c[4p + 3, j] << 24
 *
 * Rows of which single ones are written (a cache's) are packed within each of them instead: the word holds what lies side by side.
 *
 * Codes are two's complement: a code comes out of its word by two shifts. All of it is a composition, which a product reads its
 * operand through; the matrix itself is nowhere.
 */
import { arange, bitAnd, cast, expandDims, mul, reshape, shiftLeft, shiftRight, sub, sum } from '@adjoint/tensor'
import type { Floats, Integers } from '../layer.ts'

/** Bits of a code. */
export type Bits = 4 | 8

/** Codes to a word. */
export const perWord = (bits: Bits): number => 32 / bits

const column = expandDims(-1)

/** Places of the codes of a word, in bits, [per]. */
const placesInRow = (bits: Bits): Integers => mul(arange(perWord(bits)), bits)
/** The same, [per, 1]. */
const places = (bits: Bits): Integers => column(placesInRow(bits))

/** Codes [in, out], i32 of the range of their bits, as words [in / per, out]. */
export const packed =
  (bits: Bits) =>
  (codes: Integers): Integers => {
    const [rows, columns] = codes.shape as readonly [number, number]
    const per = perWord(bits)
    const grouped: Integers = reshape([rows / per, per, columns])(bitAnd(codes, 2 ** bits - 1))
    return sum({ axis: 1 })(shiftLeft(grouped, places(bits)))
  }

/** Words [in / per, out] as codes [in, out]. */
export const unpacked =
  (bits: Bits) =>
  (words: Integers): Floats => {
    const [groups, columns] = words.shape as readonly [number, number]
    const top: Integers = sub(32 - bits, places(bits))
    // up, so that what is above it goes, and down again with its sign
    const codes: Integers = shiftRight(shiftLeft(expandDims(1)(words), top), 32 - bits)
    return cast('f32')(reshape([groups * perWord(bits), columns])(codes))
  }

/** Codes [.., columns], i32 of the range of their bits, as words [.., columns / per]: of a row, neighbours share a word. */
export const packedInRows =
  (bits: Bits) =>
  (codes: Integers): Integers => {
    const per = perWord(bits)
    const [rows, columns] = [codes.shape.slice(0, -1), codes.shape.at(-1)!]
    const grouped: Integers = reshape([...rows, columns / per, per])(bitAnd(codes, 2 ** bits - 1))
    return sum({ axis: -1 })(shiftLeft(grouped, placesInRow(bits)))
  }

/** Words [.., columns / per] as codes [.., columns]. */
export const unpackedInRows =
  (bits: Bits) =>
  (words: Integers): Floats => {
    const [rows, groups] = [words.shape.slice(0, -1), words.shape.at(-1)!]
    const top: Integers = sub(32 - bits, placesInRow(bits))
    const codes: Integers = shiftRight(shiftLeft(expandDims(-1)(words), top), 32 - bits)
    return cast('f32')(reshape([...rows, groups * perWord(bits)])(codes))
  }
