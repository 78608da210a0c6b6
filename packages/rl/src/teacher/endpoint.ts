/**
 * A teacher behind any OpenAI-compatible endpoint (`POST {baseUrl}/chat/completions`). The network is not to be trusted:
 * replies may be refused, delayed, cut, or no replies at all. Each question ends with exactly one trace or one error, after
 * a bounded number of requests, and no faster than the endpoint allows.
 */
import { setMaxListeners } from '#system'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import pLimit from 'p-limit'
import { optionsOf } from '@adjoint/tensor/ir'
import type { Json } from '../run/log.ts'
import type { Signal } from '../signal.ts'
import { type Clock, systemClock } from './clock.ts'
import { type Failure, failureOf, redact, type Refused, type TeacherError, type Transient } from './errors.ts'
import { type RequestBackoff, backoffDelay, pace, type RequestRate, retryAfter } from './pace.ts'
import { type Arrival, arrivals, receiveStream, receiveText, receiveWhole, within } from './receive.ts'
import type { Fetch, Reply } from './request.ts'
import type { Teacher, TeacherSettings, Trace } from './teacher.ts'
import { errorMessage, garbage, type Message, traceOf } from './wire.ts'

/** What an observer is told of an attempt that failed and is made again. */
export interface Retry {
  readonly prompt: string
  readonly sample: number
  /** From 1. */
  readonly attempt: number
  readonly failure: Transient
  /** The wait before the next one, ms. */
  readonly wait: number
}

/** Where the teacher is, what to ask of it, and how hard to try. */
export interface EndpointConfig {
  /** What stands before `/chat/completions`, often ending in `/v1`. */
  readonly baseUrl: string
  /** Sent as a bearer token, and nowhere else: not in errors, not in caches. */
  readonly apiKey?: string
  readonly model: string
  readonly temperature: number
  /** Most tokens of a completion, the chain of thought included. */
  readonly maxTokens: number
  /** What the endpoint calls that. Default 'max_tokens'; newer OpenAI models know only the other. */
  readonly maxTokensField?: 'max_tokens' | 'max_completion_tokens'
  /** Sample number i is asked for with seed + i. Default: none is sent. */
  readonly seed?: number
  /** The system message. Default: none. */
  readonly system?: string
  /** Further fields of the request, `top_p` say. */
  readonly extra?: { readonly [field: string]: Json }
  /** Server-sent events, so that a dead connection is noticed early. Default true. */
  readonly stream?: boolean
  /** Requests at once. Default 4. */
  readonly concurrency?: number
  /** Default: no limit but that. */
  readonly rate?: RequestRate
  /** Attempts after the first. Default 5. */
  readonly retries?: number
  /** Default 500 ms, doubling up to 30 s. */
  readonly backoff?: RequestBackoff
  /** A `Retry-After` of more is not waited for: the question fails. ms, default 2 minutes. */
  readonly longestWait?: number
  /** For a whole reply, ms. Default 5 minutes, which is also the most that Node's fetch waits for a reply to begin. */
  readonly timeout?: number
  /** Between two pieces of a stream, its beginning included, ms; keep-alive comments count. Default 1 minute. */
  readonly stall?: number
  /** Aborts all questions, asked or waiting. */
  readonly signal?: Signal
  /** Told of every attempt that failed and is made again. */
  readonly observe?: (retry: Retry) => void
  readonly clock?: Clock
  /** Uniform in [0, 1), for the jitter of backoff only. Default Math.random. */
  readonly random?: () => number
  /** Makes the requests. Default: the platform's. */
  readonly fetch?: Fetch
}

const PATH = '/chat/completions'

const addressOf = (baseUrl: string): string => {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new RangeError(`endpointTeacher: baseUrl ${JSON.stringify(baseUrl)} is no http address.`)
  if (url.username !== '' || url.password !== '')
    throw new RangeError('endpointTeacher: baseUrl holds a user or a password. Pass the key as apiKey instead.')
  const path = url.pathname.replace(/\/+$/, '')
  url.pathname = path.endsWith(PATH) ? path : path + PATH
  return url.href
}

const keyOf = (apiKey: string | undefined): string | null => {
  const key = apiKey?.trim() ?? ''
  if (!/^[\x21-\x7e]*$/.test(key))
    throw new RangeError('endpointTeacher: apiKey holds characters that no header may have (a line break inside, say).')
  return key === '' ? null : key
}

const atLeast = (least: number, name: string, value: number, whole = false): number => {
  if (!(value >= least) || (whole && !Number.isInteger(value)))
    throw new RangeError(
      `endpointTeacher: ${name} is ${value}; it must be ${whole ? 'an integer, ' : ''}at least ${least}.`,
    )
  return value
}

