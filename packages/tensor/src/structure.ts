/** A key equal for programs of equal structure: the same primitives, parameters and wiring over leaves of equal shape and dtype. */
import { showAval } from './errors.ts'
import { type Expr, toposort } from './expr.ts'
import { keyOf } from './simplify.ts'

const numbers = new WeakMap<object, number>()
let count = 0
/** Primitives and opaque parameters count by identity, for the life of the process. */
const numberOf = (x: object): number => {
  const known = numbers.get(x)
  if (known !== undefined) return known
  numbers.set(x, count)
  return count++
}

export const structureKey = (leaves: readonly Expr[], outputs: readonly Expr[]): string => {
  const position = new Map<Expr, number>()
  const lines: string[] = []
  for (const leaf of leaves) {
    position.set(leaf, position.size)
    lines.push(showAval(leaf))
  }
  for (const e of toposort(outputs)) {
    if (position.has(e)) continue
    lines.push(`${numberOf(e.prim)}(${e.args.map((a) => position.get(a)!).join()})${keyOf(e.params, numberOf)}`)
    position.set(e, position.size)
  }
  return `${lines.join(';')}>${outputs.map((o) => position.get(o)!).join()}`
}
