/** What the compiler says of calls with right and wrong shapes: each `@ts-expect-error` is a call that must not compile. */
import { flow, pipe } from 'fp-ts/lib/function.js'
import type { DType } from '../base/dtype.ts'
import type { Shape, Var } from '../base/shape.ts'
import type { Tensor } from '../graph/tensor.ts'
import * as a from '../index.ts'

type Identical<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
/** Compiles only where `x` has exactly the type named. */
const has =
  <S extends Shape, D extends DType>() =>
  <X>(_x: X, _same: Identical<X, Tensor<S, D>>): void =>
    undefined

const x = a.zeros([2, 3])
const i = a.zeros([2, 3], 'i32')
const T = a.dim('T', 7)
const C = a.dim('C', 16)
const sequence = a.zeros([1, T, C])
const unknown: Tensor = x
const dynamic = a.zeros([2, 3] as number[])

// from data
has<readonly [2, 2], 'f32'>()(a.tensor([1, 2, 3, 4], [2, 2]), true)
has<readonly [2], 'i32'>()(a.tensor([1, 2], [2], 'i32'), true)
has<readonly [number], 'u32'>()(a.tensor([1, 2], 'u32'), true)
has<readonly [number, number], 'f32'>()(a.tensor([[1, 2], [3, 4]]), true) // prettier-ignore
has<readonly [number, number], 'bool'>()(a.tensor([[true], [false]]), true)
has<readonly [number], 'i32'>()(a.tensor(new Int32Array(2)), true)
has<readonly [number, number], 'f32'>()(a.tensor([[], []]), true)
// @ts-expect-error the shape is that of the data, whatever is asked for here
const asked: Tensor<readonly [4], 'f32'> = a.tensor([1, 2, 3])
// @ts-expect-error no dtype was given: it is f32
const askedDType: Tensor<readonly [2], 'i32'> = a.tensor([1, 2], [2])

// elementwise
has<readonly [2, 3], 'f32'>()(a.div(a.zeros([2, 3], 'bf16'), 2), true)
has<readonly [2, 3], 'f16'>()(a.where(a.gt(x, 0), a.zeros([2, 3], 'f16'), 0), true)
{
  // In a function of any shape, a number changes nothing of it.
  const halved = <S extends Shape>(y: Tensor<S, 'f32'>): Tensor<S, 'f32'> => a.div(y, 2)
  const negative = <S extends Shape, D extends DType>(y: Tensor<S, D>): Tensor<S, 'bool'> => a.lt(y, 0)
  has<readonly [2, 3], 'f32'>()(halved(x), true)
  has<readonly [2, 3], 'bool'>()(negative(x), true)
}
{
  // Two tensors of any shape, which the compiler cannot compare yet, are compared where it runs.
  const sum = <S extends Shape, D extends DType>(y: Tensor<S, D>, z: Tensor<S, D>): Tensor => a.add(y, z)
  const less = <S extends Shape, U extends Shape>(y: Tensor<S, 'f32'>, z: Tensor<U, 'f32'>): Tensor<Shape, 'bool'> =>
    a.lt(y, z)
  const square = <N extends number, M extends number>(
    y: Tensor<readonly [N, M], 'f32'>,
    z: Tensor<readonly [M, N], 'f32'>,
  ) => a.matmul(y, z)
  sum(x, x)
  less(x, a.zeros([3]))
  has<readonly [2, 2], 'f32'>()(square(x, a.zeros([3, 2])), true)
  const added = a.tree.map(<S extends Shape>(y: Tensor<S>, z: Tensor<S>) => a.add(y, z), { w: x }, { w: x })
  has<readonly [2, 3], 'f32'>()(added.w, true)
  // @ts-expect-error what is known is compared at once, also here
  const wrong = <S extends Shape>(y: Tensor<S, 'f32'>) => [y, a.add(x, a.ones([4]))]
}
{
  // In a function of any dtype, data or size.
  const ofDType = <D extends DType>(dtype: D): Tensor<readonly [number], D> => a.tensor([1, 2, 3], dtype)
  const ofSize = <N extends number>(n: N): Tensor<readonly [N], 'f32'> => a.tensor(new Float32Array(n), [n])
  const ofData = <T extends readonly number[]>(data: T): Tensor<readonly [number]> => a.tensor(data)
  has<readonly [number], 'f16'>()(ofDType('f16'), true)
  has<readonly [2], 'f32'>()(ofSize(2), true)
  ofData([1])
}
has<readonly [], 'f32'>()(a.add(1, 2), true)
has<readonly [], 'bool'>()(a.lt(1, 2), true)
has<readonly [2, 3], 'f32'>()(a.add(x, x), true)
has<readonly [2, 3], 'f32'>()(a.mul(x, 2), true)
has<readonly [2, 3], 'f32'>()(a.sub(1, x), true)
has<readonly [2, 3], 'f32'>()(a.add(x, a.ones([3])), true)
has<readonly [2, 3], 'bool'>()(a.lt(x, a.ones([2, 1])), true)
has<Shape, 'f32'>()(a.add(dynamic, x), true)
has<Shape, 'f32'>()(a.add(unknown, x), true)
has<readonly [2, 3], 'i32'>()(a.cast('i32')(x), true)
has<readonly [2, 3], 'f32'>()(a.where(a.gt(x, 0), x, 0), true)
has<readonly [2, 3], 'f32'>()(a.where(a.gt(x, 0), 1, 0), true)
// @ts-expect-error no dtype was given: it is f32, whatever is asked for here
const counts: Tensor<readonly [2], 'i32'> = a.ones([2])
// @ts-expect-error shapes do not broadcast
a.add(x, a.ones([4]))
// @ts-expect-error dtypes differ
a.add(x, i)
// @ts-expect-error names differ
a.add(a.zeros([T]), a.zeros([C]))
// @ts-expect-error a comparison of other shapes
a.lt(x, a.ones([4]))
// @ts-expect-error the condition is no bool
a.where(x, x, x)
// @ts-expect-error the branches do not broadcast
a.where(a.gt(x, 0), x, a.ones([4]))
// @ts-expect-error logic is for bools
a.and(x, x)

