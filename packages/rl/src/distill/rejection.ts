/**
 * Rejection sampling (DeepSeek-R1, section 2.3.3): sample K completions to each of many training problems, and keep those
 * that are fit to learn from (right, in one language, not too long), each once, at most m to a problem. What is kept are
 * demonstrations for the next round of SFT, or for a smaller student.
 *
 * The problems come in batches, and a batch is a pure function of parameters, key and number: so batches can be made in any
 * order, on any day, and a run that was interrupted goes on with the next one.
 */
import type { Tree } from '@adjoint/tensor'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { Demonstration } from '../policy/batch.ts'
import { blamed, sampleAt, verdict } from '../reward/mistake.ts'
import { demandAtLeast, demandCounts, type RunError } from '../run/errors.ts'
import type { Sample } from '../reward/sample.ts'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import { type OptionNames, optionsFor, optionsOf } from '@adjoint/tensor/ir'
import { roller, ROLLOUT_OPTIONS, type RolloutConfig } from '../policy/rollout.ts'
import { foldIn, type HostKey, stream } from '../run/keys.ts'
import { problems } from '../task/task.ts'
import { curriedTwin } from '../or-throw.ts'

/** What to sample, and what of it to keep. `group` is K. */
export interface RejectionConfig<Problem, P extends Tree> extends RolloutConfig<Problem, P> {
  /** Training problems, all distinct. */
  readonly count: number
  /**
   * What a completion must satisfy, by name; the first that it does not is what the report counts. One that throws, or says
   * neither true nor false (a promise does not), is a mistake: it is thrown, by its name.
   */
  readonly accept: Readonly<Record<string, (sample: Sample<Problem>) => boolean>>
  /** Most completions kept to a problem, m: the first of those accepted. Default: all. */
  readonly perProblem?: number
  /** Whether a completion is kept once where it was drawn several times for a problem. Default true. */
  readonly distinct?: boolean
  /** Problems of one batch. Default: as many as make 256 completions. */
  readonly batch?: number
}

/** What became of the completions: `tried = kept + the sum of rejected`. */
export interface RejectionReport {
  readonly problems: number
  /** Problems of which something was kept. */
  readonly solved: number
  readonly tried: number
  readonly kept: number
  /** By the name of what was not satisfied; also `cut` (no end within the longest length), `duplicate`, `surplus` (over m). */
  readonly rejected: Readonly<Record<string, number>>
}

/** Traces to learn from, in the order of their problems, and how they were come by. */
export interface Kept<Problem> {
  readonly traces: readonly Demonstration[]
  readonly samples: readonly Sample<Problem>[]
  readonly report: RejectionReport
}

const NOTHING: RejectionReport = { problems: 0, solved: 0, tried: 0, kept: 0, rejected: {} }

// A rule may have any name, those that all objects inherit included.
const countOf = ({ rejected }: RejectionReport, name: string): number =>
  Object.hasOwn(rejected, name) ? rejected[name]! : 0

const addReports = (x: RejectionReport, y: RejectionReport): RejectionReport => ({
  problems: x.problems + y.problems,
  solved: x.solved + y.solved,
  tried: x.tried + y.tried,
  kept: x.kept + y.kept,
  rejected: Object.fromEntries(
    [...new Set([...Object.keys(x.rejected), ...Object.keys(y.rejected)])].map((name) => [
      name,
      countOf(x, name) + countOf(y, name),
    ]),
  ),
})

/**
 * What was kept, under concatenation: how batches, or rounds, come together.
 *
 * @example
 * ```ts
 * import { keptMonoid } from '@adjoint/rl'
 * const { empty, concat } = keptMonoid<unknown>()
 * concat(empty, empty).report.kept // 0
 * ```
 */
export const keptMonoid = <Problem>(): Monoid<Kept<Problem>> => ({
  empty: { traces: [], samples: [], report: NOTHING },
  concat: (x, y) => ({
    traces: [...x.traces, ...y.traces],
    samples: [...x.samples, ...y.samples],
    report: addReports(x.report, y.report),
  }),
})

