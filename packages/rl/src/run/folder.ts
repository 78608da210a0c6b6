/**
 * The folder of a run: `log.jsonl` (what was computed), `times.jsonl` (what it took, in ms), `checkpoint.safetensors`, and a
 * lock as long as it runs. Opening it says how the run stands, whatever killed it before:
 *
 *     log of these settings   checkpoint   it was killed ..            it
 *     none                    none         before it wrote anything    begins
 *     its first line, or less none         before its first checkpoint begins
 *     any                     there        later                       goes on from the checkpoint
 *
 * Anything else is damaged, or another's, and is left as it is.
 */
import { access, join, readdir, readFile } from '#system'
import { type CheckpointError, clearParts, loadCheckpoint, saveCheckpoint } from '@adjoint/nn'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { fileFailure, type RunError } from './errors.ts'
import type { StateCodec } from './state.ts'
import { type Held, isLockFile, lockFolder } from './lock.ts'
import { type Json, leftOut, line, type Log, type LogRecord, openLog, readLog, resumeLog } from './log.ts'

/** Where a run stands: `step` steps of phase number `phase` are done. */
export interface Position {
  readonly phase: number
  readonly step: number
}

/** What is to be opened. */
export interface FolderConfig<S> {
  readonly folder: string
  readonly settings: { readonly [key: string]: Json }
  readonly codec: StateCodec<S>
  /** The states at which the phases start: the shapes of their checkpoints. There is at least one. */
  readonly templates: readonly S[]
}

/**
 * Whether a run goes on with what its folder holds.
 *
 * - false: the folder must hold no run, or one that was killed before its first checkpoint.
 * - true: it must hold one, killed at any moment or ended.
 * - 'where begun': it goes on where there is one, and begins where there is none.
 */
export type Resume = boolean | 'where begun'

/** An open folder. */
export interface OpenFolder<S> {
  /** Whether it held a run already, which goes on. */
  readonly resumed: boolean
  readonly position: Position
  readonly state: S
  readonly log: Log
  readonly times: Log
  /** Writes the checkpoint, once the logs are on the disk. */
  readonly save: (state: S, position: Position) => TE.TaskEither<RunError, void>
  /** Closes all of it, whatever fails, and says what failed first. */
  readonly close: TE.TaskEither<RunError, void>
}

const checkpointFailure = (path: string, error: CheckpointError): RunError => {
  switch (error._tag) {
    case 'Corrupt':
    case 'Mismatch':
    case 'Unsupported':
    case 'Format':
      return corrupt(path, error.message)
    case 'Device':
      return { _tag: 'DeviceFailed', error: error.error }
    case 'MissingFile':
    case 'NoSpace':
    case 'FileSystem':
      return { _tag: 'FileFailure', path, code: error._tag, reason: error.message }
  }
}

const corrupt = (path: string, reason: string): RunError => ({ _tag: 'CorruptCheckpoint', path, reason })

/** What a checkpoint says besides its tensors. */
interface Metadata extends Position {
  readonly logLines: number
  readonly timesLines: number
  readonly data: Json
}

const isCount = (x: unknown): x is number => typeof x === 'number' && Number.isInteger(x) && x >= 0

const decodeMetadata = (path: string, value: unknown): E.Either<RunError, Metadata> => {
  if (typeof value === 'object' && value !== null) {
    const { phase, step, logLines, timesLines, data } = value as Readonly<Record<string, unknown>>
    if (isCount(phase) && isCount(step) && isCount(logLines) && isCount(timesLines) && data !== undefined)
      // Metadata is what JSON.parse gave.
      return E.right({ phase, step, logLines, timesLines, data: data as Json })
  }
  return E.left(corrupt(path, 'its metadata is not that of a run'))
}

interface Loaded<S> {
  readonly state: S
  readonly metadata: Metadata
}

/** The checkpoint on disk. Its tensors are those of the phase it was made in: the templates are tried in turn. */
const load =
  <S>(path: string, { codec, templates }: FolderConfig<S>): TE.TaskEither<RunError, Loaded<S>> =>
  async () => {
    let problem = corrupt(path, 'it is of no phase of this run')
    for (const [phase, template] of templates.entries()) {
      const loaded = await loadCheckpoint({ path })(codec.tensors(template))()
      if (E.isLeft(loaded)) {
        problem = checkpointFailure(path, loaded.left)
        if (problem._tag === 'CorruptCheckpoint') continue
        return E.left(problem)
      }
      const metadata = decodeMetadata(path, loaded.right.metadata)
      if (E.isLeft(metadata)) return metadata
      // Two phases may share a structure; the metadata decides.
      if (metadata.right.phase !== phase) continue
      return pipe(
        codec.restore(loaded.right.tree, metadata.right.data),
        E.bimap(
          (reason) => corrupt(path, reason),
          (state) => ({ state, metadata: metadata.right }),
        ),
      )
    }
    return E.left(problem)
  }

