// What the compiler says of layers made of others, with right and wrong dimensions: each `@ts-expect-error` is a call that must not compile.
import { grad, vmap } from '@adjoint/autograd'
import {
  dim,
  gelu,
  jit,
  matmul,
  random,
  relu,
  type Shape,
  silu,
  sum,
  type Tensor,
  type Tree,
  type Var,
  zeros,
} from '@adjoint/tensor'
import { flow, pipe } from 'fp-ts/lib/function.js'
import { has } from './has-shape.support.ts'
import {
  attention,
  attentionOver,
  type AttentionPlace,
  block,
  blockOver,
  type BlockParams,
  type Floats,
  initAttention,
  initBlock,
  initLinear,
  initMlp,
  initRmsNorm,
  type Layer,
  linear,
  type LinearParams,
  lora,
  mlp,
  type MlpParams,
  quantize,
  residual,
  rmsNorm,
  scanLayers,
  stackLayers,
  type TransformerParams,
  type Weight,
} from './index.ts'

const key = random.key(0)
const B = dim('B', 4)
const T = dim('T', 7)
const C = dim('C', 8)
declare const n: number
declare const whatever: Tree
const data: Floats = zeros([2, 5, 8])
const known = zeros([2, 5, 8])
const narrow = zeros([2, 5, 6])
const named = zeros([B, T, C])
const loose = zeros([B, T, n])
const at: AttentionPlace = { rotate: (x) => x, visible: null }

const eight = initLinear({ in: 8, out: 8 })(key)
const shrinks = initLinear({ in: 8, out: 6 })(key)
const plainLinear = initLinear({ in: n, out: n })(key)

// mlp
const feed = initMlp({ width: 8, hidden: 20, gated: true })(key)
const plainFeed: MlpParams = feed
const namedFeed = initMlp({ width: C, hidden: n, gated: false })(key)
has<readonly [2, 5, 8]>()(mlp(silu)(feed)(known), true)
has<readonly [Var<'B'>, Var<'T'>, Var<'C'>]>()(mlp(silu)(namedFeed)(named), true)
has<readonly [Var<'B'>, Var<'T'>, 8]>()(mlp(silu)(feed)(loose), true)
has<readonly [...Shape, 8]>()(mlp(silu)(feed)(data), true)
has<readonly [2, 5, number]>()(mlp(silu)(plainFeed)(known), true)
has<Shape>()(mlp((x) => x)(plainFeed)(data), true)
has<readonly [2, 5, 6]>()(mlp(relu)({ gate: null, up: eight, down: shrinks })(known), true)
// @ts-expect-error 6 features, and the layer takes 8
mlp(silu)(feed)(narrow)
// @ts-expect-error names differ
mlp(silu)(namedFeed)(zeros([B, C, T]))
// @ts-expect-error up makes 6, and down takes 8
mlp(silu)({ gate: null, up: shrinks, down: eight })
const anyFeed = <P extends MlpParams>(params: P, x: Floats): Floats => mlp(gelu)(params)(x)
has<Shape>()(anyFeed(feed, known), true)
has<readonly [8, 20]>()(grad((p: typeof feed) => sum()(mlp(silu)(p)(known)))(feed).up.weight, true)

// residual
const layer: Layer = linear(eight)
has<readonly [2, 5, 8]>()(residual(linear(eight))(known), true)
has<readonly [2, 5, 8]>()(residual(layer)(known), true)
has<readonly [2, 5, 8]>()(residual(linear(plainLinear))(known), true)
has<readonly [2, 5, 8]>()(residual((x) => x)(known), true)
has<readonly [2, 5, 8]>()(residual(flow(rmsNorm({})(initRmsNorm({ width: 8 })), mlp(silu)(feed)))(known), true)
has<readonly [Var<'B'>, Var<'T'>, Var<'C'>]>()(residual(mlp(silu)(namedFeed))(named), true)
has<readonly [Var<'B'>, Var<'T'>, number]>()(residual(linear(eight))(loose), true)
has<Shape>()(residual(linear(eight))(data), true)
// @ts-expect-error 6 features, and the layer keeps 8
residual(linear(eight))(narrow)
// @ts-expect-error the layer makes 6 of 8
residual(linear(shrinks))(known)
// @ts-expect-error the layer takes no 6, which it makes
residual(linear(shrinks))(narrow)
// @ts-expect-error a scalar has no last dimension
residual(linear(eight))(zeros([]))
// @ts-expect-error names differ
residual(mlp(silu)(namedFeed))(zeros([B, C, T]))
has<readonly [2, 5, 6]>()(flow(residual(linear(eight)), linear(shrinks))(known), true)
has<readonly [2, 5, 6]>()(pipe(known, residual(linear(eight)), linear(shrinks)), true)
// @ts-expect-error 6 features, and the second layer keeps 8, before there is any data
flow(linear(shrinks), residual(linear(eight)))
const anyStream = <S extends Shape>(x: Tensor<S, 'f32'>): Tensor<S, 'f32'> => residual(linear(eight))(x)
has<readonly [2, 5, 8]>()(anyStream(known), true)

