/** Texts through a reward model, in batches of one shape: one compiled program serves any number of them. */
import { type Device, jit, readAsync, tensor, type Tree } from '@adjoint/tensor'
import type { Floats, Integers } from '@adjoint/nn'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Demonstration, encodeDemonstrations } from '../policy/batch.ts'
import { onDevice } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import { endsOf } from '../preference/pair.ts'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import type { Text } from '../policy/text.ts'

/** Where and in what shape texts are scored. */
export interface ScoringConfig {
  readonly vocabulary: Text
  /** Tokens of a row. Default: the model's context. */
  readonly width?: number
  /** Rows of one batch on the device; the last batch is filled up. Default: 256. */
  readonly rows?: number
  readonly device: Device
}

type Rows = {
  readonly tokens: Integers
  readonly ends: Integers
}

/**
 * @internal `(params, texts) -> [texts][columns]`: what `f` says of each text; `f` gives [B] or [B, T]. Left: UnknownToken,
 * SequenceTooLong, DeviceFailed.
 */
export const textScorer = <P extends Tree>(
  { vocabulary, width, rows = 256, device }: ScoringConfig & { readonly width: number },
  f: (params: P, rows: Rows) => Floats,
) => {
  const run = jit(f, { device })
  const encode = encodeDemonstrations(vocabulary, width)
  const scoreBatch =
    (params: P) =>
    (texts: readonly Demonstration[]): TE.TaskEither<RunError, readonly Float32Array[]> => {
      const filled = Array.from({ length: rows }, (_, i) => texts[i % texts.length]!)
      return pipe(
        TE.fromEither(encode(filled)),
        TE.flatMap((sequences) =>
          onDevice(() =>
            readAsync(
              run(params, {
                tokens: tensor(sequences.tokens, sequences.shape),
                ends: tensor(endsOf(sequences), [rows]),
              }),
              device,
            ),
          ),
        ),
        TE.map((said) => {
          const columns = said.length / rows
          return texts.map((_, row) => Float32Array.from(said.subarray(row * columns, (row + 1) * columns)))
        }),
      )
    }
  return (params: P, texts: readonly Demonstration[]): TE.TaskEither<RunError, readonly Float32Array[]> =>
    pipe(
      chunksOf(rows)(texts),
      TE.traverseSeqArray(scoreBatch(params)),
      TE.map((batches) => batches.flat()),
    )
}

/** @internal Why a text cannot be scored, where the vocabulary lacks it or the width does not hold it; else null. */
export const unscorable =
  ({ vocabulary, width }: ScoringConfig & { readonly width: number }) =>
  (text: Demonstration): RunError | null =>
    pipe(
      encodeDemonstrations(vocabulary, width)([text]),
      E.match(
        (error): RunError | null => error,
        () => null,
      ),
    )
