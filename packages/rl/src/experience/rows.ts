/** Some rows of what is on the host, as tensors: how minibatches and micro-batches are cut. Rows are completions. */
import type { Floats, Integers } from '@adjoint/nn'
import { scalar, tensor } from '@adjoint/tensor'
import type { Totals } from '../objective/aggregate.ts'
import type { Rollout } from './rollout.ts'

/** @internal Rows of `data` [total, ..], in the order asked for. */
export const rowsOf = <A extends Int32Array | Float32Array>(data: A, rows: readonly number[], total: number): A => {
  const size = data.length / total
  // A slice has the type of what it is a slice of.
  const picked = data.slice(0, rows.length * size) as A
  rows.forEach((row, at) => picked.set(data.subarray(row * size, (row + 1) * size), at * size))
  return picked
}

/** @internal Rows of `data` [total, columns] as a tensor. */
export const floatRows = (data: Float32Array, rows: readonly number[], total: number): Floats =>
  tensor(rowsOf(data, rows, total), [rows.length, data.length / total])

/** @internal Sequences whose last N columns were sampled or could be. */
export type Sampled = {
  /** [B, P + N]. */
  readonly tokens: Integers
  /** `[B]`: first column of each left-padded row; null where none is padded. */
  readonly starts: Integers | null
  /** [B, N]. */
  readonly mask: Floats
  /** [B, N], nats. */
  readonly samplerLogp: Floats
  /** What all rows of an update hold; null where these are all. */
  readonly totals: Totals | null
}

/** @internal How many tokens some rows of a mask [total, columns] keep. */
export const tokensIn = (mask: Float32Array, rows: readonly number[], total: number): number => {
  const columns = mask.length / total
  return rows.reduce((n, row) => n + mask.subarray(row * columns, (row + 1) * columns).reduce((s, m) => s + m, 0), 0)
}

/** @internal Throws RangeError for a size of parts that is no number of rows. */
export const demandMicroBatch = (op: string, size: number | undefined): void => {
  if (size === undefined || (Number.isInteger(size) && size >= 1)) return
  throw new RangeError(`${op}: microBatch is ${size}. Give the rows that go through the model at once, 1 or more.`)
}

/** @internal The rows of each part: `size` of them (all where it is left out), and what remains in the last. */
export const partsOf = (rows: readonly number[], size: number = rows.length): readonly (readonly number[])[] => {
  return Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => rows.slice(i * size, (i + 1) * size))
}

/** @internal These rows of a rollout as one part, or as several of at most `size`, each of which knows what all of them hold. */
export const sampledParts = (
  { tokens, starts, mask, samplerLogp, samples }: Rollout<unknown>,
  rows: readonly number[],
  size?: number,
): readonly (Sampled & { readonly rows: readonly number[] })[] => {
  const total = samples.length
  const parts = partsOf(rows, size)
  const totals =
    parts.length === 1 ? null : { sequences: scalar(rows.length), tokens: scalar(tokensIn(mask, rows, total)) }
  return parts.map((chosen) => ({
    rows: chosen,
    tokens: tensor(rowsOf(tokens, chosen, total), [chosen.length, tokens.length / total]),
    starts: starts === null ? null : tensor(rowsOf(starts, chosen, total), [chosen.length]),
    mask: floatRows(mask, chosen, total),
    samplerLogp: floatRows(samplerLogp, chosen, total),
    totals,
  }))
}