const rateOf = (rate: RequestRate | undefined): RequestRate | null => {
  if (rate === undefined) return null
  atLeast(1, 'rate.requests', rate.requests, true)
  atLeast(0, 'rate.interval', rate.interval)
  return rate
}

const bodyOf = (
  { model, temperature, maxTokens, seed, system, extra }: TeacherSettings,
  stream: boolean,
  maxTokensField: string,
) => {
  const options = stream ? { stream, stream_options: { include_usage: true } } : { stream }
  const before = system === null ? [] : [{ role: 'system', content: system }]
  return (prompt: string, sample: number): string =>
    JSON.stringify({
      model,
      messages: [...before, { role: 'user', content: prompt }],
      temperature,
      [maxTokensField]: maxTokens,
      ...(seed === null ? {} : { seed: seed + sample }),
      ...options,
      ...extra,
    })
}

/** Whether to read a reply as a stream; null where its type says that it is neither that nor JSON. */
const isStream = (contentType: string, asked: boolean): boolean | null => {
  const type = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  if (type === 'text/event-stream') return true
  if (type === 'application/json' || type.endsWith('+json')) return false
  return type === '' || type === 'text/plain' || type === 'application/octet-stream' ? asked : null
}

const property = (thrown: unknown, name: 'cause' | 'code' | 'message'): unknown =>
  typeof thrown === 'object' && thrown !== null ? (thrown as { readonly [key: string]: unknown })[name] : undefined

/** `fetch` says 'fetch failed', and why in its cause. */
const unreachable = (thrown: unknown): Transient => {
  const why = property(thrown, 'cause') ?? thrown
  const [code, message] = [property(why, 'code'), property(why, 'message')]
  return {
    _tag: 'Unreachable',
    code: typeof code === 'string' ? code : 'no code',
    message: typeof message === 'string' ? message : '',
  }
}

/** Without the key, in case the other side quotes it. */
const clean = <F extends Failure>(failure: F, without: (text: string) => string): F => {
  switch (failure._tag) {
    case 'Refused':
    case 'RateLimited':
    case 'ServerFailed':
    case 'Unreachable':
      return { ...failure, message: without(failure.message) }
    case 'Garbage':
      return { ...failure, reason: without(failure.reason), excerpt: without(failure.excerpt) }
    case 'TimedOut':
    case 'CutStream':
      return failure
  }
}

const isRefused = (failure: Failure): failure is Refused => failure._tag === 'Refused'

/**
 * A teacher at an OpenAI-compatible endpoint. Attempts that fail in a way that may pass (429, 5xx, no connection, a timeout,
 * a cut stream, garbage) are made again, with exponential backoff and jitter and not before a `Retry-After` has passed, which
 * holds back all other questions too; 400, 401, 404 and their like are not. A question in backoff keeps its place among the
 * `concurrency` ones, so that an outage costs few of them.
 *
 * Left: Refused, GaveUp, Aborted. Throws RangeError on a configuration that makes no sense.
 *
 * @example
 * ```ts
 * import { describeTeacherError, endpointTeacher } from '@adjoint/rl'
 * const teacher = endpointTeacher({
 *   baseUrl: 'http://127.0.0.1:9/v1', // nobody listens there
 *   model: 'deepseek-r1',
 *   temperature: 0.6,
 *   maxTokens: 4096,
 *   rate: { requests: 60, interval: 60_000 },
 *   retries: 0,
 * })
 * const trace = await teacher.ask('What is 6 times 7?')()
 * if (trace._tag === 'Left') describeTeacherError(trace.left) // the teacher gave nothing in 1 attempt; last: no connection ..
 * ```
 */
