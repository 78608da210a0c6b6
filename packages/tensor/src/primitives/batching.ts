/** The batch rule of a composition: the rules of its parts, one after another. */
import { type Expr, toposort } from '../graph/expr.ts'
import { align } from './broadcast.ts'
import { parameter } from './leaves.ts'

/**
 * `f` over a new leading axis: placeholders of the operands' single shapes go through `f`, then every node below the
 * result is replaced by its batched image. The result carries the axis at 0.
 */
export const batchOf = (
  f: (args: readonly Expr[]) => Expr,
  args: readonly Expr[],
  batched: readonly boolean[],
  size: number,
): Expr => {
  const single = args.map((a, i) => (batched[i] === true ? parameter({ shape: a.shape.slice(1), dtype: a.dtype }) : a))
  const out = f(single)
  const image = new Map<Expr, Expr>()
  single.forEach((s, i) => {
    if (batched[i] === true) image.set(s, args[i]!)
  })
  for (const node of toposort([out])) {
    const flags = node.args.map((a) => image.has(a))
    if (flags.includes(true))
      image.set(
        node,
        node.prim.batch(
          node.args.map((a) => image.get(a) ?? a),
          flags,
          size,
          node.params,
        ),
      )
  }
  return image.get(out) ?? align([out], [false], size)[0]!
}
