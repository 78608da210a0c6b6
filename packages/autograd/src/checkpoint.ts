/**
 * Checkpointing (rematerialisation): memory for time. Griewank and Walther 2000, Algorithm 799: revolve; Chen et al. 2016,
 * Training deep nets with sublinear memory cost, section 4.
 */
import type { Tree } from '@adjoint/tensor'
import { isFloat, isTraced, primitives, type Expr } from '@adjoint/tensor/ir'
import { call } from './call.ts'
import { dependents, frontier, substitute } from './graph.ts'
import { differentiate } from './reverse.ts'
import { take } from './trees.ts'

const { after, input } = primitives

/**
 * The same function, whose backward pass stores nothing but the arguments and computes the inside again. Value and
 * gradient are those of `f`; only memory and time change: peak memory falls by what `f` computes inside, and the
 * backward pass costs one more forward pass of `f`.
 *
 * Common-subexpression elimination does not undo it: the recomputation reads its arguments through `after(x, ct)`, so
 * it is other work than the forward pass, and cannot begin before the cotangent that asks for it exists. Tensors that
 * `f` closes over are treated like its arguments, and receive their gradients.
 *
 * @param f - A pure function of trees of tensors.
 * @returns A function of the same arguments with the same value and derivatives.
 *
 * @example
 * ```ts
 * import { checkpoint, grad } from '@adjoint/autograd'
 * import { mul, readAsync, sin, sum, tensor, type Tensor } from '@adjoint/tensor'
 * const block = checkpoint((x: Tensor<readonly [3], 'f32'>) => sin(mul(x, sin(x))))
 * const loss = (x: Tensor<readonly [3], 'f32'>) => sum()(block(block(x)))
 * console.log(await readAsync(grad(loss)(tensor([1, 2, 3], [3]))))
 * ```
 */
export const checkpoint =
  <A extends readonly Tree[], B extends Tree>(f: (...args: A) => B): ((...args: A) => B) =>
  (...args) => {
    const primals = take(args)
    const inputs = primals.leaves.map(input)
    const { leaves: outs, rebuild } = take(f(...primals.rebuild(inputs)))
    // What f closes over and may be differentiated is an argument too; all else is a constant of every derivative.
    const captured = [...frontier(outs, inputs, dependents(outs, inputs))].filter((node) => isTraced([node]))
    const sources = [...inputs, ...captured]
    if (!isTraced(sources)) return rebuild(outs)
    const floats = outs.filter((out) => isFloat(out.dtype))
    return rebuild(
      call(outs, sources, (xs, cts) => {
        const fresh = xs.map((x) => cts.reduce(after, x))
        const wanted = sources.flatMap((x, i) => (isFloat(x.dtype) ? [i] : []))
        const { pullback } = differentiate(
          'checkpoint',
          (ys) => {
            const images = [...fresh]
            wanted.forEach((i, k) => (images[i] = ys[k]!))
            return substitute(floats, sources, images)
          },
          wanted.map((i) => fresh[i]!),
        )
        const grads: (Expr | null)[] = sources.map(() => null)
        pullback(cts).forEach((g, k) => (grads[wanted[k]!] = g))
        return grads
      }),
    )
  }
