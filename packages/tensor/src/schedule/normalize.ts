/**
 * What the scheduler wants to see: no composites, nothing over empty arrays, no very wide concatenation, and (on devices
 * with many lanes) no long reduction that would leave the lanes idle.
 */
import { emptyReduction, type ReduceOp } from '../codegen/scalar.ts'
import { apply, type Expr, rewrite, toposort, withArgs } from '../expr.ts'
import { add, fill, maximum, minimum, mul, reshape, slice, transpose } from '../primitives/index.ts'
import { sizeOf } from '../shape.ts'
import type { Capabilities } from './program.ts'

export const normalize = (capabilities: Capabilities, roots: readonly Expr[]): readonly Expr[] => {
  let expanded = roots
  // An expansion may contain composites of its own.
  while (toposort(expanded).some((e) => expansion(capabilities, e, e.args) !== null))
    expanded = rewrite(expanded, (e, args) => expansion(capabilities, e, args) ?? withArgs(e, args))
  return rewrite(expanded, (e, args) => emptied(e, args) ?? split(capabilities, withArgs(e, args)))
}

const expansion = (capabilities: Capabilities, e: Expr, args: readonly Expr[]): Expr | null => {
  const { lower } = e.prim
  if (lower.kind === 'composite') return lower.expand(args, e.params)
  if (lower.kind === 'update' && lower.mode === 'add' && !capabilities.orderedStores)
    return lower.composition(args, e.params)
  return null
}

const emptied = (e: Expr, args: readonly Expr[]): Expr | null => {
  const { lower } = e.prim
  if (lower.kind === 'leaf') return null
  if (sizeOf(e.shape) === 0) return fill(e.shape, e.dtype, 0)
  if (lower.kind === 'reduce' && sizeOf(args[0]!.shape) === 0)
    return fill(e.shape, e.dtype, emptyReduction(lower.op, e.dtype))
  if (lower.kind === 'dot' && args[0]!.shape.at(-1) === 0) return fill(e.shape, e.dtype, 0)
  if (lower.kind === 'update' && sizeOf(lower.grid(withArgs(e, args), e.params)) === 0) return args[0]!
  return null
}

const combine: Readonly<Record<ReduceOp, (x: Expr, y: Expr) => Expr>> = {
  sum: add,
  prod: mul,
  max: maximum,
  min: minimum,
}

/** reduce(x [rows, n]) = reduce(reduce(x [rows, parts, n / parts])), the remainder of n joined at the end. */
const split = (capabilities: Capabilities, e: Expr): Expr => {
  const { lower } = e.prim
  if (lower.kind !== 'reduce') return e
  const x = e.args[0]!
  const axes = lower.axes(e.params)
  const rows = sizeOf(e.shape)
  const n = sizeOf(axes.map((a) => x.shape[a]!))
  if (n <= capabilities.longestRow && (n <= 1024 || rows >= capabilities.lanes)) return e
  const parts = Math.min(Math.ceil(capabilities.lanes / Math.max(1, rows)), Math.ceil(Math.sqrt(n)))
  const each = Math.floor(n / parts)
  if (parts <= 1 || each <= 1) return e
  const keptAxes = x.shape.map((_, i) => i).filter((i) => !axes.includes(i))
  const flat = reshape(transpose(x, [...keptAxes, ...axes]), [rows, n])
  // The same primitive, over its own axes: only the shape of the work changes.
  const over = (y: Expr, axis: number): Expr => apply(e.prim, [y], { axes: [axis] })
  const main = over(over(reshape(slice(flat, [0, 0], [rows, parts * each]), [rows, parts, each]), 2), 1)
  const rest = n === parts * each ? main : combine[lower.op](main, over(slice(flat, [0, parts * each], [rows, n]), 1))
  return reshape(rest, e.shape)
}
