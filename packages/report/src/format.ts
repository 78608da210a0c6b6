/** Numbers in few characters, for the tables and, in the page, for what the pointer is at. */

/** Four digits that matter; powers of ten for what is tiny or huge. */
export const short = (x: number | null): string => {
  if (x === null) return '–'
  if (Number.isInteger(x) && Math.abs(x) < 1e6) return String(x)
  const size = Math.abs(x)
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return x.toExponential(2).replace('e+', 'e')
  return Number(x.toPrecision(3 + Number(size >= 1))).toString()
}

/** A range, in a way that signs and powers do not blur; null where its ends read alike. */
const between = (low: number, high: number): string | null => {
  const [from, to] = [short(low), short(high)]
  return from === to ? null : `${from}${/[-e]/.test(from + to) ? ' to ' : '–'}${to}`
}

/** The range of seeds as text; null where they do not differ. */
export const rangeText = (low: number | null, high: number | null): string | null =>
  low === null || high === null ? null : between(low, high)

/** `0.943`, or `0.943 (0.93–0.951)` where seeds differ. */
export const ranged = (y: number | null, low: number | null, high: number | null): string => {
  const range = rangeText(low, high)
  return range === null || y === null ? short(y) : `${short(y)} (${range})`
}

/** ms as `870 ms`, `12.3 s`, `4 min 5 s`. */
export const duration = (ms: number): string => {
  if (ms < 1000) return `${Number(ms.toPrecision(3))} ms`
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60]
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${rest} s`
}

/** A share as per cent. */
export const percent = (share: number): string =>
  `${share >= 0.0995 || share === 0 ? Math.round(100 * share) : (100 * share).toFixed(1)} %`

/** Thousands apart: `12 345`. */
export const grouped = (n: number): string => n.toLocaleString('en').replaceAll(',', '\u202f')
