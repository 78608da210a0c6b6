// A teacher under any schedule of misbehaviour.
import { virtualClock } from '@adjoint/testing'
import { answer, type Asked, type Behaviour, body, part, reset, status, streamedReply } from '@adjoint/testing/endpoint'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { endpointTeacher } from './endpoint.ts'
import type { TeacherError, Transient } from './errors.ts'
import type { Trace } from './teacher.ts'
import { serve, SPOKEN, teacherAt } from './endpoint.support.ts'

/** What a fetch without a network may do, on a virtual clock. */
type Fault = 'ok' | '429' | '429 wait' | '500' | 'reset' | 'cut' | 'stall' | 'hang' | 'garbage' | '401'
const FAULTS: readonly Fault[] = ['ok', '429', '429 wait', '500', 'reset', 'cut', 'stall', 'hang', 'garbage', '401']
const TAGS: Readonly<Record<Exclude<Fault, 'ok' | '401'>, Transient['_tag']>> = {
  429: 'RateLimited',
  '429 wait': 'RateLimited',
  500: 'ServerFailed',
  reset: 'Unreachable',
  cut: 'CutStream',
  stall: 'TimedOut',
  hang: 'TimedOut',
  garbage: 'Garbage',
}

describe('any schedule of misbehaviour', () => {
  const RETRIES = 3
  const stream = (text: string, open = false): Response => {
    const source = new ReadableStream<Uint8Array>({
      start: (c) => {
        c.enqueue(new TextEncoder().encode(text))
        if (!open) c.close()
      },
    })
    return new Response(source, { headers: { 'content-type': 'text/event-stream' } })
  }
  const respond = (fault: Fault, prompt: string, signal: AbortSignal): Promise<Response> => {
    const whole = streamedReply({ content: `<think>${prompt}</think>ok` })
    switch (fault) {
      case 'ok':
        return Promise.resolve(stream(whole))
      case '429':
        return Promise.resolve(new Response('', { status: 429 }))
      case '429 wait':
        return Promise.resolve(new Response('', { status: 429, headers: { 'retry-after': '3' } }))
      case '500':
        return Promise.resolve(new Response('', { status: 500 }))
      case '401':
        return Promise.resolve(new Response('', { status: 401 }))
      case 'reset':
        return Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNRESET', message: 'reset' } }))
      case 'cut':
        return Promise.resolve(stream(whole.slice(0, 60)))
      case 'stall':
        return Promise.resolve(stream(whole.slice(0, 60), true))
      case 'hang':
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('aborted')))
        })
      case 'garbage':
        return Promise.resolve(stream('data: {"choices":\n\n'))
    }
  }
  /** What must come of a question whose attempts meet these faults. */
  const expected = (faults: readonly Fault[]): { readonly requests: number; readonly result: unknown } => {
    for (let i = 0; i <= RETRIES; i++) {
      const fault = faults[i] ?? 'ok'
      if (fault === 'ok') return { requests: i + 1, result: { _tag: 'Right' } }
      if (fault === '401') return { requests: i + 1, result: { left: { _tag: 'Refused', status: 401 } } }
      if (i === RETRIES)
        return { requests: i + 1, result: { left: { _tag: 'GaveUp', attempts: i + 1, last: { _tag: TAGS[fault] } } } }
    }
    throw new Error('unreachable')
  }

  test('ends every question with its one trace or error, after as many requests as it must, within rate, concurrency and waits', async () => {
    const schedules = fc.array(fc.array(fc.constantFrom(...FAULTS), { maxLength: 5 }), { minLength: 1, maxLength: 8 })
    const rate = fc.record({ requests: fc.integer({ min: 1, max: 4 }), interval: fc.integer({ min: 1, max: 3000 }) })
    const concurrency = fc.integer({ min: 1, max: 5 })
    await fc.assert(
      fc.asyncProperty(schedules, fc.option(rate), concurrency, fc.nat(), async (faults, limit, most, seed) => {
        const time = virtualClock()
        const starts: number[] = []
        const own: number[][] = faults.map(() => []) // of each question
        const waits: { readonly from: number; readonly until: number }[] = []
        const made = faults.map(() => 0)
        let underWay = 0
        let jitter = seed
        const teacher = endpointTeacher({
          baseUrl: 'http://nowhere/v1',
          model: 'm',
          temperature: 1,
          maxTokens: 10,
          retries: RETRIES,
          concurrency: most,
          ...(limit === null ? {} : { rate: limit }),
          stall: 1000,
          timeout: 2500,
          clock: time,
          random: () => (jitter = (jitter * 16807 + 7) % 2147483647) / 2147483647,
          fetch: async (_, init) => {
            const { messages } = JSON.parse(init.body) as Asked['body']
            const which = Number(messages[0]!.content)
            const fault = faults[which]![made[which]!++] ?? 'ok'
            starts.push(time.now())
            own[which]!.push(time.now())
            // What started in the same moment could not know.
            expect(waits.find(({ from, until }) => from < time.now() && time.now() < until)).toBe(undefined)
            underWay++
            expect(underWay).toBeLessThanOrEqual(most)
            if (fault === '429 wait' && made[which]! <= RETRIES)
              waits.push({ from: time.now(), until: time.now() + 3000 })
            try {
              return await respond(fault, String(which), init.signal)
            } finally {
              underWay--
            }
          },
        })
        const results = await time.until(Promise.all(faults.map((_, i) => teacher.ask(String(i))())))
        results.forEach((result: E.Either<TeacherError, Trace>, i) => {
          const { requests, result: wanted } = expected(faults[i]!)
          expect(result).toMatchObject(wanted as object)
          expect(made[i]).toBe(requests)
          if (E.isRight(result)) expect(result.right).toMatchObject({ think: String(i), answer: 'ok' })
          // Half of a backoff is sure.
          own[i]!.slice(1).forEach((start, n) => {
            expect(start - own[i]![n]!).toBeGreaterThanOrEqual((500 * 2 ** n) / 2)
          })
        })
        if (limit !== null) {
          starts.forEach((start, i) => {
            const before = starts[i - limit.requests]
            if (before !== undefined) expect(start - before).toBeGreaterThanOrEqual(limit.interval)
          })
        }
      }),
      { seed: 1, numRuns: 150 },
    )
  })

  test('over a real network ends every question, too', async () => {
    const kinds: readonly Behaviour[] = [
      answer(SPOKEN),
      answer(SPOKEN, { size: 3, newline: '\r\n', comments: true }),
      status(429, { 'retry-after-ms': '20' }),
      status(500),
      reset,
      part(SPOKEN, 0.4, 'break'),
      part(SPOKEN, 0.8, 'end'),
      body(Uint8Array.from([255, 254, 10, 10])),
      body('data: {"cho\n\n', 'text/event-stream'),
    ]
    const plans = fc.array(fc.array(fc.nat({ max: kinds.length - 1 }), { maxLength: 4 }), {
      minLength: 8,
      maxLength: 8,
    })
    await fc.assert(
      fc.asyncProperty(plans, async (plan) => {
        const made = plan.map(() => 0)
        const server = await serve(({ body: { messages } }) => {
          const which = Number(messages[0]!.content)
          return kinds[plan[which]![made[which]!++] ?? 0]!
        })
        const teacher = teacherAt(server, { backoff: { base: 20, max: 100 }, concurrency: 4 })
        const results = await Promise.all(plan.map((_, i) => teacher.ask(String(i))()))
        results.forEach((result, i) => {
          const good = [...plan[i]!, 0].findIndex((k) => k < 2)
          expect(E.isRight(result)).toBe(good <= 2)
          expect(made[i]).toBe(Math.min(good, 2) + 1)
        })
      }),
      { seed: 2, numRuns: 12 },
    )
  })
})
