/**
 * What a pointwise node costs when it is recomputed instead of loaded. Units are roughly one arithmetic operation an
 * element; a load from memory counts LOAD, a transcendental FUNCTION.
 *
 * Let x be in memory, and two kernels over [1024] read f(x) [1024]. Storing f(x) once costs a store and two loads; computing
 * it in both costs its weight once more than it has to be:
 *
 *     f(x) = exp x              weight 12.25 = 4 for loading x + 8 + 0.25: it is computed in both
 *     f(x) = tanh(exp(sin x))   weight 28.75 = 4 + 3 (8 + 0.25), more than the 28 allowed: it is stored
 *
 * Where one of the kernels runs over [64, 1024] instead, f(x) differs for a 64th of its elements only: its share is 1/64,
 * since what does not vary along an inner loop is computed outside of it, and both functions are computed in both kernels.
 */
import { getOrInsert, setAt } from '../../base/get-or-insert.ts'
import { linearize, load, type Scalar } from '../../loops/scalar.ts'
import { constant, type Ix, ofAxis, visitAtoms } from '../../loops/ix.ts'
import type { Access, Expr } from '../../graph/expr.ts'
import { identityOf, paramsKey } from '../../graph/key.ts'
import { dtypes } from '../../base/dtype.ts'
import { sizeOf } from '../../base/shape.ts'
import { freshAxes } from '../../loops/axes.ts'

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
  /**
   * Bytes that would be loaded for an element, of memory that is as far from one element to the next as its size says: a byte of a
   * word that four elements are unpacked from is one byte, a row that is looked up in a small table is as many as the row has.
   */
  readonly bytes: number
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

/** One node alone: its arithmetic, and its reads (which argument), each at the node's own index, elsewhere, or where data says. */
export interface Own {
  readonly arithmetic: number
  readonly reads: readonly {
    readonly arg: number
    readonly same: boolean
    readonly lookedUp: boolean
    readonly times: number
  }[]
}

/** A value as cones see it. */
interface Seat {
  readonly size: number
  /** Of an element, in memory. */
  readonly bytes: number
  readonly args: readonly Seat[]
  readonly own: Own | null
  seen: Seen
  /** The last cone that came by, and the movement through which it came first. */
  cone: number
  path: string
}

/** Costs of all pointwise nodes, given `order` (arguments before consumers) and the nodes that are stored anyway. */
export const costs = (order: readonly Expr[], kept: ReadonlySet<Expr>): ReadonlyMap<Expr, Cost> => {
  const ownOf = ownCosts()
  const shares = new Map<Expr, number[]>()
  for (const e of order) {
    const { args } = e.node
    for (let i = 0; i < args.length; i++) {
      const a = args[i]!
      if (args.indexOf(a) < i) continue
      const share = shareOf(sizeOf(a.shape), sizeOf(e.shape))
      const known = shares.get(a)
      if (known === undefined) shares.set(a, [share])
      else known.push(share)
    }
  }
  const table = new Map<Expr, Cost>()
  const seats = new Map<Expr, Seat>()
  for (const e of order) {
    const { lower } = e.node.prim
    const args = e.node.args.map((a) => seats.get(a)!)
    const own = lower.kind === 'pointwise' ? ownOf(e, lower.at) : null
    const seat: Seat = {
      size: sizeOf(e.shape),
      bytes: dtypes[e.dtype].bytes,
      args,
      own,
      seen: seenOf(lower.kind, args),
      cone: -1,
      path: '',
    }
    seats.set(e, seat)
    if (lower.kind !== 'pointwise' || own === null) continue
    const cone = coneCost(seat, own, table.size)
    const inlined =
      !kept.has(e) && lower.stored === undefined && (cone.view || worthCopying(cone.weight, shares.get(e) ?? []))
    table.set(e, { ...cone, inlined })
    if (inlined) seat.seen = 'inlined'
  }
  return table
}

