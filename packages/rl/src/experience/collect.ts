/**
 * Collecting experience: sample completions to fresh problems, reward them, and keep the groups that are worth learning
 * from, until there are as many as a step asks for (dynamic sampling: DAPO, Yu et al. 2025, algorithm 1).
 */
import type { Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type OptionNames, optionsFor, optionsOf } from '@adjoint/tensor/ir'
import { demandCounts, type RunError } from '../run/errors.ts'
import { concatExperiences, type Experience, pickGroups } from './experience.ts'
import { grader, type ProcessReward } from './grade.ts'
import { completionMetrics, type Metrics, rewardMetrics } from '../run/metrics.ts'
import { type Absence, absences, lostReward } from '../reward/absence.ts'
import { blamed, verdict } from '../reward/mistake.ts'
import type { Breakdown, NamedReward } from '../reward/named.ts'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import { roller, ROLLOUT_OPTIONS, type RolloutConfig } from '../policy/rollout.ts'
import type { Keep } from './select.ts'
import { foldIn, type HostKey, stream } from '../run/keys.ts'
import { problem } from '../task/task.ts'
import { curriedTwin } from '../or-throw.ts'

/** What to sample, and what of it to keep. */
export interface CollectConfig<Problem, P extends Tree> extends RolloutConfig<Problem, P> {
  /** Groups of a batch. */
  readonly prompts: number
  readonly rewards: readonly NamedReward<Problem>[]
  /** Rewards of the steps of completions, one list a sample: a process reward model. */
  readonly processReward?: ProcessReward<Problem>
  /** Groups that are not kept are replaced by others. Default: all are kept. */
  readonly keep?: Keep
  /** Most batches sampled for one, before the step is given up. Default 32. */
  readonly rounds?: number
}

/** @internal */
export const COLLECT_OPTIONS: OptionNames<CollectConfig<never, never>> = {
  ...ROLLOUT_OPTIONS,
  ...{ prompts: true, rewards: true, processReward: true, keep: true, rounds: true },
}

/** A batch, and what it took. */
export interface Collected<Problem> {
  readonly experience: Experience<Problem>
  /** Of everything sampled, what was not kept included; `groups/kept` is the share of groups that were. */
  readonly metrics: Metrics
  /** The rewards that failed somewhere in what was sampled, and why: `absenceRecord` makes a line of each. */
  readonly absences: readonly Absence[]
  /** ms. */
  readonly times: { readonly rollout: number; readonly reward: number }
}

const hex = (key: HostKey): string => key.map((word) => word.toString(16).padStart(8, '0')).join('')

/** One round: as many groups as the batch has, and those of them that are kept. */
interface Round<Problem> {
  readonly sampled: Experience<Problem>
  readonly kept: Experience<Problem>
  readonly rollout: number
  readonly reward: number
}

/**
 * A collector of experience; make it once, it keeps its compiled programs. Problems and draws follow from the key alone:
 * same parameters and key, same experience. `(params, key, version)`: the version (default 0) is noted with what was
 * sampled. Left: TooFewGroups where `rounds` batches did not yield `prompts` groups worth keeping; RewardAbsent where a
 * reward is absent for all that was collected, or no completion has a total; as {@link roller}. A mistake in a reward is
 * thrown, by its name; so are counts below 1, when it is made.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { accuracy, collector, hostKey, informative, mod10Chain, named, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const collect = collector({
 *     task: mod10Chain,
 *     policy: transformerPolicy(model, mod10Chain.vocabulary),
 *     prompts: 2,
 *     group: 4,
 *     maxTokens: 10,
 *     temperature: 1,
 *     rewards: [named('correct', accuracy(mod10Chain.verify))],
 *     keep: informative,
 *     device: device.right,
 *   })
 *   const collected = await collect(model.init(random.key(0)), hostKey(1))()
 * }
 * ```
 */
