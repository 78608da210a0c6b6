/** Sequences of different lengths as one rectangle. */
import { tensor } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandList } from '../demands.ts'
import type { Integers } from '../layer.ts'

/** A batch whose rows end at the last column: tokens [B, P], and the column at which each row begins [B]. */
export interface Prompts {
  readonly tokens: Integers
  /** Absent where no row is padded. */
  readonly starts?: Integers
}

/** How to pad. */
export interface PadConfig {
  /** The token that fills the left; its content changes nothing. */
  readonly pad: number
  /** Columns of the batch. Default: the longest sequence. A fixed width compiles one program for all batches. */
  readonly width?: number
}

/**
 * Pads sequences on the left, so that all end at the last column. Throws RangeError for an empty batch, an empty sequence,
 * or one longer than `width`.
 *
 * @example
 * ```ts
 * import { leftPad } from '@adjoint/nn'
 * import { readAsync } from '@adjoint/tensor'
 * const { tokens, starts } = leftPad({ pad: 0 })([[5, 6, 7], [8]])
 * console.log(await readAsync(tokens)) // Int32Array [5, 6, 7, 0, 0, 8]
 * console.log(starts && (await readAsync(starts))) // Int32Array [0, 2]
 * ```
 */
export const leftPad = (options: PadConfig) => {
  const { pad, width } = optionsOf('leftPad', options, { pad: true, width: true })
  return (sequences: readonly (readonly number[])[]): Required<Prompts> => {
    demandList(
      'leftPad',
      'its argument',
      sequences,
      Array.isArray,
      'Give a list of token ids for each sequence: leftPad({ pad })([[1, 2], [3]]).',
    )
    const columns = width ?? sequences.reduce((longest, s) => Math.max(longest, s.length), 0)
    if (sequences.length === 0) throw new RangeError('leftPad: there is no sequence. Give at least one.')
    const data = new Int32Array(sequences.length * columns).fill(pad)
    sequences.forEach((sequence, row) => {
      if (sequence.length === 0 || sequence.length > columns)
        throw new RangeError(
          `leftPad: sequence ${row} has ${sequence.length} tokens, and must have 1 to ${columns}. Cut it, or give a larger width.`,
        )
      data.set(sequence, (row + 1) * columns - sequence.length)
    })
    return {
      tokens: tensor(data, [sequences.length, columns]),
      starts: tensor(
        Int32Array.from(sequences, (s) => columns - s.length),
        [sequences.length],
      ),
    }
  }
}
