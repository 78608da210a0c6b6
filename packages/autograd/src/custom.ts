/** Derivatives by hand: a function with its own reverse rule. After JAX's custom_vjp, whose contract this keeps. */
import { tree, type Tree } from '@adjoint/tensor'
import { computedAval, customVjp as withRule, isFloat, showAval, trace, type Expr } from '@adjoint/tensor/ir'
import { zerosLike } from './reverse.ts'
import type { Tangent } from './tangent.ts'
import { alongside, demandFunction, take, traced, type Taken } from './trees.ts'

/** For each argument its cotangent, or null for zeros; within a tree, null stands for the zeros of a subtree. */
export type Cotangents<A extends readonly unknown[]> = { readonly [I in keyof A]: CotangentOf<A[I]> | null }
type CotangentOf<T> = T extends Expr
  ? Tangent<T> | null
  : T extends null
    ? null
    : { readonly [K in keyof T]: CotangentOf<T[K]> | null }

/**
 * `f` with a reverse rule of your own, for derivatives that are cheaper, more accurate, or other than those of the
 * composition. `fwd` computes the value again together with residuals, a tree of what the rule needs; `bwd` receives the
 * residuals and the cotangent of the value, and returns one cotangent for each argument, in a list, null for zeros.
 * Integer arguments get null, or zeros. `bwd` must be linear in the cotangent for forward mode (`jvp`, `hvp`) to be right, since
 * that is derived by transposing it; for reverse mode it may be anything (clipping, for example).
 *
 * Second derivatives differentiate `fwd` and `bwd` as they are written. The value is that of `f` where nothing is
 * differentiated, and that of `fwd` where something is. Each of the three is traced once a call.
 *
 * @param f - A pure function of trees of tensors.
 * @param fwd - The same arguments to `[value, residuals]`.
 * @param bwd - Residuals and the cotangent of the value to the cotangents of the arguments.
 * @returns A function with the arguments and the value of `f`.
 * @throws ShapeError where a cotangent differs from its argument in shape, or is no f32; TreeError where it is built unlike it;
 * DTypeError where an integer argument gets another than null or zeros.
 *
 * @example
 * ```ts
 * import { customVjp, grad } from '@adjoint/autograd'
 * import { add, exp, log, mul, readAsync, scalar, sigmoid, type Scalar } from '@adjoint/tensor'
 * // log(1 + e^x), whose plain derivative e^x / (1 + e^x) is NaN for large x
 * const log1pExp = customVjp(
 *   (x: Scalar) => log(add(exp(x), 1)),
 *   (x: Scalar) => [log(add(exp(x), 1)), x] as const,
 *   (x, ct) => [mul(ct, sigmoid(x))] as const,
 * )
 * console.log(await readAsync(grad(log1pExp)(scalar(100)))) // 1
 * ```
 */
export function customVjp<A extends readonly unknown[], B extends Tree, R extends Tree>(
  f: (...args: A) => B,
  fwd: (...args: A) => readonly [B, R],
  bwd: (residuals: R, ct: Tangent<B>) => Cotangents<A>,
): (...args: A) => B
export function customVjp(
  f: (...args: readonly Tree[]) => Tree,
  fwd: (...args: readonly Tree[]) => readonly [Tree, Tree],
  bwd: (residuals: Tree, ct: Tree) => unknown,
) {
  demandFunction('customVjp', f)
  demandFunction('customVjp: fwd', fwd)
  demandFunction('customVjp: bwd', bwd)
  return (...args: readonly Tree[]): Tree => {
    const primals = take(args)
    const primal = traced('customVjp', f, primals)
    const forward = traced('customVjp', (...xs: readonly Tree[]) => pairOf(fwd(...xs)), primals)
    const { graph, operands } = forward.closed
    const fitted = forward.rebuild(graph.outputs)
    const value = take(fitted[0])
    demandSame(primal.closed.graph.outputs, primal.rebuild(primal.closed.graph.outputs), value)
    const residuals = graph.outputs.slice(value.leaves.length)
    const floats = value.leaves.filter((out) => isFloat(out.dtype))
    const which: number[] = []
    const backward = trace(
      'customVjp',
      (inputs) => {
        const [saved, cts] = [inputs.slice(0, residuals.length), inputs.slice(residuals.length)]
        let next = 0
        const ct = value.rebuild(value.leaves.map((out) => (isFloat(out.dtype) ? cts[next++]! : zerosLike(out))))
        const [, needed] = forward.rebuild([...graph.outputs.slice(0, value.leaves.length), ...saved])
        const given = cotangentsOf(bwd(needed, ct), args.length)
        return alongside('customVjp', 'cotangent', 'zeros', args, given).flatMap((g, i) => {
          if (g === null) return []
          which.push(i)
          return [g]
        })
      },
      [...residuals, ...floats.map(computedAval)],
    )
    return primal.rebuild(withRule(primal.closed, { graph, operands }, backward, which, primals.leaves))
  }
}

const pairOf = (returned: unknown): readonly [Tree, Tree] => {
  if (Array.isArray(returned) && returned.length === 2) return returned as unknown as readonly [Tree, Tree]
  throw new tree.TreeError(
    'customVjp: fwd must return a pair, its value and what bwd needs. Return [value, residuals], with null for none.',
  )
}

/** `fwd` computes the value of `f`: in the same structure, shapes and dtypes. */
const demandSame = (outs: readonly Expr[], value: Tree, { leaves, rebuild }: Taken<Tree>): void => {
  const [one, other] = [tree.structure(value), tree.structure(rebuild(leaves))]
  const differs = leaves.findIndex((x, i) => showAval(x) !== showAval(outs[i]!))
  if (one.key !== other.key || differs !== -1)
    throw new tree.TreeError(
      `customVjp: f gives ${one.key}${differs === -1 ? '' : `, whose leaf ${differs} is ${showAval(outs[differs]!)}`}, and the value of fwd is ` +
        `${other.key}${differs === -1 ? '' : ` with ${showAval(leaves[differs]!)} there`}. fwd computes the value of f again.`,
    )
}

const cotangentsOf = (returned: unknown, count: number): readonly Tree[] => {
  if (Array.isArray(returned) && returned.length === count) return returned as readonly Tree[]
  throw new tree.TreeError(
    `customVjp: bwd returned ${Array.isArray(returned) ? `${returned.length} cotangents` : 'no list'} for ${count} arguments. ` +
      'Return a list with one cotangent for each argument, null where there is none.',
  )
}
