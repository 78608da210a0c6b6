import { answer, type Behaviour, body, part, reset, type Spoken, status } from '@adjoint/testing/endpoint'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, test } from 'vitest'
import { type EndpointConfig, endpointTeacher, type Retry } from './endpoint.ts'
import { describeTeacherError, type Transient } from './errors.ts'
import type { Trace } from './teacher.ts'
import { inTurn, KEY, serve, SPOKEN, teacherAt, TRACE } from './endpoint.support.ts'

describe('a request', () => {
  test('is what the API documents, with the key in its header alone', async () => {
    const server = await inTurn(answer(SPOKEN))
    const teacher = teacherAt(server, { seed: 7, system: 'Be brief.', extra: { top_p: 0.95 } })
    await teacher.ask('What is 6 times 7?', 3)()
    expect(server.asked).toHaveLength(1)
    expect(server.asked[0]).toMatchObject({ path: '/v1/chat/completions' })
    expect(server.asked[0]!.headers).toMatchObject({
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    })
    expect(server.asked[0]!.body).toEqual({
      model: 'teacher',
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'What is 6 times 7?' },
      ],
      temperature: 0.6,
      max_tokens: 100,
      seed: 10,
      stream: true,
      stream_options: { include_usage: true },
      top_p: 0.95,
    })
    expect(JSON.stringify(teacher)).not.toContain(KEY)
  })

  test('without a key, a seed or a stream has none', async () => {
    const server = await inTurn(answer(SPOKEN))
    const teacher = endpointTeacher({
      baseUrl: `${server.baseUrl}/`,
      model: 'm',
      temperature: 0,
      maxTokens: 5,
      maxTokensField: 'max_completion_tokens',
      stream: false,
    })
    expect(await teacher.ask('?')()).toMatchObject({ right: TRACE })
    expect(server.asked[0]!.path).toBe('/v1/chat/completions')
    expect(server.asked[0]!.headers).not.toHaveProperty('authorization')
    expect(server.asked[0]!.body).toEqual({
      model: 'm',
      messages: [{ role: 'user', content: '?' }],
      temperature: 0,
      max_completion_tokens: 5,
      stream: false,
    })
  })

  test.each<[string, Partial<EndpointConfig>]>([
    ['an address that is none', { baseUrl: 'localhost:8000' }],
    ['a password in the address', { baseUrl: 'http://user:hunter2@localhost/v1' }],
    ['a key with a line break inside', { apiKey: 'sk-a\nsk-b' }],
    ['no concurrency', { concurrency: 0 }],
    ['half an attempt', { retries: 0.5 }],
    ['a rate of nothing', { rate: { requests: 0, interval: 1 } }],
    ['a timeout that is no number', { timeout: NaN }],
  ])('with %s is refused at once', (_, over) => {
    const config = { baseUrl: 'http://localhost/v1', model: 'm', temperature: 0, maxTokens: 1, ...over }
    expect(() => endpointTeacher(config)).toThrow(RangeError)
    expect(() => endpointTeacher(config)).not.toThrow(/hunter2|sk-a/)
  })
})

