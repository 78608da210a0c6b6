/**
 * What a pointwise node costs when it is recomputed instead of loaded. Units are roughly one arithmetic operation an
 * element; a load from memory counts LOAD, a transcendental FUNCTION.
 */
import { linearize, load, type Scalar } from '../codegen/scalar.ts'
import { constant, type Ix, ofAxis } from '../codegen/ix.ts'
import type { Access } from '../codegen/lowering.ts'
import type { Expr } from '../expr.ts'
import { sizeOf } from '../shape.ts'
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
  /** Recomputing the node at one index, all that may be inlined below it included. */
  readonly weight: number
  /** Distinct buffers that would be loaded. */
  readonly loads: number
}

/** Recomputing in `copies` places costs no more than storing once and loading in each. */
export const worthCopying = (weight: number, copies: number): boolean =>
  weight <= LARGEST && (copies === 1 || (copies - 1) * weight <= LOAD + LOAD * copies + 4 * LOAD)

const stored: Cost = { weight: LOAD, loads: 1 }

/** Costs of all pointwise nodes, given `order` (arguments before consumers) and the nodes that are stored anyway. */
export const costs = (order: readonly Expr[], kept: ReadonlySet<Expr>): ReadonlyMap<Expr, Cost> => {
  const uses = new Map<Expr, number>()
  for (const e of order) for (const a of new Set(e.args)) uses.set(a, (uses.get(a) ?? 0) + 1)
  const own = new Map<Expr, Cost>()
  /** What a consumer pays: a load where the node will be stored, else the recomputation. */
  const seen = new Map<Expr, Cost>()
  for (const e of order) {
    const { lower } = e.prim
    if (lower.kind === 'after') {
      seen.set(e, seen.get(e.args[0]!)!)
      continue
    }
    if (lower.kind !== 'pointwise') {
      seen.set(e, stored)
      continue
    }
    const cost = pointwiseCost(e, lower.at, seen)
    own.set(e, cost)
    seen.set(e, kept.has(e) || !worthCopying(cost.weight, uses.get(e) ?? 1) ? stored : cost)
  }
  return own
}

const pointwiseCost = (
  e: Expr,
  at: (index: readonly Ix[], arg: Access, out: Expr, params: unknown) => Scalar,
  seen: ReadonlyMap<Expr, Cost>,
): Cost => {
  const read = new Map<number, Set<string>>()
  const root = at(
    freshAxes(e.shape).map(ofAxis),
    (arg, index) => {
      read.set(arg, (read.get(arg) ?? new Set()).add(index.map((ix) => ix.key).join()))
      return load(arg, constant(0), e.args[arg]!.dtype)
    },
    e,
    e.params,
  )
  let weight = NODE
  for (const s of linearize([root])) weight += scalarCost(s)
  let loads = 0
  const size = Math.max(1, sizeOf(e.shape))
  for (const [arg, places] of read) {
    const a = e.args[arg]!
    const cost = seen.get(a)!
    // A smaller argument is broadcast: its values are reused across this node's elements.
    weight += cost.weight * places.size * Math.min(1, sizeOf(a.shape) / size)
    loads += cost.loads
  }
  return { weight, loads }
}
