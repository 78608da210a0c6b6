/** Preferences: two completions to one prompt, of which one is better; and their rectangles of tokens. */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { encodeDemonstrations, type Sequences } from '../policy/batch.ts'
import type { RunError } from '../run/errors.ts'
import type { Sample } from '../reward/sample.ts'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import type { Text } from '../policy/text.ts'
import { partsOf } from '../experience/rows.ts'
import { sequencePart, type SequencePart, type Share } from '../learn/fit.ts'
import type { Tree } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'

/** A prompt, the better completion and the worse one. */
export interface PreferencePair {
  readonly prompt: string
  readonly chosen: string
  readonly rejected: string
  /** By how much the rewards should differ at least (Touvron et al. 2023, Llama 2, eq. 2). Default 0. */
  readonly margin?: number
}

/** Pairs, row-major on the host: the chosen completions in the first half of the rows, the rejected in the second. */
export interface EncodedPairs extends Sequences {
  /** `[2B]`: the column of the last token of each row, its `<eos>`. */
  readonly ends: Int32Array
  /** `[B]`; null where no pair has a margin. */
  readonly margins: Float32Array | null
}

/**
 * @internal The last column of each row that the mask keeps: where a sequence ends, padding aside.
 */
export const endsOf = ({ mask, shape: [rows, columns] }: Sequences): Int32Array =>
  Int32Array.from({ length: rows }, (_, row) => mask.subarray(row * columns, (row + 1) * columns).lastIndexOf(1))

/**
 * Pairs as sequences of `width` tokens, padded on the right. Left: UnknownToken, SequenceTooLong, EmptyDataset.
 *
 * @example
 * ```ts
 * import { encodePairs, mod10Chain } from '@adjoint/rl'
 * encodePairs(mod10Chain.vocabulary, 21)([{ prompt: '3+8=', chosen: '<answer>1</answer>', rejected: '<answer>7</answer>' }])
 * ```
 */
export const encodePairs =
  (text: Text, width: number) =>
  (pairs: readonly PreferencePair[]): E.Either<RunError, EncodedPairs> => {
    if (pairs.length === 0) return E.left({ _tag: 'EmptyDataset', name: 'the set of preference pairs' })
    const rows = [
      ...pairs.map(({ prompt, chosen }) => ({ prompt, completion: chosen })),
      ...pairs.map(({ prompt, rejected }) => ({ prompt, completion: rejected })),
    ]
    const margins = pairs.some(({ margin }) => margin !== undefined)
      ? Float32Array.from(pairs, ({ margin = 0 }) => margin)
      : null
    return pipe(
      encodeDemonstrations(text, width)(rows),
      E.map((sequences) => ({ ...sequences, ends: endsOf(sequences), margins })),
    )
  }

/**
 * @internal Pairs in parts of at most `size`, each with its share of them: `of` its sequences (the chosen completions in the first
 * half of the rows) and the numbers of its pairs.
 */
export const pairParts =
  <B extends Tree>(size: number | undefined, of: (sequences: SequencePart, pairs: readonly number[]) => B) =>
  (encoded: EncodedPairs): readonly Share<B>[] => {
    const count = encoded.shape[0] / 2
    return partsOf([...Array(count).keys()], size).map((pairs) => ({
      examples: of(sequencePart(encoded, [...pairs, ...pairs.map((pair) => count + pair)]), pairs),
      share: pairs.length / count,
    }))
  }

/**
 * Pairs from groups of sampled completions and their rewards: in each group the best against the worst, the second best
 * against the second worst, and so on, at most `pairs` of them (default 1) and only while their rewards differ. Among equals the
 * first comes first. Completions that were cut, or whose reward is absent, take no part.
 *
 * @example
 * ```ts
 * import { pairsFromSamples, type Sample } from '@adjoint/rl'
 * const say = (completion: string): Sample<null> => ({ problem: null, prompt: '1+1=', completion, length: 2, terminated: true })
 * pairsFromSamples({ group: 3 })([say('3'), say('2'), say('4')], [0, 1, 0]) // chosen '2', rejected '3'
 * ```
 */
export const pairsFromSamples = (options: { readonly group: number; readonly pairs?: number }) => {
  const { group, pairs = 1 } = optionsOf('pairsFromSamples', options, { group: true, pairs: true })
  return (samples: readonly Sample<unknown>[], rewards: readonly number[]): readonly PreferencePair[] => {
    if (rewards.length !== samples.length || samples.length % group !== 0)
      throw new RangeError(
        `pairsFromSamples: ${rewards.length} rewards for ${samples.length} samples, in groups of ${group}. Give one a sample, NaN where it is absent, and whole groups.`,
      )
    return chunksOf(group)(samples.map((sample, i) => ({ sample, reward: rewards[i]! }))).flatMap(
      (all): readonly PreferencePair[] => {
        const known = all.filter(({ sample, reward }) => sample.terminated && !Number.isNaN(reward))
        const [best, worst] = [
          known.toSorted((x, y) => y.reward - x.reward),
          known.toSorted((x, y) => x.reward - y.reward),
        ]
        return best
          .slice(0, pairs)
          .flatMap(({ sample, reward }, i) =>
            reward > worst[i]!.reward
              ? [{ prompt: sample.prompt, chosen: sample.completion, rejected: worst[i]!.sample.completion }]
              : [],
          )
      },
    )
  }
}
