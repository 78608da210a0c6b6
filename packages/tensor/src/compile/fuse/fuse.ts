/**
 * Expressions -> few kernels. One walk over the graph, consumers first: when a node is reached, everything that reads it
 * has its kernel, and the indices at which each kernel reads it are known. A pointwise node is substituted into its
 * readers, or stored; a reduction joins a reader that runs over the same rows; a dot takes its elementwise reader as
 * epilogue. Joining never closes a cycle: a group takes a stored node only if it does not run after another reader.
 *
 * Softmax over the rows of x [32, 64], from the result up:
 *
 *     y = e / s         nobody reads it: a new group, rows i < 32 and j < 64, stores y at (i, j)
 *     s = sum_j e       read at (i), while the group runs over (i, j): it joins. The rows are now i, the columns j
 *     e = exp(x - m)    read at (i, j) twice, for y and for s: computed in the group, since copying it costs less than memory
 *     m = max_j x       read at (i), like s: it joins too
 *     x                 in memory: what the group loads
 *
 * One kernel: rows [32], columns [64], two reductions. In y W the product would be a group of its own that loads y: of what
 * its operands are made of it computes no more than a few operations itself.
 */
import { count, extents, freshAxes, freshAxis } from '../../loops/axes.ts'
import { type Axis, div, flatten, type Ix, mod, ofAxis, substitute, unflatten } from '../../loops/ix.ts'
import type { Expr, Node } from '../../graph/expr.ts'
import { dtypes } from '../../base/dtype.ts'
import { sizeOf } from '../../base/shape.ts'
import { costs, LOAD, shareOf, worthCopying } from './cost.ts'
import { covers, type Group, isUpdate, type ReadKind, rebase } from './group.ts'
import { createGrouping } from './grouping.ts'
import { runsAfter } from './precedence.ts'
import type { Capabilities } from '../capabilities.ts'

export interface Fusion {
  readonly groups: readonly Group[]
  /** The group that stores a node. */
  readonly owner: ReadonlyMap<Expr, Group>
}

/** A dot evaluates its operands once a packed element: only loads with a little arithmetic are worth fusing there. */
const OPERAND = LOAD + 2
/**
 * Somewhat more is worth it where an element is unpacked from half its bytes or fewer (a quantized matrix): stored, it would take
 * their memory several times over, and be written and read for each product, where the product waits for memory anyway.
 */
const UNPACKED = 4 * LOAD

/** A node standing for memory that another node names: `after(x, y)` is x. */
export const storageOf = (e: Expr): Expr => {
  let value = e
  while (value.node.prim.lower.kind === 'after') value = value.node.args[0]!
  return value
}

/** What a value continues, and may overwrite: the operand of an update, what a loop's carry starts from (if from anything). */
export const startOf = ({ node: { prim, args, params }, index }: Expr): Expr | null => {
  const { lower } = prim
  if (lower.kind === 'update') return storageOf(args[0]!)
  const start = lower.kind === 'loop' ? storageOf(args[lower.of(params).operands + index]!) : null
  return start === null || isUnwritten(start) ? null : start
}

/** Whether it is memory that nothing made, and nothing reads. */
export const isUnwritten = ({ node: { prim } }: Expr): boolean => prim.lower.kind === 'unwritten'

/** Whether it is in memory already. */
export const isLeaf = ({ node: { prim } }: Expr): boolean => prim.lower.kind === 'leaf'

/** A group that joins reductions looks this far for what they have in common. */
const CONE = 400
/** Of the elements that are reduced, the part that makes a value worth sharing; and the part below which nobody minds its being kept. */
const LARGE = 1 / 2
const SMALL = 1 / 8

/** Whether all readers are to read what was written once. */
const isStored = ({
  node: {
    prim: { lower },
  },
}: Expr): boolean => lower.kind === 'pointwise' && lower.stored !== undefined

/** How often a group evaluates what is inlined into it. */
const gridOf = (group: Group): number => count(group.rows) * count(group.cols) * (group.dot?.k.extent ?? 1)

