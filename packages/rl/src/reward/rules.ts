/** Rewards by rule: accuracy and format, all that DeepSeek-R1-Zero was trained on (DeepSeek-R1 section 2.2.2). */
import * as E from 'fp-ts/lib/Either.js'
import { lastAnswer, parseCompletion, wholeCompletion } from '../policy/template.ts'
import { verdict } from './mistake.ts'
import type { Sample } from './sample.ts'

/** A rule gives its number at once. */
export type Rule<Problem> = (sample: Sample<Problem>) => number

/**
 * 1 where the answer of the completion solves the problem, else 0. The answer is the last answer block, whatever the format around it,
 * or what `answerIn` finds.
 *
 * @example
 * ```ts
 * import { accuracy, mod10Chain } from '@adjoint/rl'
 * const correct = accuracy(mod10Chain.verify)
 * ```
 */
export const accuracy =
  <Problem>(
    verify: (problem: Problem) => (answer: string) => boolean,
    answerIn: (completion: string) => string | null = lastAnswer,
  ): Rule<Problem> =>
  (sample) => {
    const answer = answerIn(wholeCompletion(sample))
    return answer !== null && verdict(verify(sample.problem)(answer.trim())) ? 1 : 0
  }

/**
 * 1 where the completion, with what its prompt has opened (see {@link wholeCompletion}), is in the chain-of-thought template,
 * exactly once and in order, else 0.
 *
 * @example
 * ```ts
 * import { format } from '@adjoint/rl'
 * format({ problem: null, prompt: '', completion: '<think></think><answer>5</answer>', length: 6, terminated: true }) // 1
 * ```
 */
export const format: Rule<unknown> = (sample) => (E.isRight(parseCompletion(wholeCompletion(sample))) ? 1 : 0)
