/**
 * Penalties on what has been said already: logits that depend on the tokens so far, before temperature and before anything is cut away.
 * What a row has said is kept as counts over the vocabulary, on the device, and only what is asked for is kept.
 */
import {
  add,
  arange,
  cast,
  div,
  eq,
  expandDims,
  full,
  ge,
  gt,
  mul,
  or,
  repeat,
  reshape,
  scatterAdd,
  sub,
  type TreeRecord,
  where,
  zeros,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandFields, demandTensors } from './demands.ts'
import type { Booleans, Floats, Integers } from './layer.ts'

/** How much what was said already is held against a token. */
export interface Penalties {
  /**
   * Divides positive logits, and multiplies negative ones, of tokens that the prompt or the completion holds; 1 is none. Source: Keskar
   * et al. (arXiv:1909.05858), section 4.1, with the sign as in Hugging Face's `RepetitionPenaltyLogitsProcessor`.
   */
  readonly repetitionPenalty?: number
  /** Taken once from the logit of a token that the completion holds; 0 is none. Source: OpenAI's interface, `presence_penalty`. */
  readonly presencePenalty?: number
  /** Taken from a token's logit for each time that the completion holds it; 0 is none. Source: the same, `frequency_penalty`. */
  readonly frequencyPenalty?: number
}

/** What rows have said, as far as penalties ask. */
export interface Said extends TreeRecord {
  /** `[R, V]`: how often each token was drawn; null where nothing asks. */
  readonly counts: Floats | null
  /** `[R, V]`: whether the prompt or the completion holds it; null where nothing asks. */
  readonly seen: Booleans | null
}

/** Which penalties there are: none costs anything where it is not asked for. */
const asked = (options: Penalties) => {
  const {
    repetitionPenalty: repetition = 1,
    presencePenalty: presence = 0,
    frequencyPenalty: frequency = 0,
  } = optionsOf('penalize', options, { repetitionPenalty: true, presencePenalty: true, frequencyPenalty: true })
  const demand = (name: string, value: number, fits: boolean, range: string): void => {
    if (!fits) throw new RangeError(`penalize: ${name} is ${value}. Choose ${range}.`)
  }
  // What is divided by is f32: 1e-50 is 0 there.
  const divisor = Math.fround(repetition)
  demand('repetitionPenalty', repetition, divisor > 0 && divisor < Infinity, 'a number above 0 in f32; 1 is none')
  demand('presencePenalty', presence, Number.isFinite(presence), 'a number; 0 is none')
  demand('frequencyPenalty', frequency, Number.isFinite(frequency), 'a number; 0 is none')
  return { repetition, presence, frequency, counts: presence !== 0 || frequency !== 0, seen: repetition !== 1 }
}

/**
 * Logits [R, V] less the penalties for what each row has said. Repetition acts first, as in vLLM. Throws RangeError for a repetition
 * penalty that is not positive, or numbers that are none.
 *
 * @example
 * ```ts
 * import { penalize } from '@adjoint/nn'
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const said = { counts: tensor([0, 2, 1], [1, 3]), seen: null }
 * const less = penalize({ presencePenalty: 0.5, frequencyPenalty: 1 })(tensor([1, 1, 1], [1, 3]), said)
 * console.log(await readAsync(less)) // 1 -1.5 -0.5
 * ```
 */
export const penalize = (options: Penalties) => {
  const { repetition, presence, frequency } = asked(options)
  return (logits: Floats, said: Said): Floats => {
    demandTensors('penalize', { logits })
    demandFields('penalize', 'what was said', said, ['counts', 'seen'], 'Write null for what no penalty asks for.')
    const { counts, seen } = said
    const once: Floats =
      seen === null
        ? logits
        : where(seen, where(gt(logits, 0), div(logits, repetition), mul(logits, repetition)), logits)
    if (counts === null) return once
    const held: Floats = where(gt(counts, 0), presence, 0)
    return sub(once, add(mul(counts, frequency), held))
  }
}

/** Whether each token of the vocabulary is the row's: tokens [R] -> [R, V]. */
const oneHot = (tokens: Integers, vocab: number): Booleans => eq(expandDims(-1)(tokens), arange(vocab))

/** How penalties follow what is said: what they know at first, and after each token; null where there are none. */
export interface Memory {
  readonly penalize: (logits: Floats, said: Said) => Floats
  /** Of prompts [B, P] that begin at `starts`, for n completions of each. */
  readonly begin: (tokens: Integers, starts: Integers | null, n: number) => Said
  /** With the tokens [R] that were drawn. */
  readonly then: (said: Said, tokens: Integers) => Said
}

/** @see {@link Memory} */
export const penaltyMemory = (options: Penalties, vocab: number): Memory | null => {
  const wanted = asked(options)
  if (!wanted.counts && !wanted.seen) return null
  return {
    penalize: penalize(options),
    begin: (tokens, starts, n) => {
      const [B, P] = tokens.shape as readonly [number, number]
      const prompted = (): Booleans => {
        // What is added outside is lost: padding is no part of a prompt.
        const place: Integers = add(mul(expandDims(-1)(arange(B)), vocab), tokens)
        const own: Integers = starts === null ? place : where(ge(arange(P), expandDims(-1)(starts)), place, B * vocab)
        const counts: Floats = scatterAdd(0)(zeros([B * vocab]), reshape([B * P])(own), full([B * P], 1))
        return repeat(n)(gt(reshape([B, vocab])(counts), 0))
      }
      return {
        counts: wanted.counts ? zeros([B * n, vocab]) : null,
        seen: wanted.seen ? prompted() : null,
      }
    },
    then: ({ counts, seen }, tokens) => {
      const drawn = oneHot(tokens, vocab)
      return {
        counts: counts === null ? null : add(counts, cast('f32')(drawn)),
        seen: seen === null ? null : or(seen, drawn),
      }
    },
  }
}
