/** Jacobian-vector products: forward mode, derived from reverse mode. */
import type { Tree } from '@adjoint/tensor'
import { pushforwardOf, zerosLike } from './reverse.ts'
import type { Arguments, Tangent, Tangents, WithTangents } from './tangent.ts'
import { alongside, demandFunction, demandGiven, onLeaves, requireFloat, take } from './trees.ts'

/** The value of `f`, and the derivative there as a function of tangents. */
const linearized = (op: string, f: (...args: readonly Tree[]) => Tree, args: readonly Tree[]) => {
  demandGiven(op, args)
  const primals = take(args)
  requireFloat(primals, op)
  const { call, result } = onLeaves(f, primals)
  const { outs, pushforward } = pushforwardOf(op, call, primals.leaves)
  const { rebuild } = result()
  return {
    value: rebuild(outs),
    push: (tangents: readonly Tree[]): Tree => {
      const pushed = pushforward(alongside(op, 'tangent', 'zeros', args, tangents))
      return rebuild(outs.map((out, i) => pushed[i] ?? zerosLike(out)))
    },
  }
}

/**
 * The value of `f` with its derivative along a tangent: `[f(a), J(a) tangent]`. For a function of several arguments,
 * all primals come first, then all tangents: `jvp(f)(a, b, ta, tb)`.
 *
 * There is no second set of rules: the pullback is linear in its cotangent, so its own pullback is the pushforward; what
 * the reverse pass alone would need is never computed. Costs about one more evaluation of `f`, whatever the number of
 * outputs.
 *
 * Every leaf of the arguments must be floating point; an integer output's tangent is zero, in its own dtype. In a
 * tangent, null stands for zeros. Tangents of what is stored as f16 or bf16 are f32 ({@link Tangent}).
 *
 * @param f - A pure function of trees of tensors.
 * @returns A function of the primals followed by as many tangents of the same structure and shapes.
 * @throws DTypeError where an argument has an integer leaf; ShapeError where a tangent differs from its primal.
 *
 * @example
 * ```ts
 * import { jvp } from '@adjoint/autograd'
 * import { mul, readAsync, scalar, sin } from '@adjoint/tensor'
 * const f = (x: ReturnType<typeof scalar>) => mul(x, sin(x))
 * const [y, dy] = jvp(f)(scalar(2), scalar(1))
 * console.log(await readAsync(y), await readAsync(dy)) // 2 sin 2, sin 2 + 2 cos 2
 * ```
 */
export function jvp<A extends Arguments, B extends Tree>(
  f: (...args: A) => B,
): (...primalsThenTangents: WithTangents<A>) => readonly [B, Tangent<B>]
export function jvp(f: (...args: readonly Tree[]) => Tree) {
  demandFunction('jvp', f)
  return (...both: readonly Tree[]): readonly [Tree, Tree] => {
    if (both.length % 2 !== 0)
      throw new TypeError(
        `jvp: ${both.length} arguments. Pass all primals, then as many tangents: jvp(f)(a, b, ta, tb).`,
      )
    const args = both.slice(0, both.length / 2)
    const { value, push } = linearized('jvp', f, args)
    return [value, push(both.slice(args.length))]
  }
}

/**
 * The value of `f` with its derivative as a linear function: `[f(...args), pushforward]`, where `pushforward(...tangents)`
 * is `J(args) tangents`. What {@link vjp} is to cotangents; `f` is traced once, and the pushforward may be called often.
 *
 * @param f - A pure function of trees of tensors.
 * @returns A function of `f`'s arguments.
 * @throws DTypeError where an argument has an integer leaf; ShapeError where a tangent differs from its primal.
 *
 * @example
 * ```ts
 * import { linearize } from '@adjoint/autograd'
 * import { mul, readAsync, scalar, sin, type Scalar } from '@adjoint/tensor'
 * const [y, pushforward] = linearize((x: Scalar) => mul(x, sin(x)))(scalar(2))
 * console.log(await readAsync(y), await readAsync(pushforward(scalar(1)))) // 2 sin 2, sin 2 + 2 cos 2
 * ```
 */
export function linearize<A extends readonly Tree[], B extends Tree>(
  f: (...args: A) => B,
): (...args: A) => readonly [B, (...tangents: Tangents<A>) => Tangent<B>]
export function linearize(f: (...args: readonly Tree[]) => Tree) {
  demandFunction('linearize', f)
  return (...args: readonly Tree[]): readonly [Tree, (...tangents: readonly Tree[]) => Tree] => {
    const { value, push } = linearized('linearize', f, args)
    return [value, (...tangents) => push(tangents)]
  }
}
