/** Reverse mode over expressions: one walk against the order of computation, one rule a node. */
import { atCaller, atSite, isFloat, primitives, sameShape, showAval, withTrace, type Expr } from '@adjoint/tensor/ir'
import { dependents } from './graph.ts'

const { add, fill, input } = primitives

export const zerosLike = (x: Expr): Expr => fill(x.shape, x.dtype, 0)

/** Cotangents of the inputs from those of the outputs; null stands for zero. Linear. */
export type Pullback = (cts: readonly (Expr | null)[]) => readonly (Expr | null)[]

/** The pullback of the graph that leads from `inputs` to `outs`. */
export const pullbackOf = (outs: readonly Expr[], inputs: readonly Expr[]): Pullback => {
  const order = dependents(outs, inputs)
  const depends = new Set<Expr>([...inputs, ...order])
  return (cts) => {
    const sums = new Map<Expr, Expr>()
    // A value used in several places receives the sum of their cotangents.
    const contribute = (node: Expr, ct: Expr): void => {
      const sum = sums.get(node)
      sums.set(node, sum === undefined ? ct : add(sum, ct))
    }
    outs.forEach((out, i) => {
      const ct = cts[i] ?? null
      if (ct !== null && isFloat(out.dtype) && depends.has(out)) contribute(out, ct)
    })
    for (let i = order.length - 1; i >= 0; i--) {
      const node = order[i]!
      const ct = sums.get(node)
      if (ct === undefined) continue
      sums.delete(node)
      atSite(node.site, () => {
        node.prim.vjp(ct, node, node.params).forEach((g, k) => {
          const arg = node.args[k]!
          if (g === null || !depends.has(arg)) return
          if (!sameShape(g.shape, arg.shape) || g.dtype !== arg.dtype)
            throw new Error(
              `The vjp rule of ${node.prim.name} gave argument ${k}, a ${showAval(arg)}, a cotangent ${showAval(g)}. ` +
                'A cotangent has the shape and dtype of its primal: correct the rule.',
            )
          contribute(arg, g)
        })
      })
    }
    return inputs.map((x) => sums.get(x) ?? null)
  }
}

export interface Differentiated {
  readonly outs: readonly Expr[]
  readonly pullback: Pullback
}

/**
 * Calls `f` on fresh `input` nodes around the primals. Each transformation differentiates its own nodes only, so nested
 * ones do not see one another's perturbations.
 */
export const differentiate = (
  name: string,
  f: (xs: readonly Expr[]) => readonly Expr[],
  primals: readonly Expr[],
): Differentiated => {
  const inputs = atCaller(() => primals.map(input))
  return withTrace(name, inputs, () => {
    const outs = f(inputs)
    return { outs, pullback: pullbackOf(outs, inputs) }
  })
}

/** Tangents of the outputs from those of the inputs; null stands for zero. Linear. */
export interface Pushed {
  readonly outs: readonly Expr[]
  readonly pushforward: Pullback
}

/**
 * Forward mode for free: the pullback ct -> J^T ct is linear in ct, so its own pullback, at any ct, is t -> J t.
 * Nothing of the backward pass is read by it, and dead nodes are never computed.
 */
export const pushforwardOf = (
  name: string,
  f: (xs: readonly Expr[]) => readonly Expr[],
  primals: readonly Expr[],
): Pushed => {
  const { outs, pullback } = differentiate(name, f, primals)
  const floats = outs.flatMap((out, i) => (isFloat(out.dtype) ? [i] : []))
  // primals that no output depends on have no cotangent, and their tangents lead nowhere
  const reached: number[] = []
  const transposed = differentiate(
    name,
    (cts) => {
      const slots = new Map(floats.map((o, k) => [o, cts[k]!]))
      return pullback(outs.map((_, o) => slots.get(o) ?? null)).flatMap((g, i) => {
        if (g === null) return []
        reached.push(i)
        return [g]
      })
    },
    floats.map((o) => zerosLike(outs[o]!)),
  )
  return {
    outs,
    pushforward: (tangents) => {
      const pushed = transposed.pullback(reached.map((i) => tangents[i] ?? null))
      const slots = new Map(floats.map((o, k) => [o, pushed[k] ?? null]))
      return outs.map((_, o) => slots.get(o) ?? null)
    },
  }
}
