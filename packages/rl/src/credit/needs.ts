/** What credits ask of a step, as data beside them: demands.ts refuses a step that does not give it. */

/** What a credit, or an advantage, has to be given to say anything. What is left out is not asked for. */
export interface Needs {
  /** Completions to a prompt, at least: 2 where they are compared with one another. */
  readonly group?: number
  /** Completions of a batch, at least. */
  readonly batch?: number
  /** The rewards that it reads: their total, or each of some names. */
  readonly rewards?: 'total' | readonly string[]
  /** Whether it reads rewards of steps, of a process reward. */
  readonly steps?: boolean
  /** Whether it reads the divergence from a reference policy. */
  readonly reference?: boolean
}

/** @internal A function made here and now, with what it needs. */
export const needing = <F extends object>(needs: Needs, made: F): F & { readonly needs: Needs } =>
  Object.assign(made, { needs })
