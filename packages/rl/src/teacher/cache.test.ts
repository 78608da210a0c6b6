import { execFile } from 'node:child_process'
import { appendFile, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import * as E from 'fp-ts/lib/Either.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { cached, openTraceCache, type TraceCache, traceKey } from './cache.ts'
import { describeTeacherError, type TeacherError } from './errors.ts'
import type { Teacher, TeacherSettings, Trace } from './teacher.ts'

let folder = ''
let files = 0
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'adjoint-traces-'))
})
afterAll(async () => rm(folder, { recursive: true }))
const fresh = (): string => join(folder, `${files++}.jsonl`)

const settings: TeacherSettings = { model: 'm', temperature: 0.6, maxTokens: 100, seed: null, system: null, extra: {} }
const right = async <A>(task: TE.TaskEither<TeacherError, A>): Promise<A> => {
  const result = await task()
  if (E.isLeft(result)) throw new Error(describeTeacherError(result.left))
  return result.right
}
const withCache = async <A>(path: string, use: (cache: TraceCache) => Promise<A>): Promise<A> => {
  const cache = await right(openTraceCache(path))
  try {
    return await use(cache)
  } finally {
    await right(cache.close)
  }
}
const traceOf = (text: string): Trace => ({ think: `t ${text}`, answer: text, text, finishReason: 'stop', usage: null })

/** A teacher that says something new each time, fails where it is told to, and counts. */
const talker = (fails: (prompt: string) => boolean = () => false, over: Partial<TeacherSettings> = {}) => {
  const asked: string[] = []
  const teacher: Teacher = {
    settings: { ...settings, ...over },
    concurrency: 4,
    ask: (prompt, sample = 0) =>
      TE.fromEither(
        fails(prompt)
          ? E.left({ _tag: 'Aborted' })
          : (asked.push(`${prompt}/${sample}`), E.right(traceOf(`${prompt}/${sample} said ${asked.length}`))),
      ),
  }
  return { teacher, asked }
}
type Question = readonly [string, number]
const askAll = (teacher: Teacher, questions: readonly Question[]) =>
  Promise.all(questions.map(([prompt, sample]) => teacher.ask(prompt, sample)()))

// Some prompts are texts that a careless format would trip over.
const prompt = fc.oneof(
  fc.constantFrom('a', 'b', '\n', '{"key":"', '\u2028', '\ud800', ''),
  fc.string({ unit: 'grapheme' }),
)
const questions = fc.uniqueArray(fc.tuple(prompt, fc.nat({ max: 2 })), { maxLength: 8, selector: String })

