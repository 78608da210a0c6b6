/** What a text is made of, for the rewards that count: words or characters. */

/** Takes a text apart. */
export type Units = (text: string) => readonly string[]

const segmenter = new Intl.Segmenter(undefined, { granularity: 'word' })

/**
 * The words and numbers of a text, in lower case, by the rules of Unicode (UAX 29), so that languages without spaces have
 * words too. Punctuation and symbols are none.
 *
 * @example
 * ```ts
 * import { words } from '@adjoint/rl'
 * words('So, x = 12.') // ['so', 'x', '12']
 * ```
 */
export const words: Units = (text) =>
  Array.from(segmenter.segment(text))
    .filter(({ isWordLike }) => isWordLike === true)
    .map(({ segment }) => segment.toLowerCase())

/**
 * The characters of a text that are not white space (code points, so that a surrogate pair is one).
 *
 * @example
 * ```ts
 * import { characters } from '@adjoint/rl'
 * characters('1 + 2') // ['1', '+', '2']
 * ```
 */
export const characters: Units = (text) => Array.from(text).filter((c) => c.trim() !== '')
