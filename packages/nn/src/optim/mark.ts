/**
 * Marks of leaves: which of them take part, or which kind each is. Given as a function of a leaf's path and value, or as a
 * tree of marks; a mark may stand for all leaves below its place, so that one word marks a whole layer.
 */
import { isTensor, type Tensor, tree, type Tree, TreeError } from '@adjoint/tensor'

/** Whether a leaf takes part: by its path (keys and indices joined by dots, as `tree.paths`) and its value. */
export type Selection = (path: string, leaf: Tensor) => boolean

/** Which leaves take part: a selection, or a tree of truth values, each for its leaf or for all leaves below its place. */
export type Mask = Selection | tree.TreeOf<boolean>

/** The kind of each leaf: by its path and value, or a tree of words, each for its leaf or for all leaves below its place. */
export type Labels<L extends string> = ((path: string, leaf: Tensor) => L) | tree.TreeOf<L>

type Mark = boolean | string
type Place = readonly (string | number)[]

/** The mark of each leaf of `params`, in their order. Throws TreeError where a tree of marks does not fit, and names the path. */
export const marksOf = <R extends Mark>(
  op: string,
  marks: ((path: string, leaf: Tensor) => R) | tree.TreeOf<R>,
  params: Tree,
): readonly R[] => {
  if (typeof marks === 'function') {
    const found: R[] = []
    tree.mapWithPath((path, leaf) => {
      found.push(marks(path, leaf))
      return leaf
    }, params)
    return found
  }
  const below = (node: Tree, mark: tree.TreeOf<R>, place: Place): readonly R[] => {
    const at = place.length === 0 ? 'the root' : place.join('.')
    const misfit = (what: string): TreeError =>
      new TreeError(
        `${op}: ${what} at ${at}. Give marks with the structure of the parameters; one mark may stand for all leaves below it.`,
      )
    // What a tree holds nothing at needs no mark.
    if (node === null || (node as unknown) === undefined) return []
    if (mark === null || (mark as unknown) === undefined) {
      if (tree.leaves(node).length === 0) return []
      throw misfit('there is no mark for the parameters')
    }
    if (typeof mark !== 'object') return tree.leaves(node).map(() => mark)
    if (isTensor(node)) throw misfit('there are marks of another structure for a parameter')
    if (Array.isArray(node) || Array.isArray(mark)) {
      if (!Array.isArray(node) || !Array.isArray(mark) || node.length !== mark.length)
        throw misfit('marks and parameters are no lists of one length')
      return (node as readonly Tree[]).flatMap((item, i) =>
        below(item, (mark as readonly tree.TreeOf<R>[])[i]!, [...place, i]),
      )
    }
    const [fields, given] = [node as Readonly<Record<string, Tree>>, mark as Readonly<Record<string, tree.TreeOf<R>>>]
    const unknown = Object.keys(given).find((key) => !Object.hasOwn(fields, key))
    if (unknown !== undefined) throw misfit(`there is a mark for ${unknown}, and no parameter`)
    return Object.keys(fields)
      .sort()
      .flatMap((key) => below(fields[key]!, Object.hasOwn(given, key) ? given[key]! : null, [...place, key]))
  }
  return below(params, marks, [])
}
