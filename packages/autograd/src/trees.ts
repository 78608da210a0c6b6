/** Trees at the edge of a transformation: arguments taken apart, results put together, cotangents checked. */
import { tree, type Tree } from '@adjoint/tensor'
import {
  algebra,
  DTypeError,
  isFloat,
  registerOf,
  sameShape,
  ShapeError,
  showAval,
  shown,
  simplify,
  trace,
  type Closed,
  type Expr,
} from '@adjoint/tensor/ir'

/** A tree's leaves, with the way back for leaves in their place. */
export interface Taken<T extends Tree> {
  readonly leaves: readonly Expr[]
  readonly paths: readonly string[]
  readonly rebuild: (leaves: readonly Expr[]) => T
}

export const take = <T extends Tree>(value: T): Taken<T> => {
  const { leaves, treedef } = tree.flatten(value)
  return {
    leaves,
    paths: tree.paths(value),
    // The one cast of this package: the structure is that of `value`, and the leaves stand for its leaves.
    rebuild: (images) => tree.unflatten(treedef, images) as T,
  }
}

/** A function of trees as one of leaves. `result` is what its one call returned, taken apart. */
export const onLeaves = (
  f: (...args: readonly Tree[]) => Tree,
  primals: Taken<readonly Tree[]>,
): { readonly call: (inputs: readonly Expr[]) => readonly Expr[]; readonly result: () => Taken<Tree> } => {
  let value: Tree | undefined
  return {
    call: (inputs) => {
      value = f(...primals.rebuild(inputs))
      return tree.leaves(value)
    },
    result: () => take(value ?? null),
  }
}

/** A function of trees as a closed graph over its arguments' leaves, and its result put together of what that gives. */
export const traced = <A extends readonly Tree[], B extends Tree>(
  name: string,
  f: (...args: A) => B,
  primals: Taken<A>,
): { readonly closed: Closed; readonly rebuild: (leaves: readonly Expr[]) => B } => {
  let result: Taken<B> | null = null
  const closed = trace(
    name,
    (inputs) => {
      result = take(f(...primals.rebuild(inputs)))
      return result.leaves
    },
    primals.leaves,
  )
  return { closed, rebuild: (leaves) => result!.rebuild(leaves) }
}

/** The tree with `images()` in the place of each leaf, in order: trees at the leaves of a tree. */
export const graft = (value: Tree | undefined, images: () => Tree): Tree => {
  if (value === null || value === undefined) return null
  if (isLeaf(value)) return images()
  if (Array.isArray(value)) {
    const items: readonly Tree[] = value
    return items.map((item) => graft(item, images))
  }
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))
  return Object.fromEntries(entries.map(([key, item]) => [key, graft(item, images)]))
}

/** The tensors in whatever a function returned, in arrays and plain objects of any depth; other things are none. */
export const tensorsIn = (value: unknown): readonly Expr[] => {
  const found: Expr[] = []
  withTensors(value, (x) => {
    found.push(x)
    return x
  })
  return found
}

/** The same value with `image` of each tensor in its place; what is no array and no plain object stays as it is. */
export const withTensors = (value: unknown, image: (x: Expr) => Expr): unknown => {
  if (tree.isTensor(value)) return image(value)
  if (Array.isArray(value)) return value.map((item: unknown) => withTensors(item, image))
  if (typeof value !== 'object' || value === null) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withTensors(item, image)]))
}

/** Throws TypeError where `f` is no function: a transformation takes it first, and its arguments after. */
export const demandFunction = (op: string, f: unknown): void => {
  if (typeof f === 'function') return
  throw new TypeError(`${op}: takes a function, not ${shown(f)}. Write ${op}(f)(...args), with f not called.`)
}

/** Throws TypeError where an argument to differentiate was forgotten. */
export const demandGiven = (op: string, args: readonly unknown[], first = 0): void => {
  if (args.length === 0) throw new TypeError(`${op}: no argument to differentiate. Pass those of the function.`)
  const absent = args.indexOf(undefined)
  if (absent !== -1)
    throw new TypeError(
      `${op}: argument ${first + absent} is undefined, and is to be differentiated. Pass a tree of tensors, or null for none.`,
    )
}

