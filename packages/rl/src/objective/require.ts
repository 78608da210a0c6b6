/** Whether a configuration is an objective: what is none is refused when a step is made, not deep inside its first update. */
import { inspect } from '#system'

const CHOICES: Readonly<Record<string, string>> = {
  ratio: 'tokenRatio, sequenceRatio, geometric(..)',
  kl: 'k1, k2, k3, importanceK3',
  aggregate: 'sequenceMean, tokenMean, constant(maxLength)',
}
const CLIPS = 'symmetric(0.2), lowHigh(..), cispo(..), sapo(..), dppo(..), unclipped'

const shown = (value: unknown): string =>
  typeof value === 'function' ? 'a function' : inspect(value, { depth: 0, breakLength: Infinity }).slice(0, 60)

const partsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}

/**
 * Throws unless `objective` has all the parts of an `ObjectiveConfig`, each of its kind: TypeError for a part that is none
 * (a number as the clip, a preset as the objective), RangeError for a `beta` below 0 or a weight that is not finite.
 *
 * @example
 * ```ts
 * import { presets, requireObjective } from '@adjoint/rl'
 * requireObjective('mine', presets.dapo.objective)
 * ```
 */
export const requireObjective = (op: string, objective: unknown): void => {
  const parts = partsOf(objective)
  if ('objective' in parts)
    throw new TypeError(
      `${op}: objective is a preset. Spread it over the configuration, { ...preset, .. }: its credit belongs to its objective.`,
    )
  if (Object.keys(parts).length === 0)
    throw new TypeError(
      `${op}: objective is ${shown(objective)}. Give the parts of one: GRPO_OBJECTIVE, or that of a preset, such as presets.drGrpo(512).objective.`,
    )
  for (const [name, choices] of Object.entries(CHOICES))
    if (typeof parts[name] !== 'function')
      throw new TypeError(`${op}: ${name} of the objective is ${shown(parts[name])}. Give one of ${choices}.`)
  const clip = partsOf(parts['clip'])
  if (['surrogate', 'low', 'high'].some((name) => typeof clip[name] !== 'function'))
    throw new TypeError(`${op}: clip of the objective is ${shown(parts['clip'])}. Give one of ${CLIPS}.`)
  const { beta, entropyBonus } = parts
  if (!(typeof beta === 'number' && beta >= 0 && beta < Infinity))
    throw new RangeError(`${op}: beta of the objective is ${shown(beta)}. Give a number of at least 0.`)
  if (!(typeof entropyBonus === 'number' && Number.isFinite(entropyBonus)))
    throw new RangeError(`${op}: entropyBonus of the objective is ${shown(entropyBonus)}. Give a finite number.`)
}
