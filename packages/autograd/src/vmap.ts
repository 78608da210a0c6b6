/** Vectorisation: a function of one example becomes a function of a batch, by each primitive's batch rule. */
import { tree, type Tensor, type Tree } from '@adjoint/tensor'
import {
  batch,
  normalizeAxis,
  optionsOf,
  ShapeError,
  showShape,
  withTrace,
  type Expr,
  type Batched,
} from '@adjoint/tensor/ir'
import { moveAxis, parameter, spread } from '@adjoint/tensor/primitives'
import { demandFunction, onLeaves, take } from './trees.ts'

/**
 * Which axis of each leaf is mapped: one axis for all leaves below, null for "the same for every example", or a list or
 * record that follows the tree.
 */
export type MappedAxes = number | null | readonly MappedAxes[] | { readonly [key: string]: MappedAxes }

/** Which axes `vmap` maps over, and where results carry them. */
export interface VmapOptions {
  /** One entry for each argument, or one for all. Default 0. Negative axes count from the end. */
  readonly inAxes?: MappedAxes
  /** Where the results carry the mapped axis; null promises that they do not depend on it. Default 0. */
  readonly outAxes?: MappedAxes
  /** Number of examples, where no argument is mapped. */
  readonly axisSize?: number
}

/** A tree whose leaves have one more axis, in front. */
export type Stacked<T> =
  T extends Tensor<infer S, infer D>
    ? Tensor<number extends S['length'] ? readonly number[] : readonly [number, ...S], D>
    : T extends null
      ? T
      : { readonly [K in keyof T]: Stacked<T[K]> }

/** A tree whose leaves have any shapes. */
export type Reshaped<T> =
  T extends Tensor<infer _, infer D>
    ? Tensor<readonly number[], D>
    : T extends null
      ? T
      : { readonly [K in keyof T]: Reshaped<T[K]> }

const isList = (axes: MappedAxes): axes is readonly MappedAxes[] => Array.isArray(axes)
/** The axes as they are now, whatever the caller does to theirs later. */
const asGiven = (axes: MappedAxes): MappedAxes => {
  if (typeof axes !== 'object' || axes === null) return axes
  if (isList(axes)) return axes.map(asGiven)
  return Object.fromEntries(Object.entries(axes).map(([name, below]) => [name, asGiven(below)]))
}

/** One axis for each leaf of `value`. */
const axesOf = (
  option: string,
  axes: MappedAxes | undefined,
  value: Tree,
  path: string,
): readonly (number | null)[] => {
  if (typeof axes === 'number' || axes === null) return tree.leaves(value).map(() => axes)
  const differ = (): TypeError =>
    new TypeError(
      `vmap: ${option}${path} is ${axes === undefined ? 'missing' : JSON.stringify(axes)} for ${tree.structure(value).key}. ` +
        'Give a number, null, or a list or record with an entry for each item of the tree.',
    )
  if (axes === undefined || value === null || tree.isTensor(value)) throw differ()
  if (Array.isArray(axes)) {
    const entries: readonly MappedAxes[] = axes
    if (!Array.isArray(value) || value.length !== entries.length) throw differ()
    const items: readonly Tree[] = value
    return items.flatMap((item, i) => axesOf(option, entries[i], item, `${path}[${i}]`))
  }
  if (Array.isArray(value)) throw differ()
  const named = new Map(Object.entries(axes))
  const items = Object.entries(value)
  if (named.size !== items.length) throw differ()
  return items
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([key, item]) => axesOf(option, named.get(key), item, `${path}.${key}`))
}

/** A result of a batched graph, with the axis whether it depends on it or not. */
export const spreadOut = ({ value, batched }: Batched, size: number): Expr => (batched ? value : spread(value, size))

/** `f` over axis 0, of `size`, of those arguments that are `mapped`. */
export const batchCall = (
  f: (xs: readonly Expr[]) => readonly Expr[],
  args: readonly Expr[],
  mapped: readonly boolean[],
  size: number,
): readonly Batched[] => {
  const single = args.map((x, i) => (mapped[i] === true ? parameter({ shape: x.shape.slice(1), dtype: x.dtype }) : x))
  const inputs = single.filter((_, i) => mapped[i])
  const images = args.filter((_, i) => mapped[i])
  return withTrace('vmap', inputs, () => batch(f(single), inputs, images, size))
}

