/** Reverse mode: one walk against the order of computation, one rule a node. */
import { isFloat } from '../base/dtype.ts'
import { atSite } from '../base/site.ts'
import { demandAnswers } from '../graph/answers.ts'
import { type Expr, type Node, over } from '../graph/expr.ts'
import { dependents } from '../graph/walk.ts'
import { add } from '../primitives/arithmetic.ts'

/** A linear map: cotangents of the inputs from those of the outputs, or the other way round; null stands for zero. */
export type Linear = (given: readonly (Expr | null)[]) => readonly (Expr | null)[]

export interface Differentiated {
  /** The same values as those given, computed so that what the pullback needs is kept. */
  readonly outs: readonly Expr[]
  readonly pullback: Linear
}

/** What depends on the inputs: they, and all results of `order`. */
const dependence = (inputs: readonly Expr[], order: readonly Node[]): ReadonlySet<Expr> =>
  new Set<Expr>([...inputs, ...order.flatMap((node) => node.outs)])
/** The arguments of a node whose cotangents lead on. */
const wantedOf = ({ args }: Node, depends: ReadonlySet<Expr>): readonly boolean[] =>
  args.map((arg) => isFloat(arg.dtype) && depends.has(arg))

/** The nodes between inputs and outputs, with those that save something for their vjp in the place of those that do not. */
const saved = (
  outs: readonly Expr[],
  inputs: readonly Expr[],
): { readonly outs: readonly Expr[]; readonly order: readonly Node[] } => {
  const order = dependents(outs, inputs)
  if (order.every(({ prim }) => prim.saving === undefined)) return { outs, order }
  const image = new Map<Expr, Expr>()
  const depends = dependence(inputs, order)
  const nodes = order.map((node) => {
    const args = node.args.map((a) => image.get(a) ?? a)
    const { saving } = node.prim
    const next =
      saving === undefined
        ? over(node, args)
        : atSite(node.site, () => saving(args, node.params, wantedOf(node, depends)))
    if (saving !== undefined) demandAnswers({ rule: 'saving', of: 'result' }, node.prim, next.outs, node.outs, true)
    node.outs.forEach((out, i) => image.set(out, next.outs[i]!))
    return next
  })
  return { outs: outs.map((out) => image.get(out) ?? out), order: nodes }
}

/** The cotangents that those of a node's arguments receive that are wanted, checked. */
const cotangents = (
  node: Node,
  cts: readonly (Expr | null)[],
  wanted: readonly boolean[],
): readonly (Expr | null)[] => {
  const found = node.prim.vjp(cts, node.outs, node.args, node.params, wanted)
  demandAnswers({ rule: 'vjp', of: 'argument' }, node.prim, found, node.args)
  return found.map((g, k) => (wanted[k] === true ? g : null))
}

/** The pullback of the graph that leads from `inputs` to `outputs`. */
export const pullbackOf = (outputs: readonly Expr[], inputs: readonly Expr[]): Differentiated => {
  const { outs, order } = saved(outputs, inputs)
  const given = new Set(inputs)
  const depends = dependence(inputs, order)
  return {
    outs,
    pullback: (cts) => {
      const sums = new Map<Expr, Expr>()
      // A value used in several places receives the sum of their cotangents.
      const contribute = (x: Expr, ct: Expr): void => {
        const sum = sums.get(x)
        sums.set(x, sum === undefined ? ct : add(sum, ct))
      }
      outs.forEach((out, i) => {
        const ct = cts[i] ?? null
        if (ct !== null && isFloat(out.dtype) && depends.has(out)) contribute(out, ct)
      })
      for (let i = order.length - 1; i >= 0; i--) {
        const node = order[i]!
        // Nothing goes below an input, which may be one of several results.
        const own = node.outs.map((out) => (given.has(out) ? null : (sums.get(out) ?? null)))
        if (own.every((ct) => ct === null)) continue
        for (const out of node.outs) if (!given.has(out)) sums.delete(out)
        atSite(node.site, () => {
          cotangents(node, own, wantedOf(node, depends)).forEach((g, k) => {
            if (g !== null) contribute(node.args[k]!, g)
          })
        })
      }
      return inputs.map((x) => sums.get(x) ?? null)
    },
  }
}
