/** Gradients of scalar functions of trees. */
import { tree, type Scalar, type Tree } from '@adjoint/tensor'
import { optionsOf, own, ShapeError, shown, type Expr } from '@adjoint/tensor/ir'
import { fill } from '@adjoint/tensor/primitives'
import { differentiate, zerosLike } from './reverse.ts'
import type { Tangent } from './tangent.ts'
import { demandFunction, demandGiven, requireFloat, take, tensorsIn, withTensors } from './trees.ts'

/** The arguments that `argnums` names: one argument for a number, the list of them for a list. */
export type Named<A extends readonly unknown[], N extends number | readonly number[]> = N extends number
  ? A[N]
  : N extends readonly number[]
    ? { readonly [I in keyof N]: A[N[I] & number] }
    : never

type Args = readonly unknown[]
/** What to differentiate by, and whether the function returns more than its value. */
export interface GradOptions<
  N extends number | readonly number[] = number | readonly number[],
  H extends boolean = boolean,
> {
  /** Which arguments, counted from 0; negative ones from the end. Default 0. */
  readonly argnums?: N
  /** Whether the function returns `[loss, aux]`. Default false. */
  readonly hasAux?: H
}
/** What a function returns that is to be differentiated. */
export type Differentiable<H extends boolean> = H extends true ? readonly [Scalar, unknown] : Scalar
/** What a function returns beside its loss. */
export type AuxOf<L> = L extends readonly [Scalar, infer X] ? X : never

const scalarOf = (op: string, value: unknown, hasAux: boolean): Expr => {
  const loss: unknown = hasAux && Array.isArray(value) ? value[0] : value
  if (!tree.isTensor(loss))
    throw new TypeError(
      `${op}: the function must return ${hasAux ? 'a pair [scalar, aux]' : 'one scalar tensor'}, and returned ` +
        `${shown(loss)}. ` +
        (loss instanceof Promise
          ? 'It must not be async: it is traced, and nothing runs in it.'
          : hasAux
            ? 'Return [loss, aux].'
            : 'Return the loss alone, or set hasAux and return [loss, aux].'),
    )
  if (loss.shape.length > 0 || loss.dtype !== 'f32')
    throw new ShapeError({
      op,
      operands: [loss],
      rule: 'only a scalar f32 function has a gradient',
      fix: 'Reduce the result with sum() or mean(), or use vjp or jacobian',
    })
  return loss
}

/** `f` differentiated by the arguments that `argnums` names: what it returned, and their cotangents. */
const differentiated = (op: string, f: (...args: Args) => unknown, options: GradOptions) => {
  const { hasAux = false } = optionsOf(op, options, { argnums: true, hasAux: true })
  const argnums = own(options.argnums ?? 0)
  demandFunction(op, f)
  return (...args: Args): { readonly value: unknown; readonly grads: unknown } => {
    const chosen = (typeof argnums === 'number' ? [argnums] : argnums).map((n) => (n < 0 ? n + args.length : n))
    const outside = chosen.find((n) => !Number.isInteger(n) || n < 0 || n >= args.length)
    if (outside !== undefined || new Set(chosen).size !== chosen.length)
      throw new RangeError(
        `${op}: argnums ${JSON.stringify(argnums)} for ${args.length} arguments. Name each argument once, from 0.`,
      )
    // Arguments to differentiate are trees; `take` throws where one is not. All others pass through untouched.
    chosen.forEach((n) => demandGiven(op, [args[n]], n))
    const primals = take(chosen.map((n) => args[n] as Tree))
    requireFloat(primals, op)
    let value: unknown
    let tensors: readonly Expr[] = []
    const { outs, pullback } = differentiate(
      op,
      (inputs) => {
        const images = primals.rebuild(inputs)
        value = f(...args.map((arg, n) => (chosen.includes(n) ? images[chosen.indexOf(n)] : arg)))
        const loss = scalarOf(op, value, hasAux)
        tensors = tensorsIn(value)
        return [loss, ...tensors]
      },
      primals.leaves,
    )
    // What is returned is what the pullback reads from, so that both are computed once.
    const kept = new Map(tensors.map((x, i) => [x, outs[1 + i]!]))
    const cts = pullback([fill([], 'f32', 1)])
    const grads = primals.rebuild(primals.leaves.map((x, i) => cts[i] ?? zerosLike(x)))
    return { value: withTensors(value, (x) => kept.get(x)!), grads: typeof argnums === 'number' ? grads[0] : grads }
  }
}

