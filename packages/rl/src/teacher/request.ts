/** What a teacher asks of `fetch`: the part of it that is used, which every platform's fits, and a plain function of a test's too. */
import type { Signal } from '../signal.ts'

/** A reply, as far as it is read. */
export interface Reply {
  readonly ok: boolean
  readonly status: number
  readonly headers: {
    /** The value of a header; null where there is none. */
    readonly get: (name: string) => string | null
  }
  /** Null where there is none. */
  readonly body: {
    /** What reads it, once. */
    readonly getReader: () => {
      /** The next piece. */
      readonly read: () => Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
    }
  } | null
}

/** One request. Rejects where no reply begins. */
export type Fetch = (
  url: string,
  request: {
    readonly method: 'POST'
    readonly headers: Record<string, string>
    readonly body: string
    readonly signal: Signal
    readonly redirect: 'manual'
  },
) => Promise<Reply>
