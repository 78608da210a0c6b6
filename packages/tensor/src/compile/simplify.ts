/**
 * Simplification: algebraic rules (algebra.ts) interleaved with hash-consing, bottom-up in one pass, so that equal
 * expressions become one node and the rules see through one another. Runs once transformations are done: `input` and other
 * identities, which exist only for them, go.
 */
import { commutative, identity, rules } from './algebra.ts'
import { type Expr, toposort } from '../graph/expr.ts'
import { atSite } from '../base/site.ts'

/** Numbers for objects, by identity. */
const numbering = (): ((x: object) => number) => {
  const numbers = new WeakMap<object, number>()
  let count = 0
  return (x) => {
    const known = numbers.get(x)
    if (known !== undefined) return known
    numbers.set(x, count)
    return count++
  }
}
/** Records, functions and arrays of elements keep their number for the life of the process, so that keys can be compared. */
const identityOf = numbering()

/** A key equal for equal plain data; anything else (arrays of elements, storages, functions) counts by identity. */
const keyOf = (value: unknown): string => {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(keyOf).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    if (Object.getPrototypeOf(value) !== Object.prototype) return `#${identityOf(value)}`
    return `{${Object.entries(value)
      .map(([k, v]) => `${k}:${keyOf(v)}`)
      .join(',')}}`
  }
  return typeof value === 'function' ? `#${identityOf(value)}` : String(value)
}

/**
 * Equal for graphs that differ in nothing but which nodes they are made of: same operations over the same leaves in the
 * same places. Leaves that are not listed count by identity.
 */
export const structureKey = (leaves: readonly Expr[], outputs: readonly Expr[]): string => {
  const place = new Map<Expr, number>(leaves.map((leaf, i) => [leaf, i]))
  const parts = leaves.map(({ dtype, shape }) => `${dtype}[${shape.join(',')}]`)
  for (const node of toposort(outputs)) {
    if (place.has(node)) continue
    place.set(node, place.size)
    const own = node.prim.lower.kind === 'leaf' ? `@${identityOf(node)}` : keyOf(node.params)
    parts.push(`${identityOf(node.prim)}(${node.args.map((a) => place.get(a)!).join(',')})${own}`)
  }
  return `${parts.join(';')}>${outputs.map((o) => place.get(o)!).join(',')}`
}

const identityAlone = [identity]

/** The same values with less work; roots keep their order. Linear in the number of nodes. */
export const simplify = (roots: readonly Expr[]): readonly Expr[] => {
  const numberOf = numbering()
  const simple = new Map<Expr, Expr>()
  const shared = new Map<string, Expr>()

  const share = (node: Expr): Expr => {
    // A leaf is told from others by identity: a parameter has no other.
    if (node.prim.lower.kind === 'leaf') return node
    const args = node.args.map(numberOf)
    if (commutative.has(node.prim)) args.sort((x, y) => x - y)
    const key = `${identityOf(node.prim)}(${args.join(',')})${keyOf(node.params)}`
    const known = shared.get(key)
    if (known !== undefined) return known
    shared.set(key, node)
    return node
  }
  /** A smaller equal expression over simple operands; null where no rule knows one. */
  const rewrite = (node: Expr): Expr | null => {
    for (const rule of rules.get(node.prim) ?? identityAlone) {
      const next = rule(node)
      if (next !== null && next !== node) return next
    }
    return null
  }
  // Deep only within what one rule makes: in topological order the operands are simple already.
  const simplified = (node: Expr): Expr => {
    const known = simple.get(node)
    if (known !== undefined) return known
    const args = node.args.map(simplified)
    // Operands keep shape and dtype, so the node keeps its own, and its place in the user's program.
    const over = args.every((a, i) => a === node.args[i]) ? node : { ...node, args }
    const next = atSite(node.site, () => rewrite(over))
    const result = next === null ? share(over) : simplified(simple.has(next) ? next : { ...next, site: node.site })
    simple.set(node, result)
    simple.set(result, result)
    return result
  }
  for (const node of toposort(roots)) simplified(node)
  return roots.map((root) => simple.get(root)!)
}
