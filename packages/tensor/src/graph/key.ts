/**
 * Keys: strings that are equal for expressions that differ in nothing but which objects they are made of. Plain data counts
 * by value; records, functions, arrays of elements and storages by identity.
 */
import type { Expr } from './expr.ts'
import { toposort } from './walk.ts'

/** Numbers for objects, by identity. */
export const numbering = (): ((x: object) => number) => {
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
export const identityOf = numbering()

/** Objects that are one where they are equal, so that they count by identity. */
const interned = new WeakSet<object>()
export const markInterned = (value: object): void => void interned.add(value)

/** A key equal for equal plain data; anything else (arrays of elements, storages, functions) counts by identity. */
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
    if (place.has(node.outs[0]!)) continue
    for (const out of node.outs) place.set(out, place.size)
    const own = node.prim.lower.kind === 'leaf' ? `@${identityOf(node)}` : keyOf(node.params)
    parts.push(`${identityOf(node.prim)}(${node.args.map((a) => place.get(a)!).join(',')})${own}`)
  }
  return `${parts.join(';')}>${outputs.map((o) => place.get(o)!).join(',')}`
}
