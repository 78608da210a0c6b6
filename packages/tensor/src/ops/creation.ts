/** Making tensors: from data, from a rule, and like others. */
import { dtypes, type DType, type HostArray } from '../base/dtype.ts'
import { DTypeError, ShapeError } from '../base/errors.ts'
import * as raw from '../primitives/index.ts'
import type { Check, Filled, NestedShape, ShapeMismatch } from '../base/shape-type.ts'
import { sizeOf, type Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import { demandDType, demandShape, demandTensor, element } from './align.ts'

/** Elements in nested arrays of one length at each depth, up to six deep. */
export type Nested<E> = E | Rows<E>
type Rows<E> = readonly (E | Rows1<E>)[]
type Rows1<E> = readonly (E | Rows2<E>)[]
type Rows2<E> = readonly (E | Rows3<E>)[]
type Rows3<E> = readonly (E | Rows4<E>)[]
type Rows4<E> = readonly (E | readonly E[])[]

/** Elements in row-major order. */
export type FlatData = HostArray | Float64Array | readonly number[] | readonly boolean[]

/** What a tensor is made of: flat data, or nested arrays. */
export type Data = FlatData | Nested<number | boolean>

/** The shape that data has by itself: that of its nesting. */
export type ShapeOf<T> = T extends HostArray | Float64Array ? readonly [number] : NestedShape<T>

/** What stands in nested arrays. */
export type Element<T> = T extends readonly never[] ? never : T extends readonly (infer E)[] ? Element<E> : T
/** The dtype that data has by itself: that of a typed array, bool of booleans, f32 of numbers. */
export type DTypeOf<T> = T extends Int32Array
  ? 'i32'
  : T extends Uint32Array
    ? 'u32'
    : T extends HostArray | Float64Array
      ? 'f32'
      : [Element<T>] extends [number]
        ? 'f32'
        : 'bool'

/** Numbers and booleans together have no dtype by themselves. */
export type OneKind<T> = T extends HostArray | Float64Array
  ? unknown
  : [Element<T>] extends [number]
    ? unknown
    : [Element<T>] extends [boolean]
      ? unknown
      : ShapeMismatch<'tensor: numbers and booleans together: name a dtype'>
/** Flat data has as many elements as its shape says; nested data has a shape already. */
export type Fits<T, S> = S extends Shape
  ? T extends FlatData
    ? Filled<T, S>
    : ShapeMismatch<'tensor: nested arrays have a shape already: leave it out, or pass flat data'>
  : S

const fits = (value: unknown, dtype: DType): boolean => {
  if (dtype === 'bool') return value === true || value === false || value === 0 || value === 1
  if (typeof value !== 'number') return false
  if (dtypes[dtype].float) return Number.isFinite(dtypes[dtype].round(value)) || !Number.isFinite(value)
  return dtypes[dtype].round(value) === value
}

const holds: Readonly<Record<DType, string>> = {
  f32: 'numbers up to 3.4e38 in size',
  f16: 'numbers up to 65504 in size',
  bf16: 'numbers up to 3.39e38 in size',
  i32: 'integers from -2147483648 to 2147483647',
  u32: 'integers from 0 to 4294967295',
  bool: 'true, false, 1 and 0',
}

/** Whether an array's elements are all elements of the dtype, as they are. */
const areElements = (data: ArrayLike<unknown>, dtype: DType): data is HostArray =>
  (dtype === 'f32' && data instanceof Float32Array) ||
  (dtype === 'i32' && data instanceof Int32Array) ||
  (dtype === 'u32' && data instanceof Uint32Array)

/** The data as an array of its own, so that later changes to `data` do not show in the tensor. */
const copied = (data: ArrayLike<unknown>, shape: Shape, dtype: DType): HostArray => {
  demandDType('tensor', dtype)
  const copy = dtypes[dtype].allocate(data.length)
  if (areElements(data, dtype)) {
    copy.set(data) // none needs a look: of 100 million weights that takes seconds
    return copy
  }
  for (let i = 0; i < data.length; i++) {
    const value = data[i]
    if (!fits(value, dtype))
      throw new DTypeError({
        op: 'tensor',
        operands: [{ shape, dtype }],
        rule: `element ${i} is ${String(value)}, and ${dtype} holds ${holds[dtype]}`,
        fix: 'Correct the data, or name a dtype that holds it',
      })
    copy[i] = dtypes[dtype].round(Number(value))
  }
  return copy
}

/** Lengths down the first elements. */
const shapeOfNested = (data: unknown): Shape => {
  const shape: number[] = []
  for (let level = data; Array.isArray(level); level = level[0] as unknown) shape.push(level.length)
  return shape
}

/** Appends the elements in row-major order; throws where a row is not as long as its siblings. */
const flattenInto = (out: unknown[], data: unknown, shape: Shape, path: readonly number[]): void => {
  const expected = shape[path.length]
  const found = Array.isArray(data) ? data.length : undefined
  if (found !== expected)
    throw new ShapeError({
      op: 'tensor',
      operands: [{ shape, dtype: 'f32' }],
      rule:
        `data${path.map((i) => `[${i}]`).join('')} ${found === undefined ? 'is a single element' : `has length ${found}`}` +
        ` where its siblings ${expected === undefined ? 'are single elements' : `have length ${expected}`}`,
      fix: 'Nested arrays need one length at each depth',
    })
  if (!Array.isArray(data)) out.push(data)
  else
    data.forEach((item, i) => {
      flattenInto(out, item, shape, [...path, i])
    })
}

const ownDType = (data: unknown, first: unknown): DType => {
  if (data instanceof Int32Array) return 'i32'
  if (data instanceof Uint32Array) return 'u32'
  return typeof first === 'boolean' ? 'bool' : 'f32'
}
const isFlat = (data: unknown): data is ArrayLike<number> => ArrayBuffer.isView(data)

/**
 * A tensor of data: of nested arrays; or of flat data in row-major order and a shape. The dtype, where not named, is that of a
 * typed array, bool for booleans, and f32 for numbers. The data is copied.
 * Throws ShapeError where the number of elements is not that of the shape or rows differ in length, DTypeError where an
 * element is out of the dtype's range.
 *
 * @example
 * ```ts
 * import { readAsync, tensor } from '@adjoint/tensor'
 * const x = tensor([[1, 2, 3], [4, 5, 6]]) // f32 [2, 3]
 * const i = tensor([0, 2, 1], [3], 'i32')
 * const y = tensor(new Float32Array(6), [2, 3])
 * console.log(x.shape, i.dtype, await readAsync(y))
 * ```
 */
export function tensor<const T extends FlatData, const S extends Shape, D extends DType>(
  data: T,
  shape: S & Check<Filled<T, S>>,
  dtype: D,
): Tensor<S, D>
export function tensor<D extends DType>(data: FlatData, dtype: D): Tensor<readonly [number], D>
export function tensor<T extends Nested<number | boolean>, D extends DType>(
  data: T,
  dtype: D,
): Tensor<NestedShape<T>, D>
export function tensor<const T extends FlatData, const S extends Shape>(
  data: T,
  shape: S & Check<Filled<T, S>>,
): Tensor<S, DTypeOf<T>>
export function tensor<const T extends Data, const S extends Shape | DType>(
  data: T,
  shapeOrDType: S & Check<Fits<T, S>>,
): Tensor<S extends Shape ? S : ShapeOf<T>, S extends DType ? S : DTypeOf<T>>
export function tensor<T extends FlatData>(data: T): Tensor<readonly [number], DTypeOf<T>>
export function tensor<T extends Nested<number>>(data: T): Tensor<NestedShape<T>, 'f32'>
export function tensor<T extends Nested<boolean>>(data: T): Tensor<NestedShape<T>, 'bool'>
export function tensor<T extends Data>(data: T & Check<OneKind<T>>): Tensor<ShapeOf<T>, DTypeOf<T>>
export function tensor(data: Data, second?: Shape | DType, third?: DType): Tensor {
  const named = third ?? (typeof second === 'string' ? second : undefined)
  const elements: unknown[] = []
  const given = typeof second === 'string' ? undefined : second
  let shape: Shape
  if (isFlat(data)) shape = given ?? [data.length]
  else {
    const nested = shapeOfNested(data)
    flattenInto(elements, data, nested, [])
    shape = given ?? nested
  }
  const flat: ArrayLike<unknown> = isFlat(data) ? data : elements
  const dtype = named ?? ownDType(data, flat[0])
  demandShape('tensor', shape, dtype)
  if (flat.length !== sizeOf(shape))
    throw new ShapeError({
      op: 'tensor',
      operands: [{ shape, dtype }],
      rule: `${flat.length} elements for a shape of ${sizeOf(shape)}`,
      fix: 'Pass as many elements as the product of the sizes',
    })
  return typed(raw.constant(copied(flat, shape, dtype), shape, dtype))
}

// The dtype that is not given is the default, whatever the place asks for that the tensor is put in: so the types say NoInfer.

/** A tensor of no axes that holds one number. Throws DTypeError where it is out of the dtype's range. */
export const scalar = <D extends DType = 'f32'>(value: number, dtype?: D): Tensor<readonly [], NoInfer<D>> =>
  full([], value, dtype)

/**
 * `value` everywhere. Throws DTypeError where it is out of the dtype's range, ShapeError for a negative or fractional size.
 *
 * @example
 * ```ts
 * import { full, readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(full([2, 2], 7))) // 7 7 7 7
 * ```
 */
export const full = <const S extends Shape, D extends DType = 'f32'>(
  shape: S,
  value: number,
  dtype?: D,
): Tensor<S, NoInfer<D>> => {
  const d: DType = dtype ?? 'f32'
  demandShape('full', shape, d)
  return typed(raw.fill(shape, d, element('full', value, d)))
}
/** 0 everywhere. Throws ShapeError for a negative or fractional size. */
export const zeros = <const S extends Shape, D extends DType = 'f32'>(shape: S, dtype?: D): Tensor<S, NoInfer<D>> =>
  full(shape, 0, dtype)
/** 1 everywhere. Throws ShapeError for a negative or fractional size. */
export const ones = <const S extends Shape, D extends DType = 'f32'>(shape: S, dtype?: D): Tensor<S, NoInfer<D>> =>
  full(shape, 1, dtype)

const filledLike = <S extends Shape, D extends DType>(op: string, x: Tensor<S, D>, value: number): Tensor<S, D> => {
  demandTensor(op, x)
  return typed(raw.fill(x.shape, x.dtype, element(op, value, x.dtype)))
}
/** 0 everywhere, with the shape and dtype of x. */
export const zerosLike = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> =>
  filledLike('zerosLike', x, 0)
/** 1 everywhere, with the shape and dtype of x. */
export const onesLike = <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> =>
  filledLike('onesLike', x, 1)
/** `value` everywhere, with the shape and dtype of x. Throws DTypeError where it is out of the dtype's range. */
export const fullLike = <S extends Shape, D extends DType>(x: Tensor<S, D>, value: number): Tensor<S, D> =>
  filledLike('fullLike', x, value)

/**
 * 0, 1, .. up to before `stop`; or `start`, `start + step`, .. up to before `stop`. The dtype is i32 unless named.
 * Throws DTypeError where a bound or step is out of the dtype's range, RangeError for a step of 0.
 *
 * @example
 * ```ts
 * import { arange, readAsync } from '@adjoint/tensor'
 * console.log(await readAsync(arange(4))) // 0 1 2 3
 * console.log(await readAsync(arange(1, 2, 0.25, 'f32'))) // 1 1.25 1.5 1.75
 * ```
 */
export function arange<const N extends number>(stop: N): Tensor<readonly [N], 'i32'>
export function arange<D extends DType = 'i32'>(
  start: number,
  stop: number,
  step?: number,
  dtype?: D,
): Tensor<readonly [number], NoInfer<D>>
export function arange(first: number, stop?: number, step = 1, dtype: DType = 'i32'): Tensor<readonly [number]> {
  demandDType('arange', dtype)
  const start = stop === undefined ? 0 : first
  if (step === 0 || !Number.isFinite(((stop ?? first) - start) / step))
    throw new RangeError(
      `arange: from ${start} to ${stop ?? first} by ${step} never ends. Pass finite bounds and a step other than 0.`,
    )
  const length = Math.max(0, Math.ceil(((stop ?? first) - start) / step))
  const shape = [length]
  const value = (v: number): ReturnType<typeof raw.fill> => raw.fill(shape, dtype, element('arange', v, dtype))
  const counted = raw.iota(shape, 0, dtype)
  const scaled = step === 1 ? counted : raw.mul(counted, value(step))
  return typed(start === 0 ? scaled : raw.add(scaled, value(start)))
}

/** `count` f32 numbers from `start` to `stop`, both included, at equal distances. Throws ShapeError for a negative or fractional count. */
export const linspace = <const N extends number>(
  start: number,
  stop: number,
  count: N,
): Tensor<readonly [N], 'f32'> => {
  const shape = [count]
  demandShape('linspace', shape, 'f32')
  const value = (v: number): ReturnType<typeof raw.fill> => raw.fill(shape, 'f32', v)
  // start (1 - t) + stop t, which is exact at both ends
  const t = raw.div(raw.iota(shape, 0, 'f32'), value(Math.max(1, count - 1)))
  return typed(raw.add(raw.mul(value(start), raw.sub(value(1), t)), raw.mul(value(stop), t)))
}

/** 1 where column = row + k, else 0: [rows, columns], square where no columns are given. */
export const eye = <const N extends number, const M extends number = N, D extends DType = 'f32'>(
  rows: N,
  columns?: M,
  k = 0,
  dtype?: D,
): Tensor<readonly [N, M], NoInfer<D>> => {
  const shape = [rows, columns ?? rows]
  demandShape('eye', shape, dtype ?? 'f32')
  const row = raw.add(raw.iota(shape, 0, 'i32'), raw.fill(shape, 'i32', element('eye', k, 'i32')))
  return typed(raw.cast(dtype ?? 'f32', raw.eq(row, raw.iota(shape, 1, 'i32'))))
}