/** What the report counts besides the rules. */
const OWN_FAULTS: readonly string[] = ['cut', 'duplicate', 'surplus']

const ADVICE = 'A rule says true or false of any completion, at once. Mend it.'

/** How to choose among completions to one problem. */
export type Selection<Problem> = Pick<RejectionConfig<Problem, null>, 'accept' | 'perProblem' | 'distinct'>

const SELECTION_OPTIONS: OptionNames<Selection<never>> = { accept: true, perProblem: true, distinct: true }

/** @internal */
export const REJECTION_OPTIONS: OptionNames<RejectionConfig<never, never>> = {
  ...ROLLOUT_OPTIONS,
  ...SELECTION_OPTIONS,
  ...{ count: true, batch: true },
}

/**
 * What is kept of the completions to one problem, in their order. A completion that was cut is never kept: it has no end to
 * learn.
 *
 * @example
 * ```ts
 * import { accuracy, type Chain, mod10Chain, selectTraces } from '@adjoint/rl'
 * const correct = accuracy(mod10Chain.verify)
 * const select = selectTraces<Chain>({ accept: { correct: (s) => correct(s) === 1, short: (s) => s.length <= 12 }, perProblem: 2 })
 * ```
 */
export const selectTraces = <Problem>(given: Selection<Problem>) => {
  const {
    accept,
    perProblem = Infinity,
    distinct = true,
  } = optionsOf<Selection<Problem>>('selectTraces', given, SELECTION_OPTIONS)
  const rules = Object.entries(accept)
  const taken = rules.find(([name]) => OWN_FAULTS.includes(name))
  if (taken !== undefined)
    throw new RangeError(
      `selectTraces: a rule is named ${JSON.stringify(taken[0])}, which the report counts by itself (${OWN_FAULTS.join(', ')}). Rename it.`,
    )
  demandAtLeast('selectTraces', 0, { perProblem })
  return (samples: readonly Sample<Problem>[]): Kept<Problem> => {
    const rejected = new Map<string, number>()
    const kept: Sample<Problem>[] = []
    const seen = new Set<string>()
    const faultOf = (sample: Sample<Problem>, index: number): string | undefined => {
      if (!sample.terminated) return 'cut'
      const broken = rules.find(([name, holds]) => {
        try {
          return !verdict(holds(sample))
        } catch (thrown) {
          throw blamed(`rule ${JSON.stringify(name)}`, sampleAt(sample, index, samples.length), ADVICE, thrown)
        }
      })
      if (broken !== undefined) return broken[0]
      if (distinct && seen.has(sample.completion)) return 'duplicate'
      return kept.length >= perProblem ? 'surplus' : undefined
    }
    samples.forEach((sample, index) => {
      const fault = faultOf(sample, index)
      if (fault === undefined) {
        kept.push(sample)
        seen.add(sample.completion)
      } else rejected.set(fault, (rejected.get(fault) ?? 0) + 1)
    })
    return {
      traces: kept.map(({ prompt, completion }) => ({ prompt, completion })),
      samples: kept,
      report: {
        problems: 1,
        solved: kept.length > 0 ? 1 : 0,
        tried: samples.length,
        kept: kept.length,
        rejected: Object.fromEntries(rejected),
      },
    }
  }
}

/** Rejection sampling in batches. */
export interface RejectionBatches<Problem, P extends Tree> {
  /** How many batches there are. */
  readonly batches: number
  /** Batch number `index`, from 0. Needs no other batch. */
  readonly batch: (params: P, key: HostKey, index: number) => TE.TaskEither<RunError, Kept<Problem>>
}

/**
 * Rejection sampling as batches that do not depend on one another; make it once, it keeps its compiled programs. All
 * batches of a run get the run's key. Left: as `roller`. Throws where the task has too few training problems.
 *
 * @example
 * ```ts
 * import { rejectionBatches, type RejectionConfig } from '@adjoint/rl'
 * const batchesOf = (config: RejectionConfig<unknown, null>) => rejectionBatches(config).batches
 * ```
 */
