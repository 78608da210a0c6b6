/** Comparisons, logic on bools, and choice. */
import type { Computed, DType } from '../base/dtype.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'
import type { Broadcast, Check, CommonDType, Ok, SameDType } from '../base/shape-type.ts'
import type { Shape } from '../base/shape.ts'
import { typed, type Tensor } from '../graph/tensor.ts'
import {
  align,
  commonShape,
  comparison,
  demandTensor,
  element,
  expand,
  oneDType,
  requireDType,
  requireFloat,
  type Comparison,
  type Operand,
} from './align.ts'
import { optionsOf } from '../graph/options.ts'

/** x = y, elementwise, broadcasting; a bool for each element. NaN equals nothing. */
export const eq: Comparison = comparison('eq', raw.eq)
/** x != y, elementwise, broadcasting; a bool for each element. */
export const ne: Comparison = comparison('ne', raw.ne)
/** x < y, elementwise, broadcasting; a bool for each element. */
export const lt: Comparison = comparison('lt', raw.lt)
/** x <= y, elementwise, broadcasting; a bool for each element. */
export const le: Comparison = comparison('le', raw.le)
/** x > y, elementwise, broadcasting; a bool for each element. */
export const gt: Comparison = comparison('gt', raw.gt)
/** x >= y, elementwise, broadcasting; a bool for each element. */
export const ge: Comparison = comparison('ge', raw.ge)

const boolFix = 'Compare first, as in ne(x, 0)'
const logical =
  (name: string, f: (x: Expr, y: Expr) => Expr) =>
  <A extends Shape, B extends Shape>(
    x: Tensor<A, 'bool'>,
    y: Tensor<B, 'bool'> & Check<Broadcast<A, B>>,
  ): Tensor<Ok<Broadcast<A, B>>, 'bool'> => {
    requireDType(name, x, ['bool'], boolFix)
    requireDType(name, y, ['bool'], boolFix)
    return typed(f(...align(name, x, y)))
  }

/** Both, elementwise, broadcasting. Throws DTypeError for other dtypes than bool. */
export const and = logical('and', raw.and)
/** Either, elementwise, broadcasting. Throws DTypeError for other dtypes than bool. */
export const or = logical('or', raw.or)
/** The opposite, elementwise. Throws DTypeError for other dtypes than bool. */
export const not = <S extends Shape>(x: Tensor<S, 'bool'>): Tensor<S, 'bool'> => {
  requireDType('not', x, ['bool'], boolFix)
  return typed(raw.not(x))
}

/** Whether each element is not a number. */
export const isnan = <S extends Shape>(x: Tensor<S>): Tensor<S, 'bool'> => {
  requireFloat('isnan', x)
  return typed(raw.isnan(x))
}
/** Whether each element is Infinity or -Infinity. */
export const isinf = <S extends Shape>(x: Tensor<S>): Tensor<S, 'bool'> => {
  requireFloat('isinf', x)
  return typed(raw.isinf(x))
}

/** Whether each element is a number, and not infinite. */
export const isfinite = <S extends Shape>(x: Tensor<S>): Tensor<S, 'bool'> => {
  requireFloat('isfinite', x)
  return typed(raw.not(raw.or(raw.isnan(x), raw.isinf(x))))
}

/** What stands in for what is no finite number. */
export interface NanToNumConfig {
  /** For NaN. Default 0. */
  readonly nan?: number
  /** For Infinity. Default: the largest finite number of the dtype. */
  readonly posinf?: number
  /** For -Infinity. Default: the least finite number of the dtype. */
  readonly neginf?: number
}
const LARGEST = (2 - 2 ** -23) * 2 ** 127
/**
 * x with NaN and infinities replaced, elementwise; they get no gradient. Throws DTypeError for integers.
 *
 * @example
 * ```ts
 * import { nanToNum, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(nanToNum({ posinf: 9 })(tensor([NaN, 1, Infinity])))) // 0 1 9
 * ```
 */
