// What the compiler says of layers with right and wrong dimensions: each `@ts-expect-error` is a call that must not compile.
import { grad, vmap } from '@adjoint/autograd'
import { dim, jit, random, relu, type Shape, sum, tanh, type Tensor, type Var, zeros } from '@adjoint/tensor'
import { flow, pipe } from 'fp-ts/lib/function.js'
import { has } from './has-shape.support.ts'
import {
  batchNorm,
  dropout,
  embedding,
  type Floats,
  groupNorm,
  initBatchNorm,
  initBatchNormState,
  initEmbedding,
  initGroupNorm,
  initLayerNorm,
  initLinear,
  initRmsNorm,
  type Integers,
  type Layer,
  layerNorm,
  linear,
  type LinearParams,
  quantize,
  rmsNorm,
  unembed,
} from './index.ts'

const key = random.key(0)
const B = dim('B', 4)
const T = dim('T', 7)
const C = dim('C', 2)
const data: Floats = zeros([5, 2])
const ids: Integers = zeros([5], 'i32')
const known = zeros([5, 2])
const sequence = zeros([B, T, C])
declare const n: number

const two3 = initLinear({ in: 2, out: 3 })(key)
const three4 = initLinear({ in: 3, out: 4 })(key)
const named = initLinear({ in: C, out: 8 })(key)
const measured = initLinear({ in: 2, out: n })(key)
const plain: LinearParams = two3
const dense: LinearParams<Floats> = two3

// linear
has<readonly [5, 3]>()(linear(two3)(known), true)
has<readonly [2, 5, 3]>()(linear(two3)(zeros([2, 5, 2])), true)
has<readonly [3]>()(linear(two3)(zeros([2])), true)
has<readonly [Var<'B'>, Var<'T'>, 8]>()(linear(named)(sequence), true)
has<readonly [5, number]>()(linear(measured)(known), true)
has<readonly [5, number]>()(linear(plain)(known), true)
has<readonly [5, number]>()(linear(dense)(known), true)
has<readonly [...Shape, 3]>()(linear(two3)(data), true)
has<Shape>()(linear(plain)(data), true)
has<readonly [5, 3]>()(linear(two3)(zeros([5, n])), true)
// @ts-expect-error 3 features, and the layer takes 2
linear(two3)(zeros([2, 3]))
// @ts-expect-error names differ
linear(named)(zeros([B, T]))
// @ts-expect-error a scalar has no last dimension
linear(two3)(zeros([]))
// @ts-expect-error dtypes differ
linear(two3)(zeros([5, 2], 'i32'))

// compositions
has<readonly [5, 4]>()(pipe(known, linear(two3), relu, linear(three4), tanh), true)
has<readonly [5, 4]>()(flow(linear(two3), relu, linear(three4))(known), true)
has<readonly [...Shape, 4]>()(flow(linear(two3), relu, linear(three4))(data), true)
has<readonly [5, 3]>()(flow(layerNorm({})(initLayerNorm({ width: 2 })), linear(two3))(known), true)
has<readonly [Var<'B'>, 3]>()(
  flow(
    embedding(initEmbedding({ rows: 9, width: 2 })(key)),
    dropout({ rate: 0.1 })(key),
    linear(two3),
  )(zeros([B], 'i32')),
  true,
)
// @ts-expect-error 3 features, and the second layer takes 2
pipe(known, linear(two3), relu, linear(two3))
// @ts-expect-error and before there is any data
flow(linear(two3), relu, linear(two3))
// @ts-expect-error 3 features, and the first layer takes 2
flow(linear(two3), relu, linear(three4))(zeros([5, 3]))
{
  const layers: readonly Layer[] = [linear(two3), relu, linear(three4), flow(linear(two3), relu), linear(plain)]
  has<Shape>()(
    layers.reduce((x, layer) => layer(x), data),
    true,
  )
  // Of one of several layers nothing is known.
  const stack = [two3, three4]
  has<Shape>()(
    stack.reduce((x, params) => relu(linear(params)(x)), data),
    true,
  )
  const anyShape = <S extends Shape>(x: Tensor<S, 'f32'>) => linear(three4)(linear(two3)(x))
  has<readonly [5, 4]>()(anyShape(known), true)
  const rows = <N extends number>(x: Tensor<readonly [N, 2], 'f32'>): Tensor<readonly [N, 3], 'f32'> => linear(two3)(x)
  has<readonly [5, 3]>()(rows(known), true)
}

// transformations
has<readonly [...Shape, 3]>()(jit(linear(two3))(known), true)
has<readonly number[]>()(vmap(linear(two3))(zeros([7, 5, 2])), true)
has<readonly [2, 3]>()(grad((p: typeof two3) => sum()(linear(p)(known)))(two3).weight, true)
has<readonly [5, number]>()(linear(quantize({ bits: 8 })(plain))(known), true)

// layers that keep the shape
has<readonly [5, 2]>()(layerNorm({})(initLayerNorm({ width: 2 }))(known), true)
has<readonly [Var<'B'>, Var<'T'>, Var<'C'>]>()(rmsNorm({})(initRmsNorm({ width: C }))(sequence), true)
has<readonly [Var<'B'>, Var<'T'>, Var<'C'>]>()(dropout({ rate: 0.5 })(key)(sequence), true)
has<readonly [5, 2]>()(groupNorm({ groups: 2 })(initGroupNorm({ channels: 2 }))(known), true)
const [y] = batchNorm({ training: true })(initBatchNorm({ channels: 2 }))(known, initBatchNormState({ channels: 2 }))
has<readonly [5, 2]>()(y, true)
has<Shape>()(dropout({ rate: 0.5 })(null)(data), true)

// tables
const table = initEmbedding({ rows: 9, width: 2 })(key)
const anyTable: Floats = table
has<readonly [Var<'B'>, Var<'T'>, 2]>()(embedding(table)(zeros([B, T], 'i32')), true)
has<readonly [...Shape, 2]>()(embedding(table)(ids), true)
has<readonly [Var<'B'>, number]>()(embedding(anyTable)(zeros([B], 'i32')), true)
has<Shape>()(embedding(anyTable)(ids), true)
has<readonly [5, 9]>()(unembed(table)(known), true)
has<readonly [5, number]>()(unembed(anyTable)(known), true)
// @ts-expect-error the rows of the table have 2 features
unembed(table)(zeros([5, 3]))
// @ts-expect-error ids are integers
embedding(table)(zeros([5]))
