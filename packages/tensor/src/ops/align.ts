/**
 * Bringing operands to one shape and one dtype: NumPy broadcasting, and JavaScript numbers that take the dtype of the
 * tensor beside them. Dtypes of two tensors never change silently.
 */
import { type Computed, dtypes, type DType, registerOf } from '../base/dtype.ts'
import { DTypeError, notATensor, ShapeError, shown } from '../base/errors.ts'
import { isExpr, type Aval, type Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Broadcast, Check, CommonDType, Ok, SameDType } from '../base/shape-type.ts'
import { broadcastShapes, isShape, sameShape, showShape, type Shape } from '../base/shape.ts'
import { atCaller } from '../base/site.ts'
import { typed, type Scalar, type Tensor } from '../graph/tensor.ts'

/** A tensor, or a number that takes the other operand's dtype. */
export type Operand = Expr | number

// Of signatures that do not fit, the compiler prints all where they are two or three, and only the last where they are more. The last
// is also the one that it reads where a function is given to another, as in vmap(mul). So there are four, and the last is that of two
// tensors: it tells why these do not fit, and it is the one that a transformation knows.

/** Two operands of one dtype that broadcast to one shape; either may be a number. Two numbers are f32, as in `where`. */
export interface Binary {
  (x: number, y: number): Scalar
  <S extends Shape, D extends DType>(x: Tensor<S, D>, y: number): Tensor<S, Computed<D>>
  <S extends Shape, D extends DType>(x: number, y: Tensor<S, D>): Tensor<S, Computed<D>>
  <A extends Shape, B extends Shape, D extends DType, E extends DType>(
    x: Tensor<A, D>,
    y: Tensor<B, E> & Check<Broadcast<A, B>> & Check<SameDType<Computed<D>, Computed<E>>>,
  ): Tensor<Ok<Broadcast<A, B>>, CommonDType<Computed<D>, Computed<E>>>
}

/** As `Binary`, with a bool for each element. */
export interface Comparison {
  (x: number, y: number): Scalar<'bool'>
  <S extends Shape>(x: Tensor<S>, y: number): Tensor<S, 'bool'>
  <S extends Shape>(x: number, y: Tensor<S>): Tensor<S, 'bool'>
  <A extends Shape, B extends Shape, D extends DType, E extends DType>(
    x: Tensor<A, D>,
    y: Tensor<B, E> & Check<Broadcast<A, B>> & Check<SameDType<Computed<D>, Computed<E>>>,
  ): Tensor<Ok<Broadcast<A, B>>, 'bool'>
}

/** Each element by itself. */
export type Unary = <S extends Shape, D extends DType>(x: Tensor<S, D>) => Tensor<S, Computed<D>>

/** Throws TypeError where an argument is no tensor: forgotten, or a function that was not called. Plain JavaScript may pass any. */
export const demandTensor = (op: string, value: unknown, name = 'x'): void => {
  if (!isExpr(value)) throw notATensor(op, name === '' ? 'an argument' : `argument ${name}`, value)
}
const demandOperand = (op: string, value: unknown, name: string): void => {
  if (typeof value !== 'number') demandTensor(op, value, name)
}

/** Throws DTypeError for a name that is no dtype: plain JavaScript may pass any. */
export const demandDType = (op: string, dtype: DType): void => {
  if (!Object.hasOwn(dtypes, dtype))
    throw new DTypeError({
      op,
      operands: [],
      rule: `'${dtype}' is no dtype`,
      fix: `Choose one of ${Object.keys(dtypes).join(', ')}`,
    })
}

/** Throws ShapeError where a size is no integer of at least 0. */
export const demandShape = (op: string, shape: Shape, dtype: DType): void => {
  const listed = Array.isArray(shape)
  if (listed && isShape(shape)) return
  throw new ShapeError({
    op,
    operands: listed ? [{ shape, dtype }] : [],
    rule: `${listed ? showShape(shape) : String(shape)} is no shape`,
    fix: 'Sizes are a list of integers of at least 0',
  })
}

/** The value as an element of `dtype`; throws DTypeError where it is none: plain JavaScript may have forgotten it. */
export const element = (op: string, value: number, dtype: DType, beside: readonly Aval[] = []): number => {
  demandDType(op, dtype)
  const number = typeof value === 'number'
  const fits = number && (dtypes[dtype].float || dtypes[dtype].round(value) === value)
  if (fits) return value
  throw new DTypeError({
    op,
    operands: beside,
    rule: `${shown(value)} is no ${dtype}`,
    fix: !number
      ? `Pass ${dtype === 'bool' ? '0 or 1' : 'a number'}`
      : dtype === 'bool'
        ? "Compare or cast first: cast('f32')(x)"
        : `Pass an integer in range, or cast the tensor: cast('f32')(x)`,
  })
}

