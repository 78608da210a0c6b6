/**
 * Mod-10 chains: digits joined by + - *, computed strictly from left to right modulo 10. `3+8*2-9*5=` is answered by
 * `<think>1235</think><answer>5</answer>`: the running value after each operator, then the last one. One token per digit,
 * operator and tag. A small model answers a few of them directly and nearly all of them step by step, which is what makes
 * the chain of thought worth learning.
 */
import { dice, type HostKey } from '../run/keys.ts'
import type { CharacterTask } from './task.ts'
import { vocabulary } from './vocabulary.ts'

/** n digits and the n - 1 operators between them. */
export interface Chain {
  readonly digits: readonly number[]
  readonly operators: readonly ('+' | '-' | '*')[]
}

const OPERATORS = ['+', '-', '*'] as const

const applyMod10 = {
  '+': (x: number, y: number) => x + y,
  '-': (x: number, y: number) => x - y + 10,
  '*': (x: number, y: number) => x * y,
}

/**
 * The running values after each operator, modulo 10; the last one is the answer.
 *
 * @example
 * ```ts
 * import { chainSteps } from '@adjoint/rl'
 * chainSteps({ digits: [3, 8, 2, 9, 5], operators: ['+', '*', '-', '*'] }) // [1, 2, 3, 5]
 * ```
 */
export const chainSteps = ({ digits, operators }: Chain): readonly number[] => {
  const steps: number[] = []
  let value = digits[0] ?? 0
  operators.forEach((op, i) => {
    value = applyMod10[op](value, digits[i + 1]!) % 10
    steps.push(value)
  })
  return steps
}

const prompt = ({ digits, operators }: Chain): string =>
  `${digits.map((d, i) => `${d}${operators[i] ?? ''}`).join('')}=`

/**
 * Chains of a given number of digits (at least 2).
 *
 * @example
 * ```ts
 * import { mod10Chains, hostKey, problem } from '@adjoint/rl'
 * const short = mod10Chains(3)
 * short.prompt(problem(short, 'train')(hostKey(0)))
 * ```
 */
export const mod10Chains = (length: number): CharacterTask<Chain> => ({
  name: `chain${length}`,
  vocabulary: vocabulary('0123456789+-*='),
  generate: (key: HostKey) => {
    const roll = dice(key)
    return {
      digits: Array.from({ length }, () => roll(10)),
      operators: Array.from({ length: length - 1 }, () => OPERATORS[roll(3)]!),
    }
  },
  identity: prompt,
  prompt,
  verify: (p) => (answer) => answer === String(chainSteps(p).at(-1)),
  trace: (p) => ({ think: chainSteps(p).join(''), answer: String(chainSteps(p).at(-1)) }),
})

/**
 * The task of the demonstration: chains of five digits, 8.1 million of them, a prompt of 10 tokens, 21 tokens in all.
 *
 * @example
 * ```ts
 * import { mod10Chain } from '@adjoint/rl'
 * mod10Chain.verify({ digits: [3, 8, 2, 9, 5], operators: ['+', '*', '-', '*'] })('5') // true
 * ```
 */
export const mod10Chain: CharacterTask<Chain> = mod10Chains(5)
