import { answer, type Endpoint, misbehavingEndpoint, status } from '@adjoint/testing/endpoint'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeDemonstrations } from '../policy/batch.ts'
import { type Chain, mod10Chain } from '../task/chain.ts'
import { hostKey } from '../run/keys.ts'
import { problems } from '../task/task.ts'
import { formatCompletion } from '../policy/template.ts'
import { cached, openTraceCache } from './cache.ts'
import { endpointTeacher } from './endpoint.ts'
import type { TeacherError } from './errors.ts'
import type { Teacher, TeacherSettings, Trace } from './teacher.ts'
import { teacherTraces } from './traces.ts'

const task = mod10Chain
const settings: TeacherSettings = { model: 'm', temperature: 1, maxTokens: 10, seed: null, system: null, extra: {} }

/** What a teacher may do with a question. */
type Manner = 'right' | 'wrong' | 'cut' | 'foreign' | 'fails' | 'bad request' | 'refuses'
const trace = (think: string, answer: string, finishReason = 'stop'): Trace => ({
  think,
  answer,
  text: `<think>${think}</think>${answer}`,
  finishReason,
  usage: null,
})
const GAVE_UP: TeacherError = { _tag: 'GaveUp', attempts: 1, last: { _tag: 'CutStream', received: 0 } }
const refused = (code: number): TeacherError => ({ _tag: 'Refused', status: code, url: 'u', message: '' })

const mannered = (manners: readonly Manner[], chains: readonly Chain[], samples: number) => {
  let asked = 0
  const teacher: Teacher = {
    settings,
    concurrency: 3,
    ask:
      (prompt, sample = 0) =>
      async (): Promise<E.Either<TeacherError, Trace>> => {
        asked++
        const at = chains.findIndex((c) => task.prompt(c) === prompt)
        const { think, answer } = task.trace(chains[at]!)
        const wrong = String((Number(answer) + 1) % 10)
        // Later questions may be answered earlier.
        await new Promise((resolve) => setTimeout(resolve, (at * 7) % 3))
        switch (manners[at * samples + sample]!) {
          case 'right':
            return E.right(trace(think, sample === 0 ? ` ${answer}\n` : `So it is <answer>${answer}</answer>.`))
          case 'wrong':
            return E.right(trace(think, wrong))
          case 'cut':
            return E.right(trace(think, answer, 'length'))
          case 'foreign':
            return E.right(trace('Let me see: é', answer))
          case 'fails':
            return E.left(GAVE_UP)
          case 'bad request':
            return E.left(refused(400))
          case 'refuses':
            return E.left(refused(401))
        }
      },
  }
  return { teacher, asked: () => asked }
}

