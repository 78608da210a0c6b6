/**
 * `@adjoint/tensor/ir`: expressions from the inside, for those who write transformations or primitives. Programs that
 * only compute with tensors need `@adjoint/tensor` alone.
 */
export type { Ix } from './loops/ix.ts'
export type { Scalar as ScalarExpr } from './loops/scalar.ts'
/** Index arithmetic: what a pointwise lowering reads its operands at. */
export * as ix from './loops/ix.ts'
/** Scalar arithmetic: what a pointwise lowering gives for one element. */
export * as scalars from './loops/scalar.ts'
export { dtypes, isFloat, registerOf, type DType, type HostArray, type Register } from './base/dtype.ts'
export { computedAval } from './base/aval.ts'
export { isHalf, packHalves, roundHalves, unpackHalves, type Half } from './base/rounding.ts'
export { demandOneOf, DTypeError, ShapeError, showAval, shown } from './base/errors.ts'
export { type OptionNames, optionsFor, optionsOf } from './graph/options.ts'
export { own } from './base/own.ts'
export { normalizeAxis, sameShape, showShape, sizeOf } from './base/shape.ts'
export { atCaller, atSite, describeSite, type Site } from './base/site.ts'
export {
  apply,
  applyAll,
  over,
  demandTensor,
  paramsOf,
  type Access,
  type Aval,
  type Evaluator,
  type Expr,
  type GraphsOf,
  type Loop,
  type Lowering,
  type Node,
  type Primitive,
  type Value,
} from './graph/expr.ts'
export { single, type Single, type SingleLowering } from './graph/single.ts'
export { dependents, frontier, rewrite, substitute, toposort, withArgs } from './graph/walk.ts'
export { batch, type Batched } from './graph/batch.ts'
export { evaluate } from './graph/evaluate.ts'
export { close, graph, inlined, trace, type Closed, type Graph } from './graph/graph.ts'
export { parameter } from './graph/parameter.ts'
export { isTraced, leak, traceOf, tracing, withTrace, type Trace } from './graph/trace.ts'
export { typed } from './graph/tensor.ts'
export * as primitives from './primitives/index.ts'
/** Rules for the `simplify` of a record. */
export * as algebra from './primitives/algebra.ts'
/** What a record demands of its operands. */
export * as demands from './primitives/operands.ts'
export { pullbackOf, type Differentiated, type Linear } from './transform/pullback.ts'
export { pushforwardOf } from './transform/pushforward.ts'
export { call } from './control/call.ts'
export { loop } from './graph/loop.ts'
export { checkpoint, type Kept, namesIn } from './control/checkpoint.ts'
export { customJvp, customVjp } from './control/custom.ts'
export { simplify } from './graph/simplify.ts'
export { schedule } from './compile/schedule.ts'
export type { Capabilities } from './compile/capabilities.ts'
export type { Computation, Piece } from './graph/device.ts'
export { assemblerOf, type TensorAssembly } from './run/assemble.ts'
export { discard } from './run/discard.ts'
export type { Kernel } from './loops/kernel.ts'
export type { ProgramBuffer, Step } from './loops/program.ts'
export type { Stage } from './compile/stage.ts'
