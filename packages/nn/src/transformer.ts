/**
 * The decoder-only transformer. A configuration chooses functions from small tables (norm, positions, MLP); the model is
 * then a composition of them, and nothing branches on a name while it runs.
 */
import { checkpoint } from '@adjoint/autograd'
import { add, gelu, mul, random, ShapeError, silu, TreeError, type TreeRecord } from '@adjoint/tensor'
import { atCaller, optionsOf } from '@adjoint/tensor/ir'
import type { KeysValues } from './attend.ts'
import type { AttentionPlace, Recall } from './attention.ts'
import { type BlockConfig, blockOver, type BlockParams, initBlock } from './block.ts'
import { demandKey, demandShape, demandSizes } from './demands.ts'
import { embedding, initEmbedding } from './embedding.ts'
import { lecunInit } from './init.ts'
import type { Floats, Integers, Key, Layer } from './layer.ts'
import { initLinear, type LinearParams } from './linear.ts'
import { logitsOf, type Unembedding } from './linear-loss.ts'
import {
  initLayerNorm,
  initRmsNorm,
  layerNorm,
  type NormConfig,
  type NormOptions,
  type NormParams,
  rmsNorm,
} from './norm.ts'
import { type Placement, place } from './placement.ts'
import { rope, type RopeScaling, ropeTables } from './rope.ts'
import type { Rows } from './rows.ts'

/** A decoder-only transformer, as data. */
export interface TransformerConfig {
  /** Number of tokens, V. */
  readonly vocab: number
  /** Features of the residual stream, C. */
  readonly width: number
  readonly layers: number
  /** Query heads. */
  readonly heads: number
  /** Key-value heads; divides `heads`. Default: `heads`. */
  readonly kvHeads?: number
  /** Features of a head. Default: width / heads. */
  readonly headDim?: number
  /** Features inside an MLP. Default: 4 width. */
  readonly hidden?: number
  /** Longest sequence, in tokens. */
  readonly context: number
  /** Default 'layer'. */
  readonly norm?: 'layer' | 'rms'
  /** Default 'learned'. */
  readonly positions?: 'learned' | 'rope'
  /** Default 'gelu'. */
  readonly mlp?: 'gelu' | 'swiglu'
  /** Whether projections and LayerNorms have biases (the head never has), or the projection into heads alone. Default true. */
  readonly bias?: boolean | 'qkv'
  /** Whether queries and keys go through an RMSNorm over each head's features before they are turned. Default false. */
  readonly qkNorm?: boolean
  /** Whether the head shares the embedding's table. Default true. */
  readonly tiedHead?: boolean
  /** Added to variances. Default 1e-5. */
  readonly normEps?: number
  /** Base of the rotary wavelengths. Default 10000. */
  readonly ropeTheta?: number
  /** How rotary frequencies are changed for longer sequences (see `RopeScaling`). Default null: not at all. */
  readonly ropeScaling?: RopeScaling | null
}

/** Parameters: tables [V, C] and [context, C], blocks, the last norm, and the head [C, V] where it is not tied. */
export interface TransformerParams extends TreeRecord {
  readonly embedding: Floats
  /** Null where positions are not learned. */
  readonly positions: Floats | null
  readonly blocks: readonly BlockParams[]
  readonly norm: NormParams
  /** Null where the head is the embedding's table. */
  readonly head: LinearParams | null
}

/** How a model is computed: what changes neither its parameters nor its values. */
export interface TransformerOptions {
  /**
   * Whether the backward pass keeps what lies between blocks alone, and computes each block once more (Chen et al.,
   * arXiv:1604.06174): memory of one block in place of that of all, for one more forward pass. Default false.
   */
  readonly checkpoint?: boolean
}

/** Padding of a batch. */
export interface BatchOptions {
  /** `[B]`: the column at which each left-padded row begins (see `leftPad`). Default: no padding. */
  readonly starts?: Integers
}

/** A model: its configuration, and pure functions of its parameters. */
export interface Transformer {
  readonly config: Required<TransformerConfig>
  /** Draws parameters. */
  readonly init: (key: Key) => TransformerParams
  /**
   * Tokens [B, T] to logits [B, T, V]; those at column t are for the token at column t + 1. Throws ShapeError where T
   * exceeds the context.
   */
  readonly apply: (params: TransformerParams, options?: BatchOptions) => (tokens: Integers) => Floats
  /** Tokens [B, T] to the normalised stream before the head, [B, T, C]. Throws as `apply`. */
  readonly hidden: (params: TransformerParams, options?: BatchOptions) => (tokens: Integers) => Floats
  /** The normalised stream [..., C] to logits [..., V]. */
  readonly head: (params: TransformerParams) => Layer
  /** What `head` computes with: for losses that do not store its logits (see `linearCrossEntropy`). */
  readonly unembedding: (params: TransformerParams) => Unembedding
  /** `hidden` at any placement, over what `recall` makes of each layer's keys and values (see `attentionOver`). */
  readonly over: <R extends Rows>(
    params: TransformerParams,
    at: Placement,
    recall: (layer: number) => Recall<R>,
  ) => (tokens: Integers) => readonly [hidden: Floats, memory: readonly KeysValues<R>[]]
}

