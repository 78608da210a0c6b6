/** What steps are in time and in tokens: the other two axes that a chart may have. Runs in the page, but for making it. */
import type { Clock } from './page-data.ts'

/** What the x axis of the charts is. */
export type Along = 'step' | 'time' | 'tokens'
export const ALONG: readonly Along[] = ['step', 'time', 'tokens']

/** Sums of what each step took, from 0 before the first: as many as steps and one more. */
export const sums = (each: readonly number[]): readonly number[] => {
  let sum = 0
  return [0, ...each.map((x) => (sum += x))]
}

/**
 * Where a step lies along an axis: on the straight line between the known points of the clock, or null where the clock knows
 * nothing of it, or the axis is not known at all.
 */
export const placeOn =
  (clock: Clock | undefined, along: Along) =>
  (step: number): number | null => {
    if (along === 'step') return step
    const values = along === 'time' ? clock?.seconds : clock?.tokens
    const steps = clock?.steps ?? []
    if (values === undefined || values === null || steps.length === 0) return null
    const last = steps.length - 1
    if (step < steps[0]! || step > steps[last]!) return null
    const after = Math.max(1, lowerBound(steps, step))
    if (after > last) return values[last]!
    const [from, to] = [steps[after - 1]!, steps[after]!]
    const share = (step - from) / (to - from)
    return values[after - 1]! + share * (values[after]! - values[after - 1]!)
  }

/** The first place in ascending numbers that is at least `x`. */
const lowerBound = (xs: readonly number[], x: number): number => {
  let [low, high] = [0, xs.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (xs[middle]! < x) low = middle + 1
    else high = middle
  }
  return low
}
