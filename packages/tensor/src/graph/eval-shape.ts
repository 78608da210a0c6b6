/** What a function returns, without computing it. */
import type { Aval } from './expr.ts'
import { trace } from './graph.ts'
import * as tree from './tree.ts'

/**
 * The shapes and dtypes of what `f` returns: the tree of its result with `{ shape, dtype }` at each leaf. `f` is traced on
 * placeholders, so that nothing is computed and no memory is taken, whatever the sizes.
 *
 * @param f - A pure function of trees of tensors.
 * @returns A function of `f`'s arguments, which are looked at for their shapes and dtypes alone.
 * @throws Whatever `f` throws: ShapeError and DTypeError of the operations inside.
 *
 * @example
 * ```ts
 * import { evalShape, matmul, zeros } from '@adjoint/tensor'
 * const { shape, dtype } = evalShape((x: ReturnType<typeof zeros>) => matmul(x, x))(zeros([4096, 4096]))
 * console.log(dtype, shape) // f32 [ 4096, 4096 ]
 * ```
 */
export const evalShape =
  <A extends readonly tree.Tree[], B extends tree.Tree>(f: (...args: A) => B) =>
  (...args: A): tree.Mapped<B, Aval> => {
    const { leaves, treedef } = tree.flatten(args)
    const results: B[] = []
    trace(
      'evalShape',
      (inputs) => {
        // the structure is that of the arguments
        const result = f(...(tree.unflatten(treedef, inputs) as A))
        results.push(result)
        return tree.leaves(result)
      },
      leaves,
    )
    return tree.map(({ shape, dtype }): Aval => ({ shape, dtype }), results[0] as B)
  }
