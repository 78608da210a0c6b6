/**
 * Sampling from a model, all rows of a batch at once, with everything on the device: one compiled reading of the prompts, then
 * one compiled step a token whose state (the model's memory, tokens, log-probabilities) is donated and so updated in place. The host only
 * counts; every `checkEvery` tokens it reads one truth value, whether all rows have ended, and at the end whether all rows
 * could be drawn: a row whose logits were no distribution is an error that names it.
 *
 * The t-th tokens of all rows are drawn with the key `foldIn(key, t)`, and a row's noise depends on its own index alone: the
 * padding, the rows below it and `checkEvery` change nothing of what is drawn.
 */
import {
  add,
  all,
  and,
  cast,
  type Device,
  type DeviceError,
  DeviceFailure,
  dynamicSlice,
  dynamicUpdateSlice,
  eq,
  expandDims,
  full,
  jit,
  not,
  or,
  random,
  readAsync,
  realizeAsync,
  scalar,
  type Scalar,
  sum,
  type Tree,
  type TreeRecord,
  where,
  zeros,
} from '@adjoint/tensor'
import { type TaskEither, tryCatch } from 'fp-ts/lib/TaskEither.js'
import { type Decoder, decoder } from './decoder.ts'
import { demandKey } from './demands.ts'
import { type GenerateConfig, requireConfig, requirePrompts } from './generate-arguments.ts'
import type { Booleans, Floats, Integers, Key } from './layer.ts'
import { drawTokens, NO_TOKEN, SamplingError } from './sample.ts'
import type { Prompts } from './text/pad.ts'
import type { Transformer, TransformerParams } from './transformer.ts'

/** What was drawn, on the device. */
export interface Generation extends TreeRecord {
  /** `[B, P + N]`: the prompt's columns, then the completion's, then padding. */
  readonly tokens: Integers
  /** `[B, N]`: log-probabilities of the completion's tokens in the distribution drawn from, nats; 0 after the end. */
  readonly logp: Floats
  /** `[B, N]`: 1 on tokens of the completion, the one that ends it included; 0 after. */
  readonly mask: Floats
  /** `[B]`: tokens of the completion, the one that ends it included. */
  readonly lengths: Integers
  /** `[B]`: whether the row ended by itself, rather than at N tokens. */
  readonly ended: Booleans
}

/** Why nothing was generated, as data. */
export type GenerateError =
  | DeviceError
  /** The logits of these rows were NaN, infinite, or hid every token. */
  | { readonly _tag: 'NoDistribution'; readonly rows: readonly number[]; readonly message: string }

/** A sampler of one model: parameters, prompts [B, P] and a key to completions. */
export type Generate<R, P extends Tree = TransformerParams> = (params: P, prompts: Prompts, key: Key) => R

/** What has been drawn so far. */
interface Drawing<M extends Tree> extends TreeRecord {
  readonly memory: M
  readonly tokens: Integers
  readonly logp: Floats
  readonly mask: Floats
  readonly ended: Booleans
  /** Tokens drawn so far, t. */
  readonly count: Scalar<'i32'>
  /** `[B]`: at which token a row's logits were no distribution; -1 while they all were. Such a row has ended. */
  readonly broken: Integers
}

/** A step's result: also what the host looks at. */
interface State<M extends Tree> extends Drawing<M> {
  readonly allEnded: Scalar<'bool'>
}

/** What a step reads and never writes. */
interface Fixed<P extends Tree> extends TreeRecord {
  readonly params: P
  readonly starts: Integers | null
  /** Null where nothing is random: greedy. */
  readonly key: Key | null
}

const padding = (starts: Integers | null): { readonly starts?: Integers } => (starts === null ? {} : { starts })

