/** The same graph for many at once: every node by its own batch rule. */
import { sameShape } from '../base/shape.ts'
import { atSite } from '../base/site.ts'
import { showAval } from '../base/errors.ts'
import type { Expr } from './expr.ts'
import { dependents } from './walk.ts'

/** A value, and whether it carries the new axis, at 0; without it, it is the same for all. */
export interface Batched {
  readonly value: Expr
  readonly batched: boolean
}

/** `roots` over a new leading axis of `size`, which `images[i]`, standing for `inputs[i]`, carry at 0. */
export const batch = (
  roots: readonly Expr[],
  inputs: readonly Expr[],
  images: readonly Expr[],
  size: number,
): readonly Batched[] => {
  const image = new Map<Expr, Expr>(inputs.map((x, i) => [x, images[i]!]))
  for (const node of dependents(roots, inputs)) {
    const args = node.args.map((a) => image.get(a) ?? a)
    const batched = node.args.map((a) => image.has(a))
    const mapped = atSite(node.site, () => node.prim.batch(args, batched, size, node.params))
    node.outs.forEach((out, i) => {
      const expected = { shape: [size, ...out.shape], dtype: out.dtype }
      const made = mapped[i]
      if (made === undefined || !sameShape(made.shape, expected.shape) || made.dtype !== out.dtype)
        throw new Error(
          `The batch rule of ${node.prim.name} gave a ${made === undefined ? 'nothing' : showAval(made)} instead of a ${showAval(expected)}. ` +
            'Each result carries the new axis at 0: correct the rule.',
        )
      if (!image.has(out)) image.set(out, made)
    })
  }
  return roots.map((r) => ({ value: image.get(r) ?? r, batched: image.has(r) }))
}
