/** C of its own for each kernel, and files of several: a compiler's start, and what all kernels are made of, cost as much as one. */

/** What becomes functions of a library, beside those of others. */
export interface Source {
  /** Statements that others may have too; of those alike, a file has the first. */
  readonly shared: readonly string[]
  /** Its functions that are called from outside, whose names begin with the one given, which no other source has. */
  readonly own: (name: string) => string
}

/** A source with the name that its functions have. */
export interface NamedSource {
  readonly name: string
  readonly source: Source
}

export const fileText = (sources: readonly NamedSource[]): string =>
  [
    ...new Set(sources.flatMap(({ source }) => source.shared)),
    ...sources.map(({ name, source }) => source.own(name)),
  ].join('\n')

/** Kernels in a file that make its common parts cheap, while no compiler is left alone with many at the end. */
const OF_FILE = 8

/** Sources cut into files of about equal length, at least one for each processor that can have one. */
export const cutIntoFiles = <S extends NamedSource>(
  sources: readonly S[],
  processors: number,
): readonly (readonly S[])[] => {
  const turns = Math.ceil(sources.length / (OF_FILE * processors))
  const files = Array.from({ length: Math.min(sources.length, turns * processors) }, () => ({
    length: 0,
    sources: [] as S[],
  }))
  const sized = sources.map((s) => ({ s, length: s.source.own(s.name).length }))
  for (const { s, length } of sized.sort((x, y) => y.length - x.length)) {
    const least = files.reduce((x, y) => (y.length < x.length ? y : x))
    least.sources.push(s)
    least.length += length
  }
  return files.map((f) => f.sources).filter((f) => f.length > 0)
}
