/**
 * One update of a model from labelled examples, compiled once: what the steps of SFT, of reward models and of preferences share.
 * The loss is a mean over what a batch holds (tokens, pairs); the batch comes from the host, whole or in parts.
 */
import type { Floats, Integers } from '@adjoint/nn'
import { mul, type Scalar, scalar, tensor, type Tree } from '@adjoint/tensor'
import type * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { floatRows, partsOf, rowsOf, tokensIn } from '../experience/rows.ts'
import type { Sequences } from '../policy/batch.ts'
import { onDevice, readOn } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import type { Metrics } from '../run/metrics.ts'
import type { Fold } from '../run/packing.ts'
import { type Learner, type UpdateConfig, updateOf } from './update.ts'

/** What a step gives: the next state, and what it measured. */
export interface Stepped<S> {
  readonly state: S
  readonly metrics: Metrics
}

/** @internal Some examples of a batch, and which share of the batch's mean is theirs. */
export interface Share<B extends Tree> {
  readonly examples: B
  readonly share: number
}

/**
 * @internal `(state, shares of a batch) -> state and metrics` (`loss`, `grad_norm`, and those named). The memory of the state given
 * is reused for the one returned; that of the batch is not. Left: that of the batch, DeviceFailed.
 */
export const fitStep = <P extends Tree, O extends Tree, B extends Tree, N extends string>({
  loss,
  measures,
  optimizer,
  device,
}: UpdateConfig<P, O, B, N>) => {
  const folds: Readonly<Record<string, Fold>> = { ...measures, loss: 'sum' }
  type Weighed = { readonly examples: B; readonly share: Scalar | null }
  const { update, unpack } = updateOf<P, O, Weighed, N | 'loss'>({
    // The mean of a batch is the sum of its parts' means, each times its share.
    loss: (params, { examples, share }) => {
      const [value, aux] = loss(params, examples)
      const weigh = (x: Scalar): Scalar => (share === null ? x : mul(x, share))
      const measured: Readonly<Record<string, Scalar>> = { ...aux, loss: value }
      const weighed = Object.entries(measured).map(([name, x]) => [name, folds[name] === 'sum' ? weigh(x) : x])
      return [weigh(value), Object.fromEntries(weighed) as Readonly<Record<N | 'loss', Scalar>>]
    },
    measures: folds,
    optimizer,
    device,
  })
  return (
    state: Learner<P, O>,
    batch: E.Either<RunError, readonly Share<B>[]>,
  ): TE.TaskEither<RunError, Stepped<Learner<P, O>>> =>
    pipe(
      TE.fromEither(batch),
      TE.flatMap((shares) =>
        onDevice(() => {
          const whole = shares.length === 1
          const parts = shares.map(({ examples, share }) => ({ examples, share: whole ? null : scalar(share) }))
          return Promise.resolve(update(state, parts))
        }),
      ),
      TE.flatMap(({ learner, measured }) =>
        pipe(
          readOn(device)(measured),
          TE.map((values) => ({ state: learner, metrics: unpack(values) })),
        ),
      ),
    )
}

/** @internal Whole sequences as an update reads them. */
export type SequencePart = {
  /** [B, T]. */
  readonly tokens: Integers
  /** [B, T]. */
  readonly mask: Floats
}

/** @internal Some rows of sequences. */
export const sequencePart = (
  { tokens, mask, shape: [rows, columns] }: Sequences,
  chosen: readonly number[],
): SequencePart => ({
  tokens: tensor(rowsOf(tokens, chosen, rows), [chosen.length, columns]),
  mask: floatRows(mask, chosen, rows),
})

/** @internal Sequences in parts of at most `size` rows, each with its share of the tokens to learn. */
export const sequenceParts =
  (size: number | undefined) =>
  (sequences: Sequences): readonly Share<SequencePart>[] => {
    const { mask, shape } = sequences
    const all = [...Array(shape[0]).keys()]
    const held = (rows: readonly number[]): number => tokensIn(mask, rows, shape[0])
    const total = Math.max(1, held(all))
    return partsOf(all, size).map((rows) => ({
      examples: sequencePart(sequences, rows),
      share: held(rows) / total,
    }))
  }