// products
has<readonly [2, 4], 'f32'>()(a.matmul(x, a.zeros([3, 4])), true)
has<readonly [1, Var<'T'>, 64], 'f32'>()(a.matmul(sequence, a.zeros([C, 64])), true)
has<readonly [4, 5], 'f32'>()(a.outer(a.ones([4]), a.ones([5])), true)
// @ts-expect-error inner dimensions
a.matmul(x, a.zeros([5, 4]))
// @ts-expect-error named dimensions T and C
a.matmul(sequence, a.zeros([T, 64]))
// @ts-expect-error vectors of different lengths
a.dot(a.ones([3]), a.ones([4]))

// convolutions and pools: sizes of windows are known at run time
const images = a.zeros([8, 3, 32, 32])
const named = a.zeros([T, C, 32])
has<readonly [8, 16, number, number], 'f32'>()(a.conv({ padding: 'same' })(images, a.zeros([16, 3, 3, 3])), true)
has<readonly [Var<'T'>, 4, number], 'f32'>()(a.conv()(named, a.zeros([4, 16, 3])), true)
has<readonly [8, 16, number], 'f32'>()(a.conv()(a.zeros([8, 3, 9], 'f16'), a.zeros([16, 3, 2], 'bf16')), true)
has<readonly [8, number, number, number], 'f32'>()(a.convTranspose({ stride: 2 })(images, a.zeros([3, 5, 2, 2])), true)
has<Shape, 'f32'>()(a.conv()(unknown, a.zeros([16, 3, 3, 3])), true)
has<readonly [8, number, number, number], 'f32'>()(a.conv()(images, a.zeros([] as number[])), true)
has<readonly [8, 3, number, number], 'f32'>()(a.maxPool({ window: 2 })(images), true)
has<readonly [Var<'T'>, Var<'C'>, number], 'f32'>()(a.avgPool({ window: [2], countPadding: false })(named), true)
has<readonly [8, 3, number], 'i32'>()(a.maxPool({ window: 2 })(a.zeros([8, 3, 9], 'i32')), true)
has<readonly [8, 3, number], 'f32'>()(a.maxPool({ window: 2 })(a.zeros([8, 3, 9], 'f16')), true)
has<readonly [8, 3, number, number], 'f32'>()(a.resize({ size: [64, 48], method: 'linear' })(images), true)
has<readonly [8, 16, number, number], 'f32'>()(
  pipe(a.conv()(images, a.zeros([16, 3, 3, 3])), a.relu, a.maxPool({ window: 2 })),
  true,
)
// @ts-expect-error dtypes differ
a.conv()(images, a.zeros([16, 3, 3, 3], 'i32'))
// @ts-expect-error dtypes differ
a.convTranspose()(images, a.zeros([3, 5, 2, 2], 'u32'))
// @ts-expect-error no such padding
a.conv({ padding: 'full' })
// @ts-expect-error no such option
a.conv({ strides: 2 })
// @ts-expect-error a pool has a window
a.maxPool({ stride: 2 })
// @ts-expect-error an option of the mean alone
a.maxPool({ window: 2, countPadding: false })
// @ts-expect-error no such method
a.resize({ size: 4, method: 'cubic' })

