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

/** A line, or a point of a chart. */
export type Said =
  | { readonly type: 'print'; readonly level: Level; readonly text: string }
  | {
      readonly type: 'plot'
      readonly chart: string
      readonly x: number
      readonly curves: Readonly<Record<string, number>>
    }

export type FromProgram =
  /** `lost`: what was said before these and left out, for it came too fast. */
  | { readonly type: 'said'; readonly said: readonly Said[]; readonly lost: number }
  | { readonly type: 'ended'; readonly milliseconds: number }
  | { readonly type: 'threw'; readonly text: string }
