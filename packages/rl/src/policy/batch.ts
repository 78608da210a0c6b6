/** Texts to rectangles of tokens: prompts padded on the left for sampling, whole sequences padded on the right for SFT. */
import { leftPad, type Prompts } from '@adjoint/nn'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { RunError } from '../run/errors.ts'
import type { Text } from './text.ts'

/** A batch of prompts, and how many tokens each has. */
export interface PromptBatch {
  readonly prompts: Prompts
  /** Columns, P. */
  readonly width: number
  /** `[B]`, on the host: the column at which each row begins; null where none is padded and no width was asked for. */
  readonly starts: Int32Array | null
}

/**
 * Prompts as tokens (`text.prompt`), padded on the left to `width` columns (default: the longest). Where no row
 * is padded and no width is asked for, `starts` is left out. Left: UnknownToken, SequenceTooLong (longer than `width`),
 * EmptyDataset.
 *
 * @example
 * ```ts
 * import { mod10Chain, encodePrompts } from '@adjoint/rl'
 * encodePrompts(mod10Chain.vocabulary)(['3+8*2-9*5=']) // Right: 11 columns
 * ```
 */
export const encodePrompts =
  (text: Text, width?: number) =>
  (prompts: readonly string[]): E.Either<RunError, PromptBatch> =>
    pipe(
      prompts.length === 0
        ? E.left<RunError, readonly string[]>({ _tag: 'EmptyDataset', name: 'the batch of prompts' })
        : E.right(prompts),
      E.flatMap(E.traverseArray(text.prompt)),
      E.flatMap((rows) => {
        const longest = rows.reduce((most, r) => Math.max(most, r.length), 0)
        const columns = width ?? longest
        if (longest > columns) return E.left<RunError>({ _tag: 'SequenceTooLong', length: longest, context: columns })
        const padded = leftPad({ pad: text.pad, width: columns })(rows)
        const ragged = width !== undefined || rows.some((r) => r.length < columns)
        return E.right({
          prompts: ragged ? padded : { tokens: padded.tokens },
          width: columns,
          starts: ragged ? Int32Array.from(rows, (r) => columns - r.length) : null,
        })
      }),
    )

/** A prompt and the completion to learn. */
export interface Demonstration {
  readonly prompt: string
  readonly completion: string
}

/** Whole sequences, row-major on the host. */
export interface Sequences {
  /** `[B, T]`: prompt, completion, the token that ends it, then padding. */
  readonly tokens: Int32Array
  /** `[B, T]`: 1 on the completion, its end included. */
  readonly mask: Float32Array
  readonly shape: readonly [number, number]
}

/**
 * Demonstrations as sequences of `width` tokens, padded on the right. Left: UnknownToken, SequenceTooLong, EmptyDataset.
 *
 * @example
 * ```ts
 * import { mod10Chain, encodeDemonstrations } from '@adjoint/rl'
 * encodeDemonstrations(mod10Chain.vocabulary, 21)([{ prompt: '3+8*2-9*5=', completion: '<think></think><answer>5</answer>' }])
 * ```
 */
export const encodeDemonstrations =
  (text: Text, width: number) =>
  (rows: readonly Demonstration[]): E.Either<RunError, Sequences> => {
    if (rows.length === 0) return E.left({ _tag: 'EmptyDataset', name: 'the set of demonstrations' })
    const tokens = new Int32Array(rows.length * width).fill(text.pad)
    const mask = new Float32Array(rows.length * width)
    for (const [row, { prompt, completion }] of rows.entries()) {
      const [head, body] = [text.prompt(prompt), text.completion(completion)]
      if (E.isLeft(head)) return head
      if (E.isLeft(body)) return body
      const from = head.right.length
      const length = from + body.right.length
      if (length > width) return E.left({ _tag: 'SequenceTooLong', length, context: width })
      tokens.set([...head.right, ...body.right], row * width)
      mask.fill(1, row * width + from, row * width + length)
    }
    return E.right({ tokens, mask, shape: [rows.length, width] })
  }
