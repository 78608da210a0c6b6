/** Weight decay: a pull of the parameters towards zero, on those leaves that a selection names. */
import { add, mul, tree } from '@adjoint/tensor'
import { type GradientTransformation, mapFloats, type Selection, stateless } from './transformation.ts'

/**
 * Adds `weight p` to the update of each parameter that `selection` takes (all, where absent). The selection sees a leaf's
 * path and the leaf itself, so that masks need no second tree: `(path) => !path.endsWith('bias')`. Throws RangeError for a
 * weight that is not finite; its update throws TreeError or ShapeError where updates and parameters differ.
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
export const addDecayedWeights = (weight: number, selection: Selection = () => true): GradientTransformation<null> => {
  if (!Number.isFinite(weight))
    throw new RangeError(`addDecayedWeights: the weight is ${weight}. Give a finite number, such as 0.01.`)
  return stateless((updates, params) => {
    const paths = tree.paths(params)
    let at = 0
    return mapFloats((u, p) => (selection(paths[at++]!, p) ? add(u, mul(p, weight)) : u), updates, params)
  })
}