// reductions
has<readonly [3], 'f32'>()(a.sum({ axis: 0 })(x), true)
has<readonly [2, 1], 'f32'>()(a.mean({ axis: -1, keepDims: true })(x), true)
has<readonly [], 'f32'>()(a.sum()(x), true)
has<readonly [], 'f32'>()(a.logsumexp({ axis: [0, 1] })(x), true)
has<readonly [2], 'i32'>()(a.argmax(-1)(x), true)
has<readonly [2], 'f32'>()(a.variance({ axis: 1, ddof: 1 })(x), true)
has<readonly [2], 'bool'>()(a.any({ axis: 1 })(a.gt(x, 0)), true)
has<readonly [2, 3], 'f32'>()(a.softmax(-1)(x), true)
has<readonly [2, 3], 'f32'>()(a.cumsum(0)(x), true)
// @ts-expect-error axis out of range
a.sum({ axis: 2 })(x)
// @ts-expect-error axis out of range
a.softmax(2)(x)
// @ts-expect-error any of floats
a.any()(x)

// movement
has<readonly [3, 2], 'f32'>()(a.reshape([3, 2])(x), true)
has<readonly [3, number], 'f32'>()(a.reshape([3, -1])(x), true)
{
  // Sizes known only at run time are checked there: one number need not be the other.
  const n: number = 6
  has<readonly [number, 4], 'i32'>()(a.reshape([n, 4])(a.arange(n * 4)), true)
}
has<readonly [3, 2], 'f32'>()(a.transpose()(x), true)
has<readonly [Var<'T'>, 1, Var<'C'>], 'f32'>()(a.transpose([1, 0, 2])(sequence), true)
has<readonly [2, 1, 3], 'f32'>()(a.expandDims(1)(x), true)
has<readonly [Var<'T'>, Var<'C'>], 'f32'>()(a.squeeze(0)(sequence), true)
has<readonly [5, 2, 3], 'f32'>()(a.broadcastTo([5, 2, 3])(x), true)
has<readonly [4, 3], 'f32'>()(a.concat(0)([x, x]), true)
has<readonly [2, 2, 3], 'f32'>()(a.stack(0)([x, x]), true)
has<Shape, 'f32'>()(a.concat(0)([x, x] as Tensor<Shape, 'f32'>[]), true)
const [first, second] = a.split(2, 0)(x)
has<readonly [number, 3], 'f32'>()(first, true)
has<readonly [number, 3], 'f32'>()(second, true)
const [tail] = a.split([1, 2], -1)(x)
has<readonly [2, number], 'f32'>()(tail, true)
// @ts-expect-error another number of elements
a.reshape([4, 2])(x)
// @ts-expect-error no permutation
a.transpose([0])(x)
// @ts-expect-error axis 1 has size 3
a.squeeze(1)(x)
// @ts-expect-error does not fit
a.broadcastTo([5, 2, 4])(x)
// @ts-expect-error sizes outside the axis differ
a.concat(0)([x, a.ones([2, 4])])
// @ts-expect-error shapes differ
a.stack(0)([x, a.ones([3, 2])])

