/**
 * Typed tensors as immutable expressions, and the programs they compile to.
 *
 * @packageDocumentation
 */
export type { Computed, DType, HostArray, HostArrays } from './base/dtype.ts'
export { type Complaint, DTypeError, ShapeError } from './base/errors.ts'
export type { Aval, Expr } from './graph/expr.ts'
export { dim, type Dim, type Shape, type Var } from './base/shape.ts'
export type {
  At,
  Axes,
  Broadcast,
  BroadcastsTo,
  Check,
  CommonDType,
  Concat,
  Filled,
  HasAxis,
  InsertAxis,
  MatMul,
  NestedShape,
  Ok,
  Reduce,
  Reshape,
  SameDType,
  ShapeMismatch,
  Squeeze,
  Stack,
  Take,
  Transpose,
  TupleOf,
  WithAxis,
} from './base/shape-type.ts'
export type { Scalar, Tensor } from './graph/tensor.ts'
/** Random numbers from explicit, splittable keys: Threefry-2x32, with the same bits as JAX. */
export * as random from './ops/random.ts'
export type { Key } from './random.ts'
/** Linear algebra: factorizations, systems and determinants of stacks of matrices. */
export * as linalg from './ops/linalg/index.ts'
/** Trees of tensors: arrays and plain objects, nested to any depth, with tensors at the leaves. */
export * as tree from './graph/tree.ts'
export { isTensor, TreeError, type Tree, type TreeRecord } from './graph/tree.ts'

export * from './ops/activation.ts'
export * from './ops/bits.ts'
export * from './ops/control-flow.ts'
export * from './ops/conv.ts'
export * from './ops/creation.ts'
export * from './ops/cumulative.ts'
export * from './ops/einsum.ts'
export {
  dynamicSlice,
  dynamicUpdateSlice,
  gather,
  oneHot,
  scatterAdd,
  take,
  takeAlongAxis,
  type IndexDType,
  type Start,
} from './ops/indexing.ts'
export * from './ops/join.ts'
export * from './ops/linalg.ts'
export * from './ops/logic.ts'
export * from './ops/math.ts'
export * from './ops/movement.ts'
export * from './ops/norm.ts'
export * from './ops/pool.ts'
export * from './ops/reductions.ts'
export * from './ops/resize.ts'
export * from './ops/scatter.ts'
export * from './ops/selection.ts'
export * from './ops/softmax.ts'
export * from './ops/sorting.ts'
export type { Binary, Comparison, Unary } from './ops/align.ts'
export type { Imaged, Padding, PerAxis, Pooled, Sliding } from './ops/window.ts'

export { evalShape } from './graph/eval-shape.ts'
export { jit, type Jitted, type JitOptions, type Profile, type Unprofiled } from './run/jit.ts'
export { read, readAsync, realize, realizeAsync } from './run/realize.ts'
export { debugNans, type DebugNansOptions, NonFiniteError } from './run/debug-nans.ts'
export { debugPrint } from './ops/debug-print.ts'
export { explain, kernelCost, type KernelCost } from './compile/explain.ts'
export { type Peak, roofline, type RooflineStep, rooflineText } from './compile/roofline.ts'
export { setDefaultDevice } from './run/current.ts'
export {
  type DeviceKind,
  type DeviceReport,
  type DeviceRequest,
  devices,
  requestDevice,
  requestDeviceAsync,
} from './run/request.ts'
export { nativeDevice, nativeDeviceAsync } from './backends/native/open.ts'
export type { NativeDevice, NativeOptions } from './backends/native/face.ts'
export { wasmDevice, type WasmDevice, type WasmOptions } from './backends/wasm/device.ts'
export type { LinearDevice } from './backends/linear/face.ts'
export { webgpuDevice, webgpuDeviceAsync } from './backends/webgpu/open.ts'
export type { AdapterOptions, WebgpuDevice, WebgpuOptions } from './backends/webgpu/face.ts'
export type { DotTile, Matrices, Tuning } from './backends/webgpu/printer/tuning.ts'
export {
  type Assembly,
  type Computation,
  type Device,
  type DeviceError,
  DeviceFailure,
  type DeviceStats,
  type Executable,
  type Piece,
  type StepTimer,
  type Storage,
} from './graph/device.ts'
export type { Program } from './loops/program.ts'
