/** The phases of runs in order, each with its metrics over steps: what the log holds, whatever its names. */
import type { Json, LogRecord } from '@adjoint/rl'
import type { Run } from './run.ts'
import type { SeedPoint } from './spread.ts'

/** A phase of a stage. */
export interface Chapter {
  readonly stage: string
  readonly phase: string
}

export const sameChapter = (a: Chapter, b: Chapter): boolean => a.stage === b.stage && a.phase === b.phase

/** `2-reasoning-rl, grpo`, or the one where the other says nothing. */
export const titleOf = ({ stage, phase }: Chapter): string =>
  stage === '' || phase === ''
    ? stage || phase || 'run'
    : stage.replace(/^\d+-/, '') === phase
      ? stage
      : `${stage}, ${phase}`

/** The phases of a run, as its log comes to them. */
export const chaptersOf = (run: Run): readonly Chapter[] => {
  const found: Chapter[] = []
  for (const { name: stage, records, times } of run.stages)
    for (const { phase } of [...records, ...times])
      if (!found.some((each) => sameChapter(each, { stage, phase }))) found.push({ stage, phase })
  return found
}

/** The phases of all runs: each stands after those that stand before it in its run. */
export const allChapters = (runs: readonly Run[]): readonly Chapter[] => {
  const all: Chapter[] = []
  for (const run of runs) {
    let after = 0
    for (const chapter of chaptersOf(run)) {
      const at = all.findIndex((each) => sameChapter(each, chapter))
      if (at < 0) all.splice(after++, 0, chapter)
      else after = Math.max(after, at + 1)
    }
  }
  return all
}

const linesIn = (run: Run, { stage, phase }: Chapter, of: 'records' | 'times'): readonly LogRecord[] =>
  run.stages.filter(({ name }) => name === stage).flatMap((each) => each[of].filter((line) => line.phase === phase))

export const recordsIn = (run: Run, chapter: Chapter): readonly LogRecord[] => linesIn(run, chapter, 'records')
export const timesIn = (run: Run, chapter: Chapter): readonly LogRecord[] => linesIn(run, chapter, 'times')

const STAMP: ReadonlySet<string> = new Set(['kind', 'phase', 'step', 'version', 'model'])

/** The numbers of a line by name; those of records within it behind a slash. Null stands for an absent number. */
export const numbersOf = (line: { readonly [key: string]: Json }): ReadonlyMap<string, number | null> => {
  const found = new Map<string, number | null>()
  const visit = (prefix: string, fields: { readonly [key: string]: Json }): void => {
    for (const [name, value] of Object.entries(fields)) {
      if (prefix === '' && STAMP.has(name)) continue
      if (typeof value === 'number' || value === null) found.set(prefix + name, value)
      else if (typeof value === 'object' && !Array.isArray(value))
        visit(`${prefix}${name}/`, value as { readonly [key: string]: Json })
    }
  }
  visit('', line)
  return found
}

/** Fields of an evaluation that say how it was made, and are no result of it. */
export const MAKING: ReadonlySet<string> = new Set(['done', 'problems', 'samples', 'temperature', 'k', 'seconds'])

/** Steps done when an evaluation was made: `done` where it says so. */
const doneAt = (line: LogRecord): number => (typeof line['done'] === 'number' ? line['done'] : line.step)

/** Whether a phase trains: others (an exam) are points on the curves of those beside them. */
export const trains = (run: Run, chapter: Chapter): boolean => recordsIn(run, chapter).some((r) => r.kind === 'step')

const stepsIn = (run: Run, chapter: Chapter): number =>
  recordsIn(run, chapter).reduce((n, r) => (r.kind === 'step' ? Math.max(n, r.step + 1) : n), 0)

const evaluationsOf = (run: Run, chapter: Chapter): readonly LogRecord[] =>
  recordsIn(run, chapter).filter((r) => r.kind === 'evaluation')

const settingOf = (run: Run, stage: string, field: string): Json | undefined =>
  run.stages.find(({ name }) => name === stage)?.settings?.[field]

/**
 * The exam of the policy that a training phase starts from: that of the phase before it, or, where it is the first of a
 * recipe's stage, that of the last stage that made what this one says it starts `from`.
 */
const examBefore = (run: Run, chapters: readonly Chapter[], at: number): readonly LogRecord[] => {
  const { stage } = chapters[at]!
  const before = chapters[at - 1]
  if (before?.stage === stage) return trains(run, before) ? [] : evaluationsOf(run, before)
  const from = settingOf(run, stage, 'from')
  const maker = chapters
    .slice(0, at)
    .findLast(
      (each) => from !== undefined && settingOf(run, each.stage, 'to') === from && evaluationsOf(run, each).length > 0,
    )
  return maker === undefined ? [] : evaluationsOf(run, maker).slice(-1)
}

/**
 * Evaluations on the way of a training phase, by steps done: those of its own log, at 0 those of the exam before it, and at
 * its end those of the exam after it.
 */
const evaluationsAlong = (run: Run, chapter: Chapter): readonly (readonly [number, LogRecord])[] => {
  const chapters = chaptersOf(run)
  const at = chapters.findIndex((each) => sameChapter(each, chapter))
  const after = chapters[at + 1]
  const last = after?.stage === chapter.stage && !trains(run, after) ? evaluationsOf(run, after) : []
  const end = stepsIn(run, chapter)
  return [
    ...examBefore(run, chapters, at).map((r) => [0, r] as const),
    ...evaluationsOf(run, chapter).map((r) => [doneAt(r), r] as const),
    ...last.map((r) => [end, r] as const),
  ]
}

/** The curves of one run in one phase, by name of the metric. Names of other lines than 'step' stand behind their kind. */
export const curvesIn = (run: Run, chapter: Chapter): ReadonlyMap<string, readonly SeedPoint[]> => {
  const curves = new Map<string, SeedPoint[]>()
  const add = (name: string, x: number, y: number | null): void => {
    const curve = curves.get(name)
    if (curve === undefined) curves.set(name, [{ x, y }])
    else curve.push({ x, y })
  }
  for (const line of recordsIn(run, chapter)) {
    if (line.kind === 'sample' || line.kind === 'evaluation') continue
    const prefix = line.kind === 'step' ? '' : `${line.kind}/`
    for (const [name, y] of numbersOf(line)) add(prefix + name, line.step, y)
  }
  for (const [x, line] of trains(run, chapter) ? evaluationsAlong(run, chapter) : [])
    for (const [name, y] of numbersOf(line)) if (!MAKING.has(name)) add(`evaluation/${name}`, x, y)
  for (const line of timesIn(run, chapter))
    // The time of a step with and without the writing of its log: one of the two is enough.
    for (const [name, y] of numbersOf(line)) if (name !== 'step_time') add(`times/${name}`, line.step, y)
  return curves
}
