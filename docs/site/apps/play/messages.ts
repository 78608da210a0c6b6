/** What the page and the worker of a program say to one another. */

/** `modules`: the addresses of what the program may import, by name. */
export interface ToProgram {
  readonly code: string
  readonly modules: Readonly<Record<string, string>>
}

export type Level = 'log' | 'warn' | 'error'

export type FromProgram =
  | { readonly type: 'print'; readonly level: Level; readonly text: string }
  | {
      readonly type: 'plot'
      readonly chart: string
      readonly x: number
      readonly curves: Readonly<Record<string, number>>
    }
  | { readonly type: 'ended'; readonly milliseconds: number }
  | { readonly type: 'threw'; readonly text: string }
