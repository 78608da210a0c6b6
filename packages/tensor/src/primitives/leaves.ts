/** Nodes without arguments: host data, placeholders, device memory, and values known from the index alone. */
import * as scalar from '../loops/scalar.ts'
import { type DType, dtypes, type HostArray, registerOf } from '../base/dtype.ts'
import { DTypeError, ShapeError } from '../base/errors.ts'
import { apply, type Aval, type Expr, type Primitive } from '../graph/expr.ts'
import { identityOf, keyOf } from '../graph/key.ts'
import { single } from '../graph/single.ts'
import type { Storage } from '../graph/device.ts'
import { atHand } from '../graph/at-hand.ts'
import { type Shape, sizeOf } from '../base/shape.ts'

const neverBatched = (): never => {
  throw new Error('a node without arguments is shared by the whole batch, so its batch rule is never asked')
}
const noArguments = (): readonly (Expr | null)[] => []

export interface ConstantParams {
  readonly data: HostArray
  readonly shape: Shape
  readonly dtype: DType
}
export const constantP: Primitive<ConstantParams> = single({
  name: 'constant',
  shape: (_, { data, shape, dtype }) => {
    if (data.length !== sizeOf(shape))
      throw new ShapeError({
        op: 'constant',
        operands: [{ shape, dtype }],
        rule: `the shape holds ${sizeOf(shape)} elements and the data ${data.length}`,
        fix: 'Give as many elements as the product of the shape.',
      })
    return { shape, dtype }
  },
  vjp: noArguments,
  batch: neverBatched,
  // one array is one tensor, whoever holds it: comparing elements would read all of it
  key: ({ data, shape, dtype }) => `#${identityOf(data)}${keyOf([shape, dtype])}`,
  lower: { kind: 'leaf', sight: ({ data }) => ({ on: 'the host', data }) },
  evaluate: (_, __, { data }) => Float64Array.from(data),
})
/** Host data; the caller no longer writes to it. */
export const constant = (data: HostArray, shape: Shape, dtype: DType): Expr =>
  apply(constantP, [], { data, shape, dtype })

export interface FillParams extends Aval {
  readonly value: number
}
export const fillP: Primitive<FillParams> = single({
  name: 'fill',
  shape: (_, { shape, dtype }) => ({ shape, dtype }),
  vjp: noArguments,
  batch: neverBatched,
  lower: { kind: 'pointwise', at: (_, __, out, { value }) => scalar.constant(out.dtype, value) },
  evaluate: (_, out, { value }) => new Float64Array(sizeOf(out.shape)).fill(value),
})
/** One value everywhere, rounded to `dtype`. */
export const fill = (shape: Shape, dtype: DType, value: number): Expr =>
  apply(fillP, [], { shape, dtype, value: dtypes[dtype].round(value) })
/** A fill of the shape of `like`, to compute with it. */
export const fillLike = (like: Aval, value: number): Expr => fill(like.shape, registerOf(like.dtype), value)

export interface IotaParams extends Aval {
  readonly axis: number
}
export const iotaP: Primitive<IotaParams> = single({
  name: 'iota',
  shape: (_, { shape, axis, dtype }) => {
    if (!(Number.isInteger(axis) && axis >= 0 && axis < shape.length))
      throw new ShapeError({
        op: 'iota',
        operands: [{ shape, dtype }],
        rule: `axis ${axis} is not an axis of the result`,
        fix: 'Give an axis from 0 to rank - 1.',
      })
    if (dtype === 'bool')
      throw new DTypeError({
        op: 'iota',
        operands: [{ shape, dtype }],
        rule: 'a bool cannot count',
        fix: 'Use i32, u32 or f32.',
      })
    return { shape, dtype }
  },
  vjp: noArguments,
  batch: neverBatched,
  lower: { kind: 'pointwise', at: (index, _, out, { axis }) => scalar.cast(out.dtype, scalar.index(index[axis]!)) },
  evaluate: (_, { shape, dtype }, { axis }) => {
    const { round } = dtypes[dtype]
    const inner = sizeOf(shape.slice(axis + 1))
    const n = shape[axis]!
    return Float64Array.from({ length: sizeOf(shape) }, (__, i) => round(Math.floor(i / inner) % n))
  },
})
/** The position along `axis`. */
export const iota = (shape: Shape, axis: number, dtype: DType): Expr => apply(iotaP, [], { shape, axis, dtype })

export interface BufferParams {
  readonly storage: Storage
}
export const bufferP: Primitive<BufferParams> = single({
  name: 'buffer',
  shape: (_, { storage }) => ({ shape: storage.aval.shape, dtype: storage.aval.dtype }),
  vjp: noArguments,
  batch: neverBatched,
  key: ({ storage }) => `#${identityOf(storage)}`,
  lower: { kind: 'leaf', sight: ({ storage }) => ({ on: storage.device.kind, data: atHand(storage) }) },
  evaluate: (_, __, { storage }) => {
    const gone = storage.gone()
    if (gone !== null) throw new Error(`buffer: this tensor can no longer be read: ${gone}`)
    if (storage.values !== undefined) return storage.values()
    throw new Error(
      `buffer: this tensor lives on the ${storage.device.kind} device (${storage.device.label}), and the reference device cannot see its memory. ` +
        'Read it there and pass the array as a tensor.',
    )
  },
})
/** A tensor in a device's memory. */
export const buffer = (storage: Storage): Expr => apply(bufferP, [], { storage })
