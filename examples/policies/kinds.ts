/**
 * Three policies that are no transformers. A policy is a decoder, how to start from prompts and how to go on by a token, and a
 * text; scoring whole sequences, sampling, SFT and GRPO follow from these.
 */
import type { Decoder, Floats, Integers, Key } from '@adjoint/nn'
import {
  add,
  concat,
  expandDims,
  ge,
  matmul,
  mul,
  random,
  reshape,
  sigmoid,
  slice,
  softmax,
  squeeze,
  sub,
  take,
  tanh,
  type TreeRecord,
  where,
  zeros,
} from '@adjoint/tensor'

/** A decoder and its first parameters. */
export interface Kind<P extends TreeRecord, M extends TreeRecord> {
  readonly decoder: Decoder<P, M>
  readonly init: (key: Key) => P
}

/** Column `t` of tokens [B, T], as [B]. */
const column = (tokens: Integers, t: number): Integers => squeeze(1)(slice([0, t], [tokens.shape[0]!, t + 1])(tokens))
const normal = (key: Key, n: number, shape: readonly number[], scale: number): Floats =>
  mul(random.normal()(random.foldIn(key, n), shape), scale)

/** Reads the columns of prompts one after the other; a row counts from the column where it begins. */
const readAll = <M extends TreeRecord>(
  tokens: Integers,
  starts: Integers | undefined,
  first: M,
  read: (memory: M, token: Integers, begun: Floats | null) => M,
): M => {
  let memory = first
  for (let t = 0; t < tokens.shape[1]!; t++) {
    const begun: Floats | null = starts === undefined ? null : expandDims(-1)(where(ge(t, starts), 1, 0)) // [B, 1]
    memory = read(memory, column(tokens, t), begun)
  }
  return memory
}

/** A lookup table: the next token by the last one alone. What follows from more than that it cannot learn. */
export const table = (vocab: number): Kind<{ readonly logits: Floats }, { readonly last: Integers }> => {
  const say = (params: { readonly logits: Floats }, last: Integers) => [take(0)(params.logits, last), { last }] as const
  return {
    init: (key) => ({ logits: normal(key, 0, [vocab, vocab], 0.1) }),
    decoder: {
      vocab,
      context: Infinity,
      start: (params) => (tokens) => say(params, column(tokens, tokens.shape[1]! - 1)),
      extend: (params) => (tokens) => say(params, column(tokens, 0)),
    },
  }
}

/** Weights of a gated recurrent unit (Cho et al. 2014) of width C, whose inputs are added to what a gate makes of the state. */
export type GruParams = {
  readonly embedding: Floats
  readonly reset: Floats
  readonly update: Floats
  readonly candidate: Floats
  readonly head: Floats
}

/** A gated recurrent unit: it remembers a vector of numbers, whatever the length of the sequence. */
export const gru = (vocab: number, width: number): Kind<GruParams, { readonly h: Floats }> => {
  const read = ({ embedding, reset, update, candidate }: GruParams, h: Floats, token: Integers): Floats => {
    const x: Floats = take(0)(embedding, token) // [B, C]
    const gate = (w: Floats, state: Floats): Floats => add(x, matmul(state, w))
    const r: Floats = sigmoid(gate(reset, h))
    const z: Floats = sigmoid(gate(update, h))
    const next: Floats = tanh(gate(candidate, mul(r, h)))
    return add(mul(z, h), mul(sub(1, z), next)) // z h + (1 - z) h'
  }
  const say = (params: GruParams, h: Floats) => [matmul(h, params.head), { h }] as const
  return {
    init: (key) => {
      const square = (n: number): Floats => normal(key, n, [width, width], 1 / Math.sqrt(width))
      return {
        embedding: normal(key, 0, [vocab, width], 1),
        reset: square(1),
        update: square(2),
        candidate: square(3),
        head: normal(key, 4, [width, vocab], 0.1),
      }
    },
    decoder: {
      vocab,
      context: Infinity,
      start: (params, options) => (tokens) => {
        const h: Floats = zeros([tokens.shape[0]!, width])
        const end = readAll(tokens, options.starts, { h }, (memory, token, begun) => {
          const next = read(params, memory.h, token)
          return { h: begun === null ? next : mul(next, begun) }
        })
        return say(params, end.h)
      },
      extend:
        (params, { h }) =>
        (tokens) =>
          say(params, read(params, h, column(tokens, 0))),
    },
  }
}

/** Weights of a mixture: a gate and E experts over what the last tokens were. */
export type MixtureParams = {
  readonly embedding: Floats
  readonly gate: Floats
  readonly experts: readonly Floats[]
}

const WINDOW = 12

/** A mixture of experts over the last tokens: `sum_e gate_e(x) W_e x`, x the embeddings of the window, each by its place. */
export const mixture = (
  vocab: number,
  { width, experts }: { readonly width: number; readonly experts: number },
): Kind<MixtureParams, { readonly window: Floats }> => {
  const features = WINDOW * width
  const read = (params: MixtureParams, window: Floats, token: Integers, begun: Floats | null): Floats => {
    const x: Floats = take(0)(params.embedding, token) // [B, C]
    const kept = begun === null ? x : mul(x, begun)
    const rows = window.shape[0]!
    return concat(1)([slice([0, 1, 0], [rows, WINDOW, width])(window), expandDims(1)(kept)])
  }
  const say = (params: MixtureParams, window: Floats) => {
    const rows = window.shape[0]!
    const x: Floats = reshape([rows, features])(window)
    const gates: Floats = softmax(-1)(matmul(x, params.gate)) // [B, E]
    const each = params.experts.map((w, e): Floats => mul(matmul(tanh(x), w), slice([0, e], [rows, e + 1])(gates)))
    return [each.reduce((y, z): Floats => add(y, z)), { window }] as const
  }
  return {
    init: (key) => ({
      embedding: normal(key, 0, [vocab, width], 1),
      gate: normal(key, 1, [features, experts], 0.1),
      experts: Array.from({ length: experts }, (_, e) => normal(key, 2 + e, [features, vocab], 1 / features)),
    }),
    decoder: {
      vocab,
      context: Infinity,
      start: (params, options) => (tokens) => {
        const window: Floats = zeros([tokens.shape[0]!, WINDOW, width])
        const end = readAll(tokens, options.starts, { window }, (memory, token, begun) => ({
          window: read(params, memory.window, token, begun),
        }))
        return say(params, end.window)
      },
      extend:
        (params, { window }) =>
        (tokens) =>
          say(params, read(params, window, column(tokens, 0), null)),
    },
  }
}