describe('a good reply', () => {
  const reasoned: Spoken = { content: '42', reasoning: 'six times seven' }
  test.each<[string, Behaviour, Partial<Trace>]>([
    ['in one write', answer(SPOKEN), TRACE],
    ['byte by byte, so that characters are split', answer(SPOKEN, { size: 1, chunk: 5 }), TRACE],
    ['with CRLF and keep-alive comments', answer(SPOKEN, { newline: '\r\n', comments: true, size: 11 }), TRACE],
    ['without [DONE]', answer(SPOKEN, { done: false }), TRACE],
    ['without a finish reason', answer({ ...SPOKEN, finish: null }), { ...TRACE, finishReason: null }],
    [
      'that was cut by its length',
      answer({ content: '<think>6', finish: 'length' }),
      { think: '6', answer: '', finishReason: 'length' },
    ],
    ['with reasoning_content', answer(reasoned), { think: 'six times seven', answer: '42', text: '42' }],
    ['with reasoning', answer({ ...reasoned, field: 'reasoning' }), { think: 'six times seven', answer: '42' }],
    ['of an empty type', answer(SPOKEN, { type: 'text/plain; charset=utf-8' }), TRACE],
    ['with usage', answer(reasoned), { usage: { prompt: 7, completion: 2, reasoning: 15 } }],
    ['without usage', answer({ ...SPOKEN, usage: false }), { usage: null }],
  ])('%s gives its trace, streamed or not', async (_, behaviour, trace) => {
    const server = await inTurn(behaviour)
    for (const stream of [true, false]) {
      expect(await teacherAt(server, { stream }).ask('?')()).toMatchObject({ right: trace })
    }
    expect(server.asked).toHaveLength(2)
  })

  test('in the other form than asked for is read all the same', async () => {
    const flipped: Behaviour = (response, asked) =>
      answer(SPOKEN)(response, { ...asked, body: { ...asked.body, stream: !asked.body.stream } })
    const server = await inTurn(flipped)
    for (const stream of [true, false]) {
      expect(await teacherAt(server, { stream }).ask('?')()).toMatchObject({ right: TRACE })
    }
  })

  test('on a connection that stays open after [DONE] is read', async () => {
    const server = await inTurn(part(SPOKEN, 1, 'stall'))
    expect(await teacherAt(server).ask('?')()).toMatchObject({ right: TRACE })
  })
})

const transient: readonly (readonly [string, Behaviour, Partial<Transient>])[] = [
  ['429', status(429), { _tag: 'RateLimited', wait: null, message: 'not now' }],
  ['429 with Retry-After', status(429, { 'retry-after': '1' }), { _tag: 'RateLimited', wait: 1000 }],
  ['500', status(500, {}, '<h1>oops</h1>'), { _tag: 'ServerFailed', status: 500, message: '<h1>oops</h1>' }],
  ['503', status(503), { _tag: 'ServerFailed', status: 503 }],
  ['408', status(408), { _tag: 'ServerFailed', status: 408 }],
  ['a reset connection', reset, { _tag: 'Unreachable', code: 'ECONNRESET' }],
  ['a broken connection', part(SPOKEN, 0.5, 'break'), { _tag: 'CutStream' }],
  ['a stalled reply', part(SPOKEN, 0.5, 'stall'), { _tag: 'TimedOut' }],
  ['a reply that never begins', () => undefined, { _tag: 'TimedOut' }],
  ['garbage bytes', body(Uint8Array.from([0, 255, 1, 254, 10, 10])), { _tag: 'Garbage', reason: 'not UTF-8' }],
  ['invalid JSON', body('data: {"choices":[{]}\n\n', 'text/event-stream'), { _tag: 'Garbage', reason: 'not JSON' }],
  ['invalid JSON in one piece', body('{"choices":[{]}', 'application/json'), { _tag: 'Garbage', reason: 'not JSON' }],
  ['empty choices', body('{"choices":[]}', 'application/json'), { _tag: 'Garbage', reason: 'its choices are empty' }],
  ['no choices', body('{"id":"x"}', 'application/json'), { _tag: 'Garbage', reason: 'it has no choices' }],
  [
    'a page of a proxy',
    body('<html>', 'text/html'),
    { _tag: 'Garbage', reason: 'its type is text/html', excerpt: '<html>' },
  ],
  ['nothing', body(''), {}],
  [
    'an error of status 200',
    body('{"error":{"message":"x","code":502}}', 'application/json'),
    { _tag: 'ServerFailed', status: 502 },
  ],
]

