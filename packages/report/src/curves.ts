/** Curves out of the lines of a run's log. */
import type { LogRecord } from '@adjoint/rl'
import type { Series } from './charts.ts'

const numberAt = (record: LogRecord, field: string): number | null => {
  const value = record[field]
  return typeof value === 'number' ? value : null
}

/** Lines of one kind and phase. */
export const linesOf = (records: readonly LogRecord[], kind: string, phase: string): readonly LogRecord[] =>
  records.filter((r) => r.kind === kind && r.phase === phase)

/** One field of some lines over their steps; lines without it are left out. */
export const curve = (lines: readonly LogRecord[], field: string, name = field): Series => ({
  name,
  points: lines.flatMap((line) => {
    const y = numberAt(line, field)
    return y === null ? [] : [{ x: line.step, y }]
  }),
})

/** A field with a band of plus and minus another. */
export const banded = (lines: readonly LogRecord[], field: string, spread: string, name = field): Series => ({
  name,
  points: lines.flatMap((line) => {
    const [y, s] = [numberAt(line, field), numberAt(line, spread)]
    return y === null || s === null ? [] : [{ x: line.step, y, low: y - s, high: y + s }]
  }),
})

/** Means over windows of `size` points, at the last x of each: for curves of thousands of steps. */
export const thinned = (series: Series, size: number): Series => ({
  name: series.name,
  points: Array.from({ length: Math.ceil(series.points.length / size) }, (_, i) => {
    const part = series.points.slice(i * size, (i + 1) * size)
    return { x: part.at(-1)!.x, y: part.reduce((s, p) => s + p.y, 0) / part.length }
  }),
})
