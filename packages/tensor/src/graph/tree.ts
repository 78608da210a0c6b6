/**
 * Trees of tensors: arrays and plain objects, nested to any depth, with tensors at the leaves. Parameters, gradients,
 * optimizer states and batches are trees, and every transformation takes and returns them.
 *
 * The order of leaves is fixed by the structure alone: arrays in index order, objects by sorted key. `null` (and an
 * absent or `undefined` field) is an empty tree: it has no leaves, and stays where it is.
 */
import { showAval, shown } from '../base/errors.ts'
import { type Expr, isExpr } from './expr.ts'
import { typed, type Tensor } from './tensor.ts'

/**
 * A tensor, or an array or record of trees. A record type is declared with `type`, or as an interface that extends
 * `TreeRecord`: TypeScript gives no index signature to other interfaces.
 */
export type Tree = Tensor | null | readonly Tree[] | TreeRecord

/** The object form of a tree. */
export interface TreeRecord {
  readonly [key: string]: Tree
}

/** Any tree with leaves of another type. */
export type TreeOf<R> = R | null | readonly TreeOf<R>[] | { readonly [key: string]: TreeOf<R> }

/** The same structure with leaves of another type. */
export type Mapped<T, R> = [Tree] extends [T] ? TreeOf<R> : MappedEach<T, R>
/** What `map` gives: where leaves are tensors again, a tree of the same type. */
export type Image<T, R> = [R] extends [Tensor] ? T : Mapped<T, R>
type MappedEach<T, R> = T extends Expr ? R : T extends null ? T : { readonly [K in keyof T]: Mapped<T[K], R> }

/** Two trees differ where they must agree, or a value is no tree. The message names the path. */
export class TreeError extends Error {
  override readonly name = 'TreeError'
}

/** How a tree is nested, with nothing at its leaves. */
export type Structure =
  | { readonly kind: 'leaf' }
  | { readonly kind: 'empty'; readonly value: null | undefined }
  | { readonly kind: 'list'; readonly items: readonly Structure[] }
  | { readonly kind: 'record'; readonly keys: readonly string[]; readonly items: readonly Structure[] }

/** The structure of a tree without its leaves: what `unflatten` needs to build it again. */
export interface TreeDef {
  readonly structure: Structure
  /** Number of leaves. */
  readonly size: number
  /** Equal for equal structures, and only for these. */
  readonly key: string
}

const leaf: Structure = { kind: 'leaf' }

/** Whether a value is a tensor: a leaf of a tree. */
export const isTensor = (value: unknown): value is Tensor => isExpr(value)

const isPlain = (value: object): value is Readonly<Record<string, unknown>> => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

type Path = readonly (string | number)[]
const showPath = (path: Path): string => (path.length === 0 ? 'the root' : path.join('.'))

const describe = (value: unknown): string => {
  if (isTensor(value)) return `a tensor ${showAval(value)}`
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return shown(value)
  return isPlain(value)
    ? `an object with keys {${Object.keys(value).sort().join(', ')}}`
    : `an instance of ${value.constructor.name}`
}

const notATree = (op: string, path: Path, value: unknown): TreeError =>
  new TreeError(
    `tree.${op}: ${describe(value)} at ${showPath(path)} is no tree. Leaves are tensors; ` +
      (typeof value === 'number' ? 'wrap the number with scalar(x).' : 'nest them in arrays and plain objects only.'),
  )

/** Calls `visit` on each leaf in order, and returns the structure. */
const walk = (op: string, value: unknown, path: Path, visit: (leaf: Tensor, path: Path) => void): Structure => {
  if (value === null || value === undefined) return { kind: 'empty', value }
  if (isTensor(value)) {
    visit(value, path)
    return leaf
  }
  if (Array.isArray(value)) return { kind: 'list', items: value.map((item, i) => walk(op, item, [...path, i], visit)) }
  if (typeof value !== 'object' || !isPlain(value)) throw notATree(op, path, value)
  const keys = Object.keys(value).sort()
  return { kind: 'record', keys, items: keys.map((k) => walk(op, value[k], [...path, k], visit)) }
}

const keyOf = (s: Structure): string => {
  switch (s.kind) {
    case 'leaf':
      return '*'
    case 'empty':
      return s.value === null ? '~' : '?'
    case 'list':
      return `[${s.items.map(keyOf).join(',')}]`
    case 'record':
      return `{${s.items.map((item, i) => `${JSON.stringify(s.keys[i])}:${keyOf(item)}`).join(',')}}`
  }
}

/** Builds the structure over `next()` for each leaf in order. */
const build = (s: Structure, next: () => unknown): unknown => {
  switch (s.kind) {
    case 'leaf':
      return next()
    case 'empty':
      return s.value
    case 'list':
      return s.items.map((item) => build(item, next))
    case 'record':
      // fromEntries defines each key as its own property, so that '__proto__' is one as well
      return Object.fromEntries(s.items.map((item, i) => [s.keys[i]!, build(item, next)]))
  }
}

/**
 * Leaves in order, and the structure that holds them: `unflatten(treedef, leaves)` is the tree again.
 * Throws TreeError where a value is neither a tensor, nor null, nor an array or plain object of these.
 *
 * @example
 * ```ts
 * import { tree, zeros } from '@adjoint/tensor'
 * const { leaves, treedef } = tree.flatten({ b: zeros([2]), a: [zeros([3]), null] })
 * console.log(leaves.map((x) => x.shape), treedef.key) // [[3], [2]] '{"a":[*,~],"b":*}'
 * ```
 */
