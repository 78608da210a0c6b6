/** What the keys of a chart ask for: the crosshair goes from point to point, and the stretch that is seen grows and shrinks around it. */

/** What a key asks for. */
export type Asked =
  | { readonly type: 'read'; readonly x: number | null }
  | { readonly type: 'zoom'; readonly to: readonly [number, number] | null }

/** Of the places of a chart: so little of their size no axis can be divided into. */
const FINEST = 1e-9

/** The least width of which there is an axis. */
export const finestWidth = (xs: ArrayLike<number>): number =>
  FINEST * Math.max(Math.abs(xs[0] ?? 0), Math.abs(xs[xs.length - 1] ?? 0))

/** The least width that plus zooms to: the smallest step of the data. Below it nothing more is seen, and at last an axis cannot be divided. */
export const leastWidth = (xs: ArrayLike<number>): number => {
  let least = Infinity
  for (let i = 1; i < xs.length; i++) least = Math.min(least, xs[i]! - xs[i - 1]!)
  return Math.max(least, finestWidth(xs))
}

/** The stretch that is seen, where there is one. */
export interface Seen {
  readonly min?: number | undefined
  readonly max?: number | undefined
}

/** What is asked for by a key at a chart of these places that is read at `now`; null where it asks for nothing that is not so. */
export const asked = (key: string, places: ArrayLike<number>, { min, max }: Seen, now: number | null): Asked | null => {
  const xs = Array.from(places)
  const [low, high] = [min ?? 0, max ?? 1]
  const within = xs.filter((x) => x >= low && x <= high)
  const move = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[key]
  if (move !== undefined) {
    if (within.length === 0) return null
    const at = now === null ? -1 : within.indexOf(now)
    const from = at >= 0 ? at : move > 0 ? -1 : within.length
    return { type: 'read', x: within[Math.max(0, Math.min(within.length - 1, from + move))]! }
  }
  switch (key) {
    case '+':
    case '=':
    case '-': {
      const middle = now ?? (low + high) / 2
      const out = key === '-'
      const half = out ? high - low : Math.max((high - low) / 4, leastWidth(xs))
      const [first, last] = [xs[0] ?? low, xs.at(-1) ?? high]
      // In: within what is seen. Out: as far as there are points.
      const [least, most] = out ? [Math.min(first, low), Math.max(last, high)] : [low, high]
      const to: readonly [number, number] = [Math.max(least, middle - half), Math.min(most, middle + half)]
      if (to[0] >= to[1] || (!out && to[1] - to[0] >= high - low)) return null
      return { type: 'zoom', to: to[0] <= first && to[1] >= last ? null : to }
    }
    case '0':
      return { type: 'zoom', to: null }
    case 'Escape':
      return now === null ? null : { type: 'read', x: null }
    default:
      return null
  }
}
