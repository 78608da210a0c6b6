/**
 * Drawing tokens from rows of logits, on the device. A draw is the Gumbel-max trick: the largest of `logit + noise` is
 * distributed as softmax(logits), and needs no running sum over the vocabulary. Only top-k and top-p sort.
 *
 * A row of logits with a NaN or +Infinity in it, or of -Infinity alone, is no distribution, and nothing is drawn from it: its
 * token is {@link NO_TOKEN} and its log-probability NaN. The device cannot throw; whoever reads the tokens does (`readDrawn`,
 * `generator`).
 */
import {
  add,
  arange,
  argmax,
  argsort,
  cumsum,
  div,
  type Device,
  expandDims,
  gt,
  and,
  logsumexp,
  lt,
  max,
  random,
  readAsync,
  softmax,
  squeeze,
  sub,
  takeAlongAxis,
  where,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandTensors } from './demands.ts'
import type { Booleans, Floats, Integers, Key } from './layer.ts'
import { tokenLogp } from './loss.ts'

/** The distribution to draw from. */
export interface Sampling {
  /** Logits are divided by it; 0 takes the likeliest token. Default 1. */
  readonly temperature?: number
  /** Keeps the k likeliest tokens (of equal ones, those with the smaller ids). Default: all. */
  readonly topK?: number
  /** Keeps the smallest set of likeliest tokens, among those top-k left, whose probability reaches p. Default: 1, all. */
  readonly topP?: number
  /** Keeps the tokens, among those top-p left, whose probability is at least this part of the likeliest one's. Default: 0, all. */
  readonly minP?: number
}

/**
 * What is drawn from a row that is no distribution: no token at all. It is no position of any table (`embedding` reads NaN
 * for it) and no piece of any vocabulary.
 */
export const NO_TOKEN = -1

/** Tokens drawn [...], and the log-probability of each in the distribution it was drawn from [...], nats. */
export interface Drawn {
  readonly tokens: Integers
  readonly logp: Floats
}

type Draw = (noise: Floats, logits: Floats) => Drawn

/** Whether each row is a distribution: its log-sum-exp is a number exactly then. */
export const isDistribution = (logits: Floats): Booleans => {
  const total: Floats = logsumexp({ axis: -1 })(logits)
  return and(gt(total, -Infinity), lt(total, Infinity))
}

const drawable =
  (draw: Draw): Draw =>
  (noise, logits) => {
    const { tokens, logp } = draw(noise, logits)
    const fine = isDistribution(logits)
    return { tokens: where(fine, tokens, NO_TOKEN), logp: where(fine, logp, NaN) }
  }

const greedy: Draw = (_noise, logits) => {
  const tokens: Integers = argmax(-1)(logits)
  return { tokens, logp: tokenLogp(logits, tokens) }
}

const whole =
  (minP: number): Draw =>
  (noise, logits) => {
    const kept = likely(minP)(logits)
    const tokens: Integers = argmax(-1)(add(kept, noise))
    return { tokens, logp: tokenLogp(kept, tokens) }
  }

// Probabilities that are a part of the largest are logits within its logarithm of the largest: no sort, and no sum.
const likely =
  (minP: number) =>
  (logits: Floats): Floats =>
    minP === 0
      ? logits
      : where(lt(logits, add(max({ axis: -1, keepDims: true })(logits), Math.log(minP))), -Infinity, logits)

// Works in the order of falling logits; the noise goes with its token, so that keeping all tokens draws as `whole` does.
const truncated =
  (topK: number, topP: number, minP: number): Draw =>
  (noise, logits) => {
    const order: Integers = argsort(-1, { descending: true })(logits)
    const along = takeAlongAxis(-1)
    const sorted: Floats = along(logits, order)
    const likeliest: Floats = where(lt(arange(logits.shape.at(-1)!), topK), sorted, -Infinity)
    const p: Floats = softmax(-1)(likeliest)
    // A token stays while those before it have not reached p yet: the first one always does.
    const before: Floats = sub(cumsum(-1)(p), p)
    const kept = likely(minP)(topP < 1 ? where(lt(before, topP), likeliest, -Infinity) : likeliest)
    const rank: Integers = argmax(-1)(add(kept, along(noise, order)))
    const tokens: Integers = squeeze(-1)(along(order, expandDims(-1)(rank)))
    return { tokens, logp: tokenLogp(kept, rank) }
  }

const requireRange = (name: string, value: number, fits: boolean, range: string): void => {
  if (!fits) throw new RangeError(`sampleLogits: ${name} is ${value}. Choose ${range}.`)
}

