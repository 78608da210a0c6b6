/** Weight decay: a pull of the parameters towards zero, on those leaves that a selection names. */
import { add, mul, tree } from '@adjoint/tensor'
import { atCaller } from '@adjoint/tensor/ir'
import { floats, type GradientTransformation, type Selection, stateless } from './transformation.ts'

/**
 * Adds `weight p` to the update of each parameter that `selection` takes (all, where absent). The selection sees a leaf's
 * path and the leaf itself, so that masks need no second tree: `(path) => !path.endsWith('bias')`.
 *
 * @example
 * ```ts
 * import { addDecayedWeights } from '@adjoint/nn'
 * import { full, readAsync, zeros } from '@adjoint/tensor'
 * const params = { weight: full([1], 2), bias: full([1], 2) }
 * const decay = addDecayedWeights(0.1, (path) => path !== 'bias')
 * const [updates] = decay.update({ weight: zeros([1]), bias: zeros([1]) }, null, params)
 * console.log(await readAsync(updates.weight), await readAsync(updates.bias)) // [0.2] [0]
 * ```
 */
export const addDecayedWeights = (weight: number, selection: Selection = () => true): GradientTransformation<null> =>
  stateless((updates, params) =>
    atCaller(() =>
      tree.mapWithPath(
        (path, u, p) => (selection(path, p) ? add(floats(u), mul(floats(p), weight)) : u),
        updates,
        params,
      ),
    ),
  )
