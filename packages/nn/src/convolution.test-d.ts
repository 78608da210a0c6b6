// What the compiler says of convolutions of right and wrong dimensions: each `@ts-expect-error` is a call that must not compile.
import { grad } from '@adjoint/autograd'
import { dim, random, relu, type Shape, sum, type Var, zeros } from '@adjoint/tensor'
import { flow, pipe } from 'fp-ts/lib/function.js'
import { has } from './has-shape.support.ts'
import {
  convolution,
  type ConvolutionConfig,
  type ConvolutionParams,
  type Floats,
  groupNorm,
  initConvolution,
  initGroupNorm,
  initTransposedConvolution,
  residual,
  transposedConvolution,
} from './index.ts'

const key = random.key(0)
const N = dim('N', 4)
const C = dim('C', 3)
const H = dim('H', 16)
declare const n: number
declare const configured: ConvolutionConfig
const data: Floats = zeros([2, 3, 9, 9])
const known = zeros([2, 3, 9, 9])
const named = zeros([N, C, H, H])

const config = { in: 3, out: 8, window: [3, 3], padding: 'same' } as const
const params = initConvolution(config)(key)
const plain: ConvolutionParams = params
const byName = initConvolution({ in: C, out: 8, window: [3, 3] })(key)
const grouped = initConvolution({ in: 4, out: 8, window: [3], groups: 2 })(key)
const anyWindow = initConvolution({ in: 3, out: 8, window: [n, n] as readonly number[] })(key)

// parameters
has<readonly [8, 3, 3, 3]>()(params.kernel, true)
has<readonly [8, number, 3]>()(grouped.kernel, true)
has<readonly [8, 3, ...Shape]>()(anyWindow.kernel, true)
has<readonly [number, number, ...Shape]>()(initConvolution(configured)(key).kernel, true)

// carried
has<readonly [2, 8, 9, 9]>()(convolution(config)(params)(known), true)
has<readonly [2, 8, number, number]>()(convolution()(params)(known), true)
has<readonly [2, 8, number, number]>()(convolution({ padding: 'same', stride: 2 })(params)(known), true)
has<readonly [2, 8, 9, 9]>()(convolution({ padding: 'same', stride: [1, 1] })(params)(known), true)
has<readonly [Var<'N'>, 8, Var<'H'>, Var<'H'>]>()(convolution({ padding: 'same' })(byName)(named), true)
has<readonly [Var<'N'>, 8, number, number]>()(convolution({})(byName)(named), true)
has<readonly [2, 8, number]>()(convolution({ groups: 2 })(grouped)(zeros([2, 4, 9])), true)
has<readonly [2, 8, number, number]>()(convolution({})(anyWindow)(known), true)
has<readonly [number, 8, ...Shape]>()(convolution(config)(params)(data), true)
has<readonly [2, number, number, number]>()(convolution(configured)(plain)(known), true)
has<readonly [2, 8, 9, 9]>()(
  pipe(known, convolution(config)(params), groupNorm({ groups: 4 })(initGroupNorm({ channels: 8 })), relu),
  true,
)
has<readonly [8, 3, 3, 3]>()(grad((p: typeof params) => sum()(convolution(config)(p)(known)))(params).kernel, true)
const keeps = initConvolution({ in: 3, out: 3, window: [3, 3] })(key)
has<readonly [2, 3, 9, 9]>()(residual(convolution({ padding: 'same' })(keeps))(known), true)

// @ts-expect-error 3 channels, and the layer makes 8
residual(convolution(config)(params))(known)

// refused
// @ts-expect-error 4 channels, and the kernel has 3
convolution(config)(params)(zeros([2, 4, 9, 9]))
// @ts-expect-error names differ
convolution({})(byName)(zeros([N, N, H, H]))
// @ts-expect-error a row is no image of two axes
convolution(config)(params)(zeros([2, 3, 9]))
// @ts-expect-error 8 channels, and the second kernel has 3, before there is any data
flow(convolution(config)(params), convolution(config)(params))
// @ts-expect-error dtypes differ
convolution(config)(params)(zeros([2, 3, 9, 9], 'i32'))

// transposed
const up = { in: 8, out: 3, window: [2, 2], stride: 2 } as const
const grows = initTransposedConvolution(up)(key)
has<readonly [8, 3, 2, 2]>()(grows.kernel, true)
has<readonly [2, 3, number, number]>()(transposedConvolution(up)(grows)(zeros([2, 8, 5, 5])), true)
has<readonly [2, 3, 5, 5]>()(transposedConvolution({ padding: 'same' })(grows)(zeros([2, 8, 5, 5])), true)
has<readonly [2, 3, number, number]>()(flow(convolution(config)(params), transposedConvolution(up)(grows))(known), true)
has<readonly [number, 3, ...Shape]>()(transposedConvolution(up)(grows)(data), true)
// @ts-expect-error 3 channels, and the kernel has 8
transposedConvolution(up)(grows)(known)