/** `fixed`: leaves that nothing may be written over. */
export const fuse = (
  capabilities: Capabilities,
  order: readonly Expr[],
  outputs: readonly Expr[],
  fixed: ReadonlySet<Expr>,
): Fusion => {
  // A loop finds what it is given in memory.
  const given = order.flatMap(({ node, index }) => (index === 0 && node.prim.lower.kind === 'loop' ? node.args : []))
  const kept = new Set([...outputs, ...given].map(storageOf))
  const cost = costs(order, kept)
  const books = createGrouping(capabilities.bindings, (value) => cost.get(value))
  const { readersOf, newGroup, read, compute, inline, readThrough, store, hosts, roomFor } = books

  /**
   * What a group would compute a value from, as far as can be told before all of it is placed: each value that is loaded, by
   * the movement through which it is seen (another part of the same array is something else).
   */
  const sources = (group: Group | undefined, e: Expr): ReadonlyMap<Expr, Expr> => {
    const found = new Map<Expr, Expr>()
    const seen = new Set<Expr>([e])
    const stack = [{ node: e, as: e }]
    for (let top = stack.pop(); top !== undefined && seen.size < CONE; top = stack.pop()) {
      const { node: x, as } = top
      const known = cost.get(x)
      if (known?.inlined !== true && group?.computes.has(x) !== true) {
        const value = storageOf(x)
        found.set(sizeOf(as.shape) === sizeOf(value.shape) ? value : as, value)
      } else
        for (const arg of x.node.args)
          if (!seen.has(arg)) {
            seen.add(arg)
            stack.push({ node: arg, as: known?.view === true ? as : arg })
          }
    }
    return found
  }
  /**
   * Whether a group writes into an array in memory from which it would then compute the value: all of the array would be copied
   * first, for a row of it. (One that must be copied anyway is.)
   */
  const wouldCopy = (group: Group, value: Expr): boolean => {
    if (!group.stores.some((s) => isUpdate(s.value))) return false
    const read = new Set(value.node.args.flatMap((arg) => [...sources(undefined, arg).values()]))
    const old = group.stores.map((s) => startOf(s.value))
    return old.some((x) => x !== null && read.has(x) && !fixed.has(x))
  }

  /**
   * Whether a reduction may join the reductions of a group. It may where they have something large in common, or follow from
   * one another: that is loaded once. Two that have nothing in common would only wait for one another, and keep alive what
   * each reads (of micro-batches, each would wait for the last); that costs nothing where it is kept alive anyway, for a
   * reader that runs later still (the gradients whose common norm clips them).
   */
  const mayJoin = (group: Group, value: Expr): boolean => {
    const part = (as: Expr, e: Expr): number =>
      Math.min(sizeOf(as.shape), sizeOf(e.shape)) / Math.max(1, sizeOf(value.node.args[0]!.shape))
    const mine = sources(group, value.node.args[0]!)
    const theirs = group.reductions.map((r) => sources(group, r.value.node.args[0]!))
    if (theirs.some((of) => of.has(value) || [...of].some(([as, e]) => part(as, e) >= LARGE && mine.has(as))))
      return true
    const waits = (e: Expr): boolean =>
      e.node.prim.lower.kind === 'leaf' || readersOf(e).some((g) => g !== group && runsAfter(g, group))
    return [mine, ...theirs].every((of) => [...of].every(([as, e]) => part(as, e) < SMALL || waits(e)))
  }
  /**
   * A sum that runs on from product to product, (a + b) + c: its reader takes the last product as its own, and adds what the
   * earlier ones came to, so that of all products one sum is kept, not each. No kernel more: every product has one.
   */
  const accumulates = (value: Expr): boolean => {
    const [reader, ...others] = readersOf(value)
    const { overDot, view } = cost.get(value)!
    if (view || !overDot || reader === undefined || others.length > 0 || kept.has(value)) return false
    const whole = (e: Expr): boolean => sizeOf(e.shape) === sizeOf(value.shape)
    const products = [...reader.reads.keys(), ...(reader.dot === null ? [] : [reader.dot.value])].filter(
      (e) => e.node.prim.lower.kind === 'dot' && whole(e),
    )
    // Most readers take up no product: what the value is made of need not be looked for.
    if (products.length === 0) return false
    const mine = new Set(sources(reader, value).values())
    const summed = [...mine].filter((e) => whole(e) && e.node.prim.lower.kind !== 'leaf' && readersOf(e).length === 0)
    return summed.length > 1 && products.some((e) => !mine.has(e))
  }

  const placePointwise = (value: Expr): void => {
    const places: { readonly group: Group; readonly kind: ReadKind; readonly index: readonly Ix[] }[] = []
    for (const group of readersOf(value))
      for (const { kind, index } of group.reads.get(value)!) places.push({ group, kind, index })
    const data = places.filter((p) => p.kind !== 'whole' && p.kind !== 'order')
    const { weight, bytes, view, overDot, overReduction } = cost.get(value)!
    const roomy = data.every((p) => roomFor(p.group, value, 0))
    const isOperand = data.some((p) => p.kind === 'operand')
    const worth = (): boolean =>
      worthCopying(
        weight,
        places.map((p) => shareOf(sizeOf(value.shape), gridOf(p.group))),
      ) &&
      (!isOperand || (weight <= (2 * bytes <= dtypes[value.dtype].bytes ? UNPACKED : OPERAND) && !overDot))
    const apart = accumulates(value) || isStored(value)
    const inPlace = (): boolean => !data.some((p) => wouldCopy(p.group, value))
    if (!kept.has(value) && data.length === places.length && roomy && !apart && (view || worth()) && inPlace()) {
      for (const p of data) inline(p.group, value, p.index, p.kind)
      return
    }
    for (const { group, index, axes } of apart ? [] : hosts(value)) {
      // The epilogue of a dot belongs to the dot's own grid, not to a reduction that reads it.
      if (overDot && !overReduction && group.reductions.length > 0) continue
      const fits =
        covers(axes, [...group.rows, ...group.cols]) || (group.reductions.length > 0 && covers(axes, group.rows))
      if (!fits || !roomFor(group, value, 1)) continue
      store(group, value, index)
      inline(group, value, index, 'loop')
      return
    }
    const rows = freshAxes(value.shape)
    const group = newGroup('loop', rows, [])
    const index = rows.map(ofAxis)
    store(group, value, index)
    inline(group, value, index, 'loop')
  }

  const placeReduction = (e: Expr, axes: readonly number[]): void => {
    const arg = e.node.args[0]!
    const reduced = axes.map((a) => arg.shape[a]!)
    const columns = sizeOf(reduced)
    const rowsNeeded = sizeOf(e.shape)
    const enter = (group: Group, index: readonly Ix[]): void => {
      // Argument index: the kept axes from the result's index, the reduced ones from the columns.
      const cols = unflatten(flatten(group.cols.map(ofAxis), extents(group.cols)), reduced)
      let nextKept = 0
      let nextReduced = 0
      const inner = arg.shape.map((_, i) => (axes.includes(i) ? cols[nextReduced++]! : index[nextKept++]!))
      group.reductions.push({ value: e, index, inner })
      compute(group, e)
      read(group, arg, inner, 'loop')
    }
    const short =
      columns <= capabilities.longestRow && (rowsNeeded >= capabilities.lanes || columns <= capabilities.terms)
    for (const { group, index, axes: rowAxes } of short ? hosts(e) : []) {
      if (group.dot !== null || !roomFor(group, e, 1)) continue
      const others = readersOf(e).length > 1 || kept.has(e)
      if (group.reductions.length > 0) {
        if (!covers(rowAxes, group.rows) || count(group.cols) !== columns || !mayJoin(group, e)) continue
      } else {
        const rest = group.rows.filter((a) => a.extent !== 1 && !rowAxes.includes(a))
        if (rest.length > 0 && count(rest) !== columns) continue
        const rows = group.rows.filter((a) => a.extent === 1 || rowAxes.includes(a))
        const scope = rest.length > 0 ? 'full' : 'row'
        group.rows = rows
        group.cols = rest.length > 0 ? rest : freshAxes(reduced)
        group.stores.splice(0, group.stores.length, ...group.stores.map((s) => ({ ...s, scope }) as const))
      }
      enter(group, index)
      if (others) store(group, e, index)
      return
    }
    const rows = freshAxes(e.shape)
    const group = newGroup('loop', rows, freshAxes(reduced))
    const index = rows.map(ofAxis)
    enter(group, index)
    store(group, e, index)
  }

  const placeDot = (e: Expr): void => {
    const [a, b] = e.node.args as readonly [Expr, Expr]
    const rank = e.shape.length
    const axes = freshAxes(e.shape)
    const k = freshAxis(a.shape[rank - 1]!)
    const index = axes.map(ofAxis)
    const host = hosts(e).find(
      ({ group: g, axes: hosted }) =>
        g.dot === null && g.reductions.length === 0 && covers(hosted, g.rows) && roomFor(g, e, 1),
    )
    let group: Group
    if (host === undefined) {
      group = newGroup('loop', axes, [])
      store(group, e, index)
    } else {
      group = host.group
      inDotAxes(group, host.index, e.shape, axes)
      if (readersOf(e).length > 1 || kept.has(e)) store(group, e, index)
    }
    const [batch, [m, n]] = [axes.slice(0, -2), axes.slice(-2) as [Axis, Axis]]
    group.dot = { value: e, index, batch, m, n, k }
    compute(group, e)
    const outer = index.slice(0, -2)
    read(group, a, [...outer, ofAxis(m), ofAxis(k)], 'operand')
    read(group, b, [...outer, ofAxis(k), ofAxis(n)], 'operand')
  }

  /** A group's loops in a dot's own axes, given the dot's index in the group's. */
  const inDotAxes = (group: Group, index: readonly Ix[], shape: readonly number[], axes: readonly Axis[]): void => {
    const position = flatten(axes.map(ofAxis), shape)
    const image = new Map<number, Ix>()
    for (const t of flatten(index, shape).terms)
      if (t.atom.kind === 'axis') image.set(t.atom.axis.id, mod(div(position, t.coef), t.atom.axis.extent))
    rebase(group, {
      rows: axes,
      cols: [],
      move: (ix) =>
        substitute(
          ix,
          (a) => image.get(a.id) ?? ofAxis(a),
          (s) => s,
        ),
    })
  }

  const placeScan = (e: Expr, axis: number): void => {
    const axes = freshAxes(e.shape)
    const group = newGroup(
      'running',
      axes.filter((_, i) => i !== axis),
      [axes[axis]!],
    )
    const index = axes.map(ofAxis)
    compute(group, e)
    group.reductions.push({ value: e, index: index.filter((_, i) => i !== axis), inner: index })
    store(group, e, index)
    read(group, e.node.args[0]!, index, 'loop')
  }

  /** All results of a node at once, from arguments that stand in memory. */
  const placeWhole = (kind: 'rounds' | 'template', node: Node, args: readonly Expr[]): void => {
    const group = newGroup(kind, [], [])
    for (const out of node.outs) store(group, out, freshAxes(out.shape).map(ofAxis))
    for (const arg of args) read(group, arg, [], 'whole')
  }
  const isUsed = (x: Expr): boolean => readersOf(x).length > 0 || kept.has(x)

  for (let i = order.length - 1; i >= 0; i--) {
    const expr = order[i]!
    const used = readersOf(expr)
    const { lower } = expr.node.prim
    if (lower.kind === 'loop' || lower.kind === 'template') {
      // Its results follow one another in the order, and who reads one of them comes after all.
      if (expr.index > 0 || !expr.node.outs.some(isUsed)) continue
      const { node } = expr
      if (lower.kind === 'loop') placeWhole('rounds', node, node.args)
      else
        placeWhole(
          'template',
          node,
          lower.reads(node.args, node.params).map((i) => node.args[i]!),
        )
      continue
    }
    if (used.length === 0 && !kept.has(expr)) continue
    switch (lower.kind) {
      case 'leaf':
      case 'unwritten':
        break
      case 'after':
        for (const group of used) {
          compute(group, expr)
          for (const r of group.reads.get(expr)!) read(group, expr.node.args[0]!, r.index, r.kind)
          read(group, expr.node.args[1]!, [], 'order')
        }
        break
      case 'pointwise':
        placePointwise(expr)
        break
      case 'reduce':
        placeReduction(expr, lower.axes(expr.node.params))
        break
      case 'dot':
        placeDot(expr)
        break
      case 'running':
        placeScan(expr, lower.axis(expr.node.params))
        break
      case 'update': {
        const rows = freshAxes(lower.grid(expr, expr.node.params))
        const group = newGroup(lower.mode === 'set' ? 'loop' : 'ordered', rows, [])
        const index = rows.map(ofAxis)
        store(group, expr, index)
        read(group, expr.node.args[0]!, [], 'order')
        readThrough(group, expr, lower.value, index, 'loop')
        readThrough(group, expr, lower.to, index, 'position')
        break
      }
      case 'branch':
      case 'told':
      case 'composite':
        throw new Error(`fuse: composite ${expr.node.prim.name} reached the scheduler unexpanded`)
    }
  }
  return { groups: books.groups, owner: books.owner }
}