describe('a failure that may pass', () => {
  const backoff = { base: 50, max: 200 }
  // 400 and 800 ms, for what is there to time out; all else has the time that a busy machine takes.
  const short = { stall: 400 * 50, timeout: 800 * 50, backoff }
  const patienceFor = (failure: Partial<Transient>) => (failure._tag === 'TimedOut' ? short : { backoff })

  test.each(transient)('%s is tried again, and mended by a good reply', async (_, behaviour, failure) => {
    for (const stream of [true, false]) {
      const server = await inTurn(behaviour, answer(SPOKEN))
      const retries: Retry[] = []
      const teacher = teacherAt(server, { ...patienceFor(failure), stream, observe: (r) => retries.push(r) })
      expect(await teacher.ask('?')()).toMatchObject({ right: TRACE })
      expect(server.asked).toHaveLength(2)
      expect(retries).toMatchObject([{ prompt: '?', sample: 0, attempt: 1, failure }])
    }
  })

  test.each(transient.slice(0, 10))(
    '%s for ever is given up after the attempts allowed',
    async (_, behaviour, last) => {
      const server = await inTurn(behaviour)
      const result = await teacherAt(server, { ...patienceFor(last), retries: 1 }).ask('?')()
      expect(result).toMatchObject({ left: { _tag: 'GaveUp', attempts: 2, last } })
      expect(server.asked).toHaveLength(2)
    },
  )

  test('is a cut stream, too, where it ends politely', async () => {
    const server = await inTurn(part(SPOKEN, 0.5, 'end'), answer(SPOKEN))
    expect(await teacherAt(server, { backoff }).ask('?')()).toMatchObject({ right: TRACE })
    expect(server.asked).toHaveLength(2)
  })

  test('is nobody there', async () => {
    const server = await inTurn(reset)
    await server.close()
    const result = await teacherAt(server, { backoff }).ask('?')()
    expect(result).toMatchObject({ left: { _tag: 'GaveUp', last: { _tag: 'Unreachable', code: 'ECONNREFUSED' } } })
    expect(E.isLeft(result) && describeTeacherError(result.left)).toMatch(/ECONNREFUSED.*Check baseUrl/)
  })

  test('is a stream that trickles for longer than the whole may take', async () => {
    const trickle: Behaviour = (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const timer = setInterval(() => response.write(': still there\n\n'), 10)
      response.on('close', () => clearInterval(timer))
    }
    const server = await inTurn(trickle, answer(SPOKEN))
    const retries: Retry[] = []
    const teacher = teacherAt(server, { ...short, observe: (r) => retries.push(r) })
    expect(await teacher.ask('?')()).toMatchObject({ right: TRACE })
    expect(retries).toMatchObject([{ failure: { _tag: 'TimedOut', waitingFor: 'the reply' } }])
  })
})

describe('a failure that will not pass', () => {
  test.each([
    [400, /maxTokens/],
    [401, /Check apiKey/],
    [402, /credit/],
    [403, /may not use this model/],
    [404, /Check baseUrl/],
    [422, /request itself is wrong/],
  ])('%i is asked once, and says what to do', async (code, advice) => {
    const quoting = JSON.stringify({ error: { message: `Incorrect API key provided: ${KEY}.` } })
    const server = await inTurn(status(code, {}, quoting), answer(SPOKEN))
    const result = await teacherAt(server).ask('?')()
    expect(result).toMatchObject({ left: { _tag: 'Refused', status: code } })
    expect(server.asked).toHaveLength(1)
    if (E.isRight(result)) return
    expect(describeTeacherError(result.left)).toMatch(advice)
    expect(describeTeacherError(result.left)).toContain('Incorrect API key provided: [key].')
  })

  test('a redirection is not followed: the key goes nowhere else', async () => {
    const elsewhere = await inTurn(answer(SPOKEN))
    const server = await inTurn(status(307, { location: `${elsewhere.baseUrl}/chat/completions` }))
    const result = await teacherAt(server).ask('?')()
    expect(result).toMatchObject({ left: { _tag: 'Refused', status: 307 } })
    expect(E.isLeft(result) && describeTeacherError(result.left)).toContain(elsewhere.baseUrl)
    expect(elsewhere.asked).toHaveLength(0)
  })
})

