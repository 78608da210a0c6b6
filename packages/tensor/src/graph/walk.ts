/** Walks over graphs. All are iterative, since programs are deeper than the stack. */
import { atSite } from '../base/site.ts'
import { type Expr, type Node, over } from './expr.ts'

/** Every node below `roots` once, after those of its arguments; not those of values that are `given`, nor what is below them alone. */
export const toposort = (
  roots: readonly Expr[],
  given: Pick<ReadonlySet<Expr>, 'has'> | null = null,
): readonly Node[] => {
  const done = new Set<Node>()
  const order: Node[] = []
  const stack: { readonly node: Node; next: number }[] = []
  for (const root of roots) {
    if (done.has(root.node) || given?.has(root) === true) continue
    done.add(root.node)
    stack.push({ node: root.node, next: 0 })
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const arg = top.node.args[top.next++]
      if (arg === undefined) {
        order.push(top.node)
        stack.pop()
      } else if (!done.has(arg.node) && given?.has(arg) !== true) {
        done.add(arg.node)
        stack.push({ node: arg.node, next: 0 })
      }
    }
  }
  return order
}

/**
 * Rebuild the graph below `roots`, replacing nodes bottom-up by expressions for all their results; untouched nodes are kept,
 * so sharing survives. What `replace` makes belongs to the place in the user's program of the node that it stands for.
 */
export const rewrite = (
  roots: readonly Expr[],
  replace: (node: Node, args: readonly Expr[]) => readonly Expr[],
): readonly Expr[] => {
  const image = new Map<Node, readonly Expr[]>()
  const imageOf = (x: Expr): Expr => image.get(x.node)![x.index]!
  for (const node of toposort(roots))
    image.set(
      node,
      atSite(node.site, () => replace(node, node.args.map(imageOf))),
    )
  return roots.map(imageOf)
}

/** The results of the same node over other arguments. */
export const withArgs = (node: Node, args: readonly Expr[]): readonly Expr[] => over(node, args).outs

/** The nodes of `roots` that depend on `inputs`, each after its arguments; without those of the inputs, and never below them. */
export const dependents = (roots: readonly Expr[], inputs: readonly Expr[]): readonly Node[] => {
  const given = new Set(inputs)
  const depends = new Map<Node, boolean>()
  const order: Node[] = []
  const stack: { readonly node: Node; next: number }[] = []
  const enter = (x: Expr): void => {
    if (given.has(x) || depends.has(x.node)) return
    depends.set(x.node, false)
    stack.push({ node: x.node, next: 0 })
  }
  for (const root of roots) {
    enter(root)
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { node } = top
      const arg = node.args[top.next++]
      if (arg !== undefined) enter(arg)
      else {
        if (node.args.some((a) => given.has(a) || depends.get(a.node) === true)) {
          depends.set(node, true)
          order.push(node)
        }
        stack.pop()
      }
    }
  }
  return order
}

/** What `order` and `roots` read from outside: neither results of `order` nor inputs. */
export const frontier = (
  roots: readonly Expr[],
  inputs: readonly Expr[],
  order: readonly Node[],
): ReadonlySet<Expr> => {
  const inside = new Set<Expr>([...inputs, ...order.flatMap((node) => node.outs)])
  const outside = new Set<Expr>()
  for (const root of roots) if (!inside.has(root)) outside.add(root)
  for (const node of order) for (const arg of node.args) if (!inside.has(arg)) outside.add(arg)
  return outside
}

/** `roots` with `images[i]` in the place of `inputs[i]`. */
export const substitute = (
  roots: readonly Expr[],
  inputs: readonly Expr[],
  images: readonly Expr[],
): readonly Expr[] => {
  const image = new Map<Expr, Expr>(inputs.map((x, i) => [x, images[i]!]))
  for (const node of dependents(roots, inputs))
    over(
      node,
      node.args.map((a) => image.get(a) ?? a),
    ).outs.forEach((out, i) => {
      if (!image.has(node.outs[i]!)) image.set(node.outs[i]!, out)
    })
  return roots.map((r) => image.get(r) ?? r)
}
