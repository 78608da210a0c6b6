/**
 * What a teacher is: something that answers a prompt with a trace, a chain of thought and an answer. Sequence-level
 * distillation (DeepSeek-R1, section 2.4) trains on such traces, and needs nothing else of the teacher: no weights, no
 * vocabulary, no log-probabilities.
 */
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { Json } from '../run/log.ts'
import type { TeacherError } from './errors.ts'

/** Tokens of a request, as the endpoint counted them. */
export interface Usage {
  readonly prompt: number
  readonly completion: number
  /** Those of the completion that were thought, where the endpoint says. */
  readonly reasoning: number | null
}

/** One completion of a teacher. */
export interface Trace {
  /** The chain of thought, without its tags and the white space around it; empty where there is none. */
  readonly think: string
  /** What follows the chain of thought, without the white space around it; empty where thinking never ended. */
  readonly answer: string
  /** The content of the message as it was sent, tags included. A chain of thought sent in a field of its own is not in it. */
  readonly text: string
  /** Why the completion ended: 'stop', 'length' (it was cut), 'content_filter', ..; null where the endpoint did not say. */
  readonly finishReason: string | null
  /** Null where the endpoint did not say. */
  readonly usage: Usage | null
}

/** All that a trace depends on besides its prompt and the number of its sample. Neither keys nor addresses are among it. */
export interface TeacherSettings {
  readonly model: string
  /** 0 is greedy. */
  readonly temperature: number
  /** Most tokens of a completion, the chain of thought included. */
  readonly maxTokens: number
  /** Sample number i is asked for with seed + i. Null: the endpoint's own randomness. */
  readonly seed: number | null
  /** The system message; null where there is none. */
  readonly system: string | null
  /** Further fields of the request. */
  readonly extra: { readonly [field: string]: Json }
}

/** A source of traces. */
export interface Teacher {
  readonly settings: TeacherSettings
  /** Questions that are worth asking at once; more wait inside. */
  readonly concurrency: number
  /** The trace of a prompt; `sample` (from 0) tells apart several of one prompt. */
  readonly ask: (prompt: string, sample?: number) => TE.TaskEither<TeacherError, Trace>
}
