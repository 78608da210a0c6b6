/**
 * Where the lines of a run go beside its log: a tracker, an event file, a socket. A sink is told what the log is told, step after
 * step, once the log has it; so nothing that a sink does can cost a line of the log.
 */
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import type { RunError } from './errors.ts'
import type { LogRecord } from './log.ts'

/** What a sink is told of the run that it is opened for. */
export interface SinkStart {
  /** The folder of the run. */
  readonly folder: string
  /** The first line of its log: what the run was started with. */
  readonly settings: LogRecord
  /**
   * Where it goes on: `step` steps of the phase of this name are done. A sink may have been told later ones before the run was
   * killed: they are done again, and told again, to the same numbers.
   */
  readonly phase: string
  readonly step: number
  /** Whether it has been run before. */
  readonly resumed: boolean
}

/** What a sink is told of a step: what was written of it. */
export interface StepLines {
  readonly phase: string
  /** Steps of the phase that were done before, from 0. */
  readonly step: number
  /** The lines of log.jsonl: metrics under kind 'step', then evaluations, samples, and whatever else the step gave. */
  readonly records: readonly LogRecord[]
  /** The line of times.jsonl, ms. */
  readonly times: LogRecord
}

/** A sink that a run writes to. What it throws, or rejects with, is its failure. */
export interface OpenSink {
  /** Tells it a step, in the order of the log; the next is told once this has resolved. */
  readonly write: (lines: StepLines) => Promise<void>
  /** Called once, whatever ended the run. */
  readonly close: () => Promise<void>
}

/** Where the lines of a run go beside its log. A value: it holds nothing until a run opens it. */
export interface Sink {
  /** What a failure is told by. */
  readonly name: string
  /** Opens it for a run that begins or goes on. */
  readonly open: (start: SinkStart) => Promise<OpenSink>
}

const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/** @internal Opened sinks as one, whose failures are those of the run. */
export interface OpenSinks {
  readonly write: (lines: StepLines) => TE.TaskEither<RunError, void>
  readonly close: TE.TaskEither<RunError, void>
}

/** Runs `each` for all of some things, whatever fails, and says what failed first. */
const forAll = async <A extends { readonly name: string }>(
  all: readonly A[],
  each: (a: A) => Promise<void>,
): Promise<E.Either<RunError, void>> => {
  let outcome: E.Either<RunError, void> = E.right(undefined)
  for (const one of all) {
    try {
      await each(one)
    } catch (thrown) {
      if (E.isRight(outcome)) outcome = E.left({ _tag: 'SinkFailed', sink: one.name, reason: reasonOf(thrown) })
    }
  }
  return outcome
}

/** @internal Opens sinks in order. Left SinkFailed, with those before it closed, where one cannot be opened. */
export const openSinks =
  (sinks: readonly Sink[], start: SinkStart): TE.TaskEither<RunError, OpenSinks> =>
  async () => {
    const opened: (OpenSink & { readonly name: string })[] = []
    const close = (): Promise<E.Either<RunError, void>> => forAll(opened, (sink) => sink.close())
    const outcome = await forAll(sinks, async ({ name, open }) => {
      const { write, close: end } = await open(start)
      opened.push({ name, write, close: end })
    })
    if (E.isLeft(outcome)) {
      await close()
      return outcome
    }
    return E.right({ write: (lines) => () => forAll(opened, (sink) => sink.write(lines)), close })
  }

/**
 * A sink that may fail without ending the run: its first failure is told to `tell`, and it is told nothing more. For trackers at
 * the other end of a network; without it, a failure of a sink ends the run, as a full disk does, and the run can be gone on with.
 *
 * @example
 * ```ts
 * import { type Sink, tolerated } from '@adjoint/rl'
 * const tracker: Sink = {
 *   name: 'tracker',
 *   open: async () => ({
 *     write: async ({ step, records }) => console.log(step, records.length),
 *     close: async () => undefined,
 *   }),
 * }
 * const sinks = [tolerated((reason) => console.error(reason))(tracker)]
 * ```
 */
export const tolerated =
  (tell: (reason: string) => void) =>
  ({ name, open }: Sink): Sink => ({
    name,
    open: async (start) => {
      let inner: OpenSink | null = null
      const attempt = async (act: () => Promise<void>): Promise<void> => {
        try {
          await act()
        } catch (thrown) {
          inner = null
          tell(`${name}: ${reasonOf(thrown)} It is told nothing more of this run.`)
        }
      }
      await attempt(async () => void (inner = await open(start)))
      return {
        write: (lines) => attempt(async () => inner?.write(lines)),
        close: () => attempt(async () => inner?.close()),
      }
    },
  })
