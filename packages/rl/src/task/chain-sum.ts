/**
 * Sums of a few numbers in words that a language model understands: `chain_sum` of reasoning-gym (Open-Thought, reasoning-gym,
 * arithmetic/chain_sum.py), whose rows have the same questions and answers. What is asked of a model is a number anywhere in what it
 * says; the last one counts.
 */
import { optionsOf } from '@adjoint/tensor/ir'
import { mathAnswer } from '../reward/math-answer.ts'
import { demandCounts } from '../run/errors.ts'
import { dice } from '../run/keys.ts'
import type { Task } from './task.ts'

/** Numbers, the first of them with a plus. */
export interface ChainSum {
  readonly terms: readonly number[]
}

/** All bounds inclusive. */
export interface ChainSumConfig {
  readonly terms: { readonly min: number; readonly max: number }
  /** Digits of each number of a problem, at most 15. */
  readonly digits: { readonly min: number; readonly max: number }
}

const expression = ({ terms: [first, ...rest] }: ChainSum): string =>
  `${first!}${rest.map((term) => (Object.is(Math.sign(term), -1) || Object.is(term, -0) ? ` - ${-term}` : ` + ${term}`)).join('')}`
const total = ({ terms }: ChainSum): number => terms.reduce((sum, term) => sum + term, 0)

/** The number that a text ends with, without separators, or null. */
const lastNumber = (text: string): string | null => {
  const found = mathAnswer(text).replaceAll(',', '').trim()
  return /^[+-]?\d+(?:\.\d*)?$/.test(found) ? found.replace(/^\+/, '').replace(/\.0*$/, '') : null
}

/**
 * Sums and differences of several whole numbers of up to some digits, asked for in English.
 *
 * @example
 * ```ts
 * import { chainSum } from '@adjoint/rl'
 * const task = chainSum({ terms: { min: 2, max: 3 }, digits: { min: 1, max: 1 } })
 * task.prompt({ terms: [4, 3] }) // 'State the final answer to the following arithmetic problem: 4 + 3 ='
 * task.answerIn?.('4 and 3 are 7.') // '7'
 * ```
 */
export const chainSum = (options: ChainSumConfig): Task<ChainSum> => {
  const { terms, digits } = optionsOf('chainSum', options, { terms: true, digits: true })
  demandCounts('chainSum', { 'terms.min': terms.min, 'terms.max': terms.max, 'digits.min': digits.min })
  if (terms.max < terms.min || !(digits.max >= digits.min && digits.max <= 15))
    throw new RangeError(
      `chainSum: ${terms.min} to ${terms.max} terms of ${digits.min} to ${digits.max} digits. Give ranges that go upwards, of at most 15 digits.`,
    )
  return {
    name: `chain-sum-${terms.min}-${terms.max}x${digits.min}-${digits.max}`,
    generate: (key) => {
      const roll = dice(key)
      const length = digits.min + roll(digits.max - digits.min + 1)
      const number = (): number => {
        let value = length === 1 ? roll(10) : 1 + roll(9)
        for (let i = 1; i < length; i++) value = value * 10 + roll(10)
        return value
      }
      const count = terms.min + roll(terms.max - terms.min + 1)
      return { terms: Array.from({ length: count }, (_, i) => (i > 0 && roll(2) === 1 ? -number() : number())) }
    },
    identity: expression,
    prompt: (p) => `State the final answer to the following arithmetic problem: ${expression(p)} =`,
    verify: (p) => (answer) => answer === String(total(p)),
    trace: (p) => ({ think: '', answer: String(total(p)) }),
    answerIn: lastNumber,
  }
}
