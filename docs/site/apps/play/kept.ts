/** How much of what a program prints is kept, in the worker and on the page: the first lines, the last ones, and of each its beginning. */
import type { Line } from './messages.ts'

/** What lines weigh: a character is 1, and a line is as dear as some more, for it is an element of the page. */
export const weightOf = ({ text }: Line): number => text.length + 80

/** Weight of the first lines, which stay whatever comes. */
export const FIRST = 100_000
/** Weight of the last lines. */
export const LAST = 300_000
/** Weight of the lines that one parcel holds while the program runs: less than a page lays out in a tenth of a second. */
export const PARCEL = 30_000

/** Characters of a line that are shown. */
const LONG = 10_000

/** A line as it is shown: of a long one the beginning, and how long it is. */
export const cut = (text: string): string =>
  text.length <= LONG
    ? text
    : // Half of a character that is two units would be no character.
      `${text.slice(0, LONG).replace(/[\uD800-\uDBFF]$/, '')} … (${text.length.toLocaleString('en')} characters; the first ${LONG.toLocaleString('en')} are shown)`

/** How many lines at the front weigh at most `most`; one at least, where there is one. */
export const fitting = (lines: readonly Line[], most: number): number => {
  let weight = 0
  const end = lines.findIndex((line) => (weight += weightOf(line)) > most)
  return end === -1 ? lines.length : Math.max(1, end)
}