export const endpointTeacher = (given: EndpointConfig): Teacher => {
  const config = optionsOf('endpointTeacher', given, {
    baseUrl: true,
    apiKey: true,
    model: true,
    temperature: true,
    maxTokens: true,
    maxTokensField: true,
    seed: true,
    system: true,
    extra: true,
    stream: true,
    concurrency: true,
    rate: true,
    retries: true,
    backoff: true,
    longestWait: true,
    timeout: true,
    stall: true,
    signal: true,
    observe: true,
    clock: true,
    random: true,
    fetch: true,
  })

  const { model, temperature, maxTokens, stream = true, clock = systemClock, random = Math.random } = config
  const url = addressOf(config.baseUrl)
  const apiKey = keyOf(config.apiKey)
  const retries = atLeast(0, 'retries', config.retries ?? 5, true)
  const concurrency = atLeast(1, 'concurrency', config.concurrency ?? 4, true)
  const longestWait = atLeast(0, 'longestWait', config.longestWait ?? 120_000)
  const timeout = atLeast(1, 'timeout', config.timeout ?? 300_000)
  const stall = atLeast(1, 'stall', config.stall ?? 60_000)
  const delay = backoffDelay(config.backoff ?? { base: 500, max: 30_000 })
  const request: Fetch = config.fetch ?? fetch
  const settings: TeacherSettings = {
    model,
    temperature,
    maxTokens,
    seed: config.seed ?? null,
    system: config.system ?? null,
    extra: config.extra ?? {},
  }
  const body = bodyOf(settings, stream, config.maxTokensField ?? 'max_tokens')
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    accept: stream ? 'text/event-stream' : 'application/json',
    ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
  }
  const without = redact(apiKey)
  const { turn, hold } = pace(clock, rateOf(config.rate))
  const limit = pLimit(concurrency)
  // One listener on the caller's signal, whatever the number of questions.
  const aborted = new AbortController()
  setMaxListeners(0, aborted.signal)
  if (config.signal?.aborted === true) aborted.abort()
  config.signal?.addEventListener('abort', () => aborted.abort(), { once: true })
  const isAborted = (): boolean => aborted.signal.aborted

  const refusal = async (response: Reply, next: () => Promise<Arrival>): Promise<Failure> => {
    const { status } = response
    const to = response.headers.get('location')
    const said = errorMessage(await receiveText(next))
    const message = status < 400 && to !== null ? `it points to ${to}` : said
    return failureOf(status, url, message, retryAfter(response.headers, clock.now()))
  }

  /** A request and its reply. Never throws. */
  const converse = async (content: string, signal: Signal): Promise<E.Either<Failure, Message>> => {
    let response: Reply | null
    try {
      const sent = request(url, { method: 'POST', headers, body: content, signal, redirect: 'manual' })
      response = stream ? await within(clock, stall, sent) : await sent
    } catch (thrown) {
      return E.left(unreachable(thrown))
    }
    if (response === null) return E.left({ _tag: 'TimedOut', ms: stall, waitingFor: 'the next bytes' })
    const next = arrivals(response.body, clock, stream ? stall : null)
    if (!response.ok) return E.left(await refusal(response, next))
    const type = response.headers.get('content-type') ?? ''
    const streamed = isStream(type, stream)
    if (streamed === null) return E.left(garbage(`its type is ${type}`, await receiveText(next)))
    return streamed ? receiveStream(next, clock, url) : receiveWhole(next, url)
  }

  const attempt = async (content: string): Promise<E.Either<Failure, Message>> => {
    const exchange = new AbortController()
    const stop = (): void => exchange.abort()
    aborted.signal.addEventListener('abort', stop)
    try {
      const reply = converse(content, exchange.signal)
      const late = clock
        .sleep(timeout, exchange.signal)
        .then((): E.Either<Failure, Message> => E.left({ _tag: 'TimedOut', ms: timeout, waitingFor: 'the reply' }))
      return E.mapLeft((failure: Failure) => clean(failure, without))(await Promise.race([reply, late]))
    } finally {
      aborted.signal.removeEventListener('abort', stop)
      exchange.abort()
    }
  }

  const ask = async (prompt: string, sample: number): Promise<E.Either<TeacherError, Trace>> => {
    const content = body(prompt, sample)
    for (let made = 1; ; made++) {
      await turn(aborted.signal)
      if (isAborted()) return E.left({ _tag: 'Aborted' })
      const reply = await attempt(content)
      if (E.isRight(reply)) return E.right(traceOf(reply.right))
      if (isAborted()) return E.left({ _tag: 'Aborted' })
      const failure = reply.left
      if (isRefused(failure)) return E.left(failure)
      const asked = 'wait' in failure ? failure.wait : null
      if (made > retries || (asked ?? 0) > longestWait) return E.left({ _tag: 'GaveUp', attempts: made, last: failure })
      if (asked !== null) hold(clock.now() + asked)
      const wait = Math.max(delay(made - 1, random()), asked ?? 0)
      config.observe?.({ prompt, sample, attempt: made, failure, wait })
      await clock.sleep(wait, aborted.signal)
    }
  }

  return {
    settings,
    concurrency,
    ask:
      (prompt, sample = 0): TE.TaskEither<TeacherError, Trace> =>
      () =>
        limit(() => ask(prompt, sample)),
  }
}