export const flatten = (tree: Tree): { readonly leaves: readonly Tensor[]; readonly treedef: TreeDef } => {
  const found: Tensor[] = []
  const structure = walk('flatten', tree, [], (x) => found.push(x))
  return { leaves: found, treedef: { structure, size: found.length, key: keyOf(structure) } }
}

/** The tree of structure `treedef` over `leaves`, in the order of `flatten`. Throws TreeError where their number differs. */
export const unflatten = (treedef: TreeDef, leaves: readonly Expr[]): Tree => {
  if (leaves.length !== treedef.size)
    throw new TreeError(
      `tree.unflatten: ${leaves.length} leaves for the structure ${treedef.key} of ${treedef.size}. Pass as many leaves as flatten gave.`,
    )
  let i = 0
  // build puts tensors where the structure has leaves, which is what makes it a Tree
  return build(treedef.structure, () => typed(leaves[i++]!)) as Tree
}

/** The tensors of a tree, in the order of `flatten`. */
export const leaves = (tree: Tree): readonly Tensor[] => {
  const found: Tensor[] = []
  walk('leaves', tree, [], (x) => found.push(x))
  return found
}

/** The structure of a tree. */
export const structure = (tree: Tree): TreeDef => flatten(tree).treedef

/** The path of each leaf, keys and indices joined by dots, in the order of `leaves`: `['blocks.0.norm', 'embed']`. */
export const paths = (tree: Tree): readonly string[] => {
  const found: string[] = []
  walk('paths', tree, [], (_, path) => found.push(path.join('.')))
  return found
}

/** Throws a TreeError that names the first path where `other` is built unlike `first`. */
const compare = (op: string, first: unknown, other: unknown, nth: number, path: Path): void => {
  const differ = (): TreeError =>
    new TreeError(
      `tree.${op}: trees differ at ${showPath(path)}: the first has ${describe(first)}, tree ${nth} has ${describe(other)}. ` +
        'All trees must have the structure of the first.',
    )
  if (isTensor(first) || isTensor(other)) {
    if (!isTensor(first) || !isTensor(other)) throw differ()
    return
  }
  if (typeof first !== 'object' || typeof other !== 'object' || first === null || other === null) {
    if (first !== other) throw differ()
    return
  }
  if (Array.isArray(first) || Array.isArray(other)) {
    if (!Array.isArray(first) || !Array.isArray(other) || first.length !== other.length) throw differ()
    first.forEach((item, i) => {
      compare(op, item, other[i], nth, [...path, i])
    })
    return
  }
  if (!isPlain(first) || !isPlain(other)) return // walk reports these
  const keys = Object.keys(first).sort()
  const others = Object.keys(other).sort()
  if (keys.length !== others.length || keys.some((key, i) => key !== others[i])) throw differ()
  for (const k of keys) compare(op, first[k], other[k], nth, [...path, k])
}

const zip = (op: string, trees: readonly Tree[], f: (path: Path, leaves: readonly Tensor[]) => unknown): unknown => {
  const [first, ...rest] = trees
  const columns = rest.map((other, i) => {
    compare(op, first, other, i + 2, [])
    return leaves(other)
  })
  const images: unknown[] = []
  const shape = walk(op, first, [], (x, path) => images.push(f(path, [x, ...columns.map((c) => c[images.length]!)])))
  let i = 0
  return build(shape, () => images[i++])
}

/**
 * Applies `f` to the leaves at each path of one or more trees of equal structure. Where `f` returns tensors, the result
 * has the type of the first tree: `f` is then to keep shapes, as the update of an optimizer does.
 * Throws TreeError that names the first path where two structures differ.
 *
 * @example
 * ```ts
 * import { mul, ones, sub, tree } from '@adjoint/tensor'
 * const params = { weight: ones([2, 3]), bias: ones([3]) }
 * const grads = params
 * const next = tree.map((p, g) => sub(p, mul(g, 0.1)), params, grads)
 * console.log(tree.map((p) => p.shape.length, next)) // { bias: 1, weight: 2 }
 * ```
 */
export function map<T extends Tree, R>(f: (...leaves: Tensor[]) => R, tree: T, ...rest: readonly Tree[]): Image<T, R>
export function map(f: (...leaves: Tensor[]) => unknown, ...trees: readonly Tree[]): unknown {
  return zip('map', trees, (_, xs) => f(...xs))
}

/**
 * As `map`; `f` also receives the path of the leaf, keys and indices joined by dots.
 *
 * @example
 * ```ts
 * import { ones, tree } from '@adjoint/tensor'
 * const params = { weight: ones([2, 3]), bias: ones([3]) }
 * const decayed = tree.mapWithPath((path) => !path.endsWith('bias'), params)
 * console.log(decayed) // { bias: false, weight: true }
 * ```
 */
export function mapWithPath<T extends Tree, R>(
  f: (path: string, ...leaves: Tensor[]) => R,
  tree: T,
  ...rest: readonly Tree[]
): Image<T, R>
export function mapWithPath(f: (path: string, ...leaves: Tensor[]) => unknown, ...trees: readonly Tree[]): unknown {
  return zip('mapWithPath', trees, (path, xs) => f(path.join('.'), ...xs))
}

/** Number of elements of all leaves together. */
export const size = (tree: Tree): number => leaves(tree).reduce((n, x) => n + x.shape.reduce((p, d) => p * d, 1), 0)