describe('the key', () => {
  // Wherever the other side quotes it, cut by an excerpt or not.
  const quoting = (before: number): readonly Behaviour[] => {
    const text = 'x'.repeat(before) + KEY
    return [
      status(400, {}, text),
      status(500, {}, JSON.stringify({ error: { message: text } })),
      status(429, {}, text),
      body(text, 'application/json'),
      body(text, 'text/html'),
      body(`data: ${text}\n\n`, 'text/event-stream'),
      body(JSON.stringify({ error: { message: text } }), 'application/json'),
      body('<>', `text/${KEY}`),
    ]
  }
  test('is in no error', async () => {
    for (const before of [0, 100, 110, 119, 230, 239]) {
      for (const behaviour of quoting(before)) {
        const server = await inTurn(behaviour)
        const told: unknown[] = []
        const config = { retries: 1, backoff: { base: 1, max: 1 }, observe: (r: Retry) => told.push(r) }
        const result = await teacherAt(server, config).ask('?')()
        expect(E.isLeft(result)).toBe(true)
        const text = JSON.stringify([result, told]) + (E.isLeft(result) ? describeTeacherError(result.left) : '')
        expect(text).not.toContain(KEY.slice(0, 5))
      }
    }
  })
})

describe('Retry-After', () => {
  test('is waited for, by all questions', async () => {
    const server = await serve(({ number }) => (number === 0 ? status(429, { 'retry-after': '10' }) : answer(SPOKEN)))
    const teacher = teacherAt(server, { concurrency: 1, backoff: { base: 1, max: 1 } })
    const results = await Promise.all([teacher.ask('a')(), teacher.ask('b')(), teacher.ask('c')()])
    expect(results.every(E.isRight)).toBe(true)
    // 10 s are 200 ms by this clock.
    expect(server.asked[1]!.at - server.asked[0]!.at).toBeGreaterThanOrEqual(198)
  })

  test('of too long is given up at once', async () => {
    const server = await inTurn(status(429, { 'retry-after': '3600' }))
    const result = await teacherAt(server, { longestWait: 60_000 }).ask('?')()
    expect(result).toMatchObject({ left: { _tag: 'GaveUp', attempts: 1, last: { wait: 3_600_000 } } })
    expect(E.isLeft(result) && describeTeacherError(result.left)).toContain('wait 3600 s')
  })
})

describe('an abort', () => {
  test('ends all questions, asked or waiting, and asks no more', async () => {
    const server = await inTurn(() => undefined)
    const abort = new AbortController()
    const teacher = teacherAt(server, { signal: abort.signal, concurrency: 2 })
    const results = Promise.all(['a', 'b', 'c', 'd'].map((p) => teacher.ask(p)()))
    while (server.asked.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    abort.abort()
    expect(await results).toEqual(Array(4).fill(E.left({ _tag: 'Aborted' })))
    expect(await teacher.ask('e')()).toEqual(E.left({ _tag: 'Aborted' }))
    expect(server.asked).toHaveLength(2)
  })

  test('ends a backoff', async () => {
    const server = await inTurn(status(500))
    const abort = new AbortController()
    const backoff = { base: 1e9, max: 1e9 }
    const teacher = teacherAt(server, { signal: abort.signal, backoff, observe: () => abort.abort() })
    expect(await teacher.ask('?')()).toEqual(E.left({ _tag: 'Aborted' }))
  })

  test('before the start asks nothing', async () => {
    const server = await inTurn(answer(SPOKEN))
    expect(await teacherAt(server, { signal: AbortSignal.abort() }).ask('?')()).toEqual(E.left({ _tag: 'Aborted' }))
    expect(server.asked).toHaveLength(0)
  })
})

test('no more requests are under way than the concurrency allows, and that many are', async () => {
  let [now, most] = [0, 0]
  const server = await serve(() => async (response, asked) => {
    most = Math.max(most, ++now)
    await new Promise((resolve) => setTimeout(resolve, 20))
    now--
    await answer(SPOKEN)(response, asked)
  })
  const teacher = teacherAt(server, { concurrency: 3 })
  await Promise.all(Array.from({ length: 12 }, (_, i) => teacher.ask(String(i))()))
  expect(most).toBe(3)
})