const startOf = <S>(state: S): Loaded<S> => ({
  state,
  metadata: { phase: 0, step: 0, logLines: 0, timesLines: 0, data: null },
})

/** @internal The first line of a log. */
export const settingsLine = (settings: { readonly [key: string]: Json }): LogRecord => ({
  ...settings,
  kind: 'settings',
  phase: '',
  step: 0,
})

const showField = (record: LogRecord, name: string): string =>
  Object.hasOwn(record, name) ? JSON.stringify(record[name]) : 'nothing'

/** Left where the log's first line is not that of these settings, naming the first that differs. */
const checkSettings = (path: string, found: LogRecord, wanted: LogRecord): E.Either<RunError, void> => {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])]
  const name = names.find((n) => showField(found, n) !== showField(wanted, n))
  return name === undefined
    ? E.right(undefined)
    : E.left({ _tag: 'OtherSettings', path, name, found: showField(found, name), wanted: showField(wanted, name) })
}

/** @internal The files of a run. */
export const filesOf = (folder: string) => ({
  log: join(folder, 'log.jsonl'),
  times: join(folder, 'times.jsonl'),
  checkpoint: join(folder, 'checkpoint.safetensors'),
})

/** The text of a file; null where there is none. */
const textOf = (path: string): TE.TaskEither<RunError, string | null> =>
  pipe(
    TE.tryCatch(() => readFile(path, 'utf8'), fileFailure(path)),
    TE.orElse((error) => (error._tag === 'FileFailure' && error.code === 'ENOENT' ? TE.right(null) : TE.left(error))),
  )

const isThere = (path: string): TE.TaskEither<RunError, boolean> =>
  pipe(
    TE.tryCatch(() => access(path), fileFailure(path)),
    TE.map(() => true),
    TE.orElse((error) => (error._tag === 'FileFailure' && error.code === 'ENOENT' ? TE.right(false) : TE.left(error))),
  )

const missing = (folder: string): RunError => ({
  _tag: 'FileFailure',
  path: filesOf(folder).log,
  code: 'NoRun',
  reason: 'no such file',
})

const occupied = (path: string): RunError => ({
  _tag: 'FileFailure',
  path,
  code: 'HasRun',
  reason: 'the folder holds a run already',
})

/** How a run stands: it is to begin, over what is left of its beginning or in a folder without one, or to go on. */
type Standing = 'nothing' | 'beginning' | 'going on'

/** How the run of these settings stands in its folder. Left where what is there is damaged or another's. */
const standingOf = <S>({ folder, settings }: FolderConfig<S>, resume: Resume): TE.TaskEither<RunError, Standing> => {
  const path = filesOf(folder)
  const first = settingsLine(settings)
  return pipe(
    TE.Do,
    TE.bind('text', () => textOf(path.log)),
    TE.bind('times', () => textOf(path.times)),
    TE.bind('saved', () => isThere(path.checkpoint)),
    TE.flatMap(({ text, times, saved }): TE.TaskEither<RunError, Standing> => {
      if (text === null && saved) return TE.left(corrupt(path.checkpoint, 'its log is missing'))
      if (!saved && line(first).startsWith(text ?? ''))
        // No time is written before the first checkpoint.
        return (times ?? '') === '' ? TE.right(text === null ? 'nothing' : 'beginning') : TE.left(occupied(path.times))
      if (resume === false) return TE.left(occupied(path.log))
      return pipe(
        readLog(path.log),
        TE.flatMapEither((records): E.Either<RunError, Standing> => {
          const found = records[0]
          if (found === undefined) return E.left(corrupt(path.log, 'its first line is torn, and of other settings'))
          const checked = checkSettings(path.log, found, first)
          if (E.isLeft(checked)) return checked
          return saved
            ? E.right('going on')
            : E.left(corrupt(folder, `its log has ${records.length} lines, and its checkpoint is missing`))
        }),
      )
    }),
  )
}

/** One after the other, all of them; the first failure. */
const closeAll =
  (each: readonly TE.TaskEither<RunError, void>[]): TE.TaskEither<RunError, void> =>
  async () => {
    let outcome: E.Either<RunError, void> = E.right(undefined)
    for (const close of each) {
      const closed = await close()
      if (E.isRight(outcome)) outcome = closed
    }
    return outcome
  }

