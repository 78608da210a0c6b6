/** The clocks of a phase: how long a setting took to each of its steps, and how many tokens it had sampled by then. */
import { type Chapter, recordsIn, timesIn } from './chapters.ts'
import { sums } from './clock.ts'
import type { Clock } from './page-data.ts'
import type { Run } from './run.ts'
import { spread } from './samples.ts'
import type { Setting } from './settings.ts'

/** Points of a clock: between them it goes on evenly. */
const MOST = 200

/** What each step of some lines says under a name; null where one of them does not. */
const eachStep = (lines: readonly { readonly step: number; readonly [key: string]: unknown }[], name: string) => {
  const at = new Map(lines.map((line) => [line.step, line[name]]))
  const steps = [...at.keys()].reduce((most, step) => Math.max(most, step + 1), 0)
  const each = Array.from({ length: steps }, (_, step) => at.get(step))
  return steps > 0 && each.every((x): x is number => typeof x === 'number') ? each : null
}

/** The mean of lists, as long as the longest: of each place, over those that have it. */
const meanOf = (lists: readonly (readonly number[])[]): readonly number[] =>
  Array.from({ length: Math.max(...lists.map((list) => list.length)) }, (_, i) => {
    const known = lists.flatMap((list) => (list[i] === undefined ? [] : [list[i]]))
    return known.reduce((sum, x) => sum + x / known.length, 0)
  })

const summed = (runs: readonly Run[], each: (run: Run) => readonly number[] | null): readonly number[] | null => {
  const known = runs.map(each).filter((steps) => steps !== null)
  // The mean of what a step took: sums of it go up, however many seeds have come so far.
  return known.length === 0 ? null : sums(meanOf(known))
}

/** The clock of a setting in a phase: the mean over its seeds. */
export const clockOf = ({ runs }: Setting, chapter: Chapter): Clock => {
  const seconds = summed(runs, (run) => eachStep(timesIn(run, chapter), 'total')?.map((ms) => ms / 1000) ?? null)
  const steps = (run: Run) => recordsIn(run, chapter).filter(({ kind }) => kind === 'step')
  const tokens = summed(runs, (run) => eachStep(steps(run), 'num_tokens'))
  const known = Math.max(seconds?.length ?? 0, tokens?.length ?? 0)
  const at = spread(known, MOST)
  const of = (values: readonly number[] | null, digits: number): readonly number[] | null =>
    values === null || values.length < known ? null : at.map((i) => Number(values[i]!.toFixed(digits)))
  return { steps: at, seconds: of(seconds, 3), tokens: of(tokens, 0) }
}
