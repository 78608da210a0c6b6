/**
 * What a pointwise node costs when it is recomputed instead of loaded. Units are roughly one arithmetic operation an
 * element; a load from memory counts LOAD, a transcendental FUNCTION.
 */
import { linearize, load, type Scalar } from '../../loops/scalar.ts'
import { constant, type Ix, ofAxis } from '../../loops/ix.ts'
import type { Access, Expr } from '../../graph/expr.ts'
import { identityOf, paramsKey } from '../../graph/key.ts'
import { sizeOf } from '../../base/shape.ts'
import { freshAxes } from './group.ts'

export const LOAD = 4
const FUNCTION = 8
/** Every node costs a little, so that no chain of free movement grows without bound either. */
const NODE = 0.25
/** No chain of inlined work grows beyond this, so that kernels stay small enough to compile and to hold in registers. */
const LARGEST = 400

const cheapUnary: ReadonlySet<string> = new Set([
  'neg',
  'abs',
  'not',
  'floor',
  'ceil',
  'round',
  'sign',
  'isnan',
  'isinf',
])
const scalarCost = (s: Scalar): number => {
  switch (s.kind) {
    case 'unary':
      return cheapUnary.has(s.op) ? 1 : FUNCTION
    case 'binary':
      return s.op === 'pow' ? 2 * FUNCTION : 1
    case 'select':
      return s.x.kind === 'const' || s.y.kind === 'const' ? 0 : 1 // a mask
    case 'within':
    case 'cast':
      return 1
    case 'const':
    case 'index':
    case 'load':
    case 'reduced':
      return 0
  }
}

export interface Cost {
  /** Whether it reads each operand, in order, once at its own index. */
  readonly elementwise: boolean
  /** Recomputing the node at one index, all that may be inlined below it included. */
  readonly weight: number
  /** Distinct buffers that would be loaded. */
  readonly loads: number
  /** Movement alone: one element of one argument, nothing computed. Storing it would only copy. */
  readonly view: boolean
  /** Elementwise over a dot's result of the same size. */
  readonly overDot: boolean
  /** Whether it is expected to be computed in its readers, and not stored. */
  readonly inlined: boolean
  /** Elementwise over a reduction. */
  readonly overReduction: boolean
}

/**
 * Recomputing at several places, each `share` = (elements of the node) / (elements of the reader) at most 1, costs no more
 * than storing the node once and loading it at each: what does not vary along a reader's inner loop is computed outside it.
 */
export const worthCopying = (weight: number, shares: readonly number[]): boolean => {
  if (weight > LARGEST) return false
  const all = shares.reduce((a, b) => a + b, 0)
  return (all - Math.max(0, ...shares)) * weight <= LOAD + LOAD * all + 4 * LOAD
}

/** The part of a reader's elements for which a value of `size` elements differs. */
export const shareOf = (size: number, readerSize: number): number => Math.min(1, size / Math.max(1, readerSize))

/** What consumers see of a node. */
type Seen = 'stored' | 'dot' | 'reduction' | 'inlined'

/** One node alone: its arithmetic, and its reads (which argument), each at the node's own index or elsewhere. */
export interface Own {
  readonly arithmetic: number
  readonly reads: readonly { readonly arg: number; readonly same: boolean; readonly times: number }[]
}

/** Costs of all pointwise nodes, given `order` (arguments before consumers) and the nodes that are stored anyway. */
export const costs = (order: readonly Expr[], kept: ReadonlySet<Expr>): ReadonlyMap<Expr, Cost> => {
  const ownOf = ownCosts()
  const shares = new Map<Expr, number[]>()
  for (const e of order)
    for (const a of new Set(e.node.args)) {
      const known = shares.get(a) ?? []
      known.push(shareOf(sizeOf(a.shape), sizeOf(e.shape)))
      shares.set(a, known)
    }
  const table = new Map<Expr, Cost>()
  const own = new Map<Expr, Own>()
  const seen = new Map<Expr, Seen>()
  for (const e of order) {
    const { lower } = e.node.prim
    if (lower.kind === 'pointwise') {
      own.set(e, ownOf(e, lower.at))
      const cone = coneCost(e, own, seen)
      const inlined =
        !kept.has(e) && lower.stored === undefined && (cone.view || worthCopying(cone.weight, shares.get(e) ?? []))
      table.set(e, { ...cone, inlined })
      seen.set(e, inlined ? 'inlined' : 'stored')
    } else if (lower.kind === 'after')
      seen.set(e, seen.get(e.node.args[0]!) === 'inlined' ? 'stored' : seen.get(e.node.args[0]!)!)
    else
      seen.set(
        e,
        lower.kind === 'dot' ? 'dot' : lower.kind === 'reduce' || lower.kind === 'scan' ? 'reduction' : 'stored',
      )
  }
  return table
}

