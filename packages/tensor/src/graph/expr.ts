/**
 * The expression IR: an immutable DAG with one kind of node and one way to make it (`apply`).
 * A primitive is a record that holds everything the system knows about an operation; a missing rule does not compile.
 */
import type { Lowering } from './lowering.ts'
import type { DType } from '../base/dtype.ts'
import { notATensor } from '../base/errors.ts'
import type { Shape } from '../base/shape.ts'
import { atSite, captureSite, type Site } from '../base/site.ts'

/** What is known of a value before it is computed. */
export interface Aval {
  readonly shape: Shape
  readonly dtype: DType
}

export interface Expr extends Aval {
  readonly prim: Primitive<unknown>
  readonly args: readonly Expr[]
  readonly params: unknown
  /** Where the user's program made this node; errors of the device name it. */
  readonly site: Site
}

/** A concrete array of the reference interpreter: every dtype in doubles, integers exact. */
export interface Value extends Aval {
  readonly data: Float64Array
}

export interface Primitive<P> {
  readonly name: string
  /** Shape and dtype of the result. Throws ShapeError or DTypeError. */
  readonly shape: (args: readonly Aval[], params: P) => Aval
  /** Cotangents of `out.args` given the cotangent of `out`; linear in `ct`; null = no gradient flows there. */
  readonly vjp: (ct: Expr, out: Expr, params: P) => readonly (Expr | null)[]
  /**
   * The same operation over a new leading axis of `size`: `args[i]` carries that axis at 0 where `batched[i]`,
   * and is shared by all where not (at least one is batched). The result carries it at 0.
   */
  readonly batch: (args: readonly Expr[], batched: readonly boolean[], size: number, params: P) => Expr
  /** How the scheduler turns it into loops. */
  readonly lower: Lowering<P>
  /** The meaning, in double precision: the oracle of all devices. Row-major result of `out`'s size. */
  readonly evaluate: (args: readonly Value[], out: Aval, params: P) => Float64Array
}

/** Whether a value is a node: plain JavaScript may pass anything for one. */
export const isExpr = (value: unknown): value is Expr =>
  typeof value === 'object' && value !== null && 'prim' in value && 'args' in value

/** The only constructor of nodes. */
export const apply = <P>(prim: Primitive<P>, args: readonly Expr[], params: P): Expr => {
  for (let i = 0; i < args.length; i++) if (!isExpr(args[i])) throw notATensor(prim.name, `operand ${i + 1}`, args[i])
  const { shape, dtype } = prim.shape(args, params)
  // The one cast of the IR: a node forgets its primitive's parameter type, and only hands `params` back to `prim`.
  return { prim: prim as Primitive<unknown>, args, params, shape, dtype, site: captureSite() }
}

/** Post-order: every node once, after its arguments. Iterative, since programs are deeper than the stack. */
export const toposort = (roots: readonly Expr[]): readonly Expr[] => {
  const done = new Set<Expr>()
  const order: Expr[] = []
  const stack: { readonly node: Expr; next: number }[] = []
  for (const root of roots) {
    if (done.has(root)) continue
    done.add(root)
    stack.push({ node: root, next: 0 })
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const arg = top.node.args[top.next++]
      if (arg === undefined) {
        order.push(top.node)
        stack.pop()
      } else if (!done.has(arg)) {
        done.add(arg)
        stack.push({ node: arg, next: 0 })
      }
    }
  }
  return order
}

/**
 * Rebuild the graph below `roots`, replacing nodes bottom-up; untouched nodes are kept, so sharing survives. What `replace`
 * makes belongs to the place in the user's program of the node that it stands for.
 */
export const rewrite = (
  roots: readonly Expr[],
  replace: (node: Expr, args: readonly Expr[]) => Expr,
): readonly Expr[] => {
  const image = new Map<Expr, Expr>()
  for (const node of toposort(roots)) {
    image.set(
      node,
      atSite(node.site, () =>
        replace(
          node,
          node.args.map((a) => image.get(a)!),
        ),
      ),
    )
  }
  return roots.map((r) => image.get(r)!)
}

/** The same node over other arguments (itself when they are the same). */
export const withArgs = (node: Expr, args: readonly Expr[]): Expr =>
  args.every((a, i) => a === node.args[i]) ? node : atSite(node.site, () => apply(node.prim, args, node.params))
