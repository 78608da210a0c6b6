/**
 * Keys: strings that are equal for expressions that differ in nothing but which objects they are made of. Plain data counts
 * by value, closed graphs and whatever else is an object by identity; a record may know better (`key`).
 */
import type { Expr, Node } from './expr.ts'
import { toposort } from './walk.ts'

/** Numbers for objects, by identity; `numbers` holds them, weakly unless told otherwise (a map of its own time is faster). */
export const numbering = (
  numbers: Pick<Map<object, number>, 'get'> & { readonly set: (x: object, n: number) => unknown } = new WeakMap(),
): ((x: object) => number) => {
  let count = 0
  return (x) => {
    const known = numbers.get(x)
    if (known !== undefined) return known
    numbers.set(x, count)
    return count++
  }
}
/** Records, graphs and data keep their number for the life of the process, so that keys can be compared. */
export const identityOf = numbering()

/** Objects that are one where they are equal, so that they count by identity. */
const interned = new WeakSet<object>()
export const markInterned = (value: object): void => void interned.add(value)

/** A key equal for equal plain data; any other object counts by identity, which never makes one of two that differ. */
export const keyOf = (value: unknown): string => {
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'string') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(keyOf).join(',')}]`
  if (typeof value === 'object' && value !== null) {
    if (interned.has(value) || Object.getPrototypeOf(value) !== Object.prototype) return `#${identityOf(value)}`
    return `{${Object.entries(value)
      .map(([k, v]) => `${k}:${keyOf(v)}`)
      .join(',')}}`
  }
  if (typeof value === 'function') return `#${identityOf(value)}`
  return typeof value === 'bigint' ? `${value}n` : String(value)
}

/** Keys of the params of nodes, which never change and stand in many nodes. */
const keysOfParams = new WeakMap<object, string>()
/** `keyOf` for the params of a node, worked out once. */
export const paramsKey = (params: unknown): string => {
  if (typeof params !== 'object' || params === null) return keyOf(params)
  const known = keysOfParams.get(params)
  if (known !== undefined) return known
  const made = keyOf(params)
  keysOfParams.set(params, made)
  return made
}

/** What of a node, beside its primitive and its operands, tells it from others. A leaf is told by itself, unless its record says by what. */
export const nodeKey = (node: Node): string => {
  const { prim, params } = node
  if (prim.key !== undefined) return prim.key(params)
  return prim.lower.kind === 'leaf' ? `@${identityOf(node)}` : paramsKey(params)
}

/**
 * Equal for graphs that differ in nothing but which nodes they are made of: same operations over the same leaves in the
 * same places. Leaves that are not listed are told apart as `nodeKey` says.
 */
export const structureKey = (leaves: readonly Expr[], outputs: readonly Expr[]): string => {
  const place = new Map<Expr, number>(leaves.map((leaf, i) => [leaf, i]))
  const parts = leaves.map(({ dtype, shape }) => `${dtype}[${shape.join(',')}]`)
  for (const node of toposort(outputs)) {
    if (place.has(node.outs[0]!)) continue
    for (const out of node.outs) place.set(out, place.size)
    parts.push(`${identityOf(node.prim)}(${node.args.map((a) => place.get(a)!).join(',')})${nodeKey(node)}`)
  }
  return `${parts.join(';')}>${outputs.map((o) => place.get(o)!).join(',')}`
}
