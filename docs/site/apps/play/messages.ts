/** What the page and the worker of a program say to one another. */

/** A program as JavaScript, and the source map that leads from its lines to those that were written. */
export interface Compiled {
  readonly code: string
  readonly map: string
}

/** `modules`: the addresses of what the program may import, by name. */
export interface ToProgram extends Compiled {
  readonly modules: Readonly<Record<string, string>>
}

export type Level = 'log' | 'warn' | 'error'

export interface Line {
  readonly level: Level
  readonly text: string
}

/** A point of a chart. */
export interface Plotted {
  readonly chart: string
  readonly x: number
  readonly curves: Readonly<Record<string, number>>
}

/** What a program said since the parcel before. */
export interface Parcel {
  /** Lines that are among the program's first, and follow those of the parcels before without a gap. */
  readonly first: readonly Line[]
  /** Lines that came after all those and are left out. */
  readonly lost: number
  /** Lines that came after them. */
  readonly last: readonly Line[]
  readonly points: readonly Plotted[]
  /** Points that are left out between those. */
  readonly thinned: number
}

export type FromProgram =
  | { readonly type: 'said'; readonly parcel: Parcel }
  | { readonly type: 'ended'; readonly milliseconds: number }
  | { readonly type: 'threw'; readonly text: string }
