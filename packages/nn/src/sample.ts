/**
 * Drawing tokens from rows of logits, on the device. A draw is the Gumbel-max trick: the largest of `logit + noise` is
 * distributed as softmax(logits), and needs no running sum over the vocabulary. Only top-k and top-p sort.
 */
import {
  add,
  arange,
  argmax,
  argsort,
  cumsum,
  div,
  expandDims,
  lt,
  random,
  softmax,
  squeeze,
  sub,
  takeAlongAxis,
  where,
} from '@adjoint/tensor'
import type { Floats, Integers, Key } from './layer.ts'
import { tokenLogp } from './loss.ts'

/** The distribution to draw from. */
export interface Sampling {
  /** Logits are divided by it; 0 takes the likeliest token. Default 1. */
  readonly temperature?: number
  /** Keeps the k likeliest tokens (of equal ones, those with the smaller ids). Default: all. */
  readonly topK?: number
  /** Keeps the smallest set of likeliest tokens, among those top-k left, whose probability reaches p. Default: 1, all. */
  readonly topP?: number
}

/** Tokens drawn [...], and the log-probability of each in the distribution it was drawn from [...], nats. */
export interface Drawn {
  readonly tokens: Integers
  readonly logp: Floats
}

type Draw = (noise: Floats, logits: Floats) => Drawn

const greedy: Draw = (_noise, logits) => {
  const tokens: Integers = argmax(-1)(logits)
  return { tokens, logp: tokenLogp(logits, tokens) }
}

const whole: Draw = (noise, logits) => {
  const tokens: Integers = argmax(-1)(add(logits, noise))
  return { tokens, logp: tokenLogp(logits, tokens) }
}

// Works in the order of falling logits; the noise goes with its token, so that keeping all tokens draws as `whole` does.
const truncated =
  (topK: number, topP: number): Draw =>
  (noise, logits) => {
    const order: Integers = argsort(-1, { descending: true })(logits)
    const along = takeAlongAxis(-1)
    const sorted: Floats = along(logits, order)
    const likeliest: Floats = where(lt(arange(logits.shape.at(-1)!), topK), sorted, -Infinity)
    const p: Floats = softmax(-1)(likeliest)
    // A token stays while those before it have not reached p yet: the first one always does.
    const before: Floats = sub(cumsum(-1)(p), p)
    const kept: Floats = topP < 1 ? where(lt(before, topP), likeliest, -Infinity) : likeliest
    const rank: Integers = argmax(-1)(add(kept, along(noise, order)))
    const tokens: Integers = squeeze(-1)(along(order, expandDims(-1)(rank)))
    return { tokens, logp: tokenLogp(kept, rank) }
  }

const requireRange = (name: string, value: number, fits: boolean, range: string): void => {
  if (!fits) throw new RangeError(`sampleLogits: ${name} is ${value}. Choose ${range}.`)
}

/**
 * `sampleLogits` with the noise given: standard Gumbel variables of the shape of the logits. Greedy sampling reads no noise,
 * and its log-probabilities are those of the model itself, at temperature 1. Throws RangeError for a negative temperature,
 * a topK that is not a positive integer, or a topP outside (0, 1].
 *
 * @example
 * ```ts
 * import { drawTokens } from '@adjoint/nn'
 * import { readAsync, tensor, zeros } from '@adjoint/tensor'
 * const { tokens } = drawTokens({ topK: 2 })(zeros([1, 3]), tensor([1, 3, 2], [1, 3]))
 * console.log(await readAsync(tokens)) // Int32Array [1]: without noise the likeliest wins
 * ```
 */
export const drawTokens = ({ temperature = 1, topK = Infinity, topP = 1 }: Sampling): Draw => {
  requireRange('temperature', temperature, temperature >= 0 && temperature < Infinity, '0 (greedy) or more')
  requireRange('topK', topK, topK >= 1 && (topK === Infinity || Number.isInteger(topK)), 'a positive integer')
  requireRange('topP', topP, topP > 0 && topP <= 1, 'a probability above 0, at most 1')
  if (temperature === 0) return greedy
  return (noise, logits) => {
    const draw = topP < 1 || topK < logits.shape.at(-1)! ? truncated(Math.min(topK, logits.shape.at(-1)!), topP) : whole
    return draw(noise, temperature === 1 ? logits : div(logits, temperature))
  }
}

/**
 * One token for each row: logits [..., V] -> tokens and log-probabilities [...]. The log-probability is that of the
 * distribution drawn from, temperature, top-k and top-p included; for greedy sampling it is the model's own. Temperature
 * acts first, then top-k, then top-p on what is left, as in Hugging Face's transformers. Throws as `drawTokens`. Sources:
 * Holtzman et al. (arXiv:1904.09751) for top-p, Fan et al. (arXiv:1805.04833) for top-k, Gumbel 1954 for the draw.
 *
 * @example
 * ```ts
 * import { sampleLogits } from '@adjoint/nn'
 * import { random, readAsync, tensor } from '@adjoint/tensor'
 * const { tokens } = sampleLogits({ temperature: 0.7, topK: 2 })(random.key(0), tensor([5, -9, 5, 0], [1, 4]))
 * console.log(await readAsync(tokens)) // Int32Array [0] or [2]
 * ```
 */
export const sampleLogits =
  (config: Sampling) =>
  (key: Key, logits: Floats): Drawn =>
    drawTokens(config)(random.gumbel(key, logits.shape), logits)