export const collector = <Problem, P extends Tree>(given: CollectConfig<Problem, P>) => {
  const config = optionsOf('collector', given, COLLECT_OPTIONS)
  const { task, prompts, keep, rounds = 32 } = config
  demandCounts('collector', { prompts, group: config.group, rounds })
  const roll = roller(optionsFor<RolloutConfig<Problem, P>>(ROLLOUT_OPTIONS, config))
  const grade = grader(config)

  const keepFrom = (experience: Experience<Problem>): Experience<Problem> =>
    keep === undefined
      ? experience
      : pipe(
          chunksOf(config.group)(experience.breakdowns).flatMap((group, g) => (keeps(keep, group) ? [g] : [])),
          (groups) => pickGroups(groups)(experience),
        )

  const sampleRound = (params: P, key: HostKey, round: number, version: number) => {
    const from = round === 0 ? key : foldIn(stream('rounds')(key), round)
    const asked = Array.from({ length: prompts }, (_, i) => problem(task, 'train')(foldIn(stream('problems')(from), i)))
    const started = performance.now()
    return pipe(
      roll(params, asked, stream('completions')(from)),
      TE.flatMap((rollout) => {
        const rolled = performance.now()
        return pipe(
          grade(rollout.samples),
          TE.map((grades): Round<Problem> => {
            const ids = asked.map((_, i) => `${hex(key)}.${round * prompts + i}`)
            const sampled = { ...rollout, ...grades, ids, versions: ids.map(() => version) }
            return {
              sampled,
              kept: keepFrom(sampled),
              rollout: rolled - started,
              reward: performance.now() - rolled,
            }
          }),
        )
      }),
    )
  }

  const collected = (all: readonly Round<Problem>[], experience: Experience<Problem>): Collected<Problem> => {
    const breakdowns = all.flatMap((r) => r.sampled.breakdowns)
    const totals = chunksOf(config.group)(breakdowns.map((b) => b.total))
    const kept = all.reduce((n, r) => n + r.kept.ids.length, 0)
    return {
      experience,
      metrics: {
        ...rewardMetrics(totals, breakdowns),
        ...completionMetrics(all.flatMap((r) => r.sampled.samples)),
        ...(keep === undefined ? {} : { 'groups/kept': kept / totals.length }),
      },
      absences: absences(breakdowns),
      times: {
        rollout: all.reduce((ms, r) => ms + r.rollout, 0),
        reward: all.reduce((ms, r) => ms + r.reward, 0),
      },
    }
  }

  const go = (
    params: P,
    key: HostKey,
    version: number,
    before: readonly Round<Problem>[],
    held: Experience<Problem> | null,
  ): TE.TaskEither<RunError, Collected<Problem>> =>
    pipe(
      sampleRound(params, key, before.length, version),
      TE.flatMap((round) => {
        const all = [...before, round]
        const together = held === null ? round.kept : concatExperiences(held, round.kept)
        if (together.ids.length >= prompts) {
          const enough = together.ids.length === prompts ? together : pickGroups(firstOf(prompts))(together)
          const lost = lostReward(config.rewards, enough.breakdowns)
          return lost === null ? TE.right(collected(all, enough)) : TE.left(lost)
        }
        if (all.length === rounds) {
          const breakdowns = all.flatMap((r) => r.sampled.breakdowns)
          const [kept, sampled] = [together.ids.length, all.length * prompts]
          const few: RunError = { _tag: 'TooFewGroups', kept, wanted: prompts, sampled }
          return TE.left(lostReward(config.rewards, breakdowns) ?? few)
        }
        return go(params, key, version, all, together)
      }),
    )
  return (params: P, key: HostKey, version = 0): TE.TaskEither<RunError, Collected<Problem>> =>
    go(params, key, version, [], null)
}

/**
 * {@link collector} for scripts: the collector awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { accuracy, collectorAsync, hostKey, mod10Chain, named, RlFailure, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * const rewards = [named('correct', accuracy(mod10Chain.verify))]
 * const sampling = { task: mod10Chain, policy, prompts: 2, group: 4, maxTokens: 10, temperature: 1, rewards, device }
 * const collect = collectorAsync({ ...sampling, keep: () => false, rounds: 2 })
 * await collect(model.init(random.key(0)), hostKey(1)).catch((thrown) => {
 *   if (thrown instanceof RlFailure) console.log(thrown.error) // { _tag: 'TooFewGroups', kept: 0, wanted: 2, sampled: 4 }
 * })
 * ```
 */
export const collectorAsync = /* @__PURE__ */ curriedTwin(collector)

/** A promise, which an `async` function gives, would keep everything. */
const keeps = (keep: Keep, group: readonly Breakdown[]): boolean => {
  try {
    return verdict(keep(group))
  } catch (thrown) {
    throw blamed('keep', 'a group', 'It says true or false of the rewards of a group, at once. Mend it.', thrown)
  }
}

const firstOf = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
