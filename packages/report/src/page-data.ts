/** What the page's script reads. It runs in a browser, so nothing here comes from a package that does not. */

/** What a reader's pointer needs: the plot's place in the SVG's coordinates, and what its edges mean. */
export interface Plot {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
  readonly x: readonly [number, number]
  readonly y: readonly [number, number]
}

/** What a chart's script reads of it: points as [x, y, low, high, seeds]. */
export interface ChartData {
  readonly plot: Plot | null
  readonly curves: readonly {
    readonly style: number
    readonly points: readonly (readonly (number | null)[])[]
  }[]
}

/** A completion on the page. Absent values are null. */
export interface ShownSample {
  /** Numbers of its run and of its phase in {@link Samples}. */
  readonly run: number
  readonly phase: number
  readonly step: number
  readonly prompt: string
  /** Null where the completion is not in the template: all of it is `answer` then. */
  readonly think: string | null
  readonly answer: string
  /** Why it is not in the template, or null where it is. */
  readonly broken: string | null
  readonly length: number | null
  readonly right: boolean | null
  readonly reward: number | null
  readonly advantage: number | null
  /** By number of the name in {@link Samples}. */
  readonly rewards: readonly (readonly [number, number | null])[]
}

/** All completions of a page. */
export interface Samples {
  readonly runs: readonly string[]
  readonly phases: readonly string[]
  readonly rewards: readonly string[]
  readonly rows: readonly ShownSample[]
  /** Completions in the logs; where the page holds fewer, they are spread evenly over each phase of each run. */
  readonly logged: number
}