/**
 * `sampleLogits` with the noise given: standard Gumbel variables of the shape of the logits. Greedy sampling reads no noise,
 * and its log-probabilities are those of the model itself, at temperature 1. A topK beyond the vocabulary keeps all of it. Throws
 * RangeError for a negative temperature, a topK that is not a positive integer, a topP outside (0, 1], or a minP outside [0, 1].
 *
 * @example
 * ```ts
 * import { drawTokens } from '@adjoint/nn'
 * import { readAsync, tensor, zeros } from '@adjoint/tensor'
 * const { tokens } = drawTokens({ topK: 2 })(zeros([1, 3]), tensor([1, 3, 2], [1, 3]))
 * console.log(await readAsync(tokens)) // Int32Array [1]: without noise the likeliest wins
 * ```
 */
export const drawTokens = (options: Sampling): ((noise: Floats, logits: Floats) => Drawn) => {
  const {
    temperature = 1,
    topK = Infinity,
    topP = 1,
    minP = 0,
  } = optionsOf('sampleLogits', options, { temperature: true, topK: true, topP: true, minP: true })

  // What is divided by is f32: 1e-50 is 0 there.
  const divisor = Math.fround(temperature)
  const fits = temperature === 0 || (divisor > 0 && divisor < Infinity)
  requireRange('temperature', temperature, fits, '0 (greedy), or a number above 0 in f32')
  requireRange('topK', topK, topK >= 1 && (topK === Infinity || Number.isInteger(topK)), 'a positive integer')
  requireRange('topP', topP, topP > 0 && topP <= 1, 'a probability above 0, at most 1')
  requireRange('minP', minP, minP >= 0 && minP <= 1, 'a part of the largest probability, 0 to 1')
  if (temperature === 0) return drawable(greedy)
  return (noise, logits) => {
    demandTensors('sampleLogits', { noise, logits })
    const vocab = logits.shape.at(-1)!
    const draw = topP < 1 || topK < vocab ? truncated(Math.min(topK, vocab), topP, minP) : whole(minP)
    return drawable(draw)(noise, temperature === 1 ? logits : div(logits, temperature))
  }
}

/**
 * One token for each row: logits [..., V] -> tokens and log-probabilities [...]. The log-probability is that of the
 * distribution drawn from, temperature, top-k, top-p and min-p included; for greedy sampling it is the model's own. Temperature
 * acts first, then top-k, then top-p on what is left, then min-p, as in Hugging Face's transformers. Throws as `drawTokens`. Sources:
 * Holtzman et al. (arXiv:1904.09751) for top-p, Fan et al. (arXiv:1805.04833) for top-k, Nguyen et al. (arXiv:2407.01082) for
 * min-p, Gumbel 1954 for the draw.
 *
 * @example
 * ```ts
 * import { sampleLogits } from '@adjoint/nn'
 * import { random, readAsync, tensor } from '@adjoint/tensor'
 * const { tokens } = sampleLogits({ temperature: 0.7, topK: 2 })(random.key(0), tensor([5, -9, 5, 0], [1, 4]))
 * console.log(await readAsync(tokens)) // Int32Array [0] or [2]
 * ```
 */
export const sampleLogits = (config: Sampling) => {
  const draw = drawTokens(config)
  return (key: Key, logits: Floats): Drawn => {
    demandTensors('sampleLogits', { logits })
    return draw(random.gumbel(key, logits.shape), logits)
  }
}

/** Rows of logits that were no distribution, so that nothing could be drawn from them. */
export class SamplingError extends Error {
  override readonly name = 'SamplingError'
  /** The rows, from 0, in ascending order. */
  readonly rows: readonly number[]
  constructor(op: string, rows: readonly number[], where: string) {
    const [first, ...others] = rows
    const more =
      others.length === 0
        ? ''
        : ` (and of ${others.length} more, ${others.slice(0, 8).join(', ')}${others.length > 8 ? ', ..' : ''})`
    super(
      `${op}: the logits of row ${first!}${more} are no distribution${where}: they hold NaN or Infinity, or every token is hidden. ` +
        'Look at the parameters (did a training step make them NaN?) and at what hides tokens.',
    )
    this.rows = rows
  }
}

/**
 * Tokens and log-probabilities on the host, row-major. Rejects with SamplingError, which names the rows, where something was
 * drawn from logits that are no distribution; with DeviceFailure where the device fails.
 *
 * @example
 * ```ts
 * import { readDrawn, sampleLogits } from '@adjoint/nn'
 * import { random, tensor } from '@adjoint/tensor'
 * const drawn = sampleLogits({})(random.key(0), tensor([0, NaN, 1, 2], [2, 2]))
 * await readDrawn(drawn).catch((error: Error) => console.log(error.message)) // sampleLogits: the logits of row 0 are ...
 * ```
 */
export const readDrawn = async (
  { tokens, logp }: Drawn,
  device?: Device,
): Promise<{ readonly tokens: Int32Array; readonly logp: Float32Array }> => {
  const read = { tokens: await readAsync(tokens, device), logp: await readAsync(logp, device) }
  const broken = [...read.tokens.keys()].filter((row) => read.tokens[row] === NO_TOKEN)
  if (broken.length > 0) throw new SamplingError('sampleLogits', broken, '')
  return read
}
