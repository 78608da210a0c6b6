/** What the page's script reads. It runs in a browser, so nothing here comes from a package that does not. */

/** A curve of a chart. Absent values are null. */
export interface CurveData {
  readonly name: string
  /** The number of its colour and dashes. */
  readonly style: number
  /** The number of its setting. */
  readonly setting: number
  /** Steps, ascending. */
  readonly x: readonly number[]
  readonly y: readonly (number | null)[]
  /** The lowest and the highest seed, where there are several; null: there are not. */
  readonly band: { readonly low: readonly (number | null)[]; readonly high: readonly (number | null)[] } | null
}

/** A chart. */
export interface CardData {
  readonly id: string
  /** The id of its phase. */
  readonly phase: string
  readonly group: string
  readonly title: string
  /** The name in the log, where the chart is of one metric. */
  readonly metric: string | null
  readonly unit: string
  readonly domain: readonly [number, number] | null
  readonly ceiling: number | null
  readonly curves: readonly CurveData[]
}

/** What the steps of a setting are in time and in tokens: values at some of them, between which they go on evenly. */
export interface Clock {
  /** Steps done, from 0. */
  readonly steps: readonly number[]
  /** Seconds that they took; null where they are not logged. */
  readonly seconds: readonly number[] | null
  /** Tokens sampled in them; null where they are not logged. */
  readonly tokens: readonly number[] | null
}

/** A phase of the runs. */
export interface PhaseData {
  readonly id: string
  readonly title: string
  /** By number of the setting. */
  readonly clocks: readonly Clock[]
}

/** All charts of a page. */
export interface Charts {
  /** Ids of the runs of each setting. */
  readonly settings: readonly (readonly string[])[]
  readonly phases: readonly PhaseData[]
  readonly cards: readonly CardData[]
}

/** What is known of the tokens of a completion, a value each. */
export interface TokenData {
  readonly texts: readonly string[]
  readonly logp: readonly (number | null)[] | null
  readonly entropy: readonly (number | null)[] | null
  readonly advantage: readonly (number | null)[] | null
}

/** A completion on the page. Absent values are null. */
export interface ShownSample {
  /** Null where the completion is not in the template: all of it is `answer` then. */
  readonly think: string | null
  readonly answer: string
  /** Why it is not in the template, or null where it is. */
  readonly broken: string | null
  readonly length: number | null
  /** Whether it ended by itself. */
  readonly ended: boolean
  readonly right: boolean | null
  readonly reward: number | null
  readonly advantage: number | null
  /** By number of the name in {@link Samples}. */
  readonly rewards: readonly (readonly [number, number | null])[]
  readonly tokens: TokenData | null
}

/** A problem and all completions to it that were logged together. */
export interface ShownGroup {
  /** Numbers of its run and of its phase in {@link Samples}. */
  readonly run: number
  readonly phase: number
  readonly step: number
  /** Which draw of the run it was; null where it was not drawn to be learnt from. */
  readonly id: string | null
  readonly prompt: string
  readonly expected: string | null
  readonly members: readonly ShownSample[]
}

/** A run of which completions are on the page. */
export interface SampledRun {
  /** What it is known by, whichever other runs are on the page. */
  readonly id: string
  /** What it is called beside them. */
  readonly name: string
}

/** What the logs hold of a phase of a run, whether it is on the page or not. */
export interface LoggedPart {
  /** Numbers of the run and of the phase in {@link Samples}. */
  readonly run: number
  readonly phase: number
  /** Stands for its first group: a run that is begun anew in its folder has another, unless it does the same again. */
  readonly begun: string
  /** The last step of which there is a group. */
  readonly last: number
}

/** All completions of a page. */
export interface Samples {
  readonly runs: readonly SampledRun[]
  readonly phases: readonly string[]
  readonly rewards: readonly string[]
  readonly groups: readonly ShownGroup[]
  readonly parts: readonly LoggedPart[]
  /** Completions on the page. */
  readonly shown: number
  /** Completions in the logs; where the page holds fewer, whole groups are left out, evenly over each phase of each run. */
  readonly logged: number
}
