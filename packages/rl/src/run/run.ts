/**
 * A run as a fold over steps. Its state is a value: a tree of tensors and a position, and the key of a step follows from
 * the run's seed and the position; so resuming is starting from a value, and a run that was killed and resumed writes the
 * log of one that was not. Its folder holds `log.jsonl` (what was computed), `times.jsonl` (what it took, in ms) and
 * `checkpoint.safetensors`.
 */
import { type CheckpointError, loadCheckpoint, saveCheckpoint } from '@adjoint/nn'
import type { Tree } from '@adjoint/tensor'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { fileFailure, type RunError } from './errors.ts'
import { createLog, type Json, type Log, type LogRecord, readLog, resumeLog } from './log.ts'
import { firstNonFinite, type Metrics } from './metrics.ts'
import { foldIn, type HostKey, hostKey } from './keys.ts'

/** Where a run stands: `step` steps of phase number `phase` are done. */
export interface Position {
  readonly phase: number
  readonly step: number
}

/** What a step of a phase gives. */
export interface PhaseStep<S> {
  readonly state: S
  /** Logged as a line of kind 'step', where there are any. One that is NaN or infinite ends the run, before anything is written. */
  readonly metrics: Metrics
  /** Further lines: evaluations, samples. */
  readonly records?: readonly { readonly kind: string; readonly [key: string]: Json }[]
  /** For the log of times, ms. */
  readonly times?: Metrics
}

/** A stage of a run. */
export interface Phase<S extends Tree> {
  readonly name: string
  readonly steps: number
  /** The state at its start, from that at the end of the phase before. Pure. */
  readonly enter: (state: S) => S
  /** Step number `step`, from 0; all its randomness comes from `key`. */
  readonly advance: (
    state: S,
    at: { readonly step: number; readonly key: HostKey },
  ) => TE.TaskEither<RunError, PhaseStep<S>>
}

/** What an observer (a progress bar) is told after each step. */
export interface Progress {
  readonly phase: string
  /** Steps done, of `steps`. */
  readonly step: number
  readonly steps: number
  readonly metrics: Metrics
  readonly times: Metrics
}

/** A run. */
export interface RunConfig<S extends Tree> {
  /** The folder of the run; it is made where it is missing. */
  readonly folder: string
  readonly seed: number
  readonly phases: readonly Phase<S>[]
  /** Steps between two checkpoints; there is one at the end of each phase too. */
  readonly checkpointEvery: number
  /** What the run was started with: the first line of its log. A run is resumed with the same one only. */
  readonly settings: { readonly [key: string]: Json }
  /** Told after each step, once its record is written. */
  readonly observe?: (progress: Progress) => void
}

const checkpointFailure = (path: string, error: CheckpointError): RunError => {
  switch (error._tag) {
    case 'Corrupt':
    case 'Mismatch':
    case 'Unsupported':
      return { _tag: 'CorruptCheckpoint', path, reason: error.message }
    case 'Device':
      return { _tag: 'DeviceFailed', error: error.error }
    case 'MissingFile':
    case 'NoSpace':
    case 'FileSystem':
      return { _tag: 'FileFailure', path, code: error._tag, reason: error.message }
  }
}

/** What a checkpoint says besides its tensors. */
interface Metadata extends Position {
  readonly logLines: number
  readonly timesLines: number
}

const isCount = (x: unknown): x is number => typeof x === 'number' && Number.isInteger(x) && x >= 0

const decodeMetadata = (path: string, value: unknown): E.Either<RunError, Metadata> => {
  if (typeof value === 'object' && value !== null) {
    const { phase, step, logLines, timesLines } = value as Readonly<Record<string, unknown>>
    if (isCount(phase) && isCount(step) && isCount(logLines) && isCount(timesLines))
      return E.right({ phase, step, logLines, timesLines })
  }
  return E.left({ _tag: 'CorruptCheckpoint', path, reason: 'its metadata is not that of a run' })
}

interface Opened<S> {
  readonly position: Position
  readonly state: S
  readonly log: Log
  readonly times: Log
}

