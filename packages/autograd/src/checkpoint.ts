/**
 * Checkpointing (rematerialisation): memory for time. Griewank and Walther 2000, Algorithm 799: revolve; Chen et al. 2016,
 * Training deep nets with sublinear memory cost, section 4.
 */
import type { Tree } from '@adjoint/tensor'
import { checkpoint as checkpointed, demandOneOf, type Kept, namesIn, optionsOf } from '@adjoint/tensor/ir'
import { named } from '@adjoint/tensor/primitives'
import { demandFunction, take, traced } from './trees.ts'

/** What a checkpointed function keeps for its backward pass beside its arguments. */
export interface CheckpointOptions {
  readonly keep?: Kept
}

/** What to keep, if it can be: one of the words, or a list of names. */
const demandKept = (keep: unknown): void => {
  if (!Array.isArray(keep)) {
    demandOneOf('checkpoint', 'keep', keep, ['nothing', 'products'])
    return
  }
  const odd = (keep as readonly unknown[]).find((name) => typeof name !== 'string')
  if (odd !== undefined || keep.length === 0)
    throw new TypeError(
      `checkpoint: keep is a list ${keep.length === 0 ? 'without a name' : `with ${typeof odd} in it`}. Give the names that checkpointName gave.`,
    )
}

/** Names that nothing has would keep nothing, and say nothing. */
const demandNames = (keep: Kept, names: readonly string[]): void => {
  if (typeof keep === 'string') return
  const missing = keep.find((name) => !names.includes(name))
  if (missing === undefined) return
  throw new RangeError(
    `checkpoint: nothing in the function is named '${missing}' (${names.length === 0 ? 'nothing has a name' : `there are ${names.join(', ')}`}). ` +
      'Name a value with checkpointName in the function itself: what a jit, a loop or a branch in it names is theirs.',
  )
}

/**
 * The same values, under a name by which `checkpoint(f, { keep: [name] })` keeps them. They compute nothing, and mean nothing to
 * whoever does not ask for the name (`checkpoint_name` of JAX).
 *
 * @param name - Any text; several values may have one name.
 * @returns A function of a tree of tensors.
 *
 * @example
 * ```ts
 * import { checkpoint, checkpointName, grad } from '@adjoint/autograd'
 * import { mul, readAsync, sin, sum, tensor, type Tensor } from '@adjoint/tensor'
 * type Vec = Tensor<readonly [3], 'f32'>
 * const block = checkpoint((x: Vec) => sin(mul(x, checkpointName('inner')(sin(x)))), { keep: ['inner'] })
 * const loss = (x: Vec) => sum()(block(block(x)))
 * console.log(await readAsync(grad(loss)(tensor([1, 2, 3], [3]))))
 * ```
 */
export const checkpointName = (name: string) => {
  // the types say so; plain JavaScript may pass anything
  const given: unknown = name
  if (typeof given !== 'string') throw new TypeError(`checkpointName: the name is ${typeof given}. Give it as text.`)
  return <T extends Tree>(value: T): T => {
    const { leaves, rebuild } = take(value)
    return rebuild(leaves.map((x) => named(x, name)))
  }
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
 * @param options - `keep`: what else is stored: `'nothing'` (the default); `'products'`, those of matrices, which cost the
 * most to compute again; or a list of names that {@link checkpointName} gave in `f` (`save_only_these_names` of JAX). A name that
 * nothing has is a RangeError.
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
  demandKept(keep)
  return (...args) => {
    const primals = take(args)
    const { closed, rebuild } = traced('checkpoint', f, primals)
    demandNames(keep, namesIn(closed.graph))
    return rebuild(checkpointed(closed.graph, keep, [...closed.operands, ...primals.leaves]))
  }
}
