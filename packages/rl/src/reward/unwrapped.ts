/** An answer without what sets it apart in a text: a block of code, bold letters, the signs around a formula. */

const FENCE = '```'
/** What may stand around the whole of an answer, and what closes it. */
const WRAPS: readonly (readonly [open: string, close: string])[] = [
  ['**', '**'],
  ['`', '`'],
]

/** The inside of a block of code, without the name of its language. */
const blockOf = (inside: string): string => inside.replace(/^[\w+-]{0,20}[ \t]*(?=\r?\n)/, '')

/** The last block of code that is closed; null where there is none. */
export const lastBlock = (text: string): string | null => {
  const end = text.lastIndexOf(FENCE)
  const begin = end <= 0 ? -1 : text.lastIndexOf(FENCE, end - 1)
  return begin < 0 || begin + FENCE.length > end ? null : blockOf(text.slice(begin + FENCE.length, end)).trim()
}

/** The text within what stands around the whole of it, and nothing else taken away. */
export const unwrapped = (given: string): string => {
  const text = given.trim()
  const block = text.startsWith(FENCE) && text.endsWith(FENCE) ? lastBlock(text) : null
  if (block !== null && text.indexOf(FENCE, FENCE.length) === text.length - FENCE.length) return unwrapped(block)
  const wrap = WRAPS.find(
    ([open, close]) =>
      text.length > open.length + close.length &&
      text.startsWith(open) &&
      text.endsWith(close) &&
      text.indexOf(close, open.length) === text.length - close.length,
  )
  return wrap === undefined ? text : unwrapped(text.slice(wrap[0].length, -wrap[1].length))
}
