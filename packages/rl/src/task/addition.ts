/**
 * Addition of numbers of several digits with a scratchpad (Nye et al. 2021, "Show your work"): columns from the right,
 * each `a+b+carry=sum`, joined by commas. `57+68=` is answered by `<think>7+8+0=15,5+6+1=12</think><answer>125</answer>`.
 */
import { dice } from '../run/keys.ts'
import type { CharacterTask } from './task.ts'
import { vocabulary } from './vocabulary.ts'

/** Two nonnegative integers. */
export interface Addition {
  readonly x: number
  readonly y: number
}

/** Columns from the least significant digit: both digits, the carry that comes in, and their sum. */
const scratchpad = ({ x, y }: Addition): string => {
  const columns: string[] = []
  let carry = 0
  for (let [a, b] = [x, y]; a > 0 || b > 0 || columns.length === 0; [a, b] = [Math.floor(a / 10), Math.floor(b / 10)]) {
    const sum = (a % 10) + (b % 10) + carry
    columns.push(`${a % 10}+${b % 10}+${carry}=${sum}`)
    carry = sum >= 10 ? 1 : 0
  }
  return columns.join(',')
}

/**
 * Additions of numbers with up to `digits` digits (at most 15, so that sums stay exact).
 * `x + y` and `y + x` are one problem to the split.
 *
 * @example
 * ```ts
 * import { addition } from '@adjoint/rl'
 * addition(2).trace({ x: 57, y: 68 }) // { think: '7+8+0=15,5+6+1=12', answer: '125' }
 * ```
 */
export const addition = (digits: number): CharacterTask<Addition> => ({
  name: `addition${digits}`,
  vocabulary: vocabulary('0123456789+=,'),
  generate: (key) => {
    const roll = dice(key)
    const number = (): number => {
      const length = 1 + roll(digits)
      let value = 0
      for (let i = 0; i < length; i++) value = value * 10 + roll(10)
      return value
    }
    return { x: number(), y: number() }
  },
  identity: ({ x, y }) => `${Math.min(x, y)}+${Math.max(x, y)}`,
  prompt: ({ x, y }) => `${x}+${y}=`,
  verify:
    ({ x, y }) =>
    (answer) =>
      answer === String(x + y),
  trace: (p) => ({ think: scratchpad(p), answer: String(p.x + p.y) }),
})
