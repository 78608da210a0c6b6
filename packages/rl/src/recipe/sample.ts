/**
 * Sampling traces as a stage (DeepSeek-R1 section 2.3.3): a model answers problems of the training split, and what is kept
 * becomes demonstrations, in `traces.jsonl` of the stage's folder. The stage learns nothing.
 *
 * Problems and draws follow from the recipe's seed and not from the place in it: two stages that sample one model in the same
 * way draw the same completions, and differ in what they keep.
 */
import { join, writeFile } from '#system'
import { type Device, readAsync, scalar, type Scalar, type Tree } from '@adjoint/tensor'
import { type OptionNames, optionsFor, optionsOf } from '@adjoint/tensor/ir'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { sampleRecords } from '../evaluate/record.ts'
import type { Demonstration } from '../policy/batch.ts'
import { onDevice } from '../run/device.ts'
import { fileFailure, type RunError } from '../run/errors.ts'
import { type Json, type LogRecord, readLog, resumeLog } from '../run/log.ts'
import type { Metrics } from '../run/metrics.ts'
import {
  type Kept,
  rejectionBatches,
  REJECTION_OPTIONS,
  type RejectionConfig,
  type RejectionReport,
} from '../distill/rejection.ts'
import type { PhaseStep } from '../run/run.ts'
import { foldIn, type HostKey, hostKey } from '../run/keys.ts'
import type { RecipeStage, StageEnv } from './recipe.ts'
import { staged } from './staged.ts'
import { modelOf, ON_MODEL_OPTIONS, type OnModel, type R1State, settingsOf } from './state.ts'

/** Whose traces, and which of them. */
export interface SampleConfig<Problem, P extends Tree>
  extends Omit<RejectionConfig<Problem, P>, 'device' | 'policy'>, OnModel<P> {
  readonly name: string
  /** Name of the model that answers. */
  readonly from: string
  /** Name that its traces have afterwards. */
  readonly to: string
  /** Completions that were kept of each batch in the log, each a record of its own. Default 1. */
  readonly shown?: number
  /** More for the first line of the log: what results depend on, and functions hide. */
  readonly settings?: { readonly [key: string]: Json }
}

const { device: _, ...REJECTION } = REJECTION_OPTIONS

/** @internal */
export const SAMPLE_OPTIONS: OptionNames<SampleConfig<never, never>> = {
  ...REJECTION,
  ...ON_MODEL_OPTIONS,
  ...{ name: true, shown: true, settings: true },
}

/** The run of this stage: the model that answers, and how many traces are on the disk. */
type Sampling<P extends Tree> = { readonly model: P; readonly kept: Scalar }

const FILE = 'traces.jsonl'

/**
 * The file with `before` lines of earlier steps and these after them. What a killed step has left behind them goes, so a
 * step that is done again leaves the same file.
 */
const write = (path: string, before: number, lines: readonly LogRecord[]): TE.TaskEither<RunError, void> =>
  pipe(
    before > 0 ? TE.right(undefined) : TE.tryCatch(() => writeFile(path, ''), fileFailure(path)),
    TE.flatMap(() =>
      TE.bracket(
        resumeLog(path, before),
        (log) => TE.flatMap(() => log.sync)(log.append(lines)),
        ({ close }) => close,
      ),
    ),
  )

const corrupt = (path: string, reason: string): RunError => ({ _tag: 'CorruptCheckpoint', path, reason })

/** The traces of a stage that has ended, `count` of them. */
const read = (path: string, count: number): TE.TaskEither<RunError, readonly Demonstration[]> =>
  pipe(
    readLog(path),
    TE.flatMap((records) => {
      const found = records.flatMap(({ prompt, completion }) =>
        typeof prompt === 'string' && typeof completion === 'string' ? [{ prompt, completion }] : [],
      )
      return found.length === count
        ? TE.right(found)
        : TE.left(corrupt(path, `it holds ${found.length} traces, and the stage ended with ${count}`))
    }),
  )

/** The stages of a recipe draw from the keys of their numbers; no stage has this one. */
const samplingKey = ({ seed }: StageEnv): HostKey => foldIn(hostKey(seed), 2 ** 32 - 1)

/** Counts of one batch, the same names in every line. */
const countsOf = (names: readonly string[], { rejected, ...counts }: RejectionReport): Metrics => ({
  ...counts,
  ...Object.fromEntries(
    [...names, 'cut', 'duplicate', 'surplus'].map((name) => [`rejected/${name}`, rejected[name] ?? 0]),
  ),
})

/**
 * A stage of rejection sampling: what {@link rejectionSampling} is. Each batch is a step, logged with its counts:
 * `problems`, `solved`, `tried`, `kept`, and `rejected/{name}` for each reason.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, sampleTraces, transformerPolicy } from '@adjoint/rl'
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const unfiltered = sampleTraces({
 *   name: 'unfiltered',
 *   from: 'policy',
 *   to: 'unfiltered',
 *   task: mod10Chain,
 *   policy: transformerPolicy(model, mod10Chain.vocabulary),
 *   count: 512,
 *   group: 4,
 *   maxTokens: 12,
 *   temperature: 1,
 *   accept: {},
 *   distinct: false,
 * })
 * ```
 */
export const sampleTraces = <Problem, P extends Tree>(given: SampleConfig<Problem, P>): RecipeStage<R1State<P>> => {
  const config = optionsOf<SampleConfig<Problem, P>>('sampleTraces', given, SAMPLE_OPTIONS)
  const { name, from, to, accept, shown = 1 } = config
  const rules = Object.keys(accept)
  const show = sampleRecords(config.task, { group: 1, shown })

  const advance =
    (path: string, sampled: (params: P, index: number) => TE.TaskEither<RunError, Kept<Problem>>, device: Device) =>
    (state: Sampling<P>, step: number): TE.TaskEither<RunError, PhaseStep<Sampling<P>>> =>
      pipe(
        TE.Do,
        TE.bind('found', () => sampled(state.model, step)),
        TE.bind('before', () => onDevice(async () => (await readAsync(state.kept, device))[0]!)),
        TE.tap(({ found, before }) =>
          write(
            path,
            before,
            found.traces.map((trace) => ({ kind: 'trace', phase: name, step, ...trace })),
          ),
        ),
        TE.map(({ found, before }) => ({
          state: { ...state, kept: scalar(before + found.traces.length) },
          metrics: countsOf(rules, found.report),
          records: show(found.samples.map((sample) => ({ sample }))),
        })),
      )

  return staged<R1State<P>, Sampling<P>>({
    name,
    settings: { ...settingsOf(config), accept: rules },
    begin: (state) => ({ model: modelOf(from, state), kept: scalar(0) }),
    reads: () => null,
    phases: (_, env) => {
      const { batches, batch } = rejectionBatches<Problem, P>({
        ...optionsFor<Omit<RejectionConfig<Problem, P>, 'device'>>(REJECTION, config),
        device: env.device,
      })
      const next = advance(
        join(env.folder, FILE),
        (params, index) => batch(params, samplingKey(env), index),
        env.device,
      )
      return [{ name, steps: batches, enter: (state) => state, advance: (state, { step }) => next(state, step) }]
    },
    end: (state, { tree, folder }) =>
      pipe(
        onDevice(async () => (await readAsync(tree.kept))[0]!),
        TE.flatMap((count) => read(join(folder, FILE), count)),
        TE.map((traces) => ({ ...state, traces: { ...state.traces, [to]: traces } })),
      ),
  })
}