/** The checkpoint on disk. Its tree is that of the phase it was made in: the templates are tried in turn. */
const load = <S extends Tree>(
  path: string,
  templates: readonly S[],
): TE.TaskEither<RunError, { readonly state: S; readonly metadata: Metadata }> =>
  templates.reduceRight<TE.TaskEither<RunError, { readonly state: S; readonly metadata: Metadata }>>(
    (otherwise, template, phase) =>
      pipe(
        loadCheckpoint({ path })(template),
        TE.mapLeft((error) => checkpointFailure(path, error)),
        TE.flatMap(({ tree, metadata }) =>
          pipe(
            TE.fromEither(decodeMetadata(path, metadata)),
            // Two phases may share a structure; the metadata decides.
            TE.map((m) => ({ state: tree, metadata: m, here: m.phase === phase })),
          ),
        ),
        TE.flatMap(({ here, ...found }) => (here ? TE.right(found) : otherwise)),
        TE.orElse((error) =>
          error._tag === 'CorruptCheckpoint' && phase < templates.length - 1 ? otherwise : TE.left(error),
        ),
      ),
    TE.left({ _tag: 'CorruptCheckpoint', path, reason: 'it is of no phase of this run' }),
  )

const paths = (folder: string) => ({
  log: join(folder, 'log.jsonl'),
  times: join(folder, 'times.jsonl'),
  checkpoint: join(folder, 'checkpoint.safetensors'),
})

const settingsLine = (settings: { readonly [key: string]: Json }): LogRecord => ({
  ...settings,
  kind: 'settings',
  phase: '',
  step: 0,
})

/** Left where the log's first line is not that of these settings, naming the first that differs. */
const checkSettings = (path: string, found: LogRecord | undefined, wanted: LogRecord): E.Either<RunError, void> => {
  const names = [...new Set([...Object.keys(wanted), ...Object.keys(found ?? {})])]
  const differs = names.find((name) => JSON.stringify(found?.[name]) !== JSON.stringify(wanted[name]))
  return differs === undefined
    ? E.right(undefined)
    : E.left({
        _tag: 'CorruptCheckpoint',
        path,
        reason: `the run was started with ${differs} = ${JSON.stringify(found?.[differs])}, and is resumed with ${JSON.stringify(wanted[differs])}`,
      })
}

/** The states at which phases start, as expressions: the shapes of their checkpoints. */
const templatesOf = <S extends Tree>(phases: readonly Phase<S>[], initial: S): readonly S[] => {
  const templates: S[] = []
  for (const phase of phases) templates.push(phase.enter(templates.at(-1) ?? initial))
  return templates
}

/**
 * Runs all phases from `initial`, or with `resume` from the folder's checkpoint, and gives the last state.
 *
 * Left: FileFailure where a new run's folder holds a log already, or the disk is full; CorruptCheckpoint where what is
 * resumed cannot be read, or was started with other settings; NonFinite where a metric is NaN or infinite (the checkpoint
 * then is the last good one); whatever a step gives. Nothing is overwritten but the run's own checkpoint, and that
 * atomically.
 *
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { run, type Phase } from '@adjoint/rl'
 * import { add, scalar, type Scalar } from '@adjoint/tensor'
 * import * as TE from 'fp-ts/lib/TaskEither.js'
 * const count: Phase<Scalar> = {
 *   name: 'count',
 *   steps: 3,
 *   enter: (x) => x,
 *   advance: (x) => TE.right({ state: add(x, 1), metrics: { done: 1 } }),
 * }
 * const folder = await mkdtemp(join(tmpdir(), 'run-'))
 * const config = { folder, seed: 0, phases: [count], checkpointEvery: 2, settings: { seed: 0 } }
 * const last = await run(config)(scalar(0), { resume: false })()
 * ```
 */