const norms = {
  layer: { init: initLayerNorm, apply: layerNorm },
  rms: { init: initRmsNorm, apply: rmsNorm },
} satisfies Record<string, { init: (c: NormConfig) => NormParams; apply: (o: NormOptions) => (p: NormParams) => Layer }>

const mlps = {
  gelu: { gated: false, activation: gelu },
  swiglu: { gated: true, activation: silu },
} satisfies Record<string, { gated: boolean; activation: Layer }>

/** How tokens learn where they stand: by what is added to the stream, or by how queries and keys are turned. */
interface Positions {
  readonly init: (key: Key) => Floats | null
  readonly shift: (table: Floats | null, at: Placement) => Layer
  readonly rotate: (at: Placement) => Layer
}

const positions: Record<'learned' | 'rope', (config: Required<TransformerConfig>) => Positions> = {
  learned: ({ context, width }) => ({
    init: initEmbedding({ rows: context, width }),
    shift: (table, at) => (x) => (table === null ? x : add(x, at.rows(table))),
    rotate: () => (x) => x,
  }),
  rope: ({ headDim, context, ropeTheta, ropeScaling }) => {
    const tableOf = ropeTables({ dim: headDim, length: context, theta: ropeTheta, scaling: ropeScaling })
    return {
      init: () => null,
      shift: () => (x) => x,
      rotate: (at) => {
        const table = tableOf(at.visible.keys)
        return rope({ cos: at.rows(table.cos), sin: at.rows(table.sin) })
      },
    }
  },
}

const complete = (config: TransformerConfig): Required<TransformerConfig> => ({
  kvHeads: config.heads,
  headDim: config.width / config.heads,
  hidden: 4 * config.width,
  norm: 'layer',
  positions: 'learned',
  mlp: 'gelu',
  bias: true,
  qkNorm: false,
  tiedHead: true,
  normEps: 1e-5,
  ropeTheta: 10_000,
  ropeScaling: null,
  // a field that is there and undefined is one that was left out
  ...(Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined)) as TransformerConfig),
})

const demandConfig = (config: Required<TransformerConfig>): void => {
  const { vocab, width, layers, heads, kvHeads, headDim, hidden, context } = config
  demandSizes('transformer', { vocab, width, layers, heads, kvHeads, hidden, context })
  if (!Number.isInteger(headDim))
    throw new ShapeError({
      op: 'transformer',
      operands: [],
      rule: `a head of ${headDim} features, width ${width} over ${heads} heads`,
      fix: 'heads must divide the width, or give headDim',
    })
  for (const [name, value, choices] of [
    ['norm', config.norm, norms],
    ['positions', config.positions, positions],
    ['mlp', config.mlp, mlps],
    ['bias', String(config.bias), { true: true, false: true, qkv: true }],
    ['qkNorm', String(config.qkNorm), { true: true, false: true }],
  ] as const)
    if (!Object.hasOwn(choices, value))
      throw new RangeError(`transformer: ${name} is ${value}. Choose one of ${Object.keys(choices).join(', ')}.`)
}

/** Parameters are those of the configuration: a model of other parameters would run, and be another model. */
const demandParams = (params: TransformerParams, config: Required<TransformerConfig>): void => {
  const given: unknown = params
  if (typeof given !== 'object' || given === null || !('blocks' in given))
    throw new TypeError(
      `transformer: the parameters are ${given === null ? 'null' : typeof given}. Give what init(key) of this model made: apply(params)(tokens).`,
    )
  const { vocab, width, context, layers, tiedHead } = config
  const differ = (what: string): Error =>
    new TreeError(
      `transformer: the parameters have ${what}. Give those that init of this configuration made, or that were saved with it.`,
    )
  const table = (name: string, x: Floats, rows: number): void => {
    demandShape(
      'transformer',
      x,
      [rows, width],
      `the parameters' ${name} is not [${rows}, ${width}]`,
      'Give the parameters of this configuration',
    )
  }
  const { embedding: tokens, positions: places, blocks, head } = params
  table('embedding', tokens, vocab)
  if (blocks.length !== layers) throw differ(`${blocks.length} blocks, and the configuration ${layers} layers`)
  if ((places !== null) !== (config.positions === 'learned'))
    throw differ(
      `${places === null ? 'no' : 'a'} table of positions, and the configuration has positions '${config.positions}'`,
    )
  if (places !== null) table('positions', places, context)
  if ((head === null) !== tiedHead)
    throw differ(
      `${head === null ? 'no' : 'a'} head of their own, and the configuration has tiedHead ${String(tiedHead)}`,
    )
}