const seenOf = (kind: Expr['node']['prim']['lower']['kind'], args: readonly Seat[]): Seen => {
  switch (kind) {
    case 'after':
      return args[0]!.seen === 'inlined' ? 'stored' : args[0]!.seen
    case 'dot':
      return 'dot'
    case 'reduce':
    case 'running':
      return 'reduction'
    default:
      return 'stored'
  }
}

type At = (index: readonly Ix[], arg: Access, out: Expr, params: unknown) => Scalar

/** The own costs of nodes, worked out once for all that differ in nothing but which values they are of: layers repeat. */
const ownCosts = (): ((e: Expr, at: At) => Own) => {
  const known = new Map<string, Own>()
  return (e, at) => {
    const { prim, params, args } = e.node
    let key = `${identityOf(prim)} ${paramsKey(params)} ${e.dtype} ${e.shape.join()}`
    for (const { dtype, shape } of args) key += `;${dtype} ${shape.join()}`
    return getOrInsert(known, key, () => ownCost(e, at))
  }
}

/** The cost of a pointwise node without what it reads. */
export const ownCost = (e: Expr, at: At): Own => {
  const index = freshAxes(e.shape).map(ofAxis)
  const keyOf = (ix: readonly Ix[]): string => ix.map((x) => x.key).join()
  const here = keyOf(index)
  const places = new Map<number, Set<string>>()
  const lookedUp = new Set<number>()
  const root = at(
    index,
    (arg, argIndex) => {
      setAt(places, arg).add(keyOf(argIndex))
      for (const x of argIndex)
        visitAtoms(
          x,
          () => undefined,
          () => lookedUp.add(arg),
        )
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
    lookedUp: lookedUp.has(arg),
    times: keys.size,
  }))
  return { arithmetic, reads }
}

/**
 * Everything that would be computed for one element: each node once for each way of moving between it and `e`, since other
 * movement is another index. Stops counting beyond LARGEST.
 */
const coneCost = (root: Seat, own: Own, cone: number): Omit<Cost, 'inlined'> => {
  const size = Math.max(1, root.size)
  /** Paths to a value but for the first: they are few. */
  const others = new Map<Seat, Set<string>>()
  /** `memory` is the share that counts for bytes: of what is looked up it is not less for a small table. */
  const stack: {
    readonly seat: Seat
    readonly path: string
    readonly share: number
    readonly memory: number
    readonly lookedUp: boolean
    readonly times: number
  }[] = [{ seat: root, path: '', share: 1, memory: 1, lookedUp: false, times: 1 }]
  let visited = 0
  let weight = 0
  let loads = 0
  let bytes = 0
  let overDot = false
  let overReduction = false
  for (let top = stack.pop(); top !== undefined && weight <= LARGEST; top = stack.pop()) {
    const { seat, path, times } = top
    const isFirst = seat.cone !== cone
    if (isFirst) {
      seat.cone = cone
      seat.path = path
      visited++
    } else {
      const known = others.get(seat)
      if (seat.path === path || known?.has(path) === true) continue
      if (known === undefined) others.set(seat, new Set([path]))
      else known.add(path)
    }
    const share = Math.min(top.share, seat.size / size)
    const memory = top.lookedUp ? top.memory : Math.min(top.memory, seat.size / size)
    if (seat !== root && seat.seen !== 'inlined') {
      weight += LOAD * share * times
      bytes += seat.bytes * memory * times
      if (isFirst) loads++
      overDot ||= seat.seen === 'dot' && seat.size === size
      overReduction ||= seat.seen === 'reduction'
      continue
    }
    const { arithmetic, reads } = seat.own!
    weight += (NODE + arithmetic) * share * times
    for (const r of reads)
      stack.push({
        seat: seat.args[r.arg]!,
        path: r.same ? path : `${path}/${visited}`,
        share,
        memory,
        lookedUp: top.lookedUp || r.lookedUp,
        times: times * r.times,
      })
  }
  const { arithmetic, reads } = own
  return {
    weight,
    loads,
    bytes,
    elementwise: reads.length === root.args.length && reads.every((r, i) => r.same && r.arg === i),
    view: arithmetic === 0 && reads.length === 1 && reads[0]!.times === 1,
    overDot,
    overReduction,
  }
}
