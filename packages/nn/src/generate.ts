/**
 * Sampling from a model, all rows of a batch at once, with everything on the device: one compiled program reads the prompts, and one
 * draws `checkEvery` tokens more of each row, over a state that is donated and so updated in place. The host only counts; after
 * each call it reads one truth value, whether all rows have ended, and at the end whether all rows could be drawn: a row whose
 * logits were no distribution is an error that names it. Where somebody listens, or texts end rows, it reads the tokens after each
 * call, too (watch.ts).
 *
 * The t-th tokens of all rows are drawn with the key `foldIn(key, t)`, and a row's noise depends on its own index alone: the
 * padding, the rows below it and `checkEvery` change nothing of what is drawn, and n completions of a prompt are those of the
 * prompt written n times (of log-probabilities the last bits may differ, where a device adds up fewer rows in another order).
 */
import {
  arange,
  cast,
  type Device,
  type DeviceError,
  DeviceFailure,
  expandDims,
  jit,
  lt,
  readAsync,
  realizeAsync,
  repeat,
  type Tree,
  type TreeRecord,
} from '@adjoint/tensor'
import { type TaskEither, tryCatch } from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Decoder, decoder } from './decoder.ts'
import { decoding, type Fixed, type State } from './decoding.ts'
import { demandKey } from './demands.ts'
import { endsOf, type GenerateConfig, requireConfig, requirePrompts } from './generate-arguments.ts'
import type { Booleans, Floats, Integers, Key } from './layer.ts'
import { SamplingError } from './sample.ts'
import { watching } from './watch.ts'
import type { Prompts } from './text/pad.ts'
import type { Transformer, TransformerParams } from './transformer.ts'

/** What was drawn, on the device, a row for each completion: those of a prompt stand side by side, R = B n rows in all. */
export interface Generation extends TreeRecord {
  /** `[R, P + N]`: the prompt's columns, then the completion's, then padding. */
  readonly tokens: Integers
  /** `[R, N]`: log-probabilities of the completion's tokens in the distribution drawn from, nats; 0 after the end. */
  readonly logp: Floats
  /** `[R, N]`: 1 on tokens of the completion, the one that ends it included; 0 after. */
  readonly mask: Floats
  /** `[R]`: tokens of the completion, the one that ends it included. */
  readonly lengths: Integers
  /** `[R]`: whether the row ended by itself, rather than at N tokens. */
  readonly ended: Booleans
}

/** Why nothing was generated, as data. */
export type GenerateError =
  | DeviceError
  /** The logits of these rows were NaN, infinite, or hid every token. */
  | { readonly _tag: 'NoDistribution'; readonly rows: readonly number[]; readonly message: string }

/** A sampler of one model: parameters, prompts [B, P] and a key to completions. */
export type Generate<R, P extends Tree = TransformerParams> = (params: P, prompts: Prompts, key: Key) => R

/** What went wrong, with the prompt of the first row. */
const failureOf = async (
  tokensDrawn: Integers,
  broken: Int32Array,
  { prompts, n, device }: { readonly prompts: Prompts; readonly n: number; readonly device: Device | undefined },
): Promise<SamplingError> => {
  const rows = [...broken.keys()].filter((row) => broken[row]! >= 0)
  const first = rows[0]!
  const [tokens, starts] = [
    await readAsync(tokensDrawn, device),
    prompts.starts === undefined ? null : await readAsync(prompts.starts, device),
  ]
  const width = tokensDrawn.shape[1]!
  const from = starts?.[Math.floor(first / n)] ?? 0
  const prompt = tokens.subarray(first * width + from, first * width + prompts.tokens.shape[1]!)
  const shown = prompt.length > 16 ? `.. ${prompt.slice(-16).join(' ')}` : prompt.join(' ')
  return new SamplingError(
    'generate',
    rows,
    ` at token ${broken[first]!} of the completion (row ${first}'s prompt is ${shown})`,
  )
}

/**
 * `generator` for scripts: awaits, and throws DeviceFailure and SamplingError.
 *
 * @example
 * ```ts
 * import { generatorAsync, leftPad, transformer } from '@adjoint/nn'
 * import { random, readAsync } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 32, layers: 2, heads: 4, context: 16 })
 * const generate = generatorAsync(model, { maxTokens: 8, eos: 1, temperature: 0.8 })
 * const { lengths } = await generate(model.init(random.key(0)), leftPad({ pad: 0 })([[5, 6], [7]]), random.key(1))
 * console.log(await readAsync(lengths)) // tokens of each completion, at most 8
 * ```
 */
