/** What the host knows of a tensor before anything runs, so that a mistake is an error where it is made. */
import { evaluate } from '../graph/evaluate.ts'
import { type Expr, paramsOf } from '../graph/expr.ts'
import { movedFrom } from '../graph/identity.ts'
import * as raw from '../primitives/index.ts'

/** What all elements of a tensor are elements of: where it comes from by movement alone. */
const sourceOf = (x: Expr): Expr => {
  let source = x
  for (let from = movedFrom(source.node); from !== null; from = movedFrom(source.node)) source = from
  return source
}

/** The elements in row-major order, of a tensor that is host data, or one number everywhere, moved; null where only the program knows them. */
export const hostValues = (x: Expr): ArrayLike<number> | null => {
  const source = sourceOf(x)
  const known = paramsOf(source, raw.fillP) ?? paramsOf(source, raw.constantP)
  return known === null ? null : evaluate([x])[0]!.data
}

/** All elements, in any order, of one number everywhere that number once; null where `hostValues` is. */
export const hostElements = (x: Expr): ArrayLike<number> | null => {
  const fill = paramsOf(sourceOf(x), raw.fillP)
  if (fill === null) return hostValues(x)
  return x.shape.includes(0) ? [] : [fill.value]
}