/**
 * Maps `f` over an axis of its arguments: the result is that of calling `f` on each slice and stacking what it returns,
 * computed at once. A matrix-vector product becomes a matrix product; nothing loops. What does not depend on the
 * mapped arguments is computed once and repeated. Tensors that `f` closes over are the same for every example.
 *
 * The options `inAxes` and `outAxes` are as in JAX: a number, null, or a tree of these that follows the arguments (a list
 * has one entry for each argument) and the result.
 *
 * @param f - A pure function of trees of tensors.
 * @returns A function of the stacked arguments that returns the stacked results.
 * @throws ShapeError where mapped axes have different sizes, or an axis is out of range; TypeError where the axes do not
 * follow the tree, or a result with `outAxes: null` depends on the mapped axis.
 *
 * @example
 * ```ts
 * import { grad, vmap } from '@adjoint/autograd'
 * import { mul, readAsync, sin, tensor, type Scalar } from '@adjoint/tensor'
 * const f = (x: Scalar) => mul(x, sin(x))
 * const xs = tensor([0, 1, 2], [3])
 * console.log(await readAsync(vmap(grad(f))(xs))) // sin x + x cos x at each
 * const table = vmap((a: Scalar) => vmap((b: Scalar) => mul(a, b))(xs))(xs) // [3, 3]
 * console.log(await readAsync(table))
 * ```
 */
export function vmap<A extends readonly unknown[], B>(
  f: (...args: A) => B,
): (...args: { readonly [I in keyof A]: Stacked<A[I]> }) => Stacked<B>
export function vmap<A extends readonly unknown[], B>(
  f: (...args: A) => B,
  options: VmapOptions,
): (...args: { readonly [I in keyof A]: Reshaped<A[I]> }) => Reshaped<B>
export function vmap(f: (...args: readonly Tree[]) => Tree, options: VmapOptions = {}) {
  demandFunction('vmap', f)
  const {
    inAxes: from = 0,
    outAxes: back = 0,
    axisSize,
  } = optionsOf('vmap', options, { inAxes: true, outAxes: true, axisSize: true })
  const [inAxes, outAxes] = [asGiven(from), asGiven(back)]
  return (...args: readonly Tree[]): Tree => {
    const primals = take(args)
    const { leaves, paths } = primals
    const axes = axesOf('inAxes', inAxes, args, '').map((axis, i) =>
      axis === null ? null : normalizeAxis('vmap', axis, leaves[i]!.shape.length, leaves[i]),
    )
    const size = sizeOfAxis(leaves, paths, axes, axisSize)
    const images = leaves.map((x, i) => (axes[i] === null ? x : moveAxis(x, axes[i]!, 0)))
    const { call, result } = onLeaves(f, primals)
    const outs = batchCall(
      call,
      images,
      axes.map((axis) => axis !== null),
      size,
    )
    const value = result()
    const to = axesOf('outAxes', outAxes, value.rebuild(value.leaves), '')
    return value.rebuild(
      outs.map((out, i) => {
        const axis = to[i] ?? null
        if (axis !== null) {
          const stacked = spreadOut(out, size)
          return moveAxis(stacked, 0, normalizeAxis('vmap', axis, stacked.shape.length, stacked))
        }
        if (!out.batched) return out.value
        throw new TypeError(
          `vmap: the result${value.paths[i] === '' ? '' : ` at ${value.paths[i]!}`} depends on the mapped axis, and outAxes ` +
            'has null for it. Give the axis a place, or reduce over it outside of vmap.',
        )
      }),
    )
  }
}

const sizeOfAxis = (
  leaves: readonly Expr[],
  paths: readonly string[],
  axes: readonly (number | null)[],
  axisSize: number | undefined,
): number => {
  const mapped = leaves.flatMap((x, i) => {
    const axis = axes[i] ?? null
    return axis === null ? [] : [{ path: paths[i]!, axis, x, size: x.shape[axis]! }]
  })
  const size = axisSize ?? mapped[0]?.size
  if (size === undefined)
    throw new TypeError(
      'vmap: no argument is mapped, so the number of examples is unknown. Map an argument with inAxes, or give axisSize.',
    )
  const other = mapped.find((m) => m.size !== size)
  if (other === undefined) return size
  throw new ShapeError({
    op: 'vmap',
    operands: leaves,
    rule:
      `mapped axes differ in size: ${mapped.map((m) => `${m.size} (argument ${m.path}, axis ${m.axis} of ${showShape(m.x.shape)})`).join(', ')}` +
      (axisSize === undefined ? '' : `, and axisSize is ${axisSize}`),
    fix: 'All mapped arguments hold the same number of examples; give those that are shared inAxes null',
  })
}
