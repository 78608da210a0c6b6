/** Rewards on the length of a completion: paid or punished by itself, by whether it is right, or beside its group. */
import { optionsOf } from '@adjoint/tensor/ir'
import { numeral } from './mistake.ts'
import type { Rule } from './rules.ts'
import type { Sample } from './sample.ts'

/**
 * Soft overlong punishment (DAPO, Yu et al. 2025, eq. 13) at `n` tokens with limit L and cache C: 0 up to L - C, then
 * `((L - C) - n) / C`, and -1 beyond L. Throws unless `0 < cache <= max`.
 *
 * @example
 * ```ts
 * import { softOverlong } from '@adjoint/rl'
 * const punish = softOverlong({ max: 100, cache: 20 }) // -0.5 at 90 tokens
 * ```
 */
export const softOverlong = (options: { readonly max: number; readonly cache: number }): Rule<unknown> => {
  const { max, cache } = optionsOf('softOverlong', options, { max: true, cache: true })

  if (!(cache > 0 && cache <= max))
    throw new RangeError(
      `softOverlong: cache ${cache} of max ${max} tokens. The cache is the stretch below max where the punishment grows: 0 < cache <= max.`,
    )
  return ({ length }) => (length <= max - cache ? 0 : length <= max ? (max - cache - length) / cache : -1)
}

/** What a completion of no tokens gets, and one of `max` tokens; between them half a cosine. */
export interface CosineRange {
  readonly shortest: number
  readonly longest: number
}

/** Settings of {@link cosineLength}; the defaults are the paper's. */
export interface CosineConfig {
  /** Tokens, the end included. */
  readonly max: number
  /** Default 2 down to 1: right and short is best. */
  readonly correct?: CosineRange
  /** Default -10 up to 0: wrong, and thought about for long, is not so bad. */
  readonly wrong?: CosineRange
  /** For a completion that was cut, or is longer than `max`. Default -10. */
  readonly exceeded?: number
}

/**
 * The cosine length reward (Yeo et al. 2025, "Demystifying long chain-of-thought reasoning in LLMs", section 4.1): with
 * `s` = shortest and `l` = longest of the range that fits, `l + (s - l) (1 + cos(pi n / max)) / 2` at n tokens. It makes
 * the length of thought grow without running away. `correct` gives 1 where the answer is right.
 *
 * @example
 * ```ts
 * import { accuracy, cosineLength, mod10Chain } from '@adjoint/rl'
 * const reward = cosineLength({ max: 12 })(accuracy(mod10Chain.verify)) // right: 1.5 at 6 tokens
 * ```
 */
export const cosineLength = (options: CosineConfig) => {
  const {
    max,
    correct: right = { shortest: 2, longest: 1 },
    wrong = { shortest: -10, longest: 0 },
    exceeded = -10,
  } = optionsOf('cosineLength', options, { max: true, correct: true, wrong: true, exceeded: true })
  return <Problem>(correct: Rule<Problem>): Rule<Problem> =>
    (sample) => {
      if (!sample.terminated || sample.length > max) return exceeded
      const { shortest, longest } = numeral(correct(sample)) === 1 ? right : wrong
      return longest + ((shortest - longest) * (1 + Math.cos((Math.PI * sample.length) / max))) / 2
    }
}

/**
 * The length reward of Kimi k1.5 (Kimi team 2025, section 2.3.3), which looks at all completions to one prompt:
 * `lambda = 0.5 - (n - min) / (max - min)` over their lengths, for a wrong answer no more than 0, and 0 for all where all
 * are equally long. To be used with `namedBatch`; completions belong together by their prompt.
 *
 * @example
 * ```ts
 * import { accuracy, groupLength, mod10Chain, namedBatch } from '@adjoint/rl'
 * const rewards = [namedBatch('brevity', groupLength(accuracy(mod10Chain.verify)), 0.2)]
 * ```
 */
export const groupLength =
  <Problem>(correct: Rule<Problem>) =>
  (samples: readonly Sample<Problem>[]): Promise<readonly number[]> => {
    const bounds = new Map<string, readonly [number, number]>()
    for (const { prompt, length } of samples) {
      const [min, max] = bounds.get(prompt) ?? [length, length]
      bounds.set(prompt, [Math.min(min, length), Math.max(max, length)])
    }
    return Promise.resolve(
      samples.map((sample) => {
        const [min, max] = bounds.get(sample.prompt)!
        if (min === max) return 0
        const lambda = 0.5 - (sample.length - min) / (max - min)
        return numeral(correct(sample)) === 1 ? lambda : Math.min(0, lambda)
      }),
    )
  }
