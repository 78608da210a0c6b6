/** What can go wrong between us and a teacher. No value here ever holds an API key: see `redact`. */
import { printable } from '../run/printable.ts'

/** A failure that another attempt may mend. `wait` is what the endpoint asked for, in ms. */
export type Transient =
  | { readonly _tag: 'RateLimited'; readonly wait: number | null; readonly message: string }
  | { readonly _tag: 'ServerFailed'; readonly status: number; readonly wait: number | null; readonly message: string }
  | { readonly _tag: 'Unreachable'; readonly code: string; readonly message: string }
  | { readonly _tag: 'TimedOut'; readonly ms: number; readonly waitingFor: 'the reply' | 'the next bytes' }
  | { readonly _tag: 'CutStream'; readonly received: number }
  | { readonly _tag: 'Garbage'; readonly reason: string; readonly excerpt: string }

/** A request that the endpoint understood and will not serve, however often it is asked. */
export interface Refused {
  readonly _tag: 'Refused'
  readonly status: number
  readonly url: string
  readonly message: string
}

/** @internal How one attempt fails. */
export type Failure = Transient | Refused

/**
 * Why a prompt has no trace.
 *
 * - `Refused`: the request, the key or the address is wrong (4xx, a redirection); it was asked once.
 * - `GaveUp`: all attempts failed, the last one by `last`; or the endpoint asked to wait for longer than is allowed.
 * - `Aborted`: the caller's signal.
 * - `CacheFailure`: the system refused to read or to write the cache.
 * - `NotACache`: the file is no cache of traces; it was left as it is.
 */
export type TeacherError =
  | Refused
  | { readonly _tag: 'GaveUp'; readonly attempts: number; readonly last: Transient }
  | { readonly _tag: 'Aborted' }
  | { readonly _tag: 'CacheFailure'; readonly path: string; readonly code: string; readonly reason: string }
  | { readonly _tag: 'NotACache'; readonly path: string; readonly line: number; readonly reason: string }

const adviceOn = (status: number): string => {
  if (status === 401) return 'Check apiKey: it is missing, wrong or expired.'
  if (status === 402) return 'The account has no credit left.'
  if (status === 403) return 'The key may not use this model; ask for access, or choose another model.'
  if (status === 404)
    return "Check baseUrl (it ends before '/chat/completions', often in '/v1') and the name of the model."
  if (status < 400) return 'Give the address it points to as baseUrl; the key is not sent to another place by itself.'
  return 'The request itself is wrong: check model, maxTokens, the length of the prompt, and extra.'
}

const seconds = (ms: number): string => `${Math.ceil(ms / 1000)} s`
const quoted = (message: string): string => (message === '' ? '' : `: ${message}`)

const describeTransient = (failure: Transient): string => {
  switch (failure._tag) {
    case 'RateLimited':
      return (
        `too many requests (429)${failure.wait === null ? '' : `, wait ${seconds(failure.wait)}`}${quoted(failure.message)}. ` +
        'Lower concurrency or set rate; if the quota is used up, waiting does not help.'
      )
    case 'ServerFailed':
      return `the server failed with status ${failure.status}${quoted(failure.message)}. Try later.`
    case 'Unreachable':
      return `no connection (${failure.code})${quoted(failure.message)}. Check baseUrl and that the server runs.`
    case 'TimedOut':
      return `no sign of ${failure.waitingFor} for ${failure.ms} ms. Raise ${failure.waitingFor === 'the reply' ? 'timeout' : 'stall'}, or lower concurrency.`
    case 'CutStream':
      return `the reply was cut after ${failure.received} characters. A proxy on the way may have closed it.`
    case 'Garbage':
      return `the reply is no chat completion: ${failure.reason}; it has ${JSON.stringify(failure.excerpt)}. Check that baseUrl is that of an OpenAI-compatible API.`
  }
}

/**
 * One or two sentences on what went wrong and what to do, without control sequences, whatever the endpoint wrote.
 *
 * @example
 * ```ts
 * import { describeTeacherError } from '@adjoint/rl'
 * describeTeacherError({ _tag: 'Refused', status: 401, url: 'http://localhost:8000/v1/chat/completions', message: '' })
 * ```
 */
export const describeTeacherError = (error: TeacherError): string => printable(words(error))

const words = (error: TeacherError): string => {
  switch (error._tag) {
    case 'Refused':
      return `${error.url} refused the request with status ${error.status}${quoted(error.message)}. ${adviceOn(error.status)}`
    case 'GaveUp':
      return `the teacher gave nothing in ${error.attempts} ${error.attempts === 1 ? 'attempt' : 'attempts'}; last: ${describeTransient(error.last)}`
    case 'Aborted':
      return 'asking the teacher was aborted by the caller. What the cache has is kept: run again to go on.'
    case 'CacheFailure':
      return `the cache ${error.path} cannot be used: ${error.reason}. Nothing was overwritten.`
    case 'NotACache':
      return `${error.path} is no cache of traces: line ${error.line}: ${error.reason}. It was left as it is; choose another file.`
  }
}

// Of a key that an excerpt cuts, fewer characters tell nothing.
const TELLING = 4

/**
 * @internal `text` without the key, wherever it comes from: servers like to quote what they refuse. An excerpt may end
 * within the key, so a beginning of it at the end goes too.
 */
export const redact =
  (apiKey: string | null) =>
  (text: string): string => {
    if (apiKey === null) return text
    const whole = text.replaceAll(apiKey, '[key]')
    for (let n = apiKey.length - 1; n >= TELLING; n--) {
      if (whole.endsWith(apiKey.slice(0, n))) return `${whole.slice(0, -n)}[key]`
    }
    return whole
  }

/** @internal What a status other than 2xx means. Timeouts, conflicts and all of 5xx may pass; the rest of 4xx will not. */
export const failureOf = (status: number, url: string, message: string, wait: number | null): Failure => {
  if (status === 429) return { _tag: 'RateLimited', wait, message }
  if (status >= 500 || status === 408 || status === 409 || status === 425)
    return { _tag: 'ServerFailed', status, wait, message }
  return { _tag: 'Refused', status, url, message }
}