describe('a cached teacher', () => {
  test('gives what the teacher gave, now and ever after, and asks nothing twice', async () => {
    await fc.assert(
      fc.asyncProperty(questions, async (all) => {
        const path = fresh()
        const { teacher, asked } = talker()
        const first = await withCache(path, (cache) => askAll(cached(cache)(teacher), all))
        expect(first).toEqual(await askAll(talker().teacher, all))
        expect(asked).toHaveLength(all.length)
        await withCache(path, async (cache) => {
          expect(cache.size()).toBe(all.length)
          expect(await askAll(cached(cache)(teacher), all)).toEqual(first)
        })
        expect(asked).toHaveLength(all.length)
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('killed anywhere, even within a line, goes on without asking for what it has', async () => {
    await fc.assert(
      fc.asyncProperty(questions, fc.double({ min: 0, max: 1, noNaN: true }), async (all, share) => {
        const path = fresh()
        const { teacher, asked } = talker()
        await withCache(path, (cache) => askAll(cached(cache)(teacher), all))
        const whole = await readFile(path)
        const kept = whole.subarray(0, Math.floor(share * whole.length))
        await writeFile(path, kept)
        const lines = kept.filter((byte) => byte === 10).length
        for (const again of [all.length - lines, 0]) {
          const before = asked.length
          await withCache(path, async (cache) => {
            // What was torn stays as it is, on a line of its own.
            expect(cache.skipped.length).toBeLessThanOrEqual(1)
            const results = await askAll(cached(cache)(teacher), all)
            expect(results.every(E.isRight)).toBe(true)
          })
          expect(asked.length - before).toBe(again)
          expect((await readFile(path)).subarray(0, kept.length)).toEqual(kept)
        }
      }),
      { seed: 2, numRuns: 80 },
    )
  })

  test('keeps no errors', async () => {
    const path = fresh()
    const broken = talker(() => true)
    const mended = talker()
    await withCache(path, async (cache) => {
      expect(await cached(cache)(broken.teacher).ask('a')()).toEqual(E.left({ _tag: 'Aborted' }))
      expect(await cached(cache)(mended.teacher).ask('a')()).toMatchObject({ right: { answer: 'a/0 said 1' } })
    })
  })

  test('asks once for a question that is asked twice at once', async () => {
    const { teacher, asked } = talker()
    await withCache(fresh(), async (cache) => {
      const own = cached(cache)(teacher)
      const [a, b] = await Promise.all([own.ask('a')(), own.ask('a', 0)()])
      expect(a).toEqual(b)
    })
    expect(asked).toEqual(['a/0'])
  })

  test('fails where the disk does, and has not kept what it could not write', async () => {
    const path = fresh()
    const cache = await right(openTraceCache(path))
    await right(cache.close)
    const result = await cached(cache)(talker().teacher).ask('a')()
    expect(result).toMatchObject({ left: { _tag: 'CacheFailure', path } })
    expect(cache.size()).toBe(0)
  })
})

describe('the key', () => {
  test('tells apart what differs in anything that a trace depends on', () => {
    const others: readonly Partial<TeacherSettings>[] = [
      {},
      { model: 'n' },
      { temperature: 0 },
      { maxTokens: 101 },
      { seed: 0 },
      { system: '' },
      { extra: { top_p: 1 } },
      { extra: { top_p: { a: [1, null] } } },
    ]
    const keys = others.flatMap((over) => [
      traceKey({ ...settings, ...over })('a', 0),
      traceKey({ ...settings, ...over })('a', 1),
      traceKey({ ...settings, ...over })('b', 0),
    ])
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys.every((k) => /^[0-9a-f]{64}$/.test(k))).toBe(true)
  })

  test('does not see the order of fields', () => {
    const [x, y] = [
      { p: 1, q: { r: [1], s: 2 } },
      { q: { s: 2, r: [1] }, p: 1 },
    ]
    const { extra: _, ...rest } = settings
    expect(traceKey({ ...settings, extra: x })('a', 0)).toBe(traceKey({ extra: y, ...rest })('a', 0))
  })

  test('is the same for ever: caches outlive versions', () => {
    expect(traceKey(settings)('What is 6 times 7?', 0)).toBe(
      'ed519c8a536b5bb68d6225181df9f6042afc30f818b7652be77cd67ef7dcc112',
    )
  })
})

describe('a file', () => {
  const good = async (): Promise<string> => {
    const path = fresh()
    await withCache(path, (cache) =>
      askAll(cached(cache)(talker().teacher), [
        ['a', 0],
        ['b', 0],
      ]),
    )
    return path
  }

  test.each([
    ['no JSON', '{"key":"abc', 'it is not JSON'],
    ['no record', '[1]', 'record is not an object'],
    ['no key', '{"key":"abc","trace":{}}', 'record.key is not the key of a trace'],
    [
      'no trace',
      `{"key":"${'0'.repeat(64)}","trace":{"think":"","answer":"","text":1}}`,
      'record.trace.text is not a text',
    ],
  ])('with a line that is %s: it is skipped, shown, and left there', async (_, line, reason) => {
    const path = await good()
    await appendFile(path, `${line}\n`)
    const before = await readFile(path)
    await withCache(path, async (cache) => {
      expect(cache.skipped).toEqual([{ line: 3, reason }])
      expect(cache.size()).toBe(2)
      await askAll(cached(cache)(talker().teacher), [['c', 0]])
    })
    expect((await readFile(path)).subarray(0, before.length)).toEqual(before)
    await withCache(path, async (cache) => expect(cache.size()).toBe(3))
  })

  test('with two lines of one key: the earlier counts', async () => {
    const path = await good()
    const [first] = (await readFile(path, 'utf8')).split('\n')
    await appendFile(path, `${first!.replaceAll('a/0 said 1', 'something else')}\n`)
    const { teacher, asked } = talker()
    await withCache(path, async (cache) => {
      expect(await cached(cache)(teacher).ask('a')()).toMatchObject({ right: { answer: 'a/0 said 1' } })
    })
    expect(asked).toEqual([])
  })

  test.each([
    ['a log', '{"kind":"settings","phase":"","step":0}\n', 1],
    ['a text', 'hello\nworld\n', 1],
    ['a text without an end', 'hello', 1],
  ])('that is %s is refused and left as it is', async (_, text, line) => {
    const path = fresh()
    await writeFile(path, text)
    const result = await openTraceCache(path)()
    expect(result).toMatchObject({ left: { _tag: 'NotACache', path, line } })
    expect(E.isLeft(result) && describeTeacherError(result.left)).toContain('left as it is')
    expect(await readFile(path, 'utf8')).toBe(text)
  })

  test('that is a folder is a failure', async () => {
    expect(await openTraceCache(folder)()).toMatchObject({ left: { _tag: 'CacheFailure', code: 'EISDIR' } })
  })

  test('holds no more than it must: one line a trace', async () => {
    const path = await good()
    const lines = (await readFile(path, 'utf8')).split('\n')
    expect(lines).toHaveLength(3)
    expect(Object.keys(JSON.parse(lines[0]!) as object)).toEqual(['key', 'model', 'sample', 'prompt', 'trace'])
  })

  test('written by two processes at once has the lines of both, whole', async () => {
    const path = fresh()
    const program = `
      import { cached, openTraceCache } from './teacher/cache.ts'
      const [name] = process.argv.slice(-1)
      const opened = await openTraceCache(${JSON.stringify(path)})()
      const long = name.repeat(20_000)
      const teacher = { settings: ${JSON.stringify(settings)}, concurrency: 1, ask: (prompt) => async () =>
        ({ _tag: 'Right', right: { think: long, answer: prompt, text: long, finishReason: null, usage: null } }) }
      for (let i = 0; i < 100; i++) await cached(opened.right)(teacher).ask(name + i)()
      await opened.right.close()
    `
    // The children run plain JavaScript, the cache and what it imports in one file.
    const script = join(folder, 'writer.mjs')
    await build({
      stdin: { contents: program, resolveDir: fileURLToPath(new URL('..', import.meta.url)) },
      outfile: script,
      ...{
        bundle: true,
        platform: 'node',
        format: 'esm',
        conditions: ['@adjoint/source'],
        external: ['webgpu', 'koffi'],
      },
    })
    const run = promisify(execFile)
    await Promise.all(['x', 'é'].map((name) => run(process.execPath, [script, name])))
    await withCache(path, async (cache) => {
      expect(cache.skipped).toEqual([])
      expect(cache.size()).toBe(200)
    })
    expect((await stat(path)).size).toBeGreaterThan(200 * 40_000)
  })
})
