/** Figures out of the logs for the tables: the last evaluations, and where the time went. */
import { allChapters, type Chapter, MAKING, numbersOf, recordsIn, sameChapter, timesIn } from './chapters.ts'
import { type Figure, figureOf } from './figure.ts'
import type { Run } from './run.ts'
import type { Setting } from './settings.ts'

/** A setting's last evaluation of one phase. */
export interface Examined {
  readonly setting: Setting
  readonly chapter: Chapter
  readonly figures: ReadonlyMap<string, Figure>
}

/** All last evaluations, phase after phase, with the names of their figures. */
export interface Examinations {
  readonly names: readonly string[]
  readonly rows: readonly Examined[]
}

const lastEvaluation = (run: Run, chapter: Chapter): ReadonlyMap<string, number | null> | null => {
  const line = recordsIn(run, chapter).findLast((r) => r.kind === 'evaluation')
  return line === undefined ? null : numbersOf(line)
}

export const examinations = (settings: readonly Setting[]): Examinations => {
  const chapters = allChapters(settings.flatMap(({ runs }) => runs))
  const rows = chapters.flatMap((chapter) =>
    settings.flatMap((setting) => {
      const lines = setting.runs.map((run) => lastEvaluation(run, chapter)).filter((line) => line !== null)
      const names = [...new Set(lines.flatMap((line) => [...line.keys()]))]
      const figures = names.flatMap((name) => {
        const figure = figureOf(lines.map((line) => line.get(name)))
        return figure === null ? [] : [[name, figure] as const]
      })
      return lines.length === 0 ? [] : [{ setting, chapter, figures: new Map(figures) }]
    }),
  )
  const names = [...new Set(rows.flatMap(({ figures }) => [...figures.keys()]))]
  return {
    names: names.filter((name) => name !== 'done').sort((a, b) => Number(MAKING.has(a)) - Number(MAKING.has(b))),
    rows,
  }
}

/** What a phase of a setting took, mean over its seeds. */
export interface Timing {
  readonly setting: Setting
  readonly chapter: Chapter
  readonly steps: number
  /** ms */
  readonly total: number
  /** ms by part, `other` (what the parts leave of the total) last. */
  readonly parts: readonly { readonly name: string; readonly ms: number }[]
}

/** Not parts of a step, but the whole of it. */
const WHOLES: ReadonlySet<string> = new Set(['total', 'step_time'])

const timingOf = (setting: Setting, chapter: Chapter): Timing | null => {
  const lines = setting.runs.map((run) => timesIn(run, chapter).map(numbersOf)).filter((each) => each.length > 0)
  if (lines.length === 0) return null
  const sums = new Map<string, number>()
  for (const line of lines.flat())
    for (const [name, ms] of line) sums.set(name, (sums.get(name) ?? 0) + (ms ?? 0) / lines.length)
  const parts = [...sums].filter(([name]) => !WHOLES.has(name)).map(([name, ms]) => ({ name, ms }))
  const known = parts.reduce((sum, { ms }) => sum + ms, 0)
  const total = Math.max(known, sums.get('total') ?? sums.get('step_time') ?? 0)
  return {
    setting,
    chapter,
    steps: lines.reduce((sum, each) => sum + each.length, 0) / lines.length,
    total,
    parts: [...parts, { name: 'other', ms: total - known }],
  }
}

/** Where the time went, phase after phase. */
export const timings = (settings: readonly Setting[]): readonly Timing[] =>
  allChapters(settings.flatMap(({ runs }) => runs)).flatMap((chapter) =>
    settings.flatMap((setting) => {
      const timing = timingOf(setting, chapter)
      return timing === null ? [] : [timing]
    }),
  )

/** How far a run has come: the last phase in its log, and the steps done in it. */
export const progressOf = (run: Run): { readonly chapter: Chapter; readonly steps: number } | null => {
  const chapter = allChapters([run]).at(-1)
  if (chapter === undefined) return null
  const stage = run.stages.find(({ name }) => sameChapter({ stage: name, phase: chapter.phase }, chapter))
  const lines = [...(stage?.records ?? []), ...(stage?.times ?? [])].filter(({ phase }) => phase === chapter.phase)
  return { chapter, steps: lines.reduce((n, { step }) => Math.max(n, step + 1), 0) }
}
