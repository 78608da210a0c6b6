/** The batch rule of a composition: the rules of its parts, one after another. */
import { batch } from '../graph/batch.ts'
import type { Expr } from '../graph/expr.ts'
import { parameter } from '../graph/parameter.ts'
import { spread } from './broadcast.ts'

/** `f` over a new leading axis: placeholders of the operands' single shapes go through `f`. The result carries the axis at 0. */
export const batchOf = (
  f: (args: readonly Expr[]) => Expr,
  args: readonly Expr[],
  batched: readonly boolean[],
  size: number,
): Expr => {
  const single = args.map((a, i) => (batched[i] === true ? parameter({ shape: a.shape.slice(1), dtype: a.dtype }) : a))
  const which = args.flatMap((_, i) => (batched[i] === true ? [i] : []))
  const [made] = batch(
    [f(single)],
    which.map((i) => single[i]!),
    which.map((i) => args[i]!),
    size,
  )
  return made!.batched ? made!.value : spread(made!.value, size)
}
