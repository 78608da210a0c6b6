/** The bits of integers. */
import * as raw from '../primitives/index.ts'
import type { Expr } from '../graph/expr.ts'
import { binary, requireDType, type Binary } from './align.ts'

const integers = ['i32', 'u32'] as const
const onIntegers = (name: string, f: (x: Expr, y: Expr) => Expr): Binary =>
  binary(name, (x, y) => {
    requireDType(name, x, integers, "Cast first: cast('i32')(x); for bools use and, or, ne")
    return f(x, y)
  })

/**
 * The bits that x and y both have, elementwise, broadcasting. Throws DTypeError for other dtypes than i32 and u32, ShapeError
 * where the shapes do not broadcast.
 *
 * @example
 * ```ts
 * import { bitAnd, bitOr, bitXor, readAsync, shiftLeft, tensor } from '@adjoint/tensor'
 * const x = tensor([12, 10], 'u32')
 * console.log(await readAsync(bitAnd(x, 6))) // 4 2
 * console.log(await readAsync(bitOr(x, 6)), await readAsync(bitXor(x, 6))) // 14 14, 10 12
 * console.log(await readAsync(shiftLeft(x, 1))) // 24 20
 * ```
 */
export const bitAnd: Binary = onIntegers('bitAnd', raw.and)
/** The bits that x or y has, elementwise, broadcasting. Throws as `bitAnd`. */
export const bitOr: Binary = onIntegers('bitOr', raw.or)
/** The bits that one of x and y has, elementwise, broadcasting. Throws as `bitAnd`. */
export const bitXor: Binary = onIntegers('bitXor', raw.xor)
/** x with its bits y places higher, elementwise, broadcasting: x 2^y modulo 2^32. y counts modulo 32, as in JavaScript. Throws as `bitAnd`. */
export const shiftLeft: Binary = onIntegers('shiftLeft', raw.shl)
/**
 * x with its bits y places lower, elementwise, broadcasting: x / 2^y, rounded down; the sign of an i32 stays. y counts modulo
 * 32, as in JavaScript. Throws as `bitAnd`.
 */
export const shiftRight: Binary = onIntegers('shiftRight', raw.shr)
