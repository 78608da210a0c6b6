/**
 * The platform's signal, named so that the types stand where it has none: a program that compiles with the language's own types
 * (`lib: ["ES2023"]`, neither a browser's nor Node's) has no `AbortSignal`.
 */

/** What is looked at of a signal that aborts. */
export interface Abortable {
  /** Whether it has aborted. */
  readonly aborted: boolean
  /** Calls a listener once it aborts. */
  readonly addEventListener: (type: 'abort', listener: () => void, options?: { readonly once?: boolean }) => void
  /** Calls it no more. */
  readonly removeEventListener: (type: 'abort', listener: () => void) => void
}

/**
 * A signal that aborts. Where a program's types have `AbortSignal` it is that one, so that what is handed to a callback can be
 * handed on, to `fetch` say; where they have none it is what is looked at of it.
 */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S extends Abortable } } ? S : Abortable
