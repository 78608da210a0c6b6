/**
 * What a teacher said, kept on disk: a run that was killed goes on without asking for again what it has, and one that has
 * ended is repeated without asking at all.
 *
 * The file is JSON lines, append-only: nothing in it is ever overwritten. A line is keyed by the SHA-256 of all that its trace
 * depends on, {@link TeacherSettings}, prompt and sample; not by keys, addresses or how many requests go out at once, so that a
 * server which moved is not asked again. Each line goes out in one write to a file opened for appending, which the system
 * does not mix with another process's: two processes may share a file, at worst they both ask for the same and the earlier
 * line counts. A write that was torn (a kill, a full disk) spoils its own line only. Such lines are skipped and shown in
 * `skipped`, rather than refused: what is lost is one answer, which is asked for again. A file without any good line among
 * its whole ones is refused, for it is something else. Writes are not synced: a power cut may lose the last lines.
 */
import { createHash, type FileHandle, open, readFile } from '#system'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { decodeIf, number, orNull, structOf, text } from '../run/decode.ts'
import type { Json } from '../run/log.ts'
import type { TeacherError } from './errors.ts'
import type { Teacher, TeacherSettings, Trace, Usage } from './teacher.ts'
import { twin } from '../or-throw.ts'

/** A line that is none, counted from 1. */
export interface SkippedLine {
  readonly line: number
  readonly reason: string
}

/** An open cache. */
export interface TraceCache {
  readonly path: string
  /** Traces in it. */
  readonly size: () => number
  /** Lines that could not be read; whoever opens a cache should tell of them. */
  readonly skipped: readonly SkippedLine[]
  /** The trace of a key of {@link traceKey}; null where it is not there. */
  readonly get: (key: string) => Trace | null
  /** Appends a line, unless the key has a trace. */
  readonly put: (key: string, trace: Trace, about: CachedQuestion) => TE.TaskEither<TeacherError, void>
  readonly close: TE.TaskEither<TeacherError, void>
}

/** Kept in a line for its readers; the key says the same. */
export interface CachedQuestion {
  readonly model: string
  readonly prompt: string
  readonly sample: number
}

/** The same text for values that differ in the order of their fields only. */
const canonical = (value: Json): string => {
  if (Array.isArray(value)) return `[${(value as readonly Json[]).map(canonical).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value as { readonly [key: string]: Json })
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, v]) => `${JSON.stringify(name)}:${canonical(v)}`)
      .join(',')}}`
  return JSON.stringify(value)
}

/**
 * The key of a trace: SHA-256, in hex, of settings, prompt and sample.
 *
 * @example
 * ```ts
 * import { traceKey } from '@adjoint/rl'
 * const settings = { model: 'deepseek-r1', temperature: 0.6, maxTokens: 4096, seed: null, system: null, extra: {} }
 * traceKey(settings)('What is 6 times 7?', 0).length // 64
 * ```
 */
export const traceKey =
  ({ model, temperature, maxTokens, seed, system, extra }: TeacherSettings) =>
  (prompt: string, sample: number): string =>
    createHash('sha256')
      .update(canonical({ model, temperature, maxTokens, seed, system, extra, prompt, sample }))
      .digest('hex')

const isKey = (x: unknown): x is string => typeof x === 'string' && /^[0-9a-f]{64}$/.test(x)

const decodeLine = structOf<{ readonly key: string; readonly trace: Trace }>({
  key: decodeIf(isKey, 'the key of a trace'),
  trace: structOf<Trace>({
    think: text,
    answer: text,
    text,
    finishReason: orNull(text),
    usage: orNull(structOf<Usage>({ prompt: number, completion: number, reasoning: orNull(number) })),
  }),
})

const parseLine = (line: string) =>
  pipe(
    E.tryCatch(
      () => JSON.parse(line) as unknown,
      () => 'it is not JSON',
    ),
    E.flatMap((value) => decodeLine(value, 'record')),
  )

// What every line begins with, and so what a torn one may hold.
const HEAD = '{"key":"'

interface Content {
  readonly traces: Map<string, Trace>
  readonly skipped: readonly SkippedLine[]
  /** Whether the file ends within a line. */
  readonly torn: boolean
}

const NEWLINE = 10

const readContent = (path: string, bytes: Buffer): E.Either<TeacherError, Content> => {
  const traces = new Map<string, Trace>()
  const skipped: SkippedLine[] = []
  let [from, line] = [0, 0]
  for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, from)) {
    line++
    const text = bytes.toString('utf8', from, end)
    from = end + 1
    // Two processes that both mend a torn end leave an empty line.
    if (text === '') continue
    const parsed = parseLine(text)
    if (E.isLeft(parsed)) skipped.push({ line, reason: parsed.left })
    // The first one counts: what was read once stays what it was.
    else if (!traces.has(parsed.right.key)) traces.set(parsed.right.key, parsed.right.trace)
  }
  const rest = bytes.toString('utf8', from)
  const first = skipped[0]
  if (traces.size === 0 && first !== undefined && !bytes.toString('utf8', 0, HEAD.length).startsWith(HEAD))
    return E.left({ _tag: 'NotACache', path, ...first })
  if (traces.size === 0 && first === undefined && !HEAD.startsWith(rest.slice(0, HEAD.length)))
    return E.left({ _tag: 'NotACache', path, line: line + 1, reason: 'it is no record' })
  return E.right({ traces, skipped, torn: rest !== '' })
}

