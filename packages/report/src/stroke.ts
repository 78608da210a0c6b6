/** Which colour and which dashes a curve has. Runs in the page. */

/** How many colours there are (`COLOURS` of charts.ts). */
export const COLOUR_COUNT = 6
/** Dashes, for those who see no colours, and on paper. */
export const DASHES: readonly (readonly number[])[] = [[], [7, 3], [2, 2], [9, 3, 2, 3], [12, 4], [4, 2, 1, 2, 1, 2]]

/** Number of the colour, and dashes, of curve number `i`: no two of the first 36 share both, nor do neighbours share either. */
export const strokeOf = (i: number): { readonly colour: number; readonly dash: readonly number[] } => ({
  colour: i % COLOUR_COUNT,
  dash: DASHES[(i + Math.floor(i / COLOUR_COUNT)) % DASHES.length]!,
})
