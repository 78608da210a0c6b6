/** Servers that misbehave, and a teacher that asks them: what the tests of endpoints share. */
import { fastClock } from '@adjoint/testing'
import { type Asked, type Behaviour, type Endpoint, misbehavingEndpoint, type Spoken } from '@adjoint/testing/endpoint'
import { afterEach } from 'vitest'
import { type EndpointConfig, endpointTeacher } from './endpoint.ts'
import type { Trace } from './teacher.ts'

export const KEY = 'sk-very-secret-key-0123456789'
const servers: Endpoint[] = []
afterEach(async () => {
  await Promise.all(servers.splice(0).map((s) => s.close()))
})
/** A server that is closed after the test. */
export const serve = async (behave: (asked: Asked) => Behaviour): Promise<Endpoint> => {
  const server = await misbehavingEndpoint(behave)
  servers.push(server)
  return server
}
/** Attempts get these in turn, and the last one for ever. */
export const inTurn = (...behaviours: readonly Behaviour[]) =>
  serve(({ number }) => behaviours[number] ?? behaviours.at(-1)!)

// 50 ms of this clock pass in one: backoff is real and short.
export const clock = fastClock(50)
export const teacherAt = (server: Endpoint, over: Partial<EndpointConfig> = {}) =>
  endpointTeacher({
    baseUrl: server.baseUrl,
    apiKey: KEY,
    model: 'teacher',
    temperature: 0.6,
    maxTokens: 100,
    retries: 2,
    clock,
    ...over,
  })
export const SPOKEN: Spoken = { content: '<think>6 * 7 = 42</think>\n\nIt is 42 – “ünï” 🎲', finish: 'stop' }
export const TRACE: Partial<Trace> = { think: '6 * 7 = 42', answer: 'It is 42 – “ünï” 🎲', finishReason: 'stop' }
