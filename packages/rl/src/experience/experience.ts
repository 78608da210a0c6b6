/**
 * Experience: completions with what is known of them, as plain data on the host. Rows are prompts in order, `group`
 * completions each. It can be kept, filtered, replayed late, or written down: learning from it is a function of it.
 */
import type { Breakdown } from '../reward/named.ts'
import type { Rollout } from './rollout.ts'
import { rowsOf } from './rows.ts'

/** What a step of a completion got, and the index of its last token in the completion. NaN = absent. */
export interface StepReward {
  readonly end: number
  readonly reward: number
}

/** A rollout with its rewards. */
export interface Experience<Problem> extends Rollout<Problem> {
  /** One a row. NaN = absent. */
  readonly breakdowns: readonly Breakdown[]
  /** One a row: the rewards of its steps; null where no process reward was asked for. */
  readonly steps: readonly (readonly StepReward[])[] | null
  /** One a group: which draw of the run it was. No two groups of a run share one. */
  readonly ids: readonly string[]
  /** One a group: how many updates the policy that sampled it had seen. */
  readonly versions: readonly number[]
}

/**
 * Some groups of an experience, by number, in the order asked for.
 *
 * @example
 * ```ts
 * import { type Experience, pickGroups } from '@adjoint/rl'
 * const firstTwo = (experience: Experience<unknown>) => pickGroups([0, 1])(experience)
 * ```
 */
export const pickGroups =
  (groups: readonly number[]) =>
  <Problem>(experience: Experience<Problem>): Experience<Problem> => {
    const { group, samples } = experience
    const rows = groups.flatMap((g) => Array.from({ length: group }, (_, i) => g * group + i))
    const of = <A>(all: readonly A[]): readonly A[] => rows.map((row) => all[row]!)
    const data = <A extends Int32Array | Float32Array>(all: A): A => rowsOf(all, rows, samples.length)
    return {
      ...experience,
      tokens: data(experience.tokens),
      starts: experience.starts === null ? null : data(experience.starts),
      mask: data(experience.mask),
      samplerLogp: data(experience.samplerLogp),
      samples: of(samples),
      breakdowns: of(experience.breakdowns),
      steps: experience.steps === null ? null : of(experience.steps),
      ids: groups.map((g) => experience.ids[g]!),
      versions: groups.map((g) => experience.versions[g]!),
    }
  }

const joined = <A extends Int32Array | Float32Array>(x: A, y: A, empty: A): A => {
  empty.set(x)
  empty.set(y, x.length)
  return empty
}

/**
 * Two experiences as one, the rows of the first above those of the second. Throws RangeError where their groups or columns
 * differ.
 *
 * @example
 * ```ts
 * import { concatExperiences, type Experience } from '@adjoint/rl'
 * const twice = (experience: Experience<unknown>) => concatExperiences(experience, experience)
 * ```
 */
export const concatExperiences = <Problem>(x: Experience<Problem>, y: Experience<Problem>): Experience<Problem> => {
  const ints = (a: Int32Array, b: Int32Array): Int32Array => joined(a, b, new Int32Array(a.length + b.length))
  const floats = (a: Float32Array, b: Float32Array): Float32Array => joined(a, b, new Float32Array(a.length + b.length))
  if (x.group !== y.group || x.width !== y.width)
    throw new RangeError(
      `concatExperiences: groups of ${x.group} with ${x.width} columns of prompt, and groups of ${y.group} with ${y.width}. ` +
        'Both must be equal: fix promptWidth where prompts differ in length.',
    )
  const startsOf = ({ starts, samples }: Experience<Problem>): Int32Array => starts ?? new Int32Array(samples.length)
  return {
    group: x.group,
    width: x.width,
    tokens: ints(x.tokens, y.tokens),
    starts: x.starts === null && y.starts === null ? null : ints(startsOf(x), startsOf(y)),
    mask: floats(x.mask, y.mask),
    samplerLogp: floats(x.samplerLogp, y.samplerLogp),
    samples: [...x.samples, ...y.samples],
    breakdowns: [...x.breakdowns, ...y.breakdowns],
    steps: x.steps === null || y.steps === null ? null : [...x.steps, ...y.steps],
    ids: [...x.ids, ...y.ids],
    versions: [...x.versions, ...y.versions],
  }
}

/**
 * Hard overlong handling (DAPO, Yu et al. 2025, section 3.4, "overlong filtering"; TRL's `mask_truncated_completions`):
 * completions that were cut have no tokens to learn from, and still count for the baseline of their group.
 *
 * @example
 * ```ts
 * import { dropTruncated, type GrpoConfig } from '@adjoint/rl'
 * const overlong: Pick<GrpoConfig<unknown, null, null>, 'refine'> = { refine: dropTruncated }
 * ```
 */
export const dropTruncated = <Problem>(experience: Experience<Problem>): Experience<Problem> => {
  const { samples } = experience
  const columns = experience.mask.length / Math.max(1, samples.length)
  const mask = experience.mask.map((m, i) => (samples[Math.floor(i / columns)]!.terminated ? m : 0))
  return { ...experience, mask }
}
