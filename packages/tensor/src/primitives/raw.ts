/** Every primitive: its record (`xP`), and its raw builder, which neither broadcasts nor converts. */
export { parameter, parameterP } from '../graph/parameter.ts'
export { permuteAlongAxis, putAlongAxis, putAlongAxisP, takeAlongAxis, takeAlongAxisP } from './along.ts'
export { add, addP, div, divP, divided, dividedP, mul, mulP, mutual, mutualP } from './arithmetic.ts'
export { neg, negP, scaled, scaledP, sub, subP } from './arithmetic.ts'
export { batchOf } from './batching.ts'
export { maximum, maximumP, minimum, minimumP, mod, modP, pow, powP } from './binary.ts'
export { align, broadcastTo, broadcastToP, reduceSum, reduceSumP, reshape, reshapeP, spread } from './broadcast.ts'
export { cast, castP, computed, type CastParams } from './cast.ts'
export {
  after,
  afterP,
  input,
  inputP,
  materialized,
  materializedP,
  named,
  namedP,
  type NamedParams,
  stopGradient,
  stopGradientP,
  stored,
  storedP,
} from './control.ts'
export { conv, convP, type ConvParams } from './conv.ts'
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
export { peak, peakP } from './pool.ts'
export { elementAt, invalid, type Outside, valueOutside } from './positions.ts'
export { runningProduct } from './product.ts'
export { multiplyAllP, reduceMax, reduceMaxP, reduceMin, reduceMinP, reduceProd, reduceProdP } from './reduce.ts'
export { cumsum, cumsumP, reverseCumsumP, runningMax, runningMaxP, runningMin, runningMinP } from './cumulative.ts'
export * from './select.ts'
export { merge, mergeP } from './merge.ts'
export { argsort, argsortP } from './order.ts'
export { dilate, reach, skew, skewP, unskew, unskewP, windows } from './skew.ts'
export { sort, sortP } from './sort.ts'
export { boundsP, segmentAddP } from './segment.ts'
export { scatterAdd, scatterAddP, take, takeP, type TakeParams } from './take.ts'
export { threefry, threefryP } from './threefry.ts'
export * from './unary.ts'
export {
  acos,
  acosP,
  acosh,
  acoshP,
  asin,
  asinP,
  asinh,
  asinhP,
  atan,
  atan2,
  atan2P,
  atanP,
  atanh,
  atanhP,
} from './inverse.ts'
export {
  cbrt,
  cbrtP,
  erfc,
  erfcP,
  hypot,
  hypotP,
  log10,
  log10P,
  logaddexp,
  logaddexpP,
  xlogy,
  xlogyP,
} from './special.ts'