/** Throws DTypeError where the dtypes differ. */
export const oneDType = (op: string, xs: readonly Expr[]): DType => {
  xs.forEach((x, i) => demandTensor(op, x, `${i + 1} of ${xs.length}`))
  const [first, ...rest] = xs
  const other = rest.find((x) => x.dtype !== first?.dtype)
  if (first === undefined || other === undefined) return first?.dtype ?? 'f32'
  throw new DTypeError({
    op,
    operands: xs,
    rule: `operands need one dtype, not ${first.dtype} and ${other.dtype}`,
    fix: `Cast one of them, as in cast('${first.dtype}')(x)`,
  })
}

/** Throws DTypeError where what is computed with differs: f16 and bf16 are computed with as f32. */
export const demandOneComputed = (op: string, xs: readonly Expr[]): void => {
  xs.forEach((x, i) => demandTensor(op, x, `${i + 1} of ${xs.length}`))
  oneDType(op, xs.map(raw.computed))
}

/** `x` at `shape`, which it broadcasts to: new leading axes, and axes of size 1 repeated. */
export const expand = (x: Expr, shape: Shape): Expr => {
  if (sameShape(x.shape, shape)) return x
  const lifted = [...new Array<number>(shape.length - x.shape.length).fill(1), ...x.shape]
  const ranked = sameShape(lifted, x.shape) ? x : raw.reshape(x, lifted)
  return sameShape(lifted, shape) ? ranked : raw.broadcastTo(ranked, shape)
}

/** The one shape of all operands, or ShapeError. */
export const commonShape = (op: string, xs: readonly Expr[]): Shape => {
  let shape: Shape = []
  for (const x of xs) {
    const wider = broadcastShapes(shape, x.shape)
    if (wider === null)
      throw new ShapeError({
        op,
        operands: xs,
        rule: `${showShape(x.shape)} does not broadcast with ${showShape(shape)}: from the right, sizes must be equal or 1`,
        fix: 'Insert axes of size 1 with expandDims, or reshape one operand',
      })
    shape = wider
  }
  return shape
}

/** The result of an operation with several signatures: of the shape and dtype that the one called says. */
const fitted = (value: Expr): Tensor<never, never> => typed<never, never>(value)

/** A number beside a tensor that is computed with. */
const numberLike = (op: string, value: number, beside: Expr): Expr =>
  raw.fillLike(beside, element(op, value, registerOf(beside.dtype), [beside]))

/** Operands as tensors of one shape and dtype, to compute with. */
export const align = (op: string, x: Operand, y: Operand): readonly [Expr, Expr] => {
  demandOperand(op, x, 'x')
  demandOperand(op, y, 'y')
  if (typeof x === 'number')
    return typeof y === 'number'
      ? [raw.fill([], 'f32', x), raw.fill([], 'f32', y)]
      : [numberLike(op, x, y), raw.computed(y)]
  if (typeof y === 'number') return [raw.computed(x), numberLike(op, y, x)]
  const shape = commonShape(op, [x, y])
  demandOneComputed(op, [x, y])
  return [expand(raw.computed(x), shape), expand(raw.computed(y), shape)]
}

/** A broadcasting operation from one on equal shapes, and perhaps a cheaper way where y is a known number. */
export const binary =
  (name: string, f: (x: Expr, y: Expr) => Expr, withNumber: (x: Expr, y: number) => Expr | null = () => null): Binary =>
  (x: Operand, y: Operand) =>
    atCaller(() => {
      demandOperand(name, x, 'x')
      const easy = typeof x !== 'number' && typeof y === 'number' ? withNumber(x, y) : null
      return fitted(easy ?? f(...align(name, x, y)))
    })

/** A broadcasting comparison from one on equal shapes. */
export const comparison =
  (name: string, f: (x: Expr, y: Expr) => Expr): Comparison =>
  (x: Operand, y: Operand) =>
    atCaller(() => fitted(f(...align(name, x, y))))

/** An elementwise operation with its shape and dtype. */
export const unary =
  (f: (x: Expr) => Expr): Unary =>
  (x) =>
    typed(f(x))

/** Throws DTypeError unless `x` has one of the dtypes. */
export const requireDType = (op: string, x: Expr, allowed: readonly DType[], fix: string): void => {
  demandTensor(op, x, '')
  if (!allowed.includes(registerOf(x.dtype)))
    throw new DTypeError({ op, operands: [x], rule: `needs ${allowed.join(' or ')}, not ${x.dtype}`, fix })
}

/** Throws DTypeError unless `x` is a float tensor. */
export const requireFloat = (op: string, x: Expr): void => {
  demandTensor(op, x, '')
  if (!dtypes[x.dtype].float)
    throw new DTypeError({
      op,
      operands: [x],
      rule: `needs a float dtype, not ${x.dtype}`,
      fix: "Cast first: cast('f32')(x)",
    })
}
