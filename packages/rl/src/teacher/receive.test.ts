import { type Spoken, streamedReply, type Style, wholeReply } from '@adjoint/testing/endpoint'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from './clock.ts'
import type { Failure } from './errors.ts'
import { type Arrival, arrivals, receiveStream, receiveWhole } from './receive.ts'
import type { Message } from './wire.ts'

/** Arrivals from bytes cut at some places, and then `last` for ever. */
const from = (bytes: Uint8Array, cuts: readonly number[], last: Arrival): (() => Promise<Arrival>) => {
  const places = [0, ...[...cuts].map((c) => c % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  let i = 0
  return () => {
    const [start, end] = [places[i], places[i + 1]]
    i++
    return Promise.resolve(
      start === undefined || end === undefined ? last : { _tag: 'Bytes', bytes: bytes.subarray(start, end) },
    )
  }
}
const END: Arrival = { _tag: 'End' }
const streamOf = (bytes: Uint8Array, cuts: readonly number[] = [], last: Arrival = END) =>
  receiveStream(from(bytes, cuts, last), systemClock, 'u')
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const spoken: fc.Arbitrary<Spoken> = fc
  .record({
    content: text,
    reasoning: fc.option(text, { nil: undefined }),
    field: fc.constantFrom<'reasoning' | 'reasoning_content'>('reasoning', 'reasoning_content'),
    usage: fc.boolean(),
    finish: fc.constantFrom('stop', 'length'),
  })
  .map(({ reasoning, ...rest }) => (reasoning === undefined ? rest : { ...rest, reasoning }))
const style: fc.Arbitrary<Style> = fc.record({
  newline: fc.constantFrom<'\n' | '\r\n' | '\r'>('\n', '\r\n', '\r'),
  comments: fc.boolean(),
  done: fc.boolean(),
  chunk: fc.integer({ min: 1, max: 5 }),
})
const cuts = fc.array(fc.nat(), { maxLength: 30 })

const said = (s: Spoken): Partial<Message> => ({
  content: s.content,
  reasoning: s.reasoning ?? '',
  finishReason: s.finish ?? null,
  chosen: true,
})
const left = (failure: Partial<Failure>): unknown =>
  expect.objectContaining({ left: expect.objectContaining(failure) as unknown })

describe('a stream', () => {
  test('gives the message whatever its dialect and wherever its bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(spoken, style, cuts, fc.boolean(), async (s, how, places, bom) => {
        const bytes = utf8(`${bom ? '\ufeff' : ''}${streamedReply(s, how)}`)
        expect(await streamOf(bytes, places)).toMatchObject({ right: said(s) })
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('cut before its end is no message, by whatever end', async () => {
    const last = fc.constantFrom<Arrival>(END, { _tag: 'Cut' }, { _tag: 'Stalled', ms: 5 })
    await fc.assert(
      fc.asyncProperty(spoken, style, cuts, fc.nat(), last, async (s, how, places, at, ends) => {
        const bytes = utf8(streamedReply(s, how))
        const kept = bytes.subarray(0, at % bytes.length)
        const result = await streamOf(kept, places, ends)
        const finished = /"finish_reason":"(stop|length)"\}\](,[^\n\r]*)?\}/.test(new TextDecoder().decode(kept))
        // Whole is what has a finish reason: what is missing then is usage and the end mark.
        if (E.isRight(result)) {
          expect(finished).toBe(true)
          expect(result.right).toMatchObject(said(s))
        } else if (kept.length >= 5) {
          // (Fewer bytes than `data:` may be anything.)
          expect(result.left._tag).toBe(ends._tag === 'Stalled' ? 'TimedOut' : 'CutStream')
        }
      }),
      { seed: 2, numRuns: 400 },
    )
  })

  test('that ends politely without a finish reason was cut; with [DONE] it was not', async () => {
    const s: Spoken = { content: 'half', finish: null, usage: false }
    expect(await streamOf(utf8(streamedReply(s, { done: false })))).toEqual(left({ _tag: 'CutStream', received: 4 }))
    expect(await streamOf(utf8(streamedReply(s)))).toMatchObject({ right: { content: 'half', finishReason: null } })
  })

  test('whose end lacks a blank line is whole', async () => {
    expect(await streamOf(utf8(streamedReply({ content: 'a', finish: null }).trimEnd()))).toMatchObject({
      right: { content: 'a' },
    })
  })

  test('is read no further than [DONE], even where it stays open', async () => {
    const open: Arrival = { _tag: 'Bytes', bytes: utf8('data: {"error":"late"}\n\n') }
    const whole = streamedReply({ content: 'a' })
    expect(await streamOf(utf8(whole), [], open)).toMatchObject({ right: { content: 'a' } })
    expect(await streamOf(utf8(`${whole}data: {"error":"late"}\n\n`))).toMatchObject({ right: { content: 'a' } })
  })

  test('of which some event is no JSON is garbage, with an excerpt', async () => {
    const bytes = utf8(streamedReply({ content: 'abc' }).replace('data: [DONE]', 'data: {"choices":[{]}'))
    expect(await streamOf(bytes)).toEqual(left({ _tag: 'Garbage', reason: 'not JSON', excerpt: '{"choices":[{]}' }))
  })

  test('that reports an error is that error, however it began', async () => {
    const bytes = utf8(
      streamedReply({ content: 'abc', finish: null, usage: false }, { done: false }) +
        'data: {"error":{"message":"preempted","code":503}}\n\n',
    )
    expect(await streamOf(bytes)).toEqual(left({ _tag: 'ServerFailed', status: 503, message: 'preempted' }))
  })

  test('without choices is garbage; of nothing, was cut', async () => {
    expect(await streamOf(utf8('data: {"choices":[]}\n\ndata: [DONE]\n\n'))).toEqual(
      left({ _tag: 'Garbage', reason: 'its choices are empty' }),
    )
    expect(await streamOf(utf8(''))).toEqual(left({ _tag: 'CutStream', received: 0 }))
    expect(await streamOf(utf8('<html>busy</html>'))).toEqual(left({ _tag: 'Garbage', excerpt: '<html>busy</html>' }))
  })

  test('that is no UTF-8 is garbage rather than a message with holes', async () => {
    const bytes = utf8(streamedReply({ content: 'abc' }))
    const broken = Uint8Array.from(bytes)
    broken[bytes.indexOf(97)] = 0xff
    expect(await streamOf(broken)).toEqual(left({ _tag: 'Garbage', reason: 'not UTF-8' }))
  })

  test('of random bytes is a failure, and never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), cuts, async (bytes, places) => {
        expect(E.isLeft(await streamOf(bytes, places))).toBe(true)
        expect(E.isLeft(await receiveWhole(from(bytes, places, END), 'u'))).toBe(true)
      }),
      { seed: 3, numRuns: 200 },
    )
  })
})

