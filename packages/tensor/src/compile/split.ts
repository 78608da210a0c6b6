/**
 * Long sums in parts. Reductions that would leave lanes idle, or run over more than loops can count, are made in two
 * stages; and so are dots of long k, whose sums would grow too long to be exact enough, or whose few results would leave lanes idle
 * (split-K). The parts depend on shapes alone.
 */
import type { ReduceOp } from '../loops/scalar.ts'
import { apply, type Expr } from '../graph/expr.ts'
import { add, maximum, minimum, mul, reduceSum, reshape, slice, sliceAxis, transpose } from '../primitives/index.ts'
import { type Shape, sizeOf } from '../base/shape.ts'
import type { Capabilities } from './capabilities.ts'

const combine: Readonly<Record<ReduceOp, (x: Expr, y: Expr) => Expr>> = {
  sum: add,
  prod: mul,
  max: maximum,
  min: minimum,
}

/** Loops and indices are 32-bit integers: most iterations of one kernel's columns, well below 2^31. */
const COUNTED = 2 ** 30
/**
 * Steps of k that a dot adds up by itself. Most devices add blocks of some hundred, and then the blocks' sums one after the other:
 * of about as many blocks as a block has terms at most, the error is that of some hundred additions.
 */
const STEPS = 2 ** 16

/** The operation with long sums in parts, or itself. */
export const split = (capabilities: Capabilities, e: Expr): Expr => {
  const { lower } = e.node.prim
  if (lower.kind === 'reduce') return splitReduction(capabilities, e, lower.op, lower.axes(e.node.params))
  return lower.kind === 'dot' ? splitDot(capabilities, e) : e
}

/** Of axes that are too many terms together: those to reduce first, the largest, so that little is left between. */
const largestFirst = (shape: Shape, axes: readonly number[]): readonly number[] => {
  let terms = 1
  const first = [...axes]
    .sort((p, q) => shape[q]! - shape[p]! || p - q)
    .filter((a, i) => {
      const fits = i === 0 || terms * shape[a]! <= COUNTED
      if (fits) terms *= shape[a]!
      return fits
    })
  return first.sort((p, q) => p - q)
}

/** reduce(x [rows, n]) = reduce(reduce(x [rows, parts, n / parts])), the remainder of n joined at the end. */
const splitReduction = (capabilities: Capabilities, e: Expr, op: ReduceOp, axes: readonly number[]): Expr => {
  const x = e.node.args[0]!
  const rows = sizeOf(e.shape)
  const n = sizeOf(axes.map((a) => x.shape[a]!))
  // The same primitive, over other axes: only the shape of the work changes.
  const over = (y: Expr, ...which: readonly number[]): Expr =>
    split(capabilities, apply(e.node.prim, [y], { axes: which }))
  if (n > COUNTED && axes.length > 1) {
    const first = largestFirst(x.shape, axes)
    const later = axes.filter((a) => !first.includes(a)).map((a) => a - first.filter((f) => f < a).length)
    return over(over(x, ...first), ...later)
  }
  const isLong = n > capabilities.longestRow || n > COUNTED
  if (!isLong && (n <= capabilities.terms || rows >= capabilities.lanes)) return e
  const idle = Math.min(Math.ceil(capabilities.lanes / Math.max(1, rows)), Math.ceil(Math.sqrt(n)))
  const parts = Math.max(idle, Math.ceil(n / COUNTED))
  const each = Math.floor(n / parts)
  if (parts <= 1 || each <= 1) return e
  const keptAxes = x.shape.map((_, i) => i).filter((i) => !axes.includes(i))
  const flat = reshape(transpose(x, [...keptAxes, ...axes]), [rows, n])
  const once = (y: Expr, axis: number): Expr => apply(e.node.prim, [y], { axes: [axis] })
  const main = once(once(reshape(slice(flat, [0, 0], [rows, parts * each]), [rows, parts, each]), 2), 1)
  const rest = n === parts * each ? main : combine[op](main, once(slice(flat, [0, parts * each], [rows, n]), 1))
  return reshape(rest, e.shape)
}

/**
 * How many parts of k a dot is made in, one where it stays whole: no sum longer than is exact enough; more, where few results would leave
 * lanes idle. Near the wanted number one is taken that divides k, if there is one: nothing is left over then.
 */
const partsOfDot = ({ dotParts }: Capabilities, results: number, k: number): number => {
  const least = Math.ceil(k / STEPS)
  const busy = dotParts === null ? 1 : Math.min(Math.ceil(dotParts.results / results), Math.floor(k / dotParts.terms))
  const wanted = Math.max(least, busy)
  let parts = wanted
  while (parts > least && 2 * (parts - 1) >= wanted && k % parts > 0) parts--
  return parts > 1 && k % parts === 0 ? parts : wanted
}

/** a b = sum over parts of a[.., part] b[part, ..], the parts an axis of the batch; the remainder of k added at the end. */
const splitDot = (capabilities: Capabilities, e: Expr): Expr => {
  const [a, b] = [e.node.args[0]!, e.node.args[1]!]
  const k = a.shape.at(-1)!
  const parts = partsOfDot(capabilities, sizeOf(e.shape), k)
  if (parts === 1) return e
  const steps = Math.floor(k / parts)
  const r = a.shape.length
  const batch = a.shape.slice(0, -2)
  const [m, n] = [a.shape[r - 2]!, b.shape[r - 1]!]
  const outer = batch.map((_, i) => i)
  const partsOf = (x: Expr, axis: number, shape: Shape, perm: readonly number[]): Expr =>
    transpose(reshape(sliceAxis(x, axis, 0, parts * steps), shape), perm)
  // [batch, m, parts, steps] -> [batch, parts, m, steps]
  const left = partsOf(a, r - 1, [...batch, m, parts, steps], [...outer, r - 1, r - 2, r])
  const right = partsOf(b, r - 2, [...batch, parts, steps, n], [...outer, r - 2, r - 1, r])
  const main = split(capabilities, reduceSum(apply(e.node.prim, [left, right], e.node.params), [r - 2]))
  if (k === parts * steps) return main
  return add(
    main,
    apply(e.node.prim, [sliceAxis(a, r - 1, parts * steps, k), sliceAxis(b, r - 2, parts * steps, k)], e.node.params),
  )
}