const cacheFailure =
  (path: string) =>
  (thrown: unknown): TeacherError => ({
    _tag: 'CacheFailure',
    path,
    code: thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : 'unknown',
    reason: thrown instanceof Error ? thrown.message : String(thrown),
  })

/** Appends texts one after the other, each in one write. */
const appender = (file: FileHandle, startsTorn: boolean): ((line: string) => Promise<void>) => {
  let torn = startsTorn
  let tail = Promise.resolve()
  const write = async (line: string): Promise<void> => {
    const bytes = Buffer.from(`${torn ? '\n' : ''}${line}\n`)
    const { bytesWritten } = await file.write(bytes)
    torn = bytesWritten < bytes.length && (torn || bytesWritten > 0)
    if (bytesWritten < bytes.length)
      throw Object.assign(new Error(`only ${bytesWritten} of ${bytes.length} bytes were written`), { code: 'ENOSPC' })
  }
  return (line) => {
    const done = tail.then(() => write(line))
    // The next one is tried whatever became of this.
    tail = done.catch(() => undefined)
    return done
  }
}

/**
 * Opens a cache; a new one is made where there is no file. Left: CacheFailure; NotACache where the file is something else.
 *
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { openTraceCache } from '@adjoint/rl'
 * const cache = await openTraceCache(join(await mkdtemp(join(tmpdir(), 'traces-')), 'traces.jsonl'))()
 * if (cache._tag === 'Right') {
 *   cache.right.size() // 0
 *   await cache.right.close()
 * }
 * ```
 */
export const openTraceCache = (path: string): TE.TaskEither<TeacherError, TraceCache> => {
  const attempt = <A>(run: () => Promise<A>): TE.TaskEither<TeacherError, A> => TE.tryCatch(run, cacheFailure(path))
  const opened = (file: FileHandle, { traces, skipped, torn }: Content): TraceCache => {
    const append = appender(file, torn)
    return {
      path,
      size: () => traces.size,
      skipped,
      get: (key) => traces.get(key) ?? null,
      put: (key, trace, { model, prompt, sample }) =>
        traces.has(key)
          ? TE.right(undefined)
          : attempt(async () => {
              await append(JSON.stringify({ key, model, sample, prompt, trace }))
              traces.set(key, trace)
            }),
      close: attempt(() => file.close()),
    }
  }
  return pipe(
    attempt(() => open(path, 'a')),
    TE.flatMap((file) =>
      pipe(
        attempt(() => readFile(path)),
        TE.flatMapEither((bytes) => readContent(path, bytes)),
        TE.map((content) => opened(file, content)),
        TE.tapError(() => attempt(() => file.close())),
      ),
    ),
  )
}

/**
 * {@link openTraceCache} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong. The cache itself is a record of
 * tasks, which `orThrow` runs.
 *
 * @example
 * ```ts
 * import { openTraceCacheAsync, orThrow } from '@adjoint/rl'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const cache = await openTraceCacheAsync(join(mkdtempSync(join(tmpdir(), 'traces-')), 'traces.jsonl'))
 * console.log(cache.size()) // 0
 * await orThrow(cache.close)
 * ```
 */
export const openTraceCacheAsync = /* @__PURE__ */ twin(openTraceCache)

/**
 * The teacher, asked for what the cache does not have; what it says is in the cache before it is given. The same question
 * asked twice at once is one question. `cached(cache)(teacher)` gives what `teacher` gave, and errors are not kept.
 *
 * @example
 * ```ts
 * import { cached, endpointTeacher, openTraceCache } from '@adjoint/rl'
 * import { map } from 'fp-ts/lib/TaskEither.js'
 * const teacher = endpointTeacher({ baseUrl: 'http://localhost:8000/v1', model: 'deepseek-r1', temperature: 0.6, maxTokens: 4096 })
 * const resumable = map((cache: Parameters<typeof cached>[0]) => cached(cache)(teacher))(openTraceCache('traces.jsonl'))
 * ```
 */
export const cached =
  (cache: TraceCache) =>
  (teacher: Teacher): Teacher => {
    const keyOf = traceKey(teacher.settings)
    const asking = new Map<string, Promise<E.Either<TeacherError, Trace>>>()
    const fetched = (key: string, prompt: string, sample: number): TE.TaskEither<TeacherError, Trace> =>
      pipe(
        teacher.ask(prompt, sample),
        TE.tap((trace) => cache.put(key, trace, { model: teacher.settings.model, prompt, sample })),
      )
    return {
      ...teacher,
      ask:
        (prompt, sample = 0) =>
        () => {
          const key = keyOf(prompt, sample)
          const known = cache.get(key)
          if (known !== null) return Promise.resolve(E.right(known))
          const running = asking.get(key) ?? fetched(key, prompt, sample)().finally(() => asking.delete(key))
          asking.set(key, running)
          return running
        },
    }
  }
