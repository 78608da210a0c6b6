/** What the host knows of a tensor before anything runs, so that a mistake is an error where it is made. */
import { evaluate } from '../graph/evaluate.ts'
import type { Expr } from '../graph/expr.ts'
import * as raw from '../primitives/index.ts'

/** Operations that keep the elements they are given, and add none. */
const moving: ReadonlySet<unknown> = new Set(
  [raw.reshapeP, raw.broadcastToP, raw.transposeP, raw.flipP, raw.inputP, raw.stopGradientP].map((p) => p as unknown),
)
/** The elements, in any order, of a tensor that is host data or one number everywhere; null where only the program knows them. */
export const hostElements = (x: Expr): ArrayLike<number> | null => {
  let source = x
  while (moving.has(source.node.prim)) source = source.node.args[0]!
  const {
    node: { prim, params },
    shape,
    dtype,
  } = source
  const one: unknown = raw.fillP
  const data: unknown = raw.constantP
  if (prim === one)
    return shape.includes(0) ? [] : evaluate([raw.fill([], dtype, (params as raw.FillParams).value)])[0]!.data
  return prim === data ? evaluate([source])[0]!.data : null
}

/** The elements in row-major order, where the host knows them. */
export const hostValues = (x: Expr): ArrayLike<number> | null =>
  hostElements(x) === null ? null : evaluate([x])[0]!.data
