/**
 * Checkpointing (rematerialisation): memory for time. Griewank and Walther 2000, Algorithm 799: revolve; Chen et al. 2016,
 * Training deep nets with sublinear memory cost, section 4.
 */
import type { Tree } from '@adjoint/tensor'
import { checkpoint as checkpointed, demandOneOf, type Kept, optionsOf } from '@adjoint/tensor/ir'
import { demandFunction, take, traced } from './trees.ts'

/** What a checkpointed function keeps for its backward pass beside its arguments. */
export interface CheckpointOptions {
  readonly keep?: Kept
}

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
 * @param options - `keep`: what else is stored: `'nothing'` (the default), or `'products'`, those of matrices, which cost the
 * most to compute again.
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
export const checkpoint = <A extends readonly Tree[], B extends Tree>(
  f: (...args: A) => B,
  options: CheckpointOptions = {},
): ((...args: A) => B) => {
  const { keep = 'nothing' } = optionsOf('checkpoint', options, { keep: true })
  demandFunction('checkpoint', f)
  demandOneOf('checkpoint', 'keep', keep, ['nothing', 'products'])
  return (...args) => {
    const primals = take(args)
    const { closed, rebuild } = traced('checkpoint', f, primals)
    return rebuild(checkpointed(closed.graph, keep, [...closed.operands, ...primals.leaves]))
  }
}