// attention
const mixer = initAttention({ width: 8, heads: 2, kvHeads: 1 })(key)
const config = { width: 8, heads: 2, kvHeads: 1 }
const plainMixer = initAttention(config)(key)
const namedMixer = initAttention({ width: C, heads: 2, kvHeads: 1 })(key)
has<readonly [2, 5, 8]>()(attention(config)(mixer, at)(known), true)
has<readonly [Var<'B'>, Var<'T'>, Var<'C'>]>()(attention(config)(namedMixer, at)(named), true)
has<readonly [2, 5, number]>()(attention(config)(plainMixer, at)(known), true)
has<readonly [...Shape, 8]>()(attention(config)(mixer, at)(data), true)
has<readonly [2, 5, 8]>()(attentionOver(config)(mixer, at, (fresh) => fresh)(known)[0], true)
// @ts-expect-error 6 features, and the layer takes 8
attention(config)(mixer, at)(narrow)
// @ts-expect-error 6 features, and the layer takes 8
attentionOver(config)(mixer, at, (fresh) => fresh)(narrow)
// @ts-expect-error names differ
attention(config)(namedMixer, at)(zeros([B, C, T]))

// block
const norm = { init: () => initRmsNorm({ width: 8 }), apply: rmsNorm({}) }
const body = {
  norm,
  attention: { width: n, heads: 2, kvHeads: 1 },
  mlp: { width: n, hidden: 20, gated: true },
  activation: silu,
}
const params = initBlock({
  norm,
  attention: { width: 8, heads: 2, kvHeads: 1 },
  mlp: { width: 8, hidden: 20, gated: true },
  activation: silu,
})(key)
const plainBlock: BlockParams = params
const looseBlock = initBlock(body)(key)
has<readonly [2, 5, 8]>()(block(body)(params, at)(known), true)
has<readonly [2, 5, 8]>()(block(body)(plainBlock, at)(known), true)
has<readonly [2, 5, 8]>()(block(body)(looseBlock, at)(known), true)
has<readonly [Var<'B'>, Var<'T'>, Var<'C'>]>()(block(body)(looseBlock, at)(named), true)
has<Shape>()(block(body)(params, at)(data), true)
has<readonly [2, 5, 8]>()(blockOver(body)(params, at, (fresh) => fresh)(known)[0], true)
has<readonly [2, 5, 8]>()(pipe(known, block(body)(params, at), residual(linear(eight)), block(body)(params, at)), true)
// @ts-expect-error 6 features, and the block keeps 8
block(body)(params, at)(narrow)
// @ts-expect-error 6 features, and the block keeps 8
blockOver(body)(params, at, (fresh) => fresh)(narrow)
// @ts-expect-error halves of two widths
block(body)({ ...params, mlp: initMlp({ width: 6, hidden: 9, gated: false })(key) }, at)
// @ts-expect-error 6 features, and the block keeps 8, before there is any data
flow(linear(shrinks), block(body)(params, at))

// layers stacked and scanned
const stacked = stackLayers([eight, eight])
const many = stackLayers(random.split(key, 3).map(initLinear({ in: 8, out: 8 })))
has<readonly [2, 8, 8]>()(stacked.weight, true)
has<readonly [number, 8, 8]>()(many.weight, true)
has<readonly [number, ...Shape]>()(stackLayers([plainBlock] as readonly BlockParams[]).norm1.scale, true)
const deep = scanLayers((p: typeof eight) => residual(linear(p)))
has<readonly [2, 5, 8]>()(deep(stacked)(known), true)
has<readonly [2, 5, 8]>()(deep(many)(known), true)
has<Shape>()(deep(many)(data), true)
has<readonly [2, 5, 8]>()(scanLayers((p: typeof params) => block(body)(p, at))(stackLayers([params]))(known), true)
has<readonly [2, 5, 8]>()(scanLayers((p: BlockParams) => block(body)(p, at))(stackLayers([params]))(known), true)
has<readonly [2, 8, 8]>()(grad((p: typeof stacked) => sum()(deep(p)(known)))(stacked).weight, true)
has<Shape>()(jit(deep(many))(known), true)
has<readonly number[]>()(vmap(deep(many))(known), true)
// @ts-expect-error one layer is no stack of them
deep(eight)
// @ts-expect-error 6 features, and the layers keep 8
scanLayers((p: typeof eight) => linear(p))(stacked)(narrow)
// @ts-expect-error the layers make 6 of 8
scanLayers((p: typeof shrinks) => linear(p))(stackLayers([shrinks]))(known)
// @ts-expect-error a layer of other sizes
deep(stackLayers([shrinks]))
// @ts-expect-error the parameters of several layers are not those of one
const one: typeof eight = stacked

// what stands for matrices
const coded = quantize({ bits: 8 })({ up: eight, norm: norm.init(), none: null })
const weight: Weight = coded.up.weight
has<Shape>()(coded.norm.scale, true)
has<readonly [2, 5, number]>()(linear(coded.up)(known), true)
has<readonly [2, 5, number]>()(mlp(silu)(quantize({ bits: 4 })(feed))(known), true)
has<readonly [2, 5, 8]>()(block(body)(quantize({ bits: 4 })(params), at)(known), true)
const quantized: TransformerParams = quantize({ bits: 8 })({} as TransformerParams)
const anyTree: Tree = quantize({ bits: 8 })(whatever)
// @ts-expect-error a matrix of codes is no tensor
matmul(known, coded.up.weight)
// @ts-expect-error parameters of codes are not those of tensors
const uncoded: typeof eight = coded.up
const adapted = lora({ rank: 2, targets: ['up'] })
// @ts-expect-error a sum of products is no tensor
const still: typeof eight = adapted.adapt(eight, {})
const merged: LinearParams<Floats> = adapted.merge(eight, {})
export type Checked = [
  typeof weight,
  typeof quantized,
  typeof anyTree,
  typeof uncoded,
  typeof still,
  typeof merged,
  typeof one,
]