export const generatorAsync = <P extends Tree = TransformerParams, M extends Tree = never>(
  given: Transformer | Decoder<P, M>,
  options: GenerateConfig,
): Generate<Promise<Generation>, P> => {
  const config = optionsOf('generate', options, {
    maxTokens: true,
    n: true,
    eos: true,
    pad: true,
    checkEvery: true,
    device: true,
    temperature: true,
    topK: true,
    topP: true,
    minP: true,
    repetitionPenalty: true,
    presencePenalty: true,
    frequencyPenalty: true,
    stop: true,
    onTokens: true,
    cache: true,
  })

  const { cache } = config
  if ('start' in given && cache !== undefined)
    throw new TypeError(
      "generate: how a decoder remembers is its own matter, and `cache` is a transformer's. Give the option where the decoder is made: decoder(model, { cache }).",
    )
  // Where a transformer is given, P is what it is by default: its parameters.
  const model = ('start' in given ? given : decoder(given, cache === undefined ? {} : { cache })) as Decoder<P, M>
  requireConfig(model, config)
  const { maxTokens, n = 1, checkEvery = 16, device, stop } = config
  const mayEnd = endsOf(config).length > 0 || stop !== undefined
  // Calls of equal length, so that one program serves all but the first; that one also draws what they leave over.
  const drawn = 1 + ((maxTokens - 1) % checkEvery)
  const { start, go } = decoding(model, config, { drawn, more: checkEvery })
  const on = device === undefined ? {} : { device }
  const begin = jit(start, on)
  const next = jit(go, { donate: [1], ...on })
  // What was drawn, without the cache: donated, its memory is free again at once.
  const finish = jit(
    ({ drawing: { tokens, logp, lengths, ended } }: State<M>): Generation => ({
      tokens,
      logp,
      mask: cast('f32')(lt(arange(maxTokens), expandDims(-1)(lengths))),
      lengths,
      ended,
    }),
    { donate: [0], ...on },
  )
  // Where a listener throws, what was drawn goes with the cache.
  const watch = watching<M>(config, finish)
  return async (params, prompts, key) => {
    requirePrompts(model, prompts, maxTokens)
    if (config.temperature !== 0) demandKey('generate', key)
    const { tokens, starts = null } = prompts
    // computed once, rather than by every call, where they are still expressions
    const fixed: Fixed<P> = await realizeAsync(
      {
        params,
        starts: starts === null ? null : repeat(n)(starts),
        key: config.temperature === 0 ? null : key,
      },
      device,
    )
    let state = begin(fixed, { tokens, starts })
    let look = watch(tokens.shape[1]!)
    for (let made = drawn; ; made += checkEvery) {
      ;[state, look] = await look(state)
      if (made >= maxTokens || (mayEnd && (await readAsync(state.allEnded, device))[0] === 1)) break
      state = next(fixed, state)
    }
    const broken = await readAsync(state.drawing.broken, device)
    if (broken.some((at) => at >= 0)) throw await failureOf(state.drawing.tokens, broken, { prompts, n, device })
    return finish(state)
  }
}

/**
 * A sampler of batches for a model: programs are compiled at its first call and reused for every batch of the same shape.
 * Make it once. Left: the device failed, or the logits of a row were no distribution, which names the row, the token and the
 * prompt. Throws ShapeError where prompt and completion exceed the context, RangeError for a bad `Sampling` and for ids outside
 * the vocabulary, TypeError where there is no key and the temperature is not 0.
 *
 * @example
 * ```ts
 * import { generator, leftPad, transformer } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 32, layers: 2, heads: 4, context: 16 })
 * const generate = generator(model, { maxTokens: 4, topP: 0.9 })
 * const outcome = await generate(model.init(random.key(0)), leftPad({ pad: 0 })([[5, 6]]), random.key(1))()
 * console.log(outcome._tag === 'Right' && outcome.right.tokens.shape) // [1, 6]
 * ```
 */
export const generator = <P extends Tree = TransformerParams, M extends Tree = never>(
  model: Transformer | Decoder<P, M>,
  config: GenerateConfig,
): Generate<TaskEither<GenerateError, Generation>, P> => {
  const run = generatorAsync(model, config)
  return (params, prompts, key) =>
    tryCatch(
      () => run(params, prompts, key),
      (error) => {
        if (error instanceof DeviceFailure) return error.error
        if (error instanceof SamplingError) return { _tag: 'NoDistribution', rows: error.rows, message: error.message }
        throw error
      },
    )
}
