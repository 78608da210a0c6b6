/** Labels of axes. Runs in the page. */
import type { Along } from './clock.ts'
import { short } from './format.ts'

/** Seconds between two labels of an axis of time. */
export const TIME_STEPS: readonly number[] = [
  ...[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600],
  ...[43_200, 86_400, 172_800, 345_600, 864_000],
]
/** Steps, or tokens, between two labels. */
export const COUNT_STEPS: readonly number[] = Array.from({ length: 13 }, (_, i) =>
  [1, 2, 5].map((x) => x * 10 ** i),
).flat()

const seconds = (x: number): string => {
  if (x < 120) return `${Number(x.toPrecision(3))} s`
  if (x < 7200) return `${Number((x / 60).toPrecision(3))} min`
  return `${Number((x / 3600).toPrecision(3))} h`
}

const counted = (x: number): string => {
  for (const [size, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const)
    if (Math.abs(x) >= size && (size > 1e3 || Math.abs(x) >= 1e4))
      return `${Number((x / size).toPrecision(3))} ${letter}`
  return short(x)
}

/** A value at the y axis in few characters: ticks are round, and have few digits. */
export const tickText = (y: number): string => {
  const round = Number(y.toPrecision(6))
  const size = Math.abs(round)
  return size !== 0 && (size < 1e-3 || size >= 1e6) ? round.toExponential().replace('e+', 'e') : String(round)
}

/** A place on the x axis in few characters. */
export const placeText = (x: number, along: Along): string => (along === 'time' ? seconds(x) : counted(x))
