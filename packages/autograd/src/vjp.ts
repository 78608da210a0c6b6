/** Vector-Jacobian products: reverse mode over trees. */
import type { Tree } from '@adjoint/tensor'
import { differentiate, zerosLike } from './reverse.ts'
import type { Arguments, Needed, PulledBack, Tangent } from './tangent.ts'
import { alongside, demandFunction, demandGiven, onLeaves, requireFloat, take } from './trees.ts'

/**
 * The value of `f` with its pullback, the linear map from a cotangent of the value to the cotangents of the arguments:
 * `pullback(ct) = J(args)^T ct`. A function of one argument has a pullback that returns that argument's cotangent;
 * a function of several, the tuple of their cotangents. `f` is traced once, and the pullback may be called often.
 *
 * Every leaf of the arguments must be floating point; integer outputs have no cotangent (what `ct` holds there is
 * ignored). In `ct`, null stands for zeros. Cotangents of what is stored as f16 or bf16 are f32 ({@link Tangent}).
 *
 * @param f - A pure function of trees of tensors.
 * @returns A function of `f`'s arguments that returns `[f(...args), pullback]`.
 * @throws DTypeError where an argument has an integer leaf; ShapeError where a cotangent differs from its primal.
 *
 * @example
 * ```ts
 * import { vjp } from '@adjoint/autograd'
 * import { mul, readAsync, sin, tensor } from '@adjoint/tensor'
 * const x = tensor([1, 2], [2])
 * const [y, pullback] = vjp((v: typeof x) => mul(v, sin(v)))(x)
 * console.log(await readAsync(y)) // x sin x
 * console.log(await readAsync(pullback(tensor([1, 0], [2])))) // ct (sin x + x cos x)
 * ```
 */
export function vjp<A extends Arguments, B extends Tree>(
  f: (...args: A) => B,
): (...args: Needed<A>) => readonly [B, (ct: Tangent<B>) => PulledBack<Needed<A>>]
export function vjp(f: (...args: readonly Tree[]) => Tree) {
  demandFunction('vjp', f)
  return (...args: readonly Tree[]): readonly [Tree, (ct: Tree) => Tree] => {
    demandGiven('vjp', args)
    const primals = take(args)
    requireFloat(primals, 'vjp')
    const { call, result } = onLeaves(f, primals)
    const { outs, pullback } = differentiate('vjp', call, primals.leaves)
    const value = result().rebuild(outs)
    return [
      value,
      (ct) => {
        const cts = pullback(alongside('vjp', 'cotangent', 'anything', value, ct))
        const cotangents = primals.rebuild(primals.leaves.map((x, i) => cts[i] ?? zerosLike(x)))
        return args.length === 1 ? cotangents[0]! : cotangents
      },
    ]
  }
}
