/** Full derivatives, a basis vector at a time, all at once by vmap. */
import type { Scalar, Tensor, Tree } from '@adjoint/tensor'
import { sizeOf, type Expr, type Linear } from '@adjoint/tensor/ir'
import { cast, eq, fill, iota, moveAxis, reshape } from '@adjoint/tensor/primitives'
import { grad } from './grad.ts'
import { jvp } from './jvp.ts'
import { differentiate, pushforwardOf } from './reverse.ts'
import type { Tangent } from './tangent.ts'
import { demandFunction, demandGiven, graft, onLeaves, requireFloat, take } from './trees.ts'
import { batchCall, spreadOut } from './vmap.ts'

type Concat<S extends readonly number[], T extends readonly number[]> = number extends S['length']
  ? readonly number[]
  : number extends T['length']
    ? readonly number[]
    : readonly [...S, ...T]

type InnerJacobian<S extends readonly number[], P> =
  P extends Tensor<infer T>
    ? Tensor<Concat<S, T>, 'f32'>
    : P extends null
      ? P
      : { readonly [K in keyof P]: InnerJacobian<S, P[K]> }

/** A tree like the result, whose leaves are trees like the argument, of tensors `[...out, ...in]`. */
export type Jacobian<B, P> =
  B extends Tensor<infer S> ? InnerJacobian<S, P> : B extends null ? B : { readonly [K in keyof B]: Jacobian<B[K], P> }

/** The unit vectors of the space of `x`: [n, ...x.shape], n = size of x. */
const basis = (x: Expr): Expr => {
  const n = sizeOf(x.shape)
  return reshape(cast('f32', eq(iota([n, n], 0, 'i32'), iota([n, n], 1, 'i32'))), [n, ...x.shape])
}

/** A linear map applied to every unit vector of its argument `k`, a space like that of `x`: each image [n, ...]. */
const images = (linear: Linear, k: number, x: Expr): readonly (Expr | null)[] => {
  const n = sizeOf(x.shape)
  const given: number[] = []
  const mapped = batchCall(
    ([unit]) => {
      const slots: (Expr | null)[] = []
      slots[k] = unit!
      return linear(slots).flatMap((y, i) => {
        if (y === null) return []
        given.push(i)
        return [y]
      })
    },
    [basis(x)],
    [true],
    n,
  )
  const found: (Expr | null)[] = []
  given.forEach((i, j) => (found[i] = spreadOut(mapped[j]!, n)))
  return found
}

/** For each leaf of the result, for each leaf of the argument, its block [...out, ...in]; null where it is zero. */
type Blocks = readonly (readonly (Expr | null)[])[]

const jacobianBy =
  (
    op: string,
    blocksOf: (
      f: (xs: readonly Expr[]) => readonly Expr[],
      primals: readonly Expr[],
    ) => { readonly outs: readonly Expr[]; readonly blocks: Blocks },
  ) =>
  <P extends Tree, B extends Tree, R extends readonly unknown[]>(f: (params: P, ...rest: R) => B) => {
    demandFunction(op, f)
    return (params: P, ...rest: R): Jacobian<B, P> => {
      demandGiven(op, [params])
      const primals = take(params)
      requireFloat(primals, op)
      const { call, result } = onLeaves(
        (p) => f(p as P, ...rest), // the one argument, rebuilt
        take([params]),
      )
      const { outs, blocks } = blocksOf(call, primals.leaves)
      const trees = outs.map((out, o) =>
        primals.rebuild(primals.leaves.map((x, i) => blocks[o]?.[i] ?? fill([...out.shape, ...x.shape], 'f32', 0))),
      )
      let next = 0
      // The structure of the result with a tree in the place of each leaf: what Jacobian<B, P> says.
      return graft(result().rebuild(outs), () => trees[next++]!) as Jacobian<B, P>
    }
  }

/**
 * The Jacobian by reverse mode: for each leaf of the result, a tree like the first argument of tensors
 * `[...out.shape, ...in.shape]`, whose entries are d out / d in. One backward pass, mapped over the elements of the result:
 * best for few outputs. Arguments after the first pass through. Integer results have a Jacobian of zeros.
 *
 * @param f - A pure function of a tree of floating point tensors (and anything else after it).
 * @returns A function of the same arguments.
 * @throws DTypeError where the first argument has an integer leaf.
 *
 * @example
 * ```ts
 * import { jacobian } from '@adjoint/autograd'
 * import { readAsync, square, tensor, type Tensor } from '@adjoint/tensor'
 * const f = (x: Tensor<readonly [2], 'f32'>) => square(x)
 * console.log(await readAsync(jacobian(f)(tensor([1, 2], [2])))) // [2, 0, 0, 4]
 * ```
 */
