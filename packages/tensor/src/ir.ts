/**
 * `@adjoint/tensor/ir`: expressions from the inside, for those who write transformations or primitives. Programs that
 * only compute with tensors need `@adjoint/tensor` alone.
 */
export type { Access, Lowering } from './codegen/lowering.ts'
export type { Ix } from './codegen/ix.ts'
export { dtypes, isFloat, type DType, type HostArray } from './dtype.ts'
export { DTypeError, ShapeError, showAval } from './errors.ts'
export { evaluate } from './evaluate.ts'
export { apply, rewrite, toposort, withArgs, type Aval, type Expr, type Primitive, type Value } from './expr.ts'
export * as primitives from './primitives/index.ts'
export { normalizeAxis, sameShape, showShape, sizeOf } from './shape.ts'
export { simplify } from './simplify.ts'
export { atCaller, atSite, describeSite, type Site } from './site.ts'
export { typed } from './tensor.ts'
export { isTraced, leak, traceOf, tracing, withTrace, type Trace } from './trace.ts'
