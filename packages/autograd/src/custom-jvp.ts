/** Derivatives by hand: a function with its own forward rule. After JAX's custom_jvp, whose contract this keeps. */
import { tree, type Tree } from '@adjoint/tensor'
import { computedAval, customJvp as withRule, isFloat, showAval, trace } from '@adjoint/tensor/ir'
import { zerosLike } from './reverse.ts'
import type { Tangent, Tangents } from './tangent.ts'
import { alongside, demandFunction, take, traced } from './trees.ts'

/**
 * `f` with a forward rule of your own. `push` receives the arguments and their tangents, each as a list, and returns the
 * value with its tangent: `[f(...primals), J tangents]`. It must be linear in the tangents, since reverse mode is its transpose;
 * one rule serves both modes, to any order. Integer arguments have tangents of zero.
 *
 * @param f - A pure function of trees of tensors.
 * @param push - Primals and tangents, each a list of `f`'s arguments, to `[value, tangent]`; null stands for a tangent of zeros.
 * @returns A function with the arguments and the value of `f`.
 * @throws TreeError where `push` returns no pair, or a value unlike that of `f`; ShapeError where a tangent differs from its value;
 * DTypeError where that of an integer is another than null or zeros.
 *
 * @example
 * ```ts
 * import { customJvp, grad } from '@adjoint/autograd'
 * import { add, exp, log, mul, readAsync, scalar, sigmoid, type Scalar } from '@adjoint/tensor'
 * // log(1 + e^x), whose plain derivative is NaN for large x
 * const softplus = (x: Scalar) => log(add(exp(x), 1))
 * const stable = customJvp(softplus, ([x], [t]) => [softplus(x), mul(sigmoid(x), t)] as const)
 * console.log(await readAsync(grad(stable)(scalar(100)))) // 1
 * ```
 */
export function customJvp<A extends readonly Tree[], B extends Tree>(
  f: (...args: A) => B,
  push: (primals: A, tangents: Tangents<A>) => readonly [B, Tangent<B> | null],
): (...args: A) => B
export function customJvp(
  f: (...args: readonly Tree[]) => Tree,
  push: (primals: readonly Tree[], tangents: readonly Tree[]) => unknown,
) {
  demandFunction('customJvp', f)
  demandFunction('customJvp: push', push)
  return (...args: readonly Tree[]): Tree => {
    const primals = take(args)
    const primal = traced('customJvp', f, primals)
    const outs = primal.closed.graph.outputs
    const floats = primals.leaves.filter((x) => isFloat(x.dtype))
    const pushed = trace(
      'customJvp',
      (inputs) => {
        const xs = inputs.slice(0, primals.leaves.length)
        let next = xs.length
        const ts = xs.map((x) => (isFloat(x.dtype) ? inputs[next++]! : zerosLike(x)))
        const [value, tangent] = pairOf(push(primals.rebuild(xs), primals.rebuild(ts)))
        const { leaves } = take(value)
        const [is, other] = [tree.structure(primal.rebuild(outs)), tree.structure(value)]
        if (is.key !== other.key || leaves.some((x, i) => showAval(x) !== showAval(outs[i]!)))
          throw new tree.TreeError(
            `customJvp: f gives ${is.key} of ${outs.map(showAval).join(', ')}, and push a value ${other.key} of ` +
              `${leaves.map(showAval).join(', ')}. push computes the value of f again, beside its tangent.`,
          )
        const found = alongside('customJvp', 'tangent', 'zeros', value, tangent)
        return [...leaves, ...leaves.flatMap((x, i) => (isFloat(x.dtype) ? [found[i] ?? zerosLike(x)] : []))]
      },
      [...primals.leaves, ...floats.map(computedAval)],
    )
    return primal.rebuild(withRule(primal.closed, pushed, primals.leaves))
  }
}

const pairOf = (returned: unknown): readonly [Tree, Tree] => {
  if (Array.isArray(returned) && returned.length === 2) return returned as unknown as readonly [Tree, Tree]
  throw new tree.TreeError(
    'customJvp: push must return a pair. Return [value, tangent], with null for a tangent of zeros.',
  )
}