export const run =
  <S extends Tree>(config: RunConfig<S>) =>
  (initial: S, { resume }: { readonly resume: boolean }): TE.TaskEither<RunError, S> => {
    const { folder, phases, checkpointEvery, observe } = config
    const path = paths(folder)
    const first = settingsLine(config.settings)

    const save = ({ log, times }: Opened<S>, state: S, { phase, step }: Position): TE.TaskEither<RunError, void> => {
      const metadata = { phase, step, logLines: log.lines(), timesLines: times.lines() }
      return pipe(
        log.sync,
        TE.flatMap(() => times.sync),
        TE.flatMap(() =>
          TE.mapLeft((error: CheckpointError) => checkpointFailure(path.checkpoint, error))(
            saveCheckpoint({ path: path.checkpoint, metadata })(state),
          ),
        ),
      )
    }

    const begin: TE.TaskEither<RunError, Opened<S>> = pipe(
      TE.tryCatch(() => mkdir(folder, { recursive: true }), fileFailure(folder)),
      TE.flatMap(() => TE.Do),
      TE.bind('log', () => createLog(path.log)),
      TE.bind('times', () => createLog(path.times)),
      TE.map(({ log, times }) => ({
        log,
        times,
        position: { phase: 0, step: 0 },
        state: phases[0]?.enter(initial) ?? initial,
      })),
      TE.tap(({ log }) => log.append([first])),
      TE.tap((opened) => save(opened, opened.state, opened.position)),
    )

    const reopen: TE.TaskEither<RunError, Opened<S>> = pipe(
      TE.Do,
      TE.bind('records', () => readLog(path.log)),
      TE.tap(({ records }) => TE.fromEither(checkSettings(path.log, records[0], first))),
      TE.bind('loaded', () => load(path.checkpoint, templatesOf(phases, initial))),
      TE.bind('log', ({ loaded }) => resumeLog(path.log, loaded.metadata.logLines)),
      TE.bind('times', ({ loaded }) => resumeLog(path.times, loaded.metadata.timesLines)),
      TE.map(({ loaded: { state, metadata }, log, times }) => ({ log, times, state, position: metadata })),
    )

    const stepOnce = async (
      opened: Opened<S>,
      phase: Phase<S>,
      state: S,
      at: Position,
    ): Promise<E.Either<RunError, S>> => {
      const key = foldIn(foldIn(hostKey(config.seed), at.phase), at.step)
      const began = performance.now()
      const stepped = await phase.advance(state, { step: at.step, key })()
      if (E.isLeft(stepped)) return stepped
      const { metrics, records = [], times = {} } = stepped.right
      const bad = firstNonFinite(metrics)
      if (bad !== null)
        return E.left({ _tag: 'NonFinite', phase: phase.name, step: at.step, metric: bad[0], value: bad[1] })
      const stamp = { phase: phase.name, step: at.step }
      const took = { ...times, total: performance.now() - began }
      const written = await pipe(
        opened.log.append([
          ...(Object.keys(metrics).length === 0 ? [] : [{ kind: 'step', ...stamp, ...metrics }]),
          ...records.map((r) => ({ ...r, ...stamp })),
        ]),
        TE.flatMap(() => opened.times.append([{ kind: 'times', ...stamp, ...took }])),
      )()
      if (E.isLeft(written)) return written
      observe?.({ phase: phase.name, step: at.step + 1, steps: phase.steps, metrics, times: took })
      return E.right(stepped.right.state)
    }

    const fold = async (opened: Opened<S>): Promise<E.Either<RunError, S>> => {
      let { state } = opened
      let { step } = opened.position
      for (let number = opened.position.phase; number < phases.length; number++) {
        const phase = phases[number]!
        for (; step < phase.steps;) {
          const next = await stepOnce(opened, phase, state, { phase: number, step })
          if (E.isLeft(next)) return next
          state = next.right
          step++
          if (step % checkpointEvery === 0 || step === phase.steps) {
            const saved = await save(opened, state, { phase: number, step })()
            if (E.isLeft(saved)) return saved
          }
        }
        const following = phases[number + 1]
        if (following !== undefined) state = following.enter(state)
        step = 0
      }
      return E.right(state)
    }

    const close = ({ log, times }: Opened<S>): TE.TaskEither<RunError, void> => TE.flatMap(() => times.close)(log.close)
    // A bracket does not see what is thrown: a mistake in a step, say, or in the observer.
    const closing = async (opened: Opened<S>, thrown: unknown): Promise<never> => {
      await close(opened)()
      throw thrown
    }
    return TE.bracket(
      resume ? reopen : begin,
      (opened) => () => fold(opened).catch((thrown: unknown) => closing(opened, thrown)),
      close,
    )
  }