export const nanToNum = (config: NanToNumConfig = {}) => {
  const {
    nan = 0,
    posinf = LARGEST,
    neginf = -LARGEST,
  } = optionsOf('nanToNum', config, { nan: true, posinf: true, neginf: true })
  return <S extends Shape, D extends DType>(x: Tensor<S, D>): Tensor<S, D> => {
    requireFloat('nanToNum', x)
    const of = (value: number): Expr => raw.fillLike(x, element('nanToNum', value, x.dtype, [x]))
    const infinite = raw.where(raw.gt(x, of(0)), of(posinf), of(neginf))
    return typed(raw.where(raw.isnan(x), of(nan), raw.where(raw.isinf(x), infinite, x)))
  }
}

/**
 * x where the condition holds, else y: elementwise; all three broadcast, and x or y may be a number (two numbers make
 * f32). No gradient flows to the side not chosen, whatever its value and derivative are: in `where(gt(x, 0), log(x), 0)`
 * the logarithm of numbers below zero adds nothing.
 * Throws ShapeError where the shapes do not broadcast, DTypeError where x and y differ or the condition is no bool.
 *
 * @example
 * ```ts
 * import { gt, readAsync, tensor, where } from '@adjoint/tensor'
 * const x = tensor([-1, 2, -3])
 * console.log(await readAsync(where(gt(x, 0), x, 0))) // 0 2 0
 * ```
 */
export function where<S extends Shape>(condition: Tensor<S, 'bool'>, x: number, y: number): Tensor<S, 'f32'>
export function where<C extends Shape, S extends Shape, D extends DType>(
  condition: Tensor<C, 'bool'>,
  x: Tensor<S, D> & Check<Broadcast<C, S>>,
  y: number,
): Tensor<Ok<Broadcast<C, S>>, D>
export function where<C extends Shape, S extends Shape, D extends DType>(
  condition: Tensor<C, 'bool'>,
  x: number,
  y: Tensor<S, D> & Check<Broadcast<C, S>>,
): Tensor<Ok<Broadcast<C, S>>, D>
export function where<C extends Shape, A extends Shape, B extends Shape, D extends DType, E extends DType>(
  condition: Tensor<C, 'bool'> & Check<Broadcast<C, A>> & Check<Broadcast<C, B>>,
  x: Tensor<A, D>,
  y: Tensor<B, E> & Check<Broadcast<A, B>> & Check<SameDType<D, E>>,
): Tensor<Ok<Broadcast<C, Ok<Broadcast<A, B>>>>, CommonDType<D, E>>
export function where(condition: Expr, x: Operand, y: Operand): Tensor {
  requireDType('where', condition, ['bool'], boolFix)
  const branches = [x, y].filter((v) => typeof v !== 'number')
  const dtype = oneDType('where', branches)
  const shape = commonShape('where', [condition, ...branches])
  const branch = (v: Operand): Expr =>
    typeof v === 'number' ? raw.fill(shape, dtype, element('where', v, dtype, branches)) : expand(v, shape)
  return typed(raw.where(expand(condition, shape), branch(x), branch(y)))
}

/**
 * x kept within [lo, hi]: the smaller of hi and the larger of lo and x, so that hi wins where the bounds are crossed (as in
 * JAX); NaN stays. Its derivative is 1 from lo to hi, the bounds included, and 0 outside. Throws RangeError for a bound that is
 * NaN or missing.
 *
 * @example
 * ```ts
 * import { clamp, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(clamp(-1, 1)(tensor([-3, 0.5, 3])))) // -1 0.5 1
 * ```
 */
export const clamp =
  (lo: number, hi: number) =>
  <S extends Shape, D extends DType>(given: Tensor<S, D>): Tensor<S, Computed<D>> => {
    for (const side of [lo, hi])
      if (typeof side !== 'number' || Number.isNaN(side))
        throw new RangeError(
          `clamp: a bound of [${lo}, ${hi}] is ${side}. Pass numbers, or -Infinity and Infinity for none.`,
        )
    demandTensor('clamp', given)
    const x = raw.computed(given)
    const raised = lo === -Infinity ? x : raw.where(raw.lt(x, bound(x, lo)), bound(x, lo), x)
    return typed(hi === Infinity ? raised : raw.where(raw.gt(raised, bound(x, hi)), bound(x, hi), raised))
  }
const bound = (x: Expr, value: number): Expr => raw.fill(x.shape, x.dtype, element('clamp', value, x.dtype, [x]))