// indexing
has<readonly [5, 3], 'f32'>()(a.take(0)(x, a.zeros([5], 'i32')), true)
has<readonly [5, 6, 3], 'f32'>()(a.gather()(x, a.zeros([5, 6], 'u32')), true)
has<readonly [2, 1], 'f32'>()(a.takeAlongAxis(-1)(x, a.zeros([2, 1], 'i32')), true)
has<readonly [2, 3, 9], 'f32'>()(a.oneHot(9)(i), true)
has<readonly [2, 2], 'f32'>()(a.topK(2)(x).values, true)
has<readonly [2, 2], 'i32'>()(a.topK(2)(x).indices, true)
// @ts-expect-error positions are integers
a.take(0)(x, a.zeros([5]))
// @ts-expect-error axis out of range
a.take(2)(x, a.zeros([5], 'i32'))

// creation
has<readonly [number, number], 'f32'>()(a.tensor([[1, 2]]), true)
has<readonly [2, 1], 'i32'>()(a.tensor([1, 2], [2, 1], 'i32'), true)
// @ts-expect-error three elements are not four
a.tensor([1, 2, 3], [2, 2])
// @ts-expect-error nor are none
a.tensor([], [2, 2], 'i32')
has<readonly [2, 2], 'bool'>()(a.tensor([true, false, true, true], [2, 2]), true)
has<readonly [0, 2], 'f32'>()(a.tensor([], [0, 2]), true)
declare const some: number[]
has<readonly [2, 2], 'f32'>()(a.tensor(some, [2, 2]), true)
has<readonly [number, 2], 'f32'>()(a.tensor([1, 2, 3, 4], [some.length, 2]), true)
has<readonly [2], 'u32'>()(a.tensor(new Uint32Array(2), [2]), true)
has<readonly [number], 'bool'>()(a.tensor([true, false]), true)
has<readonly [number, number], 'i32'>()(a.tensor([[1, 2]], 'i32'), true)
has<readonly [], 'f32'>()(a.scalar(1), true)
has<readonly [4], 'i32'>()(a.arange(4), true)
has<readonly [3, 3], 'f32'>()(a.eye(3), true)

// random
const [k1, k2] = a.random.split(a.random.key(0), 2)
// @ts-expect-error there are two keys
a.random.split(k1, 2)[2]
has<readonly [2, 3], 'f32'>()(a.random.normal()(k1, [2, 3]), true)
has<readonly [], 'f32'>()(a.random.uniform()(k2), true)
has<readonly [2], 'i32'>()(a.random.categorical(-1)(k1, x), true)

// pipelines
has<readonly [2], 'f32'>()(pipe(x, a.softmax(-1), a.exp, a.sum({ axis: 1 })), true)
has<readonly [3, 2], 'f32'>()(pipe(x, a.reshape([6]), a.reshape([3, 2])), true)
has<readonly [3, 2], 'f32'>()(pipe(x, a.transpose()), true)
const head: (y: Tensor<readonly [2, 3], 'f32'>) => Tensor<readonly [2], 'f32'> = flow(a.relu, a.mean({ axis: -1 }))
has<readonly [2], 'f32'>()(head(x), true)
const loose = (y: Tensor<Shape, 'f32'>): Tensor<Shape, 'f32'> =>
  pipe(y, a.reshape([2, -1]), a.transpose([1, 0]), a.softmax(-1))
has<Shape, 'f32'>()(loose(x), true)
// @ts-expect-error axis out of range, in a pipeline
pipe(x, a.sum({ axis: 2 }))

// trees
interface Params extends a.TreeRecord {
  readonly weight: Tensor<readonly [2, 3], 'f32'>
}
declare const params: { readonly weight: Tensor<readonly [2, 3], 'f32'>; readonly bias: null }
declare const record: Params
has<readonly [2, 3], 'f32'>()(a.tree.map((p, g) => a.sub(p, g), params, params).weight, true)
has<readonly [2, 3], 'f32'>()(a.tree.map(a.neg, record).weight, true)
const ranks: { readonly weight: number; readonly bias: null } = a.tree.map((p) => p.shape.length, params)
ranks
