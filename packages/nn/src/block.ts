/** The pre-norm block: each half reads a normalised copy of the stream and adds its result to it. */
import { add, random, type Shape, type ShapeMismatch, type Tensor, type TreeRecord } from '@adjoint/tensor'
import { flow } from 'fp-ts/lib/function.js'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandFunction, demandParams, demandShape, demandTensors } from './demands.ts'
import type { FanIn, FanOut, HasLast, Keeps, Meet, Shown } from './dims.ts'
import type { KeysValues } from './attend.ts'
import {
  type AttentionConfig,
  attentionOver,
  type AttentionParams,
  type AttentionPlace,
  initAttention,
  type Recall,
} from './attention.ts'
import type { Floats, Key, Layer } from './layer.ts'
import { initMlp, mlp, type MlpConfig, type MlpParams } from './mlp.ts'
import type { NormKind, NormParams } from './norm.ts'
import type { Rows } from './rows.ts'

/** The parts of a block. Both halves have the width of the stream; each has it in its own type. */
export interface BlockConfig<
  Attended extends number = number,
  Fed extends number = number,
  Hidden extends number = number,
> {
  readonly norm: NormKind
  readonly attention: AttentionConfig<Attended>
  readonly mlp: MlpConfig<Fed, Hidden>
  readonly activation: Layer
}

/** Parameters of the two halves, and of the norm before each. */
export interface BlockParams<
  A extends AttentionParams = AttentionParams,
  M extends MlpParams = MlpParams,
> extends TreeRecord {
  readonly norm1: NormParams
  readonly attention: A
  readonly norm2: NormParams
  readonly mlp: M
}

/**
 * Draws both halves. Widths that are literals or names (`dim`) are kept in their types. Throws as `initAttention`.
 *
 * @example
 * ```ts
 * import { initBlock, initRmsNorm, rmsNorm } from '@adjoint/nn'
 * import { gelu, random } from '@adjoint/tensor'
 * const config = {
 *   norm: { init: () => initRmsNorm({ width: 8 }), apply: rmsNorm({}) },
 *   attention: { width: 8, heads: 2, kvHeads: 1 },
 *   mlp: { width: 8, hidden: 32, gated: false },
 *   activation: gelu,
 * }
 * console.log(Object.keys(initBlock(config)(random.key(0)))) // norm1 attention norm2 mlp
 * ```
 */
export const initBlock = <Attended extends number, Fed extends number, Hidden extends number>(
  options: BlockConfig<Attended, Fed, Hidden>,
) => {
  const {
    norm,
    attention,
    mlp: feed,
  } = optionsOf('initBlock', options, { norm: true, attention: true, mlp: true, activation: true })

  const [initMixer, initFeed] = [initAttention(attention), initMlp(feed)]
  return (key: Key): BlockParams<ReturnType<typeof initMixer>, ReturnType<typeof initFeed>> => {
    const [first, second] = random.split(key, 2)
    return { norm1: norm.init(), attention: initMixer(first), norm2: norm.init(), mlp: initFeed(second) }
  }
}

/** The stream and what is added to it. Throws ShapeError where their shapes differ: a stream keeps its own. */
const added = (op: string, x: Floats, y: Floats): Floats => {
  demandTensors(op, { 'what is added to x': y })
  demandShape(
    op,
    y,
    x.shape,
    `what is added to x [${x.shape.join(', ')}] has another shape`,
    'Give a layer that returns the shape that it takes.',
  )
  return add(x, y)
}

/**
 * `x + f(x)`: what f computes is added to the stream, same shape out. Throws ShapeError where f makes another shape of x; where both
 * last dimensions are known to the compiler, it does not compile. Source: He et al. (arXiv:1512.03385), eq. 1.
 *
 * @example
 * ```ts
 * import { residual } from '@adjoint/nn'
 * import { ones, readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(residual((x) => x)(ones([2])))) // Float32Array [2, 2]
 * ```
 */
export const residual = <F extends Layer>(f: F) => {
  demandFunction('residual', 'its argument', f, 'Give a layer: residual(linear(params))(x).')
  return <S extends Shape>(x: Tensor<S, 'f32'> & Keeps<'residual', F, S>): Tensor<S, 'f32'> =>
    typed(added('residual', x, f(x)))
}

type Into<P extends BlockParams> = FanIn<P['attention']['qkv']['weight']>

type Fed<P extends BlockParams> = FanIn<P['mlp']['up']['weight']>
type AttentionOut<P extends BlockParams> = FanOut<P['attention']['out']['weight']>
type MlpOut<P extends BlockParams> = FanOut<P['mlp']['down']['weight']>