type At = (index: readonly Ix[], arg: Access, out: Expr, params: unknown) => Scalar

/** The own costs of nodes, worked out once for all that differ in nothing but which values they are of: layers repeat. */
const ownCosts = (): ((e: Expr, at: At) => Own) => {
  const known = new Map<string, Own>()
  return (e, at) => {
    const { prim, params, args } = e.node
    let key = `${identityOf(prim)} ${paramsKey(params)} ${e.dtype} ${e.shape.join()}`
    for (const { dtype, shape } of args) key += `;${dtype} ${shape.join()}`
    const found = known.get(key)
    if (found !== undefined) return found
    const made = ownCost(e, at)
    known.set(key, made)
    return made
  }
}

/** The cost of a pointwise node without what it reads. */
export const ownCost = (e: Expr, at: At): Own => {
  const index = freshAxes(e.shape).map(ofAxis)
  const keyOf = (ix: readonly Ix[]): string => ix.map((x) => x.key).join()
  const here = keyOf(index)
  const places = new Map<number, Set<string>>()
  const root = at(
    index,
    (arg, argIndex) => {
      places.set(arg, (places.get(arg) ?? new Set()).add(keyOf(argIndex)))
      return load(arg, constant(0), e.node.args[arg]!.dtype)
    },
    e,
    e.node.params,
  )
  let arithmetic = 0
  for (const s of linearize([root])) arithmetic += scalarCost(s)
  const reads = [...places].map(([arg, keys]) => ({
    arg,
    same: keys.size === 1 && keys.has(here),
    times: keys.size,
  }))
  return { arithmetic, reads }
}

/**
 * Everything that would be computed for one element: each node once for each way of moving between it and `e`, since other
 * movement is another index. Stops counting beyond LARGEST.
 */
const coneCost = (e: Expr, own: ReadonlyMap<Expr, Own>, seen: ReadonlyMap<Expr, Seen>): Omit<Cost, 'inlined'> => {
  const size = Math.max(1, sizeOf(e.shape))
  /** The first path to each value; other paths are few. */
  const visited = new Map<Expr, string>()
  const others = new Map<Expr, Set<string>>()
  const stack: { readonly value: Expr; readonly path: string; readonly share: number; readonly times: number }[] = [
    { value: e, path: '', share: 1, times: 1 },
  ]
  let weight = 0
  let loads = 0
  let overDot = false
  let overReduction = false
  for (let top = stack.pop(); top !== undefined && weight <= LARGEST; top = stack.pop()) {
    const { value: x, path, times } = top
    const first = visited.get(x)
    if (first === undefined) visited.set(x, path)
    else {
      if (first === path || others.get(x)?.has(path) === true) continue
      others.set(x, (others.get(x) ?? new Set()).add(path))
    }
    const share = Math.min(top.share, sizeOf(x.shape) / size)
    const kind = x === e ? 'inlined' : seen.get(x)!
    if (kind !== 'inlined') {
      weight += LOAD * share * times
      if (first === undefined) loads++
      overDot ||= kind === 'dot' && sizeOf(x.shape) === size
      overReduction ||= kind === 'reduction'
      continue
    }
    const { arithmetic, reads } = own.get(x)!
    weight += (NODE + arithmetic) * share * times
    for (const r of reads)
      stack.push({
        value: x.node.args[r.arg]!,
        path: r.same ? path : `${path}/${visited.size}`,
        share,
        times: times * r.times,
      })
  }
  const { arithmetic, reads } = own.get(e)!
  return {
    weight,
    loads,
    elementwise: reads.length === e.node.args.length && reads.every((r, i) => r.same && r.arg === i),
    view: arithmetic === 0 && reads.length === 1 && reads[0]!.times === 1,
    overDot,
    overReduction,
  }
}