const requireRoom = (tokens: Integers, { context }: TransformerConfig, { starts }: BatchOptions): void => {
  if (tokens.shape.length !== 2)
    throw new ShapeError({
      op: 'transformer',
      operands: [tokens],
      rule: 'tokens are [batch, columns]',
      fix: 'Give a batch of one an axis with expandDims(0)',
    })
  if (starts !== undefined)
    demandShape(
      'transformer',
      starts,
      [tokens.shape[0]!],
      `starts are [${tokens.shape[0]!}], one for each row of tokens`,
      'Make both with leftPad',
    )
  if (tokens.shape[1]! > context)
    throw new ShapeError({
      op: 'transformer',
      operands: [tokens],
      rule: `a sequence of ${tokens.shape[1]!} tokens is longer than the context of ${context}`,
      fix: 'Cut the sequence, or configure a longer context',
    })
}

/**
 * The model of a configuration. Projections out of a block start smaller by `1 / sqrt(2 layers)`, so that the variance of
 * the stream does not grow with depth (Radford et al., GPT-2, section 2.3). Throws ShapeError where heads do not divide,
 * RangeError for sizes and choices that are none; its functions throw TreeError or ShapeError for parameters of another
 * configuration, TypeError where they or the key are missing.
 *
 * @param given - The architecture and its sizes.
 * @param options - `checkpoint`: whether the backward pass computes each block again rather than keep what is in it.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { random, tensor, tree } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 32, layers: 2, heads: 4, kvHeads: 2, context: 16, norm: 'rms', positions: 'rope', mlp: 'swiglu' })
 * const params = model.init(random.key(0))
 * const logits = model.apply(params)(tensor([1, 5, 2], [1, 3], 'i32'))
 * console.log(logits.shape, tree.size(params)) // [1, 3, 21] and the number of parameters
 * ```
 */
export const transformer = (given: TransformerConfig, options: TransformerOptions = {}): Transformer => {
  const { checkpoint: again = false } = optionsOf('transformer', options, { checkpoint: true })
  const config = complete(
    optionsOf('transformer', given, {
      vocab: true,
      width: true,
      layers: true,
      heads: true,
      kvHeads: true,
      headDim: true,
      hidden: true,
      context: true,
      norm: true,
      positions: true,
      mlp: true,
      bias: true,
      qkNorm: true,
      tiedHead: true,
      normEps: true,
      ropeTheta: true,
      ropeScaling: true,
    }),
  )
  demandConfig(config)
  const { vocab, width, layers, heads, kvHeads, headDim, bias } = config
  const position = positions[config.positions](config)
  const { init: newNorm, apply: normAt } = norms[config.norm]
  const everywhere = bias === true
  const norm = { init: () => newNorm({ width, bias: everywhere }), apply: normAt({ eps: config.normEps }) }
  const qkNorm = { init: () => initRmsNorm({ width: headDim }), apply: rmsNorm({ eps: config.normEps }) }
  const { gated, activation } = mlps[config.mlp]
  const outInit = (key: Key, shape: readonly number[]): Floats => mul(lecunInit(key, shape), 1 / Math.sqrt(2 * layers))
  const body: BlockConfig = {
    norm,
    activation,
    attention: { width, heads, kvHeads, headDim, bias, ...(config.qkNorm && { qkNorm }), outInit },
    mlp: { width, hidden: config.hidden, gated, bias: everywhere, outInit },
  }
  const newBlock = initBlock(body)
  const blocks = blockOver(body)

  const over =
    <R extends Rows>(params: TransformerParams, at: Placement, recall: (layer: number) => Recall<R>) =>
    (tokens: Integers) =>
      atCaller(() => {
        demandParams(params, config)
        const turn: AttentionPlace = { rotate: position.rotate(at), visible: at.visible }
        const memory: KeysValues<R>[] = []
        let x = position.shift(params.positions, at)(embedding(params.embedding)(tokens)) // [B, T, C]
        params.blocks.forEach((layer, i) => {
          const step = (own: BlockParams, stream: Floats) => blocks(own, turn, recall(i))(stream)
          const [next, seen] = (again ? checkpoint(step) : step)(layer, x)
          memory.push(seen)
          x = next
        })
        return [norm.apply(params.norm)(x), memory] as const
      })
  const hidden: Transformer['hidden'] =
    (params, given = {}) =>
    (tokens) => {
      const options = optionsOf('transformer', given, { starts: true })
      requireRoom(tokens, config, options)
      return over(params, place({ queries: tokens.shape[1]!, ...options }), () => (fresh) => fresh)(tokens)[0]
    }
  const unembedding: Transformer['unembedding'] = (params) => {
    demandParams(params, config)
    return params.head ?? params.embedding
  }
  const head: Transformer['head'] = (params) => logitsOf(unembedding(params))

  return {
    config,
    init: (key) =>
      atCaller(() => {
        demandKey('transformer', key)
        const [forEmbedding, forPositions, forBlocks, forHead] = random.split(key, 4)
        return {
          embedding: initEmbedding({ rows: vocab, width })(forEmbedding),
          positions: position.init(forPositions),
          blocks: random.split(forBlocks, layers).map(newBlock),
          norm: norm.init(),
          head: config.tiedHead ? null : initLinear({ in: width, out: vocab, bias: false })(forHead),
        }
      }),
    apply: (params, options) => (tokens) => atCaller(() => head(params)(hidden(params, options)(tokens))),
    hidden,
    head,
    unembedding,
    over,
  }
}
