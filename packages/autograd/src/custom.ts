/** Derivatives by hand: a function with its own reverse rule. After JAX's custom_vjp, whose contract this keeps. */
import { tree, type Tree } from '@adjoint/tensor'
import {
  apply,
  isFloat,
  isTraced,
  primitives,
  withTrace,
  type Aval,
  type Expr,
  type Primitive,
} from '@adjoint/tensor/ir'
import { call } from './call.ts'
import { dependents, frontier, substitute } from './graph.ts'
import { zerosLike } from './reverse.ts'
import { alongside, demandFunction, take } from './trees.ts'

const { input, parameter } = primitives

const closedOver =
  'customVjp: the function closes over a tensor that is being differentiated, and its rule says nothing about that one. ' +
  'Make it an argument, with a cotangent from bwd (null where there is none), or close over its stopGradient.'

const refuse = (): never => {
  throw new Error(closedOver)
}

/**
 * The cotangent of what a custom function closes over: unknown. It vanishes where no derivative flows (integers,
 * stopGradient), and is an error in whatever is asked for.
 */
const unknownCotangentP: Primitive<Aval> = {
  name: 'unknownCotangent',
  shape: (_, { shape, dtype }) => ({ shape, dtype }),
  // Linear in ct like every cotangent, so that forward mode meets it too.
  vjp: (_, { args: [ct] }) => [unknownCotangent(ct!, ct!)],
  batch: ([ct], _, size, { shape, dtype }) => unknownCotangent({ shape: [size, ...shape], dtype }, ct!),
  lower: { kind: 'composite', expand: refuse },
  evaluate: refuse,
}
const unknownCotangent = ({ shape, dtype }: Aval, ct: Expr): Expr => apply(unknownCotangentP, [ct], { shape, dtype })

/** For each argument its cotangent, or null for zeros; within a tree, null stands for the zeros of a subtree. */
export type Cotangents<A extends readonly unknown[]> = { readonly [I in keyof A]: CotangentOf<A[I]> | null }
type CotangentOf<T> = T extends Expr
  ? T | null
  : T extends null
    ? null
    : { readonly [K in keyof T]: CotangentOf<T[K]> | null }

/**
 * `f` with a reverse rule of your own, for derivatives that are cheaper, more accurate, or other than those of the
 * composition. `fwd` computes the value again together with residuals, a tree of what the rule needs; `bwd` receives the
 * residuals and the cotangent of the value, and returns one cotangent for each argument, in a list, null for zeros.
 * Integer arguments get null. `bwd` must be linear in the cotangent for forward mode (`jvp`, `hvp`) to be right, since
 * that is derived by transposing it; for reverse mode it may be anything (clipping, for example).
 *
 * Second derivatives differentiate `fwd` and `bwd` as they are written. `f` alone runs where nothing is being
 * transformed; elsewhere the value is that of `fwd`.
 *
 * @param f - A pure function of trees of tensors.
 * @param fwd - The same arguments to `[value, residuals]`.
 * @param bwd - Residuals and the cotangent of the value to the cotangents of the arguments.
 * @returns A function with the arguments and the value of `f`.
 * @throws ShapeError where a cotangent differs from its argument in shape or dtype; TreeError where it is built unlike it.
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
  bwd: (residuals: R, ct: B) => Cotangents<A>,
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
    const inputs = primals.leaves.map(input)
    const images = primals.rebuild(inputs)
    const returned: unknown = fwd(...images)
    if (!Array.isArray(returned) || returned.length !== 2)
      throw new tree.TreeError(
        'customVjp: fwd must return a pair, its value and what bwd needs. Return [value, residuals], with null for none.',
      )
    const [value, residuals] = returned as [Tree, Tree]
    const { leaves: outs, rebuild } = take(value)
    const around = [...frontier(outs, inputs, dependents(outs, inputs))]
    if (!isTraced([...inputs, ...around])) return f(...args)

    // The rule as a graph over the cotangents, so that whatever it refers to is seen by every transformation.
    const cts = outs.map((out) => (isFloat(out.dtype) ? parameter(out) : zerosLike(out)))
    const stands = cts.filter((ct) => isFloat(ct.dtype))
    const grads = withTrace('customVjp', stands, () =>
      alongside('customVjp', 'cotangent', args, cotangentsOf(bwd(residuals, rebuild(cts)), args.length)),
    )
    const given = grads.filter((g) => g !== null)
    const sources = [...inputs, ...stands]
    const beside = [...frontier(given, sources, dependents(given, sources))]
    const captured = [...new Set([...around, ...beside])].filter((node) => isTraced([node]))
    return rebuild(
      call(outs, [...inputs, ...captured], (xs, ys) => {
        const found = substitute(given, [...inputs, ...captured, ...stands], [...xs, ...ys])
        let next = 0
        return [
          ...grads.map((g) => (g === null ? null : found[next++]!)),
          ...captured.map((node) => (isFloat(node.dtype) ? unknownCotangent(node, ys[0]!) : null)),
        ]
      }),
    )
  }
}

const cotangentsOf = (returned: unknown, count: number): readonly Tree[] => {
  if (Array.isArray(returned) && returned.length === count) return returned as readonly Tree[]
  throw new tree.TreeError(
    `customVjp: bwd returned ${Array.isArray(returned) ? `${returned.length} cotangents` : 'no list'} for ${count} arguments. ` +
      'Return a list with one cotangent for each argument, null where there is none.',
  )
}
