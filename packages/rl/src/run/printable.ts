/** Text of others on its way to a terminal: what an endpoint answered, what a model wrote, what a run is called. */

// Control characters (escape sequences begin with one, and \r goes back over what was written), those that turn the
// direction of writing, the separators of lines and paragraphs, and halves of pairs, which are no text.
const UNSAFE = /[\p{Cc}\p{Bidi_Control}\p{Zl}\p{Zp}\p{Cs}]/gu

const escaped = (character: string): string =>
  Array.from(character, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')

/**
 * A text without control sequences: each character that a terminal would obey, and not show, is written as JSON writes it,
 * `\u001b`. Line feeds and tabs stay. Of a text that is JSON, the result is JSON of the same value.
 *
 * @example
 * ```ts
 * import { printable } from '@adjoint/rl'
 * printable('\u001b[2Jall is well\r\n') // '\\u001b[2Jall is well\\u000d\n'
 * ```
 */
export const printable = (text: string): string =>
  text.replace(UNSAFE, (c) => (c === '\n' || c === '\t' ? c : escaped(c)))

/**
 * The same as one line: line feeds and tabs are written as `\n` and `\t`. For a name, or a cell of a table.
 *
 * @example
 * ```ts
 * import { printableLine } from '@adjoint/rl'
 * printableLine('two\nlines') // 'two\\nlines'
 * ```
 */
export const printableLine = (text: string): string => printable(text).replaceAll('\n', '\\n').replaceAll('\t', '\\t')
