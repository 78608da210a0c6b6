/** Walks over the part of a graph that depends on given nodes: what every transformation rewrites. All are iterative. */
import { atSite, sameShape, showAval, withArgs, type Expr } from '@adjoint/tensor/ir'

/** The nodes of `roots` that depend on `inputs`, each after its arguments; without the inputs, and never below them. */
export const dependents = (roots: readonly Expr[], inputs: readonly Expr[]): readonly Expr[] => {
  const depends = new Map<Expr, boolean>(inputs.map((x) => [x, true]))
  const order: Expr[] = []
  const stack: { readonly node: Expr; next: number }[] = []
  for (const root of roots) {
    if (depends.has(root)) continue
    depends.set(root, false)
    stack.push({ node: root, next: 0 })
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { node } = top
      const arg = node.args[top.next++]
      if (arg === undefined) {
        if (node.args.some((a) => depends.get(a) === true)) {
          depends.set(node, true)
          order.push(node)
        }
        stack.pop()
      } else if (!depends.has(arg)) {
        depends.set(arg, false)
        stack.push({ node: arg, next: 0 })
      }
    }
  }
  return order
}

/** Nodes that `order` and `roots` read from outside: neither dependent on `inputs` nor inputs. */
export const frontier = (
  roots: readonly Expr[],
  inputs: readonly Expr[],
  order: readonly Expr[],
): ReadonlySet<Expr> => {
  const inside = new Set<Expr>([...inputs, ...order])
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
    image.set(
      node,
      withArgs(
        node,
        node.args.map((a) => image.get(a) ?? a),
      ),
    )
  return roots.map((r) => image.get(r) ?? r)
}

export interface Batched {
  readonly node: Expr
  /** Whether `node` carries the new axis, at 0; without it, it is the same for all. */
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
    const expected = { shape: [size, ...node.shape], dtype: node.dtype }
    if (!sameShape(mapped.shape, expected.shape) || mapped.dtype !== node.dtype)
      throw new Error(
        `The batch rule of ${node.prim.name} gave a ${showAval(mapped)} instead of a ${showAval(expected)}. ` +
          'The result carries the new axis at 0: correct the rule.',
      )
    image.set(node, mapped)
  }
  return roots.map((r) => ({ node: image.get(r) ?? r, batched: image.has(r) }))
}
