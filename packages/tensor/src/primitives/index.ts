/** Every primitive: its record (`xP`), and its raw builder, which neither broadcasts nor converts. */
import type { Primitive } from '../graph/expr.ts'
import { takeAlongAxisP } from './along.ts'
import { addP, divP, dividedP, mulP, mutualP, negP, scaledP, subP } from './arithmetic.ts'
import { maximumP, minimumP, modP, powP } from './binary.ts'
import { broadcastToP, reduceSumP, reshapeP } from './broadcast.ts'
import { afterP, inputP, stopGradientP, storedP } from './control.ts'
import { dotP } from './dot.ts'
import { dynamicSliceP, dynamicUpdateSliceP } from './dynamic.ts'
import { parameterP } from '../graph/parameter.ts'
import { bufferP, constantP, fillP, iotaP } from './leaves.ts'
import { concatP, flipP, padP, sliceP, transposeP } from './movement.ts'
import { multiplyAllP, reduceMaxP, reduceMinP, reduceProdP } from './reduce.ts'
import { cumsumP, reverseCumsumP } from './scan.ts'
import * as select from './select.ts'
import { argsortP } from './sort.ts'
import { scatterAddP, takeP } from './take.ts'
import { threefryP } from './threefry.ts'
import * as functions from './unary.ts'

export { parameter, parameterP } from '../graph/parameter.ts'
export { takeAlongAxis, takeAlongAxisP } from './along.ts'
export { add, addP, div, divP, divided, dividedP, mul, mulP, mutual, mutualP } from './arithmetic.ts'
export { neg, negP, scaled, scaledP, sub, subP } from './arithmetic.ts'
export { batchOf } from './batching.ts'
export { maximum, maximumP, minimum, minimumP, mod, modP, pow, powP } from './binary.ts'
export { align, broadcastTo, broadcastToP, reduceSum, reduceSumP, reshape, reshapeP, spread } from './broadcast.ts'
export { after, afterP, input, inputP, stopGradient, stopGradientP, stored, storedP } from './control.ts'
export { dot, dotP, matrixTranspose } from './dot.ts'
export { dynamicSlice, dynamicSliceP, dynamicUpdateSlice, dynamicUpdateSliceP } from './dynamic.ts'
export {
  buffer,
  bufferP,
  constant,
  constantP,
  fill,
  fillLike,
  fillP,
  iota,
  iotaP,
  type BufferParams,
  type ConstantParams,
  type FillParams,
  type IotaParams,
} from './leaves.ts'
export {
  concat,
  concatP,
  flip,
  flipP,
  moveAxis,
  pad,
  padP,
  slice,
  sliceAxis,
  sliceP,
  transpose,
  transposeP,
} from './movement.ts'
export { elementAt, invalid, type Outside, valueOutside } from './positions.ts'
export { runningProduct } from './product.ts'
export { multiplyAllP, reduceMax, reduceMaxP, reduceMin, reduceMinP, reduceProd, reduceProdP } from './reduce.ts'
export { cumsum, cumsumP, reverseCumsumP } from './scan.ts'
export * from './select.ts'
export { argsort, argsortP } from './sort.ts'
export { scatterAdd, scatterAddP, take, takeP, type TakeParams } from './take.ts'
export { threefry, threefryP } from './threefry.ts'
export * from './unary.ts'

const { signP, absP, floorP, ceilP, roundP, expP, exp2P, expm1P, logP, log2P, log1pP } = functions
const { sqrtP, rsqrtP, reciprocalP, sinP, cosP, tanP, sinhP, coshP, tanhP, sigmoidP, erfP } = functions
const { eqP, neP, ltP, leP, gtP, geP, andP, orP, xorP, shlP, shrP, notP, isnanP, isinfP, whereP, castP } = select

/** Elementwise: each element of the result is a function of the operands' elements at the same index. */
export const elementwise: readonly Primitive<never>[] = [
  ...[negP, absP, signP, floorP, ceilP, roundP, expP, exp2P, expm1P, logP, log2P, log1pP, sqrtP, rsqrtP, reciprocalP],
  ...[sinP, cosP, tanP, sinhP, coshP, tanhP, sigmoidP, erfP, notP, isnanP, isinfP],
  ...[addP, subP, mulP, divP, modP, powP, maximumP, minimumP],
  ...[andP, orP, xorP, shlP, shrP, eqP, neP, ltP, leP, gtP, geP],
  ...[whereP, castP, threefryP, scaledP, dividedP, mutualP],
]

/** All records; the laws run over this list. */
export const primitives: readonly Primitive<never>[] = [
  ...elementwise,
  ...[constantP, fillP, iotaP, parameterP, bufferP],
  ...[reduceSumP, reduceProdP, multiplyAllP, reduceMaxP, reduceMinP],
  ...[reshapeP, transposeP, broadcastToP, sliceP, padP, flipP, concatP],
  ...[dotP, takeP, takeAlongAxisP, scatterAddP, dynamicSliceP, dynamicUpdateSliceP],
  ...[cumsumP, reverseCumsumP, argsortP, stopGradientP, inputP, storedP, afterP],
]