/** A writer of checkpoints. What is on the disk of the logs is then at least what the checkpoint counts. */
const saving =
  <S>(path: string, codec: StateCodec<S>, log: Log, times: Log): OpenFolder<S>['save'] =>
  (state, { phase, step }) =>
    pipe(
      log.sync,
      TE.flatMap(() => times.sync),
      TE.flatMap(() => {
        const data = codec.data(state)
        // JSON leaves it out, and a checkpoint without data is not one of a run.
        if (leftOut(data))
          throw new TypeError(
            `run: the codec's \`data\` gave ${typeof data} for a state of phase number ${phase}, step ${step}, which JSON has ` +
              'not. Give null where a state has no data beside its tensors.',
          )
        const metadata: Metadata = { phase, step, logLines: log.lines(), timesLines: times.lines(), data }
        return TE.mapLeft((error: CheckpointError) => checkpointFailure(path, error))(
          saveCheckpoint({ path, metadata })(codec.tensors(state)),
        )
      }),
    )

/** Where a folder without a run holds something else, it is not one that a kill left: its name may be mistyped. */
const demandOwn = (folder: string, held: Held): TE.TaskEither<RunError, void> =>
  pipe(
    TE.tryCatch(() => readdir(folder), fileFailure(folder)),
    TE.flatMap((names) => (held.inherited || names.every(isLockFile) ? TE.right(undefined) : TE.left(missing(folder)))),
  )

/** The folder, made where it is missing, for this process alone; with `resume` it must be there. */
const take = (folder: string, resume: Resume): TE.TaskEither<RunError, Held> =>
  pipe(
    resume === true ? isThere(folder) : TE.right(true),
    TE.flatMap((there) => (there ? lockFolder(folder) : TE.left(missing(folder)))),
  )

/**
 * @internal Opens the folder for one run alone, at the state it is to go on from. Left Locked where another has it, and
 * whatever the table above has not; then nothing was changed. What the codec throws is thrown on, and all is closed first.
 */
export const openFolder =
  <S>(config: FolderConfig<S>) =>
  (resume: Resume): TE.TaskEither<RunError, OpenFolder<S>> =>
  async () => {
    const { folder, settings, codec, templates } = config
    const path = filesOf(folder)
    const opened: TE.TaskEither<RunError, void>[] = []
    const opening = <A>(task: TE.TaskEither<RunError, A>, close: (a: A) => TE.TaskEither<RunError, void>) =>
      TE.tapIO((a: A) => () => opened.unshift(close(a)))(task)
    const closing = ({ close }: Log) => close

    const logs = (standing: Standing, { logLines, timesLines }: Pick<Metadata, 'logLines' | 'timesLines'>) =>
      standing === 'going on'
        ? { log: resumeLog(path.log, logLines), times: resumeLog(path.times, timesLines) }
        : { log: openLog(path.log, standing === 'nothing' ? 'wx' : 'w', 0), times: openLog(path.times, 'w', 0) }

    const open = pipe(
      opening(take(folder, resume), ({ release }) => release),
      TE.bindTo('held'),
      TE.bind('how', () => standingOf(config, resume)),
      TE.tap(({ how, held }) => (how === 'nothing' && resume === true ? demandOwn(folder, held) : TE.right(undefined))),
      TE.bind('loaded', ({ how }) =>
        how === 'going on' ? load(path.checkpoint, config) : TE.right(startOf<S>(templates[0]!)),
      ),
      TE.tap(() => TE.tryCatch(() => clearParts(path.checkpoint), fileFailure(folder))),
      TE.bind('log', ({ how, loaded }) => opening(logs(how, loaded.metadata).log, closing)),
      TE.bind('times', ({ how, loaded }) => opening(logs(how, loaded.metadata).times, closing)),
      TE.bind('save', ({ log, times }) => TE.right(saving(path.checkpoint, codec, log, times))),
      TE.tap(({ how, log, save, loaded: { state, metadata } }) =>
        how === 'going on'
          ? TE.right(undefined)
          : TE.flatMap(() => save(state, metadata))(log.append([settingsLine(settings)])),
      ),
    )
    const outcome = await open().catch(async (thrown: unknown) => {
      await closeAll(opened)()
      throw thrown
    })
    if (E.isLeft(outcome)) {
      await closeAll(opened)()
      return outcome
    }
    const { how, loaded, log, times, save } = outcome.right
    const resumed = how === 'going on'
    return E.right({
      resumed,
      position: loaded.metadata,
      state: loaded.state,
      log,
      times,
      save,
      close: closeAll(opened),
    })
  }
