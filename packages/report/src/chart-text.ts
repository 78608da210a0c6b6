/** What a chart shows, in words: for who cannot see it. Runs in the page. */
import { short } from './format.ts'

/** A curve as a row of values; absent ones are null. */
export interface Told {
  readonly name: string
  readonly y: readonly (number | null)[]
}

/** Of so many curves each is told: more are too many to hear. */
const MOST_TOLD = 8

const curveText = ({ name, y }: Told): string => {
  const known = y.filter((value) => value !== null)
  if (known.length === 0) return `${name} has no values`
  const [low, high] = known.reduce(
    ([least, most], value) => [Math.min(least, value), Math.max(most, value)],
    [Infinity, -Infinity],
  )
  return `${name} from ${short(known[0]!)} to ${short(known.at(-1)!)}, lowest ${short(low)}, highest ${short(high)}`
}

/** `title over x: name from first to last, lowest .., highest ..; ...`: which of the two is best depends on what is measured. */
export const chartText = (title: string, x: string, curves: readonly Told[]): string => {
  if (curves.every(({ y }) => y.every((value) => value === null))) return `${title} over ${x}: nothing yet.`
  const more = curves.length - MOST_TOLD
  const told = curves.slice(0, MOST_TOLD).map(curveText)
  const all = [...told, ...(more > 0 ? [`and ${more} ${more === 1 ? 'curve' : 'curves'} more`] : [])]
  return `${title} over ${x}: ${all.join('; ')}.`
}
