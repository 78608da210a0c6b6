/** What a completion loses for saying the same again. */
import { optionsOf } from '@adjoint/tensor/ir'
import type { Rule } from './rules.ts'
import { type Units, words } from './text.ts'

/** Settings of {@link repetition}. */
export interface RepetitionConfig {
  /** Units in a row that count as one saying. */
  readonly n: number
  /** What a text that says nothing new at all tends to; at most 0. Default -1. */
  readonly maxPenalty?: number
  /** Default: words. */
  readonly units?: Units
}

/**
 * `maxPenalty` times the share of n-grams that have occurred before: 0 without repetition, and for a text of fewer than n
 * units. After Yeo et al. 2025 ("Demystifying long chain-of-thought reasoning in LLMs", section 4.2), who punish the tokens
 * of each repeated n-gram; as a reward of the whole completion it is open-r1's. Throws where n or the penalty is no such.
 *
 * @example
 * ```ts
 * import { repetition } from '@adjoint/rl'
 * const punish = repetition({ n: 2 })
 * punish({ problem: null, prompt: '', completion: 'this this this this', length: 4, terminated: true }) // -2/3
 * ```
 */
export const repetition = (options: RepetitionConfig): Rule<unknown> => {
  const {
    n,
    maxPenalty = -1,
    units = words,
  } = optionsOf('repetition', options, { n: true, maxPenalty: true, units: true })

  if (!(Number.isInteger(n) && n > 0 && maxPenalty <= 0))
    throw new RangeError(
      `repetition: n ${n}, maxPenalty ${maxPenalty}. n is a positive number of units, and a penalty is at most 0.`,
    )
  return ({ completion }) => {
    const said = units(completion)
    const grams = said.length - n + 1
    if (grams <= 0) return 0
    // Unit separators keep ['ab', 'c'] and ['a', 'bc'] apart.
    const distinct = new Set(Array.from({ length: grams }, (_, i) => said.slice(i, i + n).join('\u001f')))
    return distinct.size === grams ? 0 : maxPenalty * (1 - distinct.size / grams)
  }
}
