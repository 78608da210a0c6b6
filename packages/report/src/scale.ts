/** The y axis of a chart: which stretch of it is shown, and where its labels stand. Runs in the page. */

/** What is known of the values of a chart before they are looked at. */
export interface Bounds {
  readonly domain: readonly [number, number] | null
  /** Where the chart is cut off; null: nowhere. */
  readonly ceiling: number | null
}

/** Of a bounded metric that stays in a corner of its bounds (0.2 % of clipped tokens), the corner is shown. */
const CORNER = 0.15

/** The stretch that shows values from `low` to `high` on a straight axis. */
export const rangeOf = ({ domain, ceiling }: Bounds, low: number, high: number): readonly [number, number] => {
  if (ceiling !== null) return [0, ceiling]
  if (domain !== null && low >= domain[0] && high <= domain[1])
    return high < domain[0] + CORNER * (domain[1] - domain[0]) && high > domain[0]
      ? [domain[0], high + 0.08 * (high - domain[0])]
      : domain
  const margin = high > low ? 0.06 * (high - low) : Math.abs(high) * 0.1 || 1
  return [low - margin, high + margin]
}

/** The stretch that shows values on a logarithmic axis: to whole powers of ten where they span more than one. */
export const logRange = (low: number, high: number): readonly [number, number] => {
  if (high / low < 10) return [low / 1.2, high * 1.2]
  return [10 ** Math.floor(Math.log10(low)), 10 ** Math.ceil(Math.log10(high))]
}

/** At most about `count` round numbers within a stretch: multiples of 1, 2 or 5 times a power of ten. */
export const ticks = ([low, high]: readonly [number, number], count: number): readonly number[] => {
  if (!(high > low)) return [low]
  const rough = (high - low) / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((each) => each * power >= rough * (1 - 1e-9)) ?? 10)
  const first = Math.ceil(low / step - 1e-9)
  const last = Math.floor(high / step + 1e-9)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(((first + i) * step).toPrecision(12)))
}

/** The powers of ten within a stretch, or round numbers where there are fewer than two. */
export const logTicks = ([low, high]: readonly [number, number]): readonly number[] => {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)]
  const powers = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => Number(`1e${first + i}`))
  return powers.length >= 2 ? powers : ticks([low, high], 4).filter((y) => y > 0)
}
