/**
 * The log of a run: JSON lines, append-only. It holds what the run computed and nothing of the clock, so that two runs of
 * one seed on one device write the same bytes; times go to a log of their own. A run that was killed leaves whole lines
 * and at most one torn one: resuming keeps the lines that its checkpoint knows of, and appends after them.
 */
import { open, readFile, truncate } from '#system'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as O from 'fp-ts/lib/Option.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { fileFailure, type RunError } from './errors.ts'
import { twin } from '../or-throw.ts'

/** A JSON value. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** @internal Whether JSON has nothing for a value: `JSON.stringify` leaves a field of it out. */
export const leftOut = (value: unknown): boolean => ['undefined', 'function', 'symbol'].includes(typeof value)

/** One line: what it is about, and when in the run it was written. */
export type LogRecord = {
  /** What the line holds: 'settings', 'step', 'evaluation', 'sample'. The latter two are those of evaluate/record.ts. */
  readonly kind: string
  readonly phase: string
  /** Steps of the phase that were done before this line was written, from 0. */
  readonly step: number
  readonly [key: string]: Json
}

/** An open log. */
export interface Log {
  /** Writes lines, whole. */
  readonly append: (records: readonly LogRecord[]) => TE.TaskEither<RunError, void>
  /** Lines so far, what was kept of an earlier run included. */
  readonly lines: () => number
  /** Waits until all lines are on the disk. */
  readonly sync: TE.TaskEither<RunError, void>
  readonly close: TE.TaskEither<RunError, void>
}

/** @internal A record as it is written. JSON has no NaN and no infinity: an absent number is null. */
export const line = (record: LogRecord): string => `${JSON.stringify(record)}\n`

const attempt = <A>(path: string, run: () => Promise<A>): TE.TaskEither<RunError, A> =>
  TE.tryCatch(run, fileFailure(path))

/** @internal A log on whatever `path` is, which holds `before` lines already. */
export const openLog = (path: string, flags: 'wx' | 'w' | 'a', before: number): TE.TaskEither<RunError, Log> =>
  pipe(
    attempt(path, () => open(path, flags)),
    TE.map((file) => {
      let lines = before
      return {
        append: (records) =>
          attempt(path, async () => {
            await file.appendFile(records.map(line).join(''))
            lines += records.length
          }),
        lines: () => lines,
        sync: attempt(path, () => file.sync()),
        close: attempt(path, () => file.close()),
      }
    }),
  )

/**
 * A new log. Left FileFailure where the file exists already: nothing is overwritten.
 *
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { createLog, readLog } from '@adjoint/rl'
 * const path = join(await mkdtemp(join(tmpdir(), 'log-')), 'log.jsonl')
 * const log = await createLog(path)()
 * if (log._tag === 'Right') {
 *   await log.right.append([{ kind: 'step', phase: 'sft', step: 0, loss: 3.04 }])()
 *   await log.right.close()
 * }
 * const records = await readLog(path)() // Right [{ kind: 'step', .. }]
 * ```
 */
export const createLog = (path: string): TE.TaskEither<RunError, Log> => openLog(path, 'wx', 0)

/**
 * {@link createLog} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong. The log itself is a record of tasks,
 * which `orThrow` runs.
 *
 * @example
 * ```ts
 * import { createLogAsync, orThrow } from '@adjoint/rl'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * const log = await createLogAsync(join(mkdtempSync(join(tmpdir(), 'log-')), 'log.jsonl'))
 * await orThrow(log.append([{ kind: 'step', phase: 'sft', step: 0, loss: 3.04 }]))
 * await orThrow(log.close)
 * ```
 */
export const createLogAsync = /* @__PURE__ */ twin(createLog)

const isRecord = (value: unknown): value is LogRecord =>
  typeof value === 'object' &&
  value !== null &&
  'kind' in value &&
  typeof value.kind === 'string' &&
  'phase' in value &&
  typeof value.phase === 'string' &&
  'step' in value &&
  typeof value.step === 'number'

