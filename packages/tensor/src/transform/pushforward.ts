/**
 * Forward mode. Where a primitive has no rule of its own, it is derived: the pullback ct -> J^T ct is linear in ct, so its own
 * pullback, at any ct, is t -> J t. Nothing of the backward pass is read by it, and dead nodes are never computed.
 */
import { isFloat } from '../base/dtype.ts'
import { atSite } from '../base/site.ts'
import { demandAnswers } from '../graph/answers.ts'
import type { Expr, Node } from '../graph/expr.ts'
import { dependents } from '../graph/walk.ts'
import { input } from '../primitives/control.ts'
import { fillLike } from '../primitives/leaves.ts'
import { type Linear, pullbackOf } from './pullback.ts'

/** J t of one node: the pullback of its pullback. */
const transposed = (node: Node, tangents: readonly (Expr | null)[]): readonly (Expr | null)[] => {
  const { prim, outs, args, params } = node
  const cts = outs.map((out) => (isFloat(out.dtype) ? input(fillLike(out, 0)) : null))
  const stands = cts.filter((ct) => ct !== null)
  if (stands.length === 0) return outs.map(() => null)
  const back = prim.vjp(
    cts,
    outs,
    args,
    params,
    tangents.map((t) => t !== null),
  )
  demandAnswers({ rule: 'vjp', of: 'argument' }, prim, back, args)
  const reached = back.flatMap((g, i) => {
    const t = tangents[i] ?? null
    return g === null || t === null ? [] : [{ g, t }]
  })
  const pushed = pullbackOf(
    reached.map(({ g }) => g),
    stands,
  ).pullback(reached.map(({ t }) => t))
  let next = 0
  return cts.map((ct) => (ct === null ? null : (pushed[next++] ?? null)))
}

/** Tangents of `outputs` from those of `inputs`. */
export const pushforwardOf =
  (outputs: readonly Expr[], inputs: readonly Expr[]): Linear =>
  (tangents) => {
    const found = new Map<Expr, Expr>()
    inputs.forEach((x, i) => {
      const t = tangents[i] ?? null
      if (t !== null) found.set(x, t)
    })
    for (const node of dependents(outputs, inputs)) {
      const own = node.args.map((a) => found.get(a) ?? null)
      if (own.every((t) => t === null)) continue
      const { jvp } = node.prim
      const pushed = atSite(node.site, () =>
        jvp === undefined ? transposed(node, own) : jvp(own, node.outs, node.args, node.params),
      )
      demandAnswers({ rule: 'jvp', of: 'result' }, node.prim, pushed, node.outs)
      node.outs.forEach((out, i) => {
        const t = pushed[i] ?? null
        if (t !== null && !found.has(out)) found.set(out, t)
      })
    }
    return outputs.map((out) => found.get(out) ?? null)
  }
