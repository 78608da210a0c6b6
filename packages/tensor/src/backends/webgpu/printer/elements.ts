/**
 * Elements of buffers in WGSL: between memory and registers. WGSL stores no value of less than four bytes (but for f16, which
 * not every adapter has), so two elements of f16 or bf16 share a word of a buffer of u32:
 *
 *     element i is the lower half of word i / 2 where i is even, else the upper one
 *
 * A lane that writes one element must leave the other as it is, which another lane may be writing: the word is an atomic, of
 * which it clears its own half and then sets it. Where each lane writes both elements of a word, or none (`owned`), the word is
 * plain.
 */
import { dtypes } from '../../../base/dtype.ts'
import { isHalf } from '../../../base/rounding.ts'
import type { KernelBuffer } from '../../../loops/kernel.ts'

export interface Elements {
  /** The value of an element, in a register. */
  readonly load: (buffer: number, at: string) => string
  /** The word in which an element of two bytes is, and the element's bits in the lower half of a u32. */
  readonly word: (buffer: number, at: string) => string
  readonly bits: (buffer: number, at: string) => string
  /** Four elements, the first a multiple of four, of a buffer that is bound in fours. */
  readonly four: (buffer: number, at: string) => string
  /** Statements that write a value to an element. */
  readonly store: (buffer: number, at: string, value: string) => readonly string[]
  /** Writes elements `2 pair` and `2 pair + 1`, where words are owned. */
  readonly storePair: (buffer: number, pair: string, values: readonly [string, string]) => string
  /** Declarations of the buffers. */
  readonly bindings: string
}

/** `fours`: buffers of f32 to bind as vectors of four; nothing is written to them, and their size is a multiple of four. */
export const elementsOf = (
  buffers: readonly KernelBuffer[],
  owned: (buffer: number) => boolean = () => false,
  fours: ReadonlySet<number> = new Set(),
): Elements => {
  const atomic = (buffer: number): boolean => isHalf(buffers[buffer]!.dtype) && buffers[buffer]!.write && !owned(buffer)
  const word = (buffer: number, at: string): string => {
    const place = `b${buffer}[(${at}) >> 1u]`
    return atomic(buffer) ? `atomicLoad(&${place})` : place
  }
  const bits = (buffer: number, at: string): string => `half_of(${word(buffer, at)}, ${at})`
  const four = (buffer: number, at: string): string => `b${buffer}[(${at}) >> 2u]`
  return {
    word,
    bits,
    four,
    load: (buffer, at) => {
      const b = buffers[buffer]!
      if (b.dtype === 'bool') return `(b${buffer}[${at}] != 0u)`
      if (fours.has(buffer)) return `${four(buffer, at)}[(${at}) & 3i]`
      if (!isHalf(b.dtype)) return `b${buffer}[${at}]`
      return `from_${b.dtype}(${bits(buffer, at)})`
    },
    store: (buffer, at, value) => {
      const b = buffers[buffer]!
      if (b.dtype === 'bool') return [`b${buffer}[${at}] = select(0u, 1u, ${value});`]
      if (!isHalf(b.dtype)) return [`b${buffer}[${at}] = ${value};`]
      const place = `&b${buffer}[(${at}) >> 1u]`
      return [
        `atomicAnd(${place}, ~placed_half(0xffffu, ${at}));`,
        `atomicOr(${place}, placed_half(bits_${b.dtype}(${value}), ${at}));`,
      ]
    },
    storePair: (buffer, pair, [x, y]) => {
      const { dtype } = buffers[buffer]!
      return `b${buffer}[${pair}] = bits_${dtype}(${x}) | (bits_${dtype}(${y}) << 16u);`
    },
    bindings: buffers
      .map((b, i) => {
        const type = fours.has(i) ? 'vec4<f32>' : atomic(i) ? 'atomic<u32>' : dtypes[b.dtype].wgsl
        return `@group(0) @binding(${i}) var<storage, ${b.write ? 'read_write' : 'read'}> b${i}: array<${type}>;\n`
      })
      .join(''),
  }
}