/**
 * The record that a line of a log holds; None for a line that is no record.
 *
 * @example
 * ```ts
 * import { parseRecord } from '@adjoint/rl'
 * parseRecord('{"kind":"step","phase":"sft","step":0}') // Some { kind: 'step', phase: 'sft', step: 0 }
 * parseRecord('{"kind":"st') // None
 * ```
 */
export const parseRecord = (line: string): O.Option<LogRecord> =>
  pipe(
    O.tryCatch(() => JSON.parse(line) as unknown),
    O.filter(isRecord),
  )

const parseLine = (path: string, text: string, number: number): E.Either<RunError, LogRecord> => {
  const corrupt = (): RunError => ({
    _tag: 'CorruptCheckpoint',
    path,
    reason: `line ${number} is no record of a log`,
  })
  return pipe(parseRecord(text), E.fromOption(corrupt))
}

/** The whole lines of a text; a last line without its end was torn by a kill, and is no line. */
const wholeLines = (text: string): readonly string[] => text.split('\n').slice(0, -1)

/**
 * The records of a log, in order; a torn last line is left out.
 *
 * @example
 * ```ts
 * import { readLog } from '@adjoint/rl'
 * const missing = await readLog('no/such/log.jsonl')() // Left { _tag: 'FileFailure', code: 'ENOENT', .. }
 * ```
 */
export const readLog = (path: string): TE.TaskEither<RunError, readonly LogRecord[]> =>
  pipe(
    attempt(path, () => readFile(path, 'utf8')),
    TE.flatMapEither((text) =>
      E.traverseArray((l: readonly [string, number]) => parseLine(path, l[0], l[1]))(
        wholeLines(text).map((l, i) => [l, i + 1] as const),
      ),
    ),
  )

/**
 * {@link readLog} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { readLogAsync, RlFailure } from '@adjoint/rl'
 * const records = readLogAsync('no/such/log.jsonl')
 * await records.catch((thrown) => console.log(thrown instanceof RlFailure && thrown.error)) // { _tag: 'FileFailure', .. }
 * ```
 */
export const readLogAsync = /* @__PURE__ */ twin(readLog)

/**
 * Opens the log of an earlier run, cut to its first `lines` lines: what was written after its checkpoint goes, and the
 * resumed run writes it again. Left CorruptCheckpoint, with the file left as it is, where it has fewer lines.
 *
 * @example
 * ```ts
 * import { resumeLog } from '@adjoint/rl'
 * const missing = await resumeLog('no/such/log.jsonl', 10)() // Left { _tag: 'FileFailure', .. }
 * ```
 */
export const resumeLog = (path: string, lines: number): TE.TaskEither<RunError, Log> =>
  pipe(
    attempt(path, () => readFile(path, 'utf8')),
    TE.flatMapEither((text) => {
      const whole = wholeLines(text)
      return whole.length < lines
        ? E.left<RunError, number>({
            _tag: 'CorruptCheckpoint',
            path,
            reason: `it has ${whole.length} lines, and the checkpoint was made after ${lines}`,
          })
        : E.right(whole.slice(0, lines).reduce((bytes, l) => bytes + Buffer.byteLength(l) + 1, 0))
    }),
    TE.flatMap((bytes) => attempt(path, () => truncate(path, bytes))),
    TE.flatMap(() => openLog(path, 'a', lines)),
  )

/**
 * {@link resumeLog} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { resumeLogAsync, RlFailure } from '@adjoint/rl'
 * const log = resumeLogAsync('no/such/log.jsonl', 10)
 * await log.catch((thrown) => console.log(thrown instanceof RlFailure && thrown.error)) // { _tag: 'FileFailure', .. }
 * ```
 */
export const resumeLogAsync = /* @__PURE__ */ twin(resumeLog)
