/**
 * A batch that a policy learns from: experience with what was computed of it, as plain data on the host; and its rows as
 * tensors, minibatch by minibatch.
 */
import type { Floats } from '@adjoint/nn'
import type { Experience } from '../experience/experience.ts'
import { floatRows, partsOf, type Sampled, sampledParts } from '../experience/rows.ts'
import { dice, foldIn, type HostKey } from '../run/keys.ts'

/** @internal What is computed of experience before it is learnt from. N is the most tokens of a completion. */
export interface Computed {
  /** `[rows, N]`, nats: under the old policy, which the ratio of the objective is to. */
  readonly oldLogp: Float32Array
  /** `[rows, N]`, nats: under the reference; null where there is none. */
  readonly refLogp: Float32Array | null
  /** One a row, or one a token of its completion. */
  readonly advantages: readonly (number | readonly number[])[]
}

/** @internal Some rows of a batch, as an update reads them. */
export type Part = Sampled & {
  readonly oldLogp: Floats
  readonly refLogp: Floats | null
  /** [B, 1], or [B, N] where credit is by token. */
  readonly advantages: Floats
}

/** One column where every row has one number, else one a token, 0 after the end. */
const advantageData = (credits: Computed['advantages'], columns: number): Float32Array => {
  if (credits.every((c) => typeof c === 'number')) return Float32Array.from(credits)
  const data = new Float32Array(credits.length * columns)
  credits.forEach((credit, row) => {
    if (typeof credit === 'number') data.fill(credit, row * columns, (row + 1) * columns)
    else data.set(credit, row * columns)
  })
  return data
}

/**
 * @internal `(rows, size) -> ` these rows of a batch as one part, or as several of at most `size` rows, each of which knows what
 * all of them hold.
 */
export const partsOfBatch = (experience: Experience<unknown>, { oldLogp, refLogp, advantages }: Computed) => {
  const total = experience.samples.length
  const each = advantageData(advantages, experience.mask.length / Math.max(1, total))
  return (chosen: readonly number[], size?: number): readonly Part[] =>
    sampledParts(experience, chosen, size).map(({ rows, ...sampled }) => ({
      ...sampled,
      oldLogp: floatRows(oldLogp, rows, total),
      refLogp: refLogp === null ? null : floatRows(refLogp, rows, total),
      advantages: floatRows(each, rows, total),
    }))
}

/** @internal The rows of each minibatch of a pass: all of them, once, in an order that follows from the key; as they are where there is one. */
export const deal = (rows: number, minibatches: number, pass: number, key: HostKey): readonly (readonly number[])[] => {
  const order = Array.from({ length: rows }, (_, i) => i)
  if (minibatches === 1) return [order]
  const roll = dice(foldIn(key, pass))
  for (let i = rows - 1; i > 0; i--) {
    const j = roll(i + 1)
    ;[order[i], order[j]] = [order[j]!, order[i]!]
  }
  return partsOf(order, rows / minibatches)
}
