/** Functions as graphs to differentiate: each transformation puts stand-ins of its own around the primals. */
import {
  atCaller,
  isFloat,
  pullbackOf,
  pushforwardOf as pushforwardThrough,
  registerOf,
  withTrace,
  type Differentiated,
  type Expr,
  type Linear,
} from '@adjoint/tensor/ir'
import { fill, input } from '@adjoint/tensor/primitives'

/** A cotangent or tangent of 0: of what the value is computed with. */
export const zerosLike = (x: Expr): Expr => fill(x.shape, registerOf(x.dtype), 0)

/**
 * Calls `f` on fresh `input` nodes around the primals. Each transformation differentiates its own nodes only, so nested
 * ones do not see one another's perturbations.
 */
export const differentiate = (
  name: string,
  f: (xs: readonly Expr[]) => readonly Expr[],
  primals: readonly Expr[],
): Differentiated => {
  const inputs = atCaller(() => primals.map(input))
  return withTrace(name, inputs, () => pullbackOf(f(inputs), inputs))
}

/** Values, and the tangents of those that are floats from the tangents of the primals; null stands for zero. */
export interface Pushed {
  readonly outs: readonly Expr[]
  readonly pushforward: Linear
}

/** Forward mode through `f`, as `differentiate` is reverse mode. */
export const pushforwardOf = (
  name: string,
  f: (xs: readonly Expr[]) => readonly Expr[],
  primals: readonly Expr[],
): Pushed => {
  const inputs = atCaller(() => primals.map(input))
  return withTrace(name, inputs, () => {
    const outs = f(inputs)
    const push = pushforwardThrough(outs, inputs)
    return { outs, pushforward: (tangents) => push(tangents).map((t, i) => (isFloat(outs[i]!.dtype) ? t : null)) }
  })
}