/** The two programs: prompts to a state with one token drawn, and a state to the next. */
const programs = <P extends Tree, M extends Tree>(
  model: Decoder<P, M>,
  { maxTokens, eos, pad = eos ?? 0, ...sampling }: GenerateConfig,
) => {
  const draw = drawTokens(sampling)

  // Logits [B, V] become the next column of tokens.
  const advance = ({ key }: Fixed<P>, state: Drawing<M>, logits: Floats): State<M> => {
    const noise = key === null ? zeros(logits.shape) : random.gumbel(random.foldIn(key, state.count), logits.shape)
    const drawn = draw(noise, logits)
    const failed: Booleans = and(not(state.ended), eq(drawn.tokens, NO_TOKEN))
    const over: Booleans = eos === undefined ? state.ended : or(state.ended, eq(drawn.tokens, eos))
    const ended: Booleans = or(over, failed)
    const column = add(state.count, state.tokens.shape[1]! - maxTokens)
    const asColumn = expandDims(-1)
    return {
      memory: state.memory,
      tokens: dynamicUpdateSlice(state.tokens, asColumn(where(state.ended, pad, drawn.tokens)), [0, column]),
      logp: dynamicUpdateSlice(state.logp, asColumn(where(state.ended, 0, drawn.logp)), [0, state.count]),
      mask: dynamicUpdateSlice(state.mask, asColumn(cast('f32')(not(state.ended))), [0, state.count]),
      ended,
      allEnded: all()(ended),
      broken: where(failed, state.count, state.broken),
      count: add(state.count, 1),
    }
  }

  const start = (fixed: Fixed<P>, prompt: Integers): State<M> => {
    const [B, columns] = prompt.shape as readonly [number, number]
    const length = columns + maxTokens
    // the last token drawn is never read
    const [logits, memory] = model.start(fixed.params, { length: length - 1, ...padding(fixed.starts) })(prompt)
    const blank: Integers = full([B, length], pad, 'i32')
    const state: Drawing<M> = {
      memory,
      tokens: dynamicUpdateSlice(blank, prompt, [0, 0]),
      logp: zeros([B, maxTokens]),
      mask: zeros([B, maxTokens]),
      ended: full([B], 0, 'bool'),
      count: scalar(0, 'i32'),
      broken: full([B], -1, 'i32'),
    }
    return advance(fixed, state, logits)
  }

  const step = (fixed: Fixed<P>, state: Drawing<M>): State<M> => {
    const [B, width] = state.tokens.shape as readonly [number, number]
    const first: Scalar<'i32'> = add(state.count, width - maxTokens - 1) // the column of the token drawn last
    const last: Integers = dynamicSlice([B, 1])(state.tokens, [0, first])
    const [logits, memory] = model.extend(fixed.params, state.memory, { first, ...padding(fixed.starts) })(last)
    return advance(fixed, { ...state, memory }, logits)
  }
  return { start, step }
}

/** What went wrong, with the prompt of the first row. */
const failureOf = async (
  tokensDrawn: Integers,
  broken: Int32Array,
  prompts: Prompts,
  device: Device | undefined,
): Promise<SamplingError> => {
  const rows = [...broken.keys()].filter((row) => broken[row]! >= 0)
  const first = rows[0]!
  const [tokens, starts] = [
    await readAsync(tokensDrawn, device),
    prompts.starts === undefined ? null : await readAsync(prompts.starts, device),
  ]
  const width = tokensDrawn.shape[1]!
  const prompt = tokens.subarray(first * width + (starts?.[first] ?? 0), first * width + prompts.tokens.shape[1]!)
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
export const generatorAsync: {
  (model: Transformer, config: GenerateConfig): Generate<Promise<Generation>>
  <P extends Tree, M extends Tree>(model: Decoder<P, M>, config: GenerateConfig): Generate<Promise<Generation>, P>
} = <P extends Tree, M extends Tree>(
  given: Transformer | Decoder<P, M>,
  config: GenerateConfig,
): Generate<Promise<Generation>, P> => {
  // The first overload: where a transformer is given, P is its parameters.
  const model = ('start' in given ? given : decoder(given)) as Decoder<P, M>
  requireConfig(model, config)
  const { maxTokens, eos, checkEvery = 16, device } = config
  const { start, step } = programs(model, config)
  const on = device === undefined ? {} : { device }
  const begin = jit(start, on)
  const next = jit(step, { donate: [1], ...on })
  // What was drawn, without the cache: donated, its memory is free again at once.
  const finish = jit(
    ({ tokens, logp, mask, ended }: State<M>): Generation => ({
      tokens,
      logp,
      mask,
      ended,
      lengths: cast('i32')(sum({ axis: -1 })(mask)),
    }),
    { donate: [0], ...on },
  )
  return async (params, prompts, key) => {
    requirePrompts(model, prompts, maxTokens)
    if (config.temperature !== 0) demandKey('generate', key)
    // computed once, rather than by every step, where they are still expressions
    const noise = config.temperature === 0 ? null : key
    const fixed: Fixed<P> = await realizeAsync({ params, starts: prompts.starts ?? null, key: noise }, device)
    let state = begin(fixed, prompts.tokens)
    for (let made = 1; made < maxTokens; made++) {
      if (eos !== undefined && made % checkEvery === 0 && (await readAsync(state.allEnded))[0] === 1) break
      state = next(fixed, state)
    }
    const broken = await readAsync(state.broken, device)
    if (broken.some((at) => at >= 0)) throw await failureOf(state.tokens, broken, prompts, device)
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
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const model = transformer({ vocab: 21, width: 32, layers: 2, heads: 4, context: 16 })
 * const generate = generator(model, { maxTokens: 4, topP: 0.9 })
 * const outcome = await generate(model.init(random.key(0)), leftPad({ pad: 0 })([[5, 6]]), random.key(1))()
 * console.log(isRight(outcome) && outcome.right.tokens.shape) // [1, 6]
 * ```
 */
export const generator: {
  (model: Transformer, config: GenerateConfig): Generate<TaskEither<GenerateError, Generation>>
  <P extends Tree, M extends Tree>(
    model: Decoder<P, M>,
    config: GenerateConfig,
  ): Generate<TaskEither<GenerateError, Generation>, P>
} = <P extends Tree, M extends Tree>(
  model: Transformer | Decoder<P, M>,
  config: GenerateConfig,
): Generate<TaskEither<GenerateError, Generation>, P> => {
  const run = generatorAsync(model as Decoder<P, M>, config)
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
