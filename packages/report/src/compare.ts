/** Two runs, or two phases of one, at the same problems. Pure; runs in the page. */
import type { Samples, ShownGroup } from './page-data.ts'

/** Completions of one phase of one run. */
export interface Source {
  /** What it is known by, whichever other runs are on the page. */
  readonly id: string
  readonly name: string
  /** Its newest group to each problem. */
  readonly groups: ReadonlyMap<string, ShownGroup>
}

/** The sources of a page, in the order of its groups. */
export const sourcesOf = ({ runs, phases, groups }: Samples): readonly Source[] => {
  const found = new Map<
    string,
    { readonly id: string; readonly name: string; readonly groups: Map<string, ShownGroup> }
  >()
  for (const group of groups) {
    const [run, phase] = [runs[group.run], phases[group.phase] ?? '']
    const id = `${run?.id ?? ''} ${phase}`
    const name = runs.length > 1 ? `${run?.name ?? ''}: ${phase}` : phase
    const known = found.get(id) ?? { id, name, groups: new Map<string, ShownGroup>() }
    known.groups.set(group.prompt, group)
    found.set(id, known)
  }
  return [...found.values()]
}

/** The problems that both have completions to. */
export const sharedProblems = (left: Source, right: Source): readonly string[] =>
  [...left.groups.keys()].filter((prompt) => right.groups.has(prompt))

/** The first two sources that share a problem; null where no two do. */
export const firstPair = (sources: readonly Source[]): readonly [Source, Source] | null => {
  // The last phases of runs are compared rather than the first: that is what training came to.
  for (const right of sources.toReversed())
    for (const left of sources) if (left !== right && sharedProblems(left, right).length > 0) return [left, right]
  return null
}
