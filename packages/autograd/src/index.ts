/**
 * Automatic differentiation as functions from expressions to expressions. Every transformation takes a pure function of
 * trees of tensors and returns another one; all compose with one another and with `jit`, in any order, to any depth.
 *
 * @packageDocumentation
 */
export { stopGradient } from '@adjoint/tensor'
export { checkGrads, GradientError, type CheckGradsOptions } from './check.ts'
export { checkpoint, checkpointName, type CheckpointOptions } from './checkpoint.ts'
export { customJvp } from './custom-jvp.ts'
export { customVjp, type Cotangents } from './custom.ts'
export { type AuxOf, type Differentiable, grad, type GradOptions, type Named, valueAndGrad } from './grad.ts'
export { hessian, hvp, jacfwd, jacobian, type Jacobian } from './jacobian.ts'
export { jvp, linearize } from './jvp.ts'
export type { Arguments, Leading, Needed, PulledBack, Tangent, Tangents, WithTangents } from './tangent.ts'
export { vjp } from './vjp.ts'
export { vmap, type MappedAxes, type Reshaped, type Stacked, type VmapOptions } from './vmap.ts'