interface BlockVerdicts<P extends BlockParams> {
  readonly fits: unknown
  readonly attention: ShapeMismatch<`block: its attention takes ${Shown<Into<P>>} features, and makes ${Shown<AttentionOut<P>>}`>
  readonly halves: ShapeMismatch<`block: its attention takes ${Shown<Into<P>>} features, and its mlp ${Shown<Fed<P>>}`>
  readonly mlp: ShapeMismatch<`block: its attention takes ${Shown<Into<P>>} features, and its mlp makes ${Shown<MlpOut<P>>}`>
}

type BlockVerdict<P extends BlockParams> = P extends BlockParams
  ? Meet<Into<P>, AttentionOut<P>> extends 'differs'
    ? 'attention'
    : Meet<Into<P>, Fed<P>> extends 'differs'
      ? 'halves'
      : Meet<Into<P>, MlpOut<P>> extends 'differs'
        ? 'mlp'
        : 'fits'
  : never

/** Intersected with parameters of a block: rejects them where its halves are not of one width (see `HasLast`). */
export type BlockFits<P extends BlockParams> = BlockVerdicts<P>[BlockVerdict<P>]

/**
 * The block over what `recall` returns: x [B, T, C] -> [B, T, C] with that memory (see `attentionOver`). Of parameters that it is not
 * made for it says so as `block` does.
 *
 * @example
 * ```ts
 * import { blockOver, initBlock, initRmsNorm, place, rmsNorm } from '@adjoint/nn'
 * import { gelu, ones, random } from '@adjoint/tensor'
 * const config = {
 *   norm: { init: () => initRmsNorm({ width: 8 }), apply: rmsNorm({}) },
 *   attention: { width: 8, heads: 2, kvHeads: 1 },
 *   mlp: { width: 8, hidden: 32, gated: false },
 *   activation: gelu,
 * }
 * const at = { rotate: <X>(x: X) => x, visible: place({ queries: 5 }).visible }
 * const [y, memory] = blockOver(config)(initBlock(config)(random.key(0)), at, (fresh) => fresh)(ones([1, 5, 8]))
 * console.log(y.shape, memory.values.shape) // [1, 5, 8] [1, 1, 5, 4]
 * ```
 */
export const blockOver = (given: BlockConfig) => {
  const config = optionsOf('blockOver', given, { norm: true, attention: true, mlp: true, activation: true })
  return <R extends Rows, P extends BlockParams>(params: P & BlockFits<P>, at: AttentionPlace, recall: Recall<R>) => {
    demandParams('block', params, ['norm1', 'attention', 'norm2', 'mlp'], 'initBlock(config)(key)')
    const { norm1, attention, norm2, mlp: fed }: BlockParams = params
    return <S extends Shape>(
      given: Tensor<S, 'f32'> & HasLast<'block', S, Into<P>>,
    ): readonly [Tensor<S, 'f32'>, KeysValues<R>] => {
      const x: Floats = given
      const norm = config.norm.apply
      const mix = flow(norm(norm1), attentionOver(config.attention)(attention, at, recall))
      const feed: Layer = residual(flow(norm(norm2), mlp(config.activation)(fed)))
      const [mixed, memory] = mix(x)
      return [typed(feed(added('block', x, mixed))), memory]
    }
  }
}

/**
 * `x <- x + attention(norm(x))`, then `x <- x + mlp(norm(x))`; x [B, T, C], same shape out, with the dimensions that the compiler knows
 * of it. Another width than that of the parameters does not compile where both are known, and throws ShapeError else. Source: Xiong et
 * al., On layer normalization in the transformer architecture (arXiv:2002.04745), figure 1b.
 *
 * @example
 * ```ts
 * import { block, initBlock, initRmsNorm, place, rmsNorm } from '@adjoint/nn'
 * import { gelu, ones, random } from '@adjoint/tensor'
 * const config = {
 *   norm: { init: () => initRmsNorm({ width: 8 }), apply: rmsNorm({}) },
 *   attention: { width: 8, heads: 2, kvHeads: 1 },
 *   mlp: { width: 8, hidden: 32, gated: false },
 *   activation: gelu,
 * }
 * const params = initBlock(config)(random.key(0))
 * const layer = block(config)(params, { rotate: (x) => x, visible: place({ queries: 5 }).visible })
 * console.log(layer(ones([1, 5, 8])).shape) // [1, 5, 8]
 * ```
 */
export const block = (config: BlockConfig) => {
  const over = blockOver(config)
  return <P extends BlockParams>(params: P & BlockFits<P>, at: AttentionPlace) =>
    <S extends Shape>(x: Tensor<S, 'f32'> & HasLast<'block', S, Into<P>>): Tensor<S, 'f32'> =>
      over(params, at, (fresh) => fresh)(x)[0]
}