describe('traces of a teacher', () => {
  const kinds: readonly Manner[] = ['right', 'wrong', 'cut', 'foreign', 'fails', 'bad request']
  const shape = fc.tuple(fc.integer({ min: 0, max: 6 }), fc.integer({ min: 1, max: 3 })).chain(([n, samples]) =>
    fc.record({
      n: fc.constant(n),
      samples: fc.constant(samples),
      manners: fc.array(fc.constantFrom(...kinds), { minLength: n * samples, maxLength: n * samples }),
      keep: fc.constantFrom<'right' | 'all'>('right', 'all'),
    }),
  )

  test('are counted, kept in order, and each of them can be learned from', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async ({ n, samples, manners, keep }) => {
        const chains = problems(task, 'train', { count: n, distinct: true })(hostKey(1))
        const { teacher } = mannered(manners, chains, samples)
        const result = await teacherTraces({ task, text: task.vocabulary, teacher, samples, keep })(chains)()
        if (E.isLeft(result)) throw new Error('no traces')
        const { counts, demonstrations, judged, failures } = result.right
        const of = (...which: readonly Manner[]) => manners.filter((m) => which.includes(m)).length
        expect(counts).toEqual({
          asked: n * samples,
          kept: keep === 'right' ? of('right') : of('right', 'wrong', 'cut'),
          right: of('right'),
          wrong: of('wrong', 'cut'),
          unreadable: of('foreign'),
          failed: of('fails', 'bad request'),
        })
        expect(counts.right + counts.wrong + counts.unreadable + counts.failed).toBe(counts.asked)
        expect(judged.length + failures.length).toBe(counts.asked)
        const wanted = chains.flatMap((chain, i) =>
          manners.slice(i * samples, (i + 1) * samples).flatMap((m) => {
            const { think, answer } = task.trace(chain)
            if (m !== 'right' && (keep === 'right' || (m !== 'wrong' && m !== 'cut'))) return []
            const said = m === 'wrong' ? String((Number(answer) + 1) % 10) : answer
            return [{ prompt: task.prompt(chain), completion: formatCompletion({ think, answer: said }) }]
          }),
        )
        expect(demonstrations).toEqual(wanted)
        if (wanted.length > 0) expect(E.isRight(encodeDemonstrations(task.vocabulary, 40)(demonstrations))).toBe(true)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('end where the key is refused: no further question is asked', async () => {
    const chains = problems(task, 'train', { count: 20, distinct: true })(hostKey(1))
    const { teacher, asked } = mannered(
      chains.map((_, i) => (i === 4 ? 'refuses' : 'right')),
      chains,
      1,
    )
    expect(await teacherTraces({ task, text: task.vocabulary, teacher })(chains)()).toEqual(E.left(refused(401)))
    expect(asked()).toBeLessThanOrEqual(4 + 2 * 3)
  })

  test('may be asked in other words, and read in another way', async () => {
    const [chain] = problems(task, 'train', { count: 1 })(hostKey(2))
    const prompts: string[] = []
    const teacher: Teacher = {
      settings,
      concurrency: 1,
      ask: (prompt) => {
        prompts.push(prompt)
        return TE.right(trace('', 'none'))
      },
    }
    const seen: number[] = []
    const result = await teacherTraces({
      task,
      teacher,
      question: (c) => `Compute ${task.prompt(c)} modulo 10.`,
      read: () => task.trace(chain!),
      observe: (done, of) => seen.push(done, of),
    })([chain!])()
    expect(prompts).toEqual([`Compute ${task.prompt(chain!)} modulo 10.`])
    expect(result).toMatchObject({ right: { demonstrations: [{ prompt: task.prompt(chain!) }], counts: { right: 1 } } })
    expect(seen).toEqual([1, 1])
  })

  test('from an endpoint that fails, through a cache: what was got is not asked for again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'adjoint-teacher-'))
    const chains = problems(task, 'train', { count: 12, distinct: true })(hostKey(3))
    const byPrompt = new Map(chains.map((c) => [task.prompt(c), task.trace(c)]))
    const good = (server: 'up' | 'down'): Promise<Endpoint> =>
      misbehavingEndpoint(({ number, body }) => {
        const { think, answer: said } = byPrompt.get(body.messages[0]!.content)!
        if (server === 'down' && number >= 5) return status(500)
        return answer({ content: said, reasoning: think })
      })
    const once = async (server: Endpoint) => {
      const cache = await openTraceCache(join(folder, 'traces.jsonl'))()
      if (E.isLeft(cache)) throw new Error('no cache')
      const teacher = endpointTeacher({
        baseUrl: server.baseUrl,
        apiKey: 'sk-secret-of-the-teacher',
        model: 'm',
        temperature: 0,
        maxTokens: 64,
        retries: 0,
        backoff: { base: 1, max: 1 },
      })
      const result = await teacherTraces({ task, text: task.vocabulary, teacher: cached(cache.right)(teacher) })(
        chains,
      )()
      await cache.right.close()
      await server.close()
      if (E.isLeft(result)) throw new Error('no traces')
      return { ...result.right, requests: server.asked.length }
    }
    const first = await once(await good('down'))
    expect(first.counts).toMatchObject({ asked: 12, right: 5, failed: 7 })
    const second = await once(await good('up'))
    expect(second.counts).toMatchObject({ asked: 12, right: 12, failed: 0 })
    expect(second.requests).toBe(7)
    const third = await once(await good('up'))
    expect(third.requests).toBe(0)
    expect(third.demonstrations).toEqual(second.demonstrations)
    expect(third.demonstrations).toEqual(
      chains.map((c) => ({ prompt: task.prompt(c), completion: formatCompletion(task.trace(c)) })),
    )
    await rm(folder, { recursive: true })
  })
})
