/** What learning asks of its configuration, its state and its experience: errors where they are made. */
import type { Tree } from '@adjoint/tensor'
import type { Experience } from '../experience/experience.ts'
import type { Policy } from '../policy/policy.ts'

/** @internal Throws where the completions do not split into the minibatches. */
export const requireSplit = (op: string, rows: number, minibatches: number): void => {
  if (rows % minibatches === 0) return
  throw new RangeError(
    `${op}: ${rows} completions do not split into ${minibatches} minibatches. Choose a number that divides them.`,
  )
}

/** @internal Throws where all completions of a group would be the same one. */
export const requireVariety = (op: string, { temperature, group }: { temperature: number; group: number }): void => {
  if (temperature !== 0 || group === 1) return
  throw new RangeError(
    `${op}: at temperature 0 all ${group} completions of a group are the likeliest one, and nothing tells them apart. Sample at a temperature above 0.`,
  )
}

/** @internal Throws where the reference is the policy itself: an update reuses the policy's memory. */
export const requireOwnMemory = (
  op: string,
  { params, reference }: { readonly params: Tree; readonly reference: Tree },
): void => {
  if (reference === null || reference !== params) return
  throw new Error(
    `${op}: the reference is the policy's own parameters, whose memory the update reuses. Give it memory of its own: a snapshot of them.`,
  )
}

/** @internal Throws where experience is not of this policy's kind: other columns, tokens it does not have, infinite rewards. */
export const requireExperience = <P extends Tree>(
  op: string,
  { mask, samples, tokens, breakdowns }: Experience<unknown>,
  { maxTokens, policy }: { readonly maxTokens: number; readonly policy: Policy<P> },
): void => {
  const columns = mask.length / Math.max(1, samples.length)
  if (columns !== maxTokens)
    throw new RangeError(
      `${op}: completions have ${columns} columns, and maxTokens is ${maxTokens}. Give the learner the maxTokens that they were sampled with.`,
    )
  const { size } = policy.text
  const stranger = tokens.find((id) => id < 0 || id >= size)
  if (stranger !== undefined)
    throw new RangeError(
      `${op}: the experience has token ${stranger}, and the policy's text has the tokens 0 to ${size - 1}. Learn from experience of the same vocabulary.`,
    )
  const row = breakdowns.findIndex(({ total }) => Math.abs(total) === Infinity)
  if (row >= 0)
    throw new RangeError(
      `${op}: the reward of completion ${row} is ${breakdowns[row]!.total}. A reward is a finite number, or NaN where it is absent.`,
    )
}
