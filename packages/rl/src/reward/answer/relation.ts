/** What relations between values say, and lists of them. */
import type { Token } from './lexer.ts'
import * as Q from './rational.ts'
import * as R from './real.ts'
import { type MathValue, refuse } from './value.ts'

/** `10:30`, where a ratio is written as a time is. */
export const clockOf = (written: readonly Token[]): string | null => {
  const [hours, colon, minutes, unit] = written
  if (unit !== undefined && unit._tag !== 'Word') return null
  if (hours?._tag !== 'Number' || minutes?._tag !== 'Number' || colon?._tag !== 'Symbol') return null
  const time = /^\d{1,2}$/.test(hours.text) && /^[0-5]\d$/.test(minutes.text) && Number(hours.text) <= 24
  return time ? `${Number(hours.text)}:${minutes.text}` : null
}

/** `p=5, q=2; p=7, q=2` are two pairs. */
export const inGroups = (items: readonly MathValue[]): readonly MathValue[] => {
  const names = items.map((item) => (item._tag === 'Relation' && item.by === '=' ? nameOf(item.left) : null))
  const length = names.indexOf(names[0] ?? null, 1)
  if (length < 2 || names.length % length !== 0 || names.some((name, i) => name === null || name !== names[i % length]))
    return items
  return Array.from({ length: names.length / length }, (_, i) => ({
    _tag: 'Tuple' as const,
    brackets: '()',
    items: items.slice(i * length, (i + 1) * length),
  }))
}

/** A name by its values at two points, which is what it is compared by. */
const nameOf = (x: MathValue): string | null => {
  if (x._tag !== 'Expression' || !x.name) return null
  const seen: string[] = []
  x.at(R.arithmetic(0), (name) => {
    seen.push(name)
    return Q.ONE
  })
  return seen.join(' ')
}

/** `x in S` is S; `a < x <= b` the interval (a, b]; `a = b = c` is a = c; `x > y` is y < x; what is rounded after `=` is left. */
export const related = (sides: readonly MathValue[], by: readonly string[]): MathValue => {
  const [first, last] = [sides[0]!, sides.at(-1)!]
  const [op] = by
  if (op === undefined) return last
  if (op === '∈') return by.length === 1 ? last : related(sides.slice(1), by.slice(1))
  const rounded = by.indexOf('≈')
  if (rounded > 0 && by.slice(0, rounded).every((o) => o === '='))
    return { _tag: 'Relation', by: '=', left: first, right: sides[rounded]! }
  if (by.every((o) => o === '≈')) return { _tag: 'Relation', by: '≈', left: first, right: last }
  if (by.every((o) => o === '=')) return { _tag: 'Relation', by: '=', left: first, right: last }
  if (by.length === 2 && by.every((o) => o === '>' || o === '≥'))
    return related(
      [...sides].reverse(),
      [...by].reverse().map((o) => (o === '>' ? '<' : '≤')),
    )
  if (by.length === 2 && by.every((o) => o === '<' || o === '≤')) {
    const brackets = (by[0] === '<' ? '(' : '[') + (by[1] === '<' ? ')' : ']')
    // An interval of what stands between, which is compared where both say it.
    return { _tag: 'Relation', by: brackets, left: sides[1]!, right: { _tag: 'Tuple', brackets, items: [first, last] } }
  }
  if (by.length > 1) return refuse()
  if (op === '>' || op === '≥') return { _tag: 'Relation', by: op === '>' ? '<' : '≤', left: last, right: first }
  return { _tag: 'Relation', by: op, left: first, right: last }
}
