/** Rows of several programs that ran the same workloads in turn, put side by side. Pure functions. */

/** What one run of a program printed of a workload: one JSON line, as the benchmarks print them. */
export interface Measured {
  readonly peer: string
  readonly backend: string
  readonly workload: string
  /** Median of the run, in milliseconds. */
  readonly ms: number
}

/** What a line of output is: a measurement, a workload that failed there and why, or something else. */
export type Line =
  | { readonly kind: 'measured'; readonly row: Measured }
  | { readonly kind: 'failed'; readonly who: string; readonly why: string }
  | { readonly kind: 'other' }

/** Reads a line of a program's output. Whatever it is, it throws nothing. */
export const readLine = (text: string): Line => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'other' } // programs print other things too
  }
  if (typeof value !== 'object' || value === null) return { kind: 'other' }
  const { peer, backend, workload, ms, error } = value as Partial<Record<keyof Measured | 'error', unknown>>
  if (typeof peer !== 'string' || typeof backend !== 'string' || typeof workload !== 'string') return { kind: 'other' }
  if (typeof error === 'string') return { kind: 'failed', who: `${peer} ${backend}, ${workload}`, why: error }
  if (typeof ms !== 'number' || !(ms > 0)) return { kind: 'other' }
  return { kind: 'measured', row: { peer, backend, workload, ms } }
}

/** The middle one of some numbers; of an even number of them the lower one. NaN of none. */
export const median = (xs: readonly number[]): number => [...xs].sort((p, q) => p - q)[(xs.length - 1) >> 1] ?? NaN

/** A program in a comparison. */
export interface Column {
  readonly name: string
  /** Median over the rounds, in milliseconds; NaN where it did not run the workload. */
  readonly ms: number
  /** Our time over its time, round by round, the median; 1 for ourselves. */
  readonly ratio: number
}

/** A workload in a comparison. */
export interface Compared {
  readonly workload: string
  readonly columns: readonly Column[]
}

/**
 * Workloads that the first program ran, with every other program's time beside its own. `rounds` are the rows of one round each.
 * Ratios are taken within a round, where the machine was the same to all, and their median is given: it is the ratio of no two medians.
 */
export const compare = (rounds: readonly (readonly Measured[])[]): readonly Compared[] => {
  const nameOf = ({ peer, backend }: Measured): string => `${peer} ${backend}`
  const names = [...new Set(rounds.flat().map(nameOf))]
  const ours = names[0]
  const workloads = [...new Set(rounds.flat().flatMap((row) => (nameOf(row) === ours ? [row.workload] : [])))]
  return workloads.map((workload) => {
    const times = (name: string): readonly number[] =>
      rounds.map((rows) => rows.find((row) => row.workload === workload && nameOf(row) === name)?.ms ?? NaN)
    const own = times(ours!)
    return {
      workload,
      columns: names.map((name) => {
        const theirs = times(name)
        return {
          name,
          ms: median(theirs.filter((ms) => !Number.isNaN(ms))),
          ratio: median(own.map((ms, i) => ms / theirs[i]!).filter((ratio) => !Number.isNaN(ratio))),
        }
      }),
    }
  })
}

const show = (x: number): string => (Number.isNaN(x) ? '-' : x.toPrecision(3))

/** A table for a terminal: a line a workload, times in ms, and under each peer's name our time over its time. */
export const comparisonText = (compared: readonly Compared[]): string => {
  const names = compared[0]?.columns.map(({ name }) => name) ?? []
  const head = ['workload', ...names.flatMap((name, i) => (i === 0 ? [`${name} ms`] : [`${name} ms`, 'ours / its']))]
  const rows = compared.map(({ workload, columns }) => [
    workload,
    ...columns.flatMap(({ ms, ratio }, i) => (i === 0 ? [show(ms)] : [show(ms), show(ratio)])),
  ])
  const widths = head.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]!.length)))
  return [head, ...rows]
    .map((row) => row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '))
    .join('\n')
}
