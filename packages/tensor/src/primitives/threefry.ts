/**
 * Threefry-2x32 with 20 rounds: the random bits of JAX. Salmon, Moraes, Dror, Shaw, "Parallel Random Numbers: As Easy as
 * 1, 2, 3" (SC 2011), section 3.3. One node gives one of the two output words of every block.
 */
import * as scalar from '../loops/scalar.ts'
import type { Scalar } from '../loops/scalar.ts'
import { apply, type Expr, type Primitive } from '../graph/expr.ts'
import { single } from '../graph/single.ts'
import { fold } from './algebra.ts'
import { align } from './broadcast.ts'
import { demandDType, demandSameShape } from './operands.ts'

interface Words<T> {
  readonly add: (x: T, y: T) => T
  readonly xor: (x: T, y: T) => T
  readonly rotate: (x: T, by: number) => T
  readonly constant: (value: number) => T
}
const PARITY = 0x1bd11bda
const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const

/** Key (k0, k1), counter (x0, x1) -> two words, over any representation of 32-bit words. */
const threefry2x32 = <T>({ add, xor, rotate, constant }: Words<T>, k0: T, k1: T, x0: T, x1: T): readonly [T, T] => {
  const key = [k0, k1, xor(xor(k0, k1), constant(PARITY))] as const
  let a = add(x0, k0)
  let b = add(x1, k1)
  for (let group = 0; group < 5; group++) {
    for (const by of ROTATIONS[group % 2]!) {
      a = add(a, b)
      b = xor(rotate(b, by), a)
    }
    a = add(a, key[(group + 1) % 3]!)
    b = add(b, add(key[(group + 2) % 3]!, constant(group + 1)))
  }
  return [a, b]
}

const onNumbers: Words<number> = {
  add: (x, y) => (x + y) >>> 0,
  xor: (x, y) => (x ^ y) >>> 0,
  rotate: (x, by) => ((x << by) | (x >>> (32 - by))) >>> 0,
  constant: (value) => value,
}
const u32 = (value: number): Scalar => scalar.constant('u32', value)
const onScalars: Words<Scalar> = {
  add: (x, y) => scalar.binary('add', x, y),
  xor: (x, y) => scalar.binary('xor', x, y),
  rotate: (x, by) => scalar.binary('or', scalar.binary('shl', x, u32(by)), scalar.binary('shr', x, u32(32 - by))),
  constant: u32,
}

export interface ThreefryParams {
  readonly word: 0 | 1
}
export const threefryP: Primitive<ThreefryParams> = single({
  name: 'threefry',
  shape: (args) => {
    for (const a of args) {
      demandDType('threefry', args, a, ['u32'])
      demandSameShape('threefry', args, args[0]!, a)
    }
    return { shape: args[0]!.shape, dtype: 'u32' }
  },
  vjp: () => [null, null, null, null],
  batch: (args, batched, size, params) => apply(threefryP, align(args, batched, size), params),
  simplify: fold,
  lower: {
    kind: 'pointwise',
    at: (index, arg, _, { word }) =>
      threefry2x32(onScalars, arg(0, index), arg(1, index), arg(2, index), arg(3, index))[word],
  },
  evaluate: ([k0, k1, x0, x1], _, { word }) =>
    k0!.data.map((k, i) => threefry2x32(onNumbers, k, k1!.data[i]!, x0!.data[i]!, x1!.data[i]!)[word]),
})
/** One word of the block that key (k0, k1) gives counter (x0, x1), elementwise. */
export const threefry = (k0: Expr, k1: Expr, x0: Expr, x1: Expr, word: 0 | 1): Expr =>
  apply(threefryP, [k0, k1, x0, x1], { word })