const named = (path: string): string => (path === '' ? 'The argument' : `The argument at ${path}`)

/** Differentiation needs floating point; the message names the leaf. */
export const requireFloat = ({ leaves, paths }: Taken<Tree>, op: string): void => {
  leaves.forEach((leaf, i) => {
    if (isFloat(leaf.dtype)) return
    throw new DTypeError({
      op,
      operands: [leaf],
      rule: `${named(paths[i]!)} is ${leaf.dtype}, and only floating point has derivatives`,
      fix: 'Close over it, pass it as an argument that is not differentiated (argnums), or cast it to f32 first',
    })
  })
}

const isLeaf = (value: Tree | undefined): value is Expr & Tree =>
  typeof value === 'object' && value !== null && 'node' in value

const fits = (op: string, role: string, primal: Expr, path: string, given: Expr): Expr => {
  if (sameShape(primal.shape, given.shape) && registerOf(primal.dtype) === given.dtype) return given
  throw new ShapeError({
    op,
    operands: [given],
    rule: `the ${role}${path === '' ? '' : ` at ${path}`} belongs to a ${showAval(primal)}`,
    fix: `A ${role} has the shape of its primal, and its dtype (f32 for f16 and bf16)`,
  })
}

/** What may stand for an integer leaf, which has no derivative: null and zeros, or anything. */
type AtIntegers = 'zeros' | 'anything'

/** Throws unless what a rule gives for an integer is known to be zeros: it was meant for something, and would go nowhere. */
const demandZeros = (op: string, role: string, primal: Expr, at: string, given: Tree): void => {
  if (isLeaf(given) && algebra.fillOf(simplify([given])[0]!) === 0) return
  throw new DTypeError({
    op,
    operands: isLeaf(given) ? [given] : [],
    rule: `the ${role}${at === '' ? '' : ` at ${at}`} belongs to a ${showAval(primal)}, and integers have no derivatives`,
    fix: `Give null there, or zerosLike what it belongs to; for a derivative by it, make it f32`,
  })
}

/**
 * The leaves of `given`, one for each leaf of `primal`; null where `given` has null in the place of a tensor or of a
 * whole subtree (a zero), and at integer leaves, which have no derivatives.
 */
export const alongside = (
  op: string,
  role: string,
  integers: AtIntegers,
  primal: Tree,
  given: Tree | undefined,
  path: readonly (string | number)[] = [],
): readonly (Expr | null)[] => {
  const inList = typeof (path.at(-1) ?? 0) === 'number'
  if (given === undefined && inList && tree.leaves(primal).some((x) => isFloat(x.dtype)))
    throw new TypeError(
      `${op}: the ${role}${path.length === 0 ? '' : ` at ${path.join('.')}`} is undefined. Pass one like its primal, or null for zeros.`,
    )
  if (given === null || given === undefined) return tree.leaves(primal).map(() => null)
  const differ = (): Error =>
    new tree.TreeError(
      `${op}: the ${role} is built unlike its primal at ${path.join('.') || 'the root'}. ` +
        `Give it the structure ${tree.structure(primal).key}, with null for zeros.`,
    )
  if (isLeaf(primal)) {
    if (!isFloat(primal.dtype)) {
      if (integers === 'zeros') demandZeros(op, role, primal, path.join('.'), given)
      return [null]
    }
    if (!isLeaf(given)) throw differ()
    return [fits(op, role, primal, path.join('.'), given)]
  }
  if (primal === null || isLeaf(given)) throw differ()
  if (Array.isArray(primal)) {
    const items: readonly Tree[] = primal
    if (!Array.isArray(given) || given.length !== items.length) throw differ()
    const others: readonly Tree[] = given
    return items.flatMap((item, i) => alongside(op, role, integers, item, others[i], [...path, i]))
  }
  if (Array.isArray(given)) throw differ()
  const others = Object.entries(given)
  const known = Object.entries(primal)
  if (others.some(([key]) => !known.some(([k]) => k === key))) throw differ()
  return known
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, value]) =>
      alongside(op, role, integers, value, others.find(([k]) => k === key)?.[1], [...path, key]),
    )
}
