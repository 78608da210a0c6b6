/** Weight decay: a pull of the parameters towards zero, on those leaves that a mask takes. */
import { add } from '@adjoint/tensor'
import { type Coefficient, demandFinite, times } from './coefficient.ts'
import { marksOf, type Mask } from './mark.ts'
import { type GradientTransformation, mapFloats, stateless } from './transformation.ts'

/**
 * Adds `weight p` to the update of each parameter that `mask` takes (all, where absent). A function sees a leaf's path
 * and the leaf itself, so that no second tree is needed: `(path) => !path.endsWith('bias')`; a tree of truth values says it for
 * each leaf, or for all leaves below a place. Throws RangeError for a
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
export const addDecayedWeights = (weight: Coefficient, mask: Mask = () => true): GradientTransformation<null> => {
  demandFinite('addDecayedWeights', { weight })
  return stateless((updates, params) => {
    const takes = marksOf('addDecayedWeights', mask, params)
    let at = 0
    return mapFloats((u, p) => (takes[at++]! ? add(u, times(p, weight)) : u), updates, params)
  })
}
