/** Which text each token of a completion adds: what a viewer colours token by token. */
import type { Text } from './text.ts'

/** What a decoder writes for bytes that are no whole character yet. */
const HALF = '\uFFFD'

/**
 * The text that each token adds to what its completion says: as many texts as ids, together what `decode` says of all of them. A
 * token that ends a completion, or padding, adds nothing, and so does one that holds a part of a character: the token that
 * completes it has it whole. Each token is decoded with those right before it, since what a decoder writes may depend on them.
 *
 * @example
 * ```ts
 * import { mod10Chain, piecesOf } from '@adjoint/rl'
 * const { vocabulary } = mod10Chain
 * piecesOf(vocabulary)([vocabulary.eos[0]!]) // ['']
 * ```
 */
export const piecesOf =
  ({ decode }: Pick<Text, 'decode'>) =>
  (ids: ArrayLike<number>): readonly string[] => {
    const all = Array.from(ids)
    // What is decoded again with the next token: ids from `from` on, of which those before `told` have their texts already.
    let [from, told] = [0, 0]
    return all.map((_, t) => {
      const before = from === 0 && told === 0 ? '' : decode(all.slice(from, told))
      const now = decode(all.slice(from, t + 1))
      const last = t === all.length - 1
      if (now.length <= before.length || (now.endsWith(HALF) && !last)) return ''
      ;[from, told] = [told, t + 1]
      return now.slice(before.length)
    })
  }