describe('a whole reply', () => {
  test('gives the message wherever its bytes are cut, and nothing where it is cut short', async () => {
    await fc.assert(
      fc.asyncProperty(spoken, cuts, fc.nat(), async (s, places, at) => {
        const bytes = utf8(wholeReply(s))
        expect(await receiveWhole(from(bytes, places, END), 'u')).toMatchObject({ right: said(s) })
        const kept = bytes.subarray(0, at % bytes.length)
        expect(await receiveWhole(from(kept, places, { _tag: 'Cut' }), 'u')).toEqual(left({ _tag: 'CutStream' }))
        expect(await receiveWhole(from(kept, places, END), 'u')).toEqual(left({ _tag: 'Garbage' }))
      }),
      { seed: 4, numRuns: 200 },
    )
  })

  test('without choices is garbage', async () => {
    expect(await receiveWhole(from(utf8('{"choices":[]}'), [], END), 'u')).toEqual(
      left({ _tag: 'Garbage', reason: 'its choices are empty' }),
    )
  })
})

describe('arrivals', () => {
  test('tell the end, a cut and a stall apart', async () => {
    const endless = new ReadableStream<Uint8Array>()
    expect(await arrivals(endless, systemClock, 5)()).toEqual({ _tag: 'Stalled', ms: 5 })
    const broken = new ReadableStream<Uint8Array>({ start: (c) => c.error(new Error('reset')) })
    expect(await arrivals(broken, systemClock, 5)()).toEqual({ _tag: 'Cut' })
    const closed = new ReadableStream<Uint8Array>({ start: (c) => c.close() })
    expect(await arrivals(closed, systemClock, 5)()).toEqual(END)
    expect(await arrivals(null, systemClock, 5)()).toEqual(END)
  })
})