export const jacobian = jacobianBy('jacobian', (f, primals) => {
  const { outs, pullback } = differentiate('jacobian', f, primals)
  const blocks = outs.map((out, o) =>
    images(pullback, o, out).map((rows, i) => rows && reshape(rows, [...out.shape, ...primals[i]!.shape])),
  )
  return { outs, blocks }
})

/**
 * The Jacobian by forward mode: the value of {@link jacobian}, by one forward pass mapped over the elements of the
 * argument. Best for few inputs.
 *
 * @param f - A pure function of a tree of floating point tensors (and anything else after it).
 * @returns A function of the same arguments.
 * @throws DTypeError where the first argument has an integer leaf.
 *
 * @example
 * ```ts
 * import { jacfwd } from '@adjoint/autograd'
 * import { mul, readAsync, scalar, tensor, type Scalar } from '@adjoint/tensor'
 * const f = (x: Scalar) => mul(tensor([1, 2, 3], [3]), x)
 * console.log(await readAsync(jacfwd(f)(scalar(5)))) // [1, 2, 3]
 * ```
 */
export const jacfwd = jacobianBy('jacfwd', (f, primals) => {
  const { outs, pushforward } = pushforwardOf('jacfwd', f, primals)
  const columns = primals.map((x, i) => images(pushforward, i, x))
  const blocks = outs.map((out, o) =>
    primals.map((x, i) => {
      const column = columns[i]![o] ?? null // [in size, ...out]
      return column && reshape(moveAxis(column, 0, out.shape.length), [...out.shape, ...x.shape])
    }),
  )
  return { outs, blocks }
})

/**
 * The Hessian of a scalar function: a tree like the first argument, of trees like it, of tensors
 * `[...a.shape, ...b.shape]`: the Jacobian of the gradient.
 *
 * @param f - A pure function of a tree of floating point tensors (and anything else after it) to an f32 scalar.
 * @returns A function of the same arguments.
 * @throws DTypeError where the first argument has an integer leaf; ShapeError where the result is no scalar.
 *
 * @example
 * ```ts
 * import { hessian } from '@adjoint/autograd'
 * import { mul, readAsync, square, sum, tensor, type Tensor } from '@adjoint/tensor'
 * const f = (x: Tensor<readonly [2], 'f32'>) => mul(sum()(square(x)), 0.5)
 * console.log(await readAsync(hessian(f)(tensor([3, 4], [2])))) // [1, 0, 0, 1]
 * ```
 */
export const hessian = <P extends Tree, R extends readonly unknown[]>(
  f: (params: P, ...rest: R) => Scalar,
): ((params: P, ...rest: R) => Jacobian<Tangent<P>, P>) => jacobian(grad(f))

/**
 * A Hessian-vector product: the derivative of the gradient along `tangent`, without the Hessian; costs a small multiple
 * of the gradient. Pearlmutter 1994, Fast exact multiplication by the Hessian.
 *
 * @param f - A pure function of a tree of floating point tensors (and anything else after it) to an f32 scalar.
 * @returns A function of the first argument, a tangent like it, and `f`'s other arguments.
 * @throws DTypeError where the first argument has an integer leaf; ShapeError where the result is no scalar, or the
 * tangent differs from the argument.
 *
 * @example
 * ```ts
 * import { hvp } from '@adjoint/autograd'
 * import { mul, readAsync, sum, tensor, type Tensor } from '@adjoint/tensor'
 * const f = (x: Tensor<readonly [2], 'f32'>) => sum()(mul(x, mul(x, x)))
 * console.log(await readAsync(hvp(f)(tensor([1, 2], [2]), tensor([1, 1], [2])))) // 6 x v: [6, 12]
 * ```
 */
export const hvp =
  <P extends Tree, R extends readonly unknown[]>(f: (params: P, ...rest: R) => Scalar) =>
  (params: P, tangent: Tangent<P>, ...rest: R): Tangent<Tangent<P>> =>
    jvp((p: P) => grad(f)(p, ...rest))(params, tangent)[1]
