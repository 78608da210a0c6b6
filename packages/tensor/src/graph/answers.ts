/** What the rules of a record answer, held to what they promise: records are written outside of the package as well, in plain JavaScript too. */
import { type Aval, computedAval } from '../base/aval.ts'
import { showAval } from '../base/errors.ts'
import { sameShape } from '../base/shape.ts'
import type { Primitive } from './expr.ts'

/** A rule, and what each of its answers belongs to. */
export interface Asked {
  readonly rule: 'vjp' | 'jvp' | 'saving' | 'expand'
  readonly of: 'argument' | 'result'
}

/**
 * Throws unless there is an answer for each of `like`, of the same shape and dtype (derivatives: the dtype that it is computed
 * with); with `more`, others may follow.
 */
export const demandAnswers = (
  { rule, of }: Asked,
  { name }: Pick<Primitive<unknown>, 'name'>,
  answers: readonly (Aval | null)[],
  like: readonly Aval[],
  more = false,
): void => {
  const given: unknown = answers
  const derivative = rule === 'vjp' || rule === 'jvp'
  if (!Array.isArray(given) || (more ? answers.length < like.length : answers.length !== like.length))
    throw new Error(
      `The ${rule} rule of ${name} gave ${Array.isArray(given) ? `${given.length} answers` : 'no list'} for ${like.length} ${of}s. ` +
        `It gives one for each ${of}${derivative ? ', null for zero' : ''}: correct the rule.`,
    )
  like.forEach((one, i) => {
    const x = derivative ? computedAval(one) : one
    const answer = answers[i] ?? null
    if (answer === null || (sameShape(answer.shape, x.shape) && answer.dtype === x.dtype)) return
    throw new Error(
      `The ${rule} rule of ${name} gave a ${showAval(answer)} for ${of} ${i}, a ${showAval(x)}. ` +
        `What it gives has the shape and dtype of the ${of}: correct the rule.`,
    )
  })
}
