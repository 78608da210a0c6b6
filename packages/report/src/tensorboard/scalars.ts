/** What TensorBoard is shown of a run: each phase a run of its own there, each metric under its name. Pure. */
import { allChapters, curvesIn, timesIn, titleOf, type Chapter } from '../chapters.ts'
import type { Run } from '../run.ts'
import type { TensorBoardEvent } from './events.ts'

/** A phase of a run as events. */
export interface EventsOf {
  /** Folder below that of the event files. */
  readonly folder: string
  readonly events: readonly TensorBoardEvent[]
}

/** A name as that of a folder: nothing in it leads out of the one it lies in. */
export const folderName = (name: string): string =>
  name
    .split('/')
    .map((part) => part.replace(/[^\p{L}\p{N}._=+ -]+/gu, '_').replace(/^\.+$/, '_'))
    .filter((part) => part !== '')
    .join('/')

/**
 * Seconds at which steps were done, in a log that was written last at `changed`: times.jsonl has how long each took, and the last
 * of them ended then.
 */
const clockOf = (run: Run, chapter: Chapter): ((step: number) => number) => {
  const took = new Map(timesIn(run, chapter).map((line) => [line.step, Number(line['total'] ?? 0) / 1000]))
  const all = [...took.values()].reduce((sum, s) => sum + s, 0)
  const steps = [...took.keys()].reduce((most, step) => Math.max(most, step + 1), 0)
  const ends: number[] = []
  let at = run.changed / 1000 - all
  for (let step = 0; step < steps; step++) ends.push((at += took.get(step) ?? 0))
  return (step) => ends[Math.min(step, ends.length - 1)] ?? run.changed / 1000
}

/** A run's phases as events, by step; a value that is absent has none. */
export const eventsOf = (run: Run): readonly EventsOf[] =>
  allChapters([run]).flatMap((chapter) => {
    const clock = clockOf(run, chapter)
    const byStep = new Map<number, [string, number][]>()
    for (const [tag, points] of curvesIn(run, chapter))
      for (const { x, y } of points) {
        if (y === null) continue
        const scalars = byStep.get(x) ?? []
        scalars.push([tag, y])
        byStep.set(x, scalars)
      }
    const events = [...byStep]
      .sort(([a], [b]) => a - b)
      .map(([step, scalars]): TensorBoardEvent => ({ time: clock(step), step, scalars }))
    return events.length === 0 ? [] : [{ folder: folderName(`${run.name}/${titleOf(chapter)}`), events }]
  })
