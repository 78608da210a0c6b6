/**
 * `@adjoint/tensor/ir`: expressions from the inside, for those who write transformations or primitives. Programs that
 * only compute with tensors need `@adjoint/tensor` alone.
 */
export type { Access, Lowering } from './graph/lowering.ts'
export type { Ix } from './loops/ix.ts'
export { dtypes, isFloat, type DType, type HostArray } from './base/dtype.ts'
export { DTypeError, ShapeError, showAval } from './base/errors.ts'
export { evaluate } from './graph/evaluate.ts'
export { apply, rewrite, toposort, withArgs, type Aval, type Expr, type Primitive, type Value } from './graph/expr.ts'
export * as primitives from './primitives/index.ts'
export { normalizeAxis, sameShape, showShape, sizeOf } from './base/shape.ts'
export { simplify } from './compile/simplify.ts'
export { atCaller, atSite, describeSite, type Site } from './base/site.ts'
export { typed } from './graph/tensor.ts'
export { isTraced, leak, traceOf, tracing, withTrace, type Trace } from './graph/trace.ts'