/**
 * The value of a scalar function together with its gradient: `[f(...args), df/dargs]`.
 *
 * By default the gradient is that of the first argument, a tree; all others may be anything (batches, keys, numbers) and
 * pass through. `argnums` names others, counted from 0: a number gives one tree, a list a list of trees. With `hasAux`,
 * `f` returns `[loss, aux]`, and the result is `[[loss, aux], gradient]`.
 *
 * @param f - A pure function whose result is an f32 scalar.
 * @returns A function of `f`'s arguments; the gradient has the structure and shapes of what it belongs to, in f32 (what is stored as f16
 * or bf16 included: {@link Tangent}), and leaves that the result does not depend on get zeros.
 * @throws DTypeError where a differentiated argument has an integer leaf; ShapeError where the result is no f32 scalar.
 *
 * @example
 * ```ts
 * import { valueAndGrad } from '@adjoint/autograd'
 * import { mean, readAsync, scalar, square, sub, tensor, type Tensor } from '@adjoint/tensor'
 * const loss = (params: { mu: Tensor<readonly [], 'f32'> }, x: Tensor<readonly [3], 'f32'>) =>
 *   mean()(square(sub(x, params.mu)))
 * const [value, grads] = valueAndGrad(loss)({ mu: scalar(2) }, tensor([1, 2, 6], [3]))
 * console.log(await readAsync(value), await readAsync(grads.mu)) // 17 / 3, -2
 * ```
 */
export function valueAndGrad<P extends Tree, R extends readonly unknown[]>(
  f: (params: P, ...rest: R) => Scalar,
): (params: P, ...rest: R) => readonly [Scalar, Tangent<P>]
export function valueAndGrad<
  A extends readonly unknown[],
  L extends Differentiable<H>,
  const N extends number | readonly number[] = 0,
  H extends boolean = false,
>(
  f: (...args: A) => L,
  options: GradOptions<N, H>,
): (...args: A) => readonly [H extends true ? readonly [Scalar, AuxOf<L>] : Scalar, Tangent<Named<A, N>>]
export function valueAndGrad(f: (...args: Args) => unknown, options: GradOptions = {}) {
  const run = differentiated('valueAndGrad', f, options)
  return (...args: Args): readonly [unknown, unknown] => {
    const { value, grads } = run(...args)
    return [value, grads]
  }
}

/**
 * The gradient of a scalar function. Options and errors as in {@link valueAndGrad}; with `hasAux` the result is
 * `[gradient, aux]`.
 *
 * @param f - A pure function whose result is an f32 scalar.
 * @returns A function of `f`'s arguments that returns the gradient by the first one (or those `argnums` names).
 * @throws DTypeError where a differentiated argument has an integer leaf; ShapeError where the result is no f32 scalar.
 *
 * @example
 * ```ts
 * import { grad } from '@adjoint/autograd'
 * import { mul, readAsync, scalar, sin, type Scalar } from '@adjoint/tensor'
 * const f = (x: Scalar) => mul(x, sin(x))
 * console.log(await readAsync(grad(f)(scalar(2)))) // sin 2 + 2 cos 2
 * console.log(await readAsync(grad(grad(f))(scalar(2)))) // 2 cos 2 - 2 sin 2
 * ```
 */
export function grad<P extends Tree, R extends readonly unknown[]>(
  f: (params: P, ...rest: R) => Scalar,
): (params: P, ...rest: R) => Tangent<P>
export function grad<
  A extends readonly unknown[],
  L extends Differentiable<H>,
  const N extends number | readonly number[] = 0,
  H extends boolean = false,
>(
  f: (...args: A) => L,
  options: GradOptions<N, H>,
): (...args: A) => H extends true ? readonly [Tangent<Named<A, N>>, AuxOf<L>] : Tangent<Named<A, N>>
export function grad(f: (...args: Args) => unknown, options: GradOptions = {}) {
  const run = differentiated('grad', f, options)
  return (...args: Args): unknown => {
    const { value, grads } = run(...args)
    return options.hasAux === true && Array.isArray(value) ? [grads, value[1]] : grads
  }
}
