import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { append, decode, type Message, NOTHING, splitThink, traceOf } from './wire.ts'

const plain = fc.string().filter((s) => !/<\/?think>/.test(s))

describe('chain of thought and answer', () => {
  test('are what stood between and after the tags', () => {
    fc.assert(
      fc.property(
        plain,
        plain,
        fc.constantFrom('', '\n', '\n\n', '  '),
        fc.boolean(),
        (think, answer, space, opened) => {
          const content = `${space}${opened ? '<think>' : ''}${space}${think}${space}</think>${space}${answer}${space}`
          expect(splitThink(content)).toEqual({ think: think.trim(), answer: answer.trim() })
        },
      ),
      { seed: 1, numRuns: 300 },
    )
  })

  test('of content without tags is an answer; of thinking that never ends, no answer', () => {
    fc.assert(
      fc.property(plain, (text) => {
        expect(splitThink(text)).toEqual({ think: '', answer: text.trim() })
        expect(splitThink(`<think>${text}`)).toEqual({ think: text.trim(), answer: '' })
      }),
      { seed: 1, numRuns: 200 },
    )
  })

  test('a second closing tag belongs to the answer', () => {
    expect(splitThink('<think>a</think>b</think>c')).toEqual({ think: 'a', answer: 'b</think>c' })
  })

  test('a field of its own comes first, and the content is kept as it was sent', () => {
    const message = { ...NOTHING, content: ' <think></think>\n\n42', reasoning: '6 * 7\n', finishReason: 'stop' }
    expect(traceOf(message)).toEqual({
      think: '6 * 7',
      answer: '42',
      text: ' <think></think>\n\n42',
      finishReason: 'stop',
      usage: null,
    })
    expect(traceOf({ ...message, content: '<think>b</think>42' }).think).toBe('6 * 7\nb')
  })
})

describe('messages', () => {
  const usage = fc.record({ prompt: fc.nat(), completion: fc.nat(), reasoning: fc.option(fc.nat()) })
  const message: fc.Arbitrary<Message> = fc.record({
    content: fc.string(),
    reasoning: fc.string(),
    finishReason: fc.option(fc.string()),
    usage: fc.option(usage),
    chosen: fc.boolean(),
  })
  test('are a monoid', () => {
    fc.assert(
      fc.property(message, message, message, (a, b, c) => {
        expect(append(append(a, b), c)).toEqual(append(a, append(b, c)))
        expect(append(NOTHING, a)).toEqual(a)
        expect(append(a, NOTHING)).toEqual(a)
      }),
      { seed: 1, numRuns: 100 },
    )
  })
})

describe('decoding', () => {
  const chunk = decode('delta', 'u')
  const whole = decode('message', 'u')
  const right = (said: E.Either<unknown, Message>): Message => {
    if (E.isLeft(said)) throw new Error(JSON.stringify(said.left))
    return said.right
  }
  const choice = (delta: unknown, more: object = {}): string =>
    JSON.stringify({ choices: [{ index: 0, delta, ...more }] })

  test('knows the dialects of a chunk', () => {
    expect(right(chunk(choice({ content: 'a' })))).toEqual({ ...NOTHING, content: 'a', chosen: true })
    expect(right(chunk(choice({ content: null, reasoning_content: 'b' }))).reasoning).toBe('b')
    expect(right(chunk(choice({ content: '', reasoning: 'c' }))).reasoning).toBe('c')
    expect(right(chunk(choice({ reasoning_content: null, reasoning: 'd' }))).reasoning).toBe('d')
    expect(right(chunk(choice({ reasoning_content: 'e', reasoning: 'e' }))).reasoning).toBe('e')
    expect(right(chunk(choice({}, { finish_reason: 'length' })))).toEqual({
      ...NOTHING,
      finishReason: 'length',
      chosen: true,
    })
    expect(right(chunk(choice(null, { finish_reason: 'stop' }))).finishReason).toBe('stop')
    // Azure begins with an empty list; usage comes with an empty list or none.
    expect(right(chunk('{"choices":[]}'))).toEqual(NOTHING)
    const usage = { prompt_tokens: 3, completion_tokens: 5, completion_tokens_details: { reasoning_tokens: 2 } }
    expect(right(chunk(JSON.stringify({ choices: [], usage }))).usage).toEqual({
      prompt: 3,
      completion: 5,
      reasoning: 2,
    })
    expect(right(chunk(JSON.stringify({ usage }))).usage?.completion).toBe(5)
  })

  test('takes the first choice only', () => {
    const choices = [
      { index: 1, delta: { content: 'other' } },
      { index: 0, delta: { content: 'first' } },
    ]
    expect(right(chunk(JSON.stringify({ choices }))).content).toBe('first')
  })

  test.each([
    ['not JSON', '{"choices":', /not JSON/],
    ['null', 'null', /no choices/],
    ['no choices', '{}', /no choices/],
    ['choices of another type', '{"choices":{}}', /no choices/],
    ['content of another type', choice({ content: 5 }), /content is no text/],
    ['reasoning of another type', choice({ reasoning: {} }), /reasoning is no text/],
    ['finish_reason of another type', choice({}, { finish_reason: 1 }), /finish_reason/],
  ])('refuses %s as garbage', (_, text, reason) => {
    expect(chunk(text)).toMatchObject({ left: { _tag: 'Garbage', reason: expect.stringMatching(reason) as string } })
  })

  test('a choice without a message is garbage', () => {
    expect(whole('{"choices":[{"index":0}]}')).toMatchObject({ left: { _tag: 'Garbage' } })
    expect(whole('{"choices":[{"index":0,"message":null}]}')).toMatchObject({ left: { _tag: 'Garbage' } })
  })

  test('an error in the place of a reply is that error', () => {
    expect(chunk('{"error":{"message":"busy","code":429}}')).toMatchObject({
      left: { _tag: 'RateLimited', message: 'busy' },
    })
    expect(chunk('{"error":{"message":"behind","code":502}}')).toMatchObject({
      left: { _tag: 'ServerFailed', status: 502 },
    })
    expect(whole('{"error":"out of memory"}')).toMatchObject({
      left: { _tag: 'ServerFailed', status: 500, message: 'out of memory' },
    })
    expect(whole('{"error":{"message":"no such model","code":404}}')).toMatchObject({
      left: { _tag: 'Refused', status: 404 },
    })
    // `error: null` is what some servers send with a good reply.
    expect(E.isRight(whole('{"error":null,"choices":[{"message":{"content":"a"}}]}'))).toBe(true)
  })

  test('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        chunk(text)
        whole(text)
      }),
      { seed: 1, numRuns: 500 },
    )
  })
})