export const rejectionBatches = <Problem, P extends Tree>(
  given: RejectionConfig<Problem, P>,
): RejectionBatches<Problem, P> => {
  const config = optionsOf('rejectionBatches', given, REJECTION_OPTIONS)
  const { task, count, group } = config
  demandCounts('rejectionBatches', { group, batch: config.batch ?? 1 })
  demandAtLeast('rejectionBatches', 0, { count })
  const roll = roller(optionsFor<RolloutConfig<Problem, P>>(ROLLOUT_OPTIONS, config))
  const select = selectTraces(optionsFor<Selection<Problem>>(SELECTION_OPTIONS, config))
  const perBatch = Math.min(count, config.batch ?? Math.max(1, Math.floor(256 / group)))
  const { empty, concat } = keptMonoid<Problem>()
  // Those of the key asked for last: all batches of a run ask for the same one.
  let known: { readonly name: string; readonly problems: readonly Problem[] } = { name: '', problems: [] }
  const problemsOf = (key: HostKey): readonly Problem[] => {
    const name = key.join()
    if (known.name !== name)
      known = { name, problems: problems(task, 'train', { count, distinct: true })(stream('problems')(key)) }
    return known.problems
  }
  return {
    batches: Math.ceil(count / Math.max(1, perBatch)),
    batch: (params, key, index) => {
      const asked = problemsOf(key).slice(index * perBatch, (index + 1) * perBatch)
      // The last batch is filled up by its own first problems, so that all batches have one shape.
      const filled = Array.from({ length: perBatch }, (_, i) => asked[i % asked.length]!)
      return pipe(
        roll(params, filled, foldIn(stream('completions')(key), index)),
        TE.map(({ samples }) => chunksOf(group)(samples).slice(0, asked.length).map(select).reduce(concat, empty)),
      )
    },
  }
}

/**
 * Rejection sampling, all batches: the same parameters and key keep the same traces. Left: EmptyDataset, UnknownToken,
 * SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { accuracy, hostKey, mod10Chain, rejectionSample, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const correct = accuracy(mod10Chain.verify)
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const sample = rejectionSample({
 *     task: mod10Chain,
 *     policy: transformerPolicy(model, mod10Chain.vocabulary),
 *     count: 4,
 *     group: 4,
 *     maxTokens: 10,
 *     temperature: 1,
 *     accept: { correct: (s) => correct(s) === 1 },
 *     perProblem: 2,
 *     device: device.right,
 *   })
 *   const kept = await sample(model.init(random.key(0)), hostKey(0))() // Right { traces, report: { tried: 16, .. } }
 * }
 * ```
 */
export const rejectionSample = <Problem, P extends Tree>(given: RejectionConfig<Problem, P>) => {
  const config = optionsOf('rejectionSample', given, REJECTION_OPTIONS)

  const { batches, batch } = rejectionBatches(config)
  const { empty, concat } = keptMonoid<Problem>()
  return (params: P, key: HostKey): TE.TaskEither<RunError, Kept<Problem>> =>
    pipe(
      Array.from({ length: batches }, (_, index) => index),
      TE.traverseSeqArray((index) => batch(params, key, index)),
      TE.map((parts) => parts.reduce(concat, empty)),
    )
}

/**
 * {@link rejectionSample} for scripts: the sampler awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { hostKey, mod10Chain, rejectionSampleAsync, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * const sampling = { task: mod10Chain, policy, group: 4, maxTokens: 10, temperature: 1, device }
 * const sample = rejectionSampleAsync({ ...sampling, count: 4, accept: { short: ({ length }) => length < 8 } })
 * const { report } = await sample(model.init(random.key(0)), hostKey(0))
 * console.log(report.tried) // 16
 * ```
 */
export const rejectionSampleAsync = /* @__PURE__ */ curriedTwin(rejectionSample)
