/** Holds a step to what its credit needs, so that one that could say nothing is refused when it is made; and a credit to its word. */
import { disowned, sampleAt, shown } from '../reward/mistake.ts'
import type { HostKey } from '../run/keys.ts'
import type { Credit, Graded } from './credit.ts'
import type { Needs } from './needs.ts'

/** What a step offers its credit. What is left out is not known yet. */
export interface Offer {
  readonly credit: unknown
  /** Completions to a prompt. */
  readonly group?: number
  /** Prompts of a batch. */
  readonly prompts?: number
  readonly rewards?: readonly { readonly name: string; readonly weight: number }[]
  readonly processReward?: unknown
}

const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ') || 'none'

/**
 * Throws where a credit cannot work with what a step offers it: no credit at all, a group of one where completions to one
 * prompt are compared (all advantages would be exactly 0), no reward where rewards are read, a name that no reward has, no
 * process reward where steps are read.
 *
 * @example
 * ```ts
 * import { group, outcome, requireCredit } from '@adjoint/rl'
 * const rewards = [{ name: 'correct', weight: 1 }]
 * requireCredit('mine', { credit: outcome(group()), group: 8, prompts: 4, rewards })
 * ```
 */
export const requireCredit = (op: string, { credit, group, prompts, rewards, processReward }: Offer): void => {
  if (typeof credit !== 'function')
    throw new TypeError(
      `${op}: credit is ${credit === null ? 'null' : typeof credit}. Give a function from graded completions to advantages, ` +
        'such as outcome(group()); a preset has the one that belongs to its objective, as in { ...presets.dapo }, { ...presets.drGrpo(512) }.',
    )
  const needs = 'needs' in credit ? (credit.needs as Needs) : {}
  if (group !== undefined && group < (needs.group ?? 0))
    throw new RangeError(
      `${op}: group is ${group}, and the credit compares at least ${needs.group} completions to a prompt: ` +
        'by itself each would get the advantage 0. Sample a larger group, or compare over the batch, as outcome(reinforcePlusPlus()) does.',
    )
  if (group !== undefined && prompts !== undefined && group * prompts < (needs.batch ?? 0))
    throw new RangeError(
      `${op}: a batch has ${prompts} x ${group} completions, and the credit compares at least ${needs.batch}. Sample more of them.`,
    )
  if (rewards !== undefined && needs.rewards !== undefined) requireRewards(op, needs.rewards, rewards)
  if (rewards !== undefined && needs.steps === true && processReward === undefined)
    throw new Error(
      `${op}: the credit reads rewards of steps, and there is no processReward. Give one, such as stepRewards(..).`,
    )
}

/** Whether it has a name and a weight: a reward by itself, a function, has none. */
const isNamed = (reward: unknown): boolean =>
  typeof reward === 'object' && reward !== null && 'name' in reward && 'weight' in reward

/** @internal Throws where there is no reward that counts, or none of a name that is read. */
export const requireRewards = (
  op: string,
  read: 'total' | readonly string[],
  rewards: NonNullable<Offer['rewards']>,
): void => {
  const given: unknown = rewards
  const odd = Array.isArray(given) ? given.findIndex((reward: unknown) => !isNamed(reward)) : -1
  if (!Array.isArray(given) || odd >= 0)
    throw new TypeError(
      `${op}: ${odd >= 0 ? `item ${odd} of the rewards` : 'the rewards'} is ${shown(odd >= 0 ? (given as unknown[])[odd] : given)}. ` +
        "Give a list of rewards with names, such as [named('correct', accuracy(task.verify))].",
    )
  if (read === 'total') {
    if (rewards.every(({ weight }) => weight === 0))
      throw new RangeError(
        `${op}: the credit reads the total of the rewards, and ${rewards.length === 0 ? 'there are none' : 'all have weight 0'}. ` +
          "Give at least one that counts, such as named('correct', accuracy(task.verify)).",
      )
    return
  }
  const names = rewards.map(({ name }) => name)
  const lacking = read.filter((name) => !names.includes(name))
  if (lacking.length > 0 || read.length === 0)
    throw new RangeError(
      `${op}: the credit reads the rewards ${quoted(read)}, and those given are ${quoted(names)}. Give each reward the name that it is read by.`,
    )
}

/**
 * @internal Throws where a credit, or a KL term in the objective, reads a reference policy, and the state has none: before a
 * batch is sampled for it.
 */
export const requireReference = (
  op: string,
  {
    credit,
    objective,
    control,
  }: {
    readonly credit?: { readonly needs?: Needs }
    readonly objective: { readonly beta: number }
    readonly control?: { readonly kl?: unknown }
  },
  reference: unknown,
): void => {
  if (reference !== null && reference !== undefined) return
  const asking =
    objective.beta !== 0
      ? 'beta is not 0'
      : control?.kl !== undefined
        ? 'beta follows the KL'
        : credit?.needs?.reference === true
          ? 'the credit reads the KL'
          : null
  if (asking !== null)
    throw new Error(`${op}: ${asking}, but the state has no reference. Put the reference policy into the state.`)
}

/**
 * @internal Assigns credit, and looks at what came: one advantage a completion, or one a token of it, all of them finite.
 * Throws otherwise; what is too short or too long would be read as another completion's, or as 0.
 */
export const assign =
  <Problem>(op: string, credit: Credit<Problem>) =>
  (graded: Graded<Problem>, key: HostKey): readonly (number | readonly number[])[] => {
    const { samples } = graded
    const credits = disowned(credit(graded, key))
    if (!isList(credits) || credits.length !== samples.length)
      throw new RangeError(
        `${op}: the credit gave ${isList(credits) ? credits.length : shown(credits)} advantages for ${samples.length} completions. ` +
          'Give one a completion, in their order, or a list of one a token.',
      )
    return samples.map((sample, row) => {
      const given: unknown = credits[row]
      const at = (): string => sampleAt(sample, row, samples.length)
      if (isList(given) && given.length !== sample.length)
        throw new RangeError(
          `${op}: the credit gave ${given.length} advantages for the ${sample.length} tokens of ${at()}. ` +
            'Give one a token, the one that ends it included, or one number for all.',
        )
      const wrong = (isList(given) ? Array.from(given) : [given]).filter((x) => !isFiniteNumber(x))
      if (wrong.length > 0)
        throw new RangeError(
          `${op}: the credit gave the advantage ${shown(wrong[0])} to ${at()}. Give finite numbers: 0 where there is nothing to learn.`,
        )
      return given as number | readonly number[]
    })
  }

const isList = (x: unknown): x is ArrayLike<unknown> => Array.isArray(x) || ArrayBuffer.isView(x)
const isFiniteNumber = (x: unknown): boolean => typeof x === 'number' && Number.isFinite(x)
