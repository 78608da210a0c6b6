/**
 * Reading replies: bytes as they come, watched for stalls, to one message. A stream is whole once it gave a finish reason
 * or `[DONE]`; what comes before and then ends, however politely, was cut.
 */
import { createParser } from 'eventsource-parser'
import * as E from 'fp-ts/lib/Either.js'
import type { Clock } from './clock.ts'
import type { Failure } from './errors.ts'
import type { Reply } from './request.ts'
import { append, decode, garbage, type Message, NOTHING } from './wire.ts'

/** What comes next of a body. */
export type Arrival =
  | { readonly _tag: 'Bytes'; readonly bytes: Uint8Array }
  | { readonly _tag: 'End' }
  | { readonly _tag: 'Cut' }
  | { readonly _tag: 'Stalled'; readonly ms: number }

/** `work`, or null where it takes longer than `ms`. A failure of work that nobody waits for any more is no one's. */
export const within = async <A>(clock: Clock, ms: number, work: Promise<A>): Promise<A | null> => {
  const finished = new AbortController()
  try {
    return await Promise.race([work, clock.sleep(ms, finished.signal).then(() => null)])
  } finally {
    finished.abort()
    work.catch(() => undefined)
  }
}

/** Reads a body, piece by piece; `stall` is the longest wait for a piece, in ms (null: for ever). */
export const arrivals = (body: Reply['body'], clock: Clock, stall: number | null): (() => Promise<Arrival>) => {
  const reader = body?.getReader()
  return async () => {
    if (reader === undefined) return { _tag: 'End' }
    try {
      const read = reader.read()
      const piece = stall === null ? await read : await within(clock, stall, read)
      if (piece === null) return { _tag: 'Stalled', ms: stall ?? 0 }
      return piece.done || piece.value === undefined ? { _tag: 'End' } : { _tag: 'Bytes', bytes: piece.value }
    } catch {
      return { _tag: 'Cut' }
    }
  }
}

// A completion of a million tokens has a few megabytes; more is no completion.
const MOST_BYTES = 2 ** 26

const stalled = (ms: number): Failure => ({ _tag: 'TimedOut', ms, waitingFor: 'the next bytes' })
const cut = (received: number): Failure => ({ _tag: 'CutStream', received })

/** The text of a body, and what ended it. Throws TypeError where it is not UTF-8. */
const textOf = async (next: () => Promise<Arrival>): Promise<readonly [string, Exclude<Arrival['_tag'], 'Bytes'>]> => {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let [text, bytes] = ['', 0]
  for (;;) {
    const arrival = await next()
    if (arrival._tag !== 'Bytes') {
      return [arrival._tag === 'End' ? text + decoder.decode() : text, arrival._tag]
    }
    bytes += arrival.bytes.length
    if (bytes > MOST_BYTES) return [text, 'Cut']
    text += decoder.decode(arrival.bytes, { stream: true })
  }
}

/** The words of a refusal, as far as they came. */
export const receiveText = async (next: () => Promise<Arrival>): Promise<string> => {
  try {
    return (await textOf(next))[0]
  } catch {
    return ''
  }
}

/** A reply in one piece of JSON. */
export const receiveWhole = async (next: () => Promise<Arrival>, url: string): Promise<E.Either<Failure, Message>> => {
  try {
    const [text, ended] = await textOf(next)
    if (ended !== 'End') return E.left(cut(text.length))
    const message = decode('message', url)(text)
    return E.isRight(message) && !message.right.chosen ? E.left(garbage('its choices are empty', text)) : message
  } catch {
    return E.left(garbage('not UTF-8', ''))
  }
}

// How much of the beginning is kept to show, characters.
const HEAD = 200

// How long a finished stream may take to close, so that its connection serves the next request, ms.
const GRACE = 50

/** A reply as a stream of server-sent events. */
export const receiveStream = async (
  next: () => Promise<Arrival>,
  clock: Clock,
  url: string,
): Promise<E.Either<Failure, Message>> => {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  const arrived: string[] = []
  const parser = createParser({ onEvent: ({ data }) => arrived.push(data) })
  const chunk = decode('delta', url)
  let message = NOTHING
  let [done, bytes, head] = [false, 0, '']

  /** The data of the events that `text` completes. */
  const events = (text: string): readonly string[] => {
    if (head.length < HEAD) head += text
    if (text !== '') parser.feed(text)
    return arrived.splice(0)
  }
  const take = (data: readonly string[]): Failure | null => {
    for (const each of data) {
      done = each.trim() === '[DONE]'
      if (done) return null
      const decoded = chunk(each)
      if (E.isLeft(decoded)) return decoded.left
      message = append(message, decoded.right)
    }
    return null
  }
  const settle = (otherwise: Failure): E.Either<Failure, Message> => {
    if (!done && message.finishReason === null) return E.left(otherwise)
    return message.chosen ? E.right(message) : E.left(garbage('its choices are empty', head))
  }
  const cutHere = (): Failure => cut(message.content.length + message.reasoning.length)

  for (;;) {
    const arrival = await next()
    try {
      switch (arrival._tag) {
        case 'Stalled':
          return settle(stalled(arrival.ms))
        case 'Cut':
          return settle(cutHere())
        case 'End': {
          // The last event may lack its blank line; where it then does not parse, it was cut (within a character, perhaps).
          take(events('\n\n'))
          const foreign = message === NOTHING && head.trim() !== '' && !/^(data|event|id|retry|:)/m.test(head)
          return settle(foreign ? garbage('it is no stream of events', head.trim()) : cutHere())
        }
        case 'Bytes': {
          bytes += arrival.bytes.length
          if (bytes > MOST_BYTES) return E.left(garbage(`it has more than ${MOST_BYTES} bytes`, head))
          const failure = take(events(utf8.decode(arrival.bytes, { stream: true })))
          if (failure !== null) return E.left(failure)
        }
      }
    } catch {
      return settle(garbage('not UTF-8', head))
    }
    if (done) {
      await within(clock, GRACE, next())
      return settle(cutHere())
    }
  }
}
