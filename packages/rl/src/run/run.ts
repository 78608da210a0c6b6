/**
 * A run as a fold over steps. Its state is a value: tensors, data and a position, and the key of a step follows from the
 * run's seed and the position; so resuming is starting from a value, and a run that was killed and resumed writes the log
 * of one that was not.
 */
import type { Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { optionsOf, shown } from '@adjoint/tensor/ir'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { tasked, twin } from '../or-throw.ts'
import { demandCounts, demandWhole, type RunError } from './errors.ts'
import { type OpenFolder, openFolder, type Position, type Resume, settingsLine } from './folder.ts'
import { openSinks, type OpenSinks, type Sink, type StepLines } from './sink.ts'
import { type KeptAs, type StateCodec, treeState } from './state.ts'
import { foldIn, type HostKey, hostKey } from './keys.ts'
import type { Json } from './log.ts'
import { firstNonFinite, type Metrics } from './metrics.ts'

export type { Position, Resume }

/** What a step of a phase gives. */
export interface PhaseStep<S> {
  readonly state: S
  /**
   * Logged as a line of kind 'step', where there are any. One that is NaN or infinite ends the run, before anything is
   * written. None may be named as what the log stamps on each line: `kind`, `phase`, `step`.
   */
  readonly metrics: Metrics
  /** Further lines: evaluations, samples. None may have a field `phase` or `step`, which the log stamps on them. */
  readonly records?: readonly { readonly kind: string; readonly [key: string]: Json }[]
  /** For the log of times, ms. None may be named `kind`, `phase`, `step`, or `total`, which is that of the whole step. */
  readonly times?: Metrics
}

/** A stage of a run. */
export interface Phase<S> {
  readonly name: string
  /** A whole number; with 0 the phase is its `enter` only. */
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

/** What a run looks at between steps; an AbortSignal is one. */
export interface StopSignal {
  /** Whether it is to stop. */
  readonly aborted: boolean
}

/** A run. */
export interface RunConfig<S> {
  /** The folder of the run; it is made where it is missing. */
  readonly folder: string
  /** What the keys of all steps follow from. It is not compared when a run is resumed unless `settings` has it too. */
  readonly seed: number
  readonly phases: readonly Phase<S>[]
  /** Steps between two checkpoints, a whole number of at least 1; there is one at the end of each phase too. */
  readonly checkpointEvery: number
  /**
   * What the run was started with: the first line of its log. A run is resumed with the same one only. None may be named
   * `kind`, `phase` or `step`, as the fields of each line of the log.
   */
  readonly settings: { readonly [key: string]: Json }
  /** How a checkpoint holds the state. Default: a tree of tensors, as it is. */
  readonly codec?: StateCodec<S>
  /** Told after each step, once its record is written. */
  readonly observe?: (progress: Progress) => void
  /** Where its lines go beside its log, each told of a step once the log has it. */
  readonly sinks?: readonly Sink[]
  /** Once it is aborted, the run makes a checkpoint after the step that it is in, and ends with Left Interrupted. */
  readonly signal?: StopSignal
}

/** A phase of {@link runAsync}: a {@link Phase}, or one whose step is an `async` function. */
export interface AsyncPhase<S> extends Omit<Phase<S>, 'advance'> {
  /** Step number `step`, from 0; all its randomness comes from `key`. */
  readonly advance: (
    state: S,
    at: { readonly step: number; readonly key: HostKey },
  ) => TE.TaskEither<RunError, PhaseStep<S>> | Promise<PhaseStep<S>>
}

/** A run of {@link runAsync}. */
export interface AsyncRunConfig<S> extends Omit<RunConfig<S>, 'phases'> {
  readonly phases: readonly AsyncPhase<S>[]
}

/** What the log stamps on a line. */
const STAMP = ['kind', 'phase', 'step'] as const

/** Throws TypeError where a field has the name of one that the run writes: one of the two would be lost. */
const demandFree = (
  what: string,
  taken: readonly string[],
  ...given: readonly Readonly<Record<string, unknown>>[]
): void => {
  for (const fields of given)
    for (const name of taken)
      if (Object.hasOwn(fields, name))
        throw new TypeError(
          `run: ${what} named \`${name}\`, which the run itself writes on that line. Name it otherwise.`,
        )
}

/** Throws TypeError where a step of a phase gives no PhaseStep: of a script nothing else looks before its parts are read. */
const demandStep = (phase: string, step: unknown): void => {
  const parts: object = typeof step === 'object' && step !== null ? step : {}
  if ('state' in parts && 'metrics' in parts && typeof parts.metrics === 'object' && parts.metrics !== null) return
  throw new TypeError(
    `run, phase ${phase}: advance gives ${step === undefined ? 'nothing' : 'no step'}. ` +
      'Give { state, metrics }: the state after the step, and an object of numbers for its line in the log, {} for no line.',
  )
}

/** The states at which phases start, as expressions: the shapes of their checkpoints. */
const templatesOf = <S>(phases: readonly AsyncPhase<S>[], initial: S): readonly S[] => {
  const templates: S[] = []
  let state = initial
  for (const phase of phases) templates.push((state = phase.enter(state)))
  return templates.length === 0 ? [initial] : templates
}

/**
 * Runs all phases from `initial`, or from where the folder says that the run stands, and gives the last state. A run may be
 * killed at any moment, the disk may be full: gone on with, it ends with the log of one that was not disturbed, byte for
 * byte. Of two processes on one folder the second is refused at once; see {@link Resume} for what a folder may hold.
 *
 * Left: Locked where another process runs in the folder; FileFailure where it holds a run and `resume` is false, holds none
 * and `resume` is true, or the system refuses (the disk is full); OtherSettings where its run was started with others;
 * CorruptCheckpoint where it cannot be read; NonFinite where a metric is NaN or infinite (the checkpoint then is the last
 * good one); Interrupted where `signal` was aborted, after a checkpoint; SinkFailed where a sink fails, after the log has the step; whatever a step gives. Nothing is overwritten but the run's own checkpoint, and that atomically.
 *
 * Throws RangeError where `checkpointEvery` or the steps of a phase are no count, and TypeError where a setting, a metric or
 * a field of a record is named as one that the run writes on that line, or where the codec's `data` gives undefined; the
 * latter two when the step or the checkpoint is made, and the folder is closed.
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
export const run = <S extends K, K = Tree>(
  given: RunConfig<S> & KeptAs<K>,
): ((initial: S, start: { readonly resume: Resume }) => TE.TaskEither<RunError, S>) => folded<S>(given)

/**
 * {@link run} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong. A step may be an `async` function, such as
 * one of the twins of this package gives; what that throws ends the run and is thrown as it is. The checkpoint is then the last one that
 * was made, and the folder is closed.
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { type AsyncPhase, runAsync } from '@adjoint/rl'
 * import { add, readAsync, realizeAsync, scalar, type Scalar } from '@adjoint/tensor'
 * const count: AsyncPhase<Scalar> = {
 *   name: 'count',
 *   steps: 3,
 *   enter: (x) => x,
 *   advance: async (x) => ({ state: await realizeAsync(add(x, 1)), metrics: { done: 1 } }),
 * }
 * const folder = mkdtempSync(join(tmpdir(), 'run-'))
 * const config = { folder, seed: 0, phases: [count], checkpointEvery: 2, settings: { seed: 0 } }
 * console.log(await readAsync(await runAsync(config)(scalar(0), { resume: false }))) // Float32Array [3]
 * ```
 */
export const runAsync = <S extends K, K = Tree>(
  given: AsyncRunConfig<S> & KeptAs<K>,
): ((initial: S, start: { readonly resume: Resume }) => Promise<S>) => twin(folded<S>(given))

/** The fold that both are. */
const folded = <S>(
  given: AsyncRunConfig<S>,
): ((initial: S, start: { readonly resume: Resume }) => TE.TaskEither<RunError, S>) => {
  const config = optionsOf<AsyncRunConfig<S>>('run', given, {
    ...{
      folder: true,
      seed: true,
      phases: true,
      checkpointEvery: true,
      settings: true,
      codec: true,
      observe: true,
      sinks: true,
      signal: true,
    },
  })
  const { folder, phases, checkpointEvery, settings, observe, sinks = [], signal } = config
  demandCounts('run', { checkpointEvery })
  for (const { name, steps } of phases) demandWhole(`run, phase ${name}`, { steps })
  demandFree('a setting is', STAMP, settings)
  // Without `codec`, the state is a tree: see KeptAs.
  const codec = config.codec ?? (treeState() as StateCodec<unknown> as StateCodec<S>)

  const stepOnce = async (
    opened: OpenFolder<S>,
    told: OpenSinks,
    phase: AsyncPhase<S>,
    state: S,
    at: Position,
  ): Promise<E.Either<RunError, S>> => {
    const key = foldIn(foldIn(hostKey(config.seed), at.phase), at.step)
    const began = performance.now()
    const stepped = await tasked(`run, phase ${phase.name}: advance`)((from: S) =>
      phase.advance(from, { step: at.step, key }),
    )(state)()
    if (E.isLeft(stepped)) return stepped
    demandStep(phase.name, stepped.right)
    const { metrics, records = [], times = {} } = stepped.right
    demandFree(`a metric of phase ${phase.name} is`, STAMP, metrics)
    demandFree(`a time of phase ${phase.name} is`, [...STAMP, 'total'], times)
    demandFree(`a field of a record of phase ${phase.name} is`, ['phase', 'step'], ...records)
    const bad = firstNonFinite(metrics)
    if (bad !== null)
      return E.left({ _tag: 'NonFinite', phase: phase.name, step: at.step, metric: bad[0], value: bad[1] })
    const stamp = { phase: phase.name, step: at.step }
    const took = { ...times, total: performance.now() - began }
    const lines: StepLines = {
      ...stamp,
      records: [
        ...(Object.keys(metrics).length === 0 ? [] : [{ kind: 'step', ...stamp, ...metrics }]),
        ...records.map((r) => ({ ...r, ...stamp })),
      ],
      times: { kind: 'times', ...stamp, ...took },
    }
    const written = await pipe(
      opened.log.append(lines.records),
      TE.flatMap(() => opened.times.append([lines.times])),
      TE.flatMap(() => told.write(lines)),
    )()
    if (E.isLeft(written)) return written
    observe?.({ phase: phase.name, step: at.step + 1, steps: phase.steps, metrics, times: took })
    return E.right(stepped.right.state)
  }

  const fold = async (opened: OpenFolder<S>, told: OpenSinks): Promise<E.Either<RunError, S>> => {
    let { state } = opened
    let { step } = opened.position
    /** Whether a checkpoint holds where the run stands; nothing done is what an empty folder says too. */
    let saved = true
    for (let number = opened.position.phase; number < phases.length; number++) {
      const phase = phases[number]!
      for (; step < phase.steps;) {
        if (signal?.aborted === true) {
          const kept = saved ? E.right(undefined) : await opened.save(state, { phase: number, step })()
          return E.isLeft(kept) ? kept : E.left({ _tag: 'Interrupted', phase: phase.name, step })
        }
        const next = await stepOnce(opened, told, phase, state, { phase: number, step })
        if (E.isLeft(next)) return next
        state = next.right
        step++
        saved = step % checkpointEvery === 0 || step === phase.steps
        if (saved) {
          const kept = await opened.save(state, { phase: number, step })()
          if (E.isLeft(kept)) return kept
        }
      }
      const following = phases[number + 1]
      if (following !== undefined) state = following.enter(state)
      step = 0
    }
    return E.right(state)
  }

  return (initial, start) => {
    const { resume } = optionsOf('run', start, { resume: true })
    // Types say what it is; a script has none.
    const asked: unknown = resume
    if (typeof asked !== 'boolean' && asked !== 'where begun')
      throw new TypeError(`run: resume is ${shown(asked)}. Give true, false or 'where begun'.`)
    return async () => {
      const templates = templatesOf(phases, initial)
      const opened = await openFolder({ folder, settings, codec, templates })(resume)()
      if (E.isLeft(opened)) return opened
      const { position, resumed, close } = opened.right
      const at = { phase: phases[position.phase]?.name ?? '', step: position.step }
      const told = await openSinks(sinks, { folder, settings: settingsLine(settings), ...at, resumed })()
      if (E.isLeft(told)) {
        await close()
        return told
      }
      // What is thrown is a mistake in a step, say, or in the observer: the folder and the sinks are closed all the same.
      const ended = await fold(opened.right, told.right).catch(async (thrown: unknown) => {
        await told.right.close()
        await close()
        throw thrown
      })
      const [parted, closed] = [await told.right.close(), await close()]
      return [ended, closed, parted].find(E.isLeft) ?? ended
    }
  }
}
