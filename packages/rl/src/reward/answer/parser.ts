/**
 * A reader of answers by recursive descent over tokens:
 * list > relation > residue > ratio > union > sum > product > power > atom. What it does not know it refuses.
 */
import { atoms, measured, worded } from './atoms.ts'
import { cursor } from './cursor.ts'
import type { Token } from './lexer.ts'
import * as Q from './rational.ts'
import * as R from './real.ts'
import { clockOf, inGroups, related } from './relation.ts'
import { apply, type MathValue, negative, number, over, plus, power, refuse, times } from './value.ts'

const RELATIONS = new Set(['=', '≤', '≥', '<', '>', '≠', '∈', '≈'])
const ZERO = number(Q.ZERO)

/** `\frac{dy}{dx}` and `dy/dx`: nothing cancels there. */
const DERIVATIVE =
  /\\frac \{ d (?:\^ (?:\d+|\{ \d+ \}) )?(?:[^\s{}]+ )?\} \{ d [a-zA-Z\\]|(?:^| )d [a-zA-Z] \/ d [a-zA-Z](?: |$)/

export const parse = (tokens: readonly Token[]): MathValue => {
  if (DERIVATIVE.test(tokens.map(({ text }) => text).join(' '))) return refuse()
  const place = cursor(tokens)
  const { advance, attempt, next, take, token } = place

  const separated = (): readonly MathValue[] => {
    const items = [relation()]
    while (take(',', ';') !== null) {
      while (take(',', ';') !== null); // `, and`
      items.push(relation())
    }
    return items
  }

  const relation = (): MathValue => {
    const sides = [residue()]
    const by: string[] = []
    for (let op = next(); op !== undefined && RELATIONS.has(op); op = next()) {
      advance()
      by.push(op)
      sides.push(residue())
    }
    return related(sides, by)
  }

  /** `5 \pmod 7`: a class of numbers, and not one of them. */
  const residue = (): MathValue => {
    const value = ratio()
    if (take('mod') === null) return value
    const modulus = advance()
    return modulus._tag === 'Number'
      ? { _tag: 'Tuple', brackets: 'mod', items: [value, number(modulus.value)] }
      : refuse()
  }

  const ratio = (): MathValue => {
    const from = place.position()
    const first = union()
    if (next() !== ':') return first
    const terms = [first]
    while (take(':') !== null) terms.push(union())
    const numbers = terms.map((term) => (term._tag === 'Expression' ? term : refuse()))
    return { _tag: 'Ratio', terms: numbers, clock: clockOf(place.since(from)) }
  }

  const union = (): MathValue => {
    const parts = [sum()]
    while (take('∪') !== null) parts.push(sum())
    return parts.length === 1 ? parts[0]! : { _tag: 'Union', parts }
  }

  /** Of `a \pm b \mp c` both branches at once: the signs change together. */
  const sum = (): MathValue => {
    let [upper, lower] = signs(take('-', '+', '±', '∓') ?? '+', product())
    for (let sign = take('+', '-', '±', '∓'); sign !== null; sign = take('+', '-', '±', '∓')) {
      const [above, below] = signs(sign, signedProduct())
      lower = lower === null && below === null ? null : plus(lower ?? upper, below ?? above)
      upper = plus(upper, above)
    }
    if (lower === null) return upper
    const branches = [upper, lower].flatMap((branch) => {
      const value = branch._tag === 'List' ? plus(branch, ZERO) : branch
      return value._tag === 'List' ? value.items : [value]
    })
    return { _tag: 'List', branches: true, items: branches }
  }

  /** `3 + -1` */
  const signedProduct = (): MathValue => (take('-') !== null ? negative(product()) : product())

  const product = (): MathValue => {
    let result = factor()
    for (;;) {
      if (take('*') !== null) result = times(result, signed())
      else if (take('/') !== null) result = over(result, signed())
      else if (take('%') !== null) result = result._tag === 'Expression' ? { ...result, percent: true } : refuse()
      else if (take('°') !== null) result = measured(result, 'degree')
      else if (token()?._tag === 'Word') result = worded(result, ...unit())
      else if (token()?._tag === 'Number' && token(-1)?._tag === 'Number') return refuse()
      else if (starts()) result = times(result, raised())
      else return result
    }
  }
  const signed = (): MathValue => (take('-') !== null ? negative(factor()) : factor())
  const factor = (): MathValue => attempt(mixed) ?? raised()

  /** `cm`, `cm^2`, `km / h` */
  const unit = (): readonly [words: string, exponent: string] => {
    let words = ''
    for (;;) {
      const word = token()
      if (word?._tag === 'Word') words += ` ${word.text}`
      else if (next() === '/' && token(1)?._tag === 'Word') words += ' per'
      else break
      advance()
    }
    if (take('^') === null) return [words, '']
    const exponent = argument()
    return exponent._tag === 'Expression' && exponent.exact !== null ? [words, `^${exponent.exact.n}`] : refuse()
  }

  /** `2\frac12` and `2 1/2` are two and a half, where the fraction is proper and of numerals; else none can say. */
  const mixed = (): MathValue | null => {
    const whole = token()
    if (whole?._tag !== 'Number' || !whole.digits) return null
    advance()
    const upper = token()
    if (upper?._tag === 'Number' && upper.digits) {
      advance()
      const lower = take('/') === null ? undefined : token()
      if (lower?._tag !== 'Number' || !lower.digits || Q.compare(upper.value, lower.value) >= 0) return refuse()
      advance()
      return plus(number(whole.value), over(number(upper.value), number(lower.value)))
    }
    if (take('\\frac') === null || !numerals()) return null
    const [n, d] = fractionArguments()
    if (n._tag !== 'Expression' || d._tag !== 'Expression' || n.exact === null || d.exact === null) return refuse()
    return Q.compare(n.exact, d.exact) < 0 ? plus(number(whole.value), over(n, d)) : refuse()
  }

  /** Whether two numerals are next, in braces or not: seen without reading, so that nothing nested is read twice. */
  const numerals = (): boolean => {
    const first = numeralAt(0)
    const glued = first === 1 && token()?.text.length === 2
    return first > 0 && (glued || numeralAt(first) > 0)
  }
  const numeralAt = (offset: number): number => {
    const braces = next(offset) === '{'
    const inside = token(offset + (braces ? 1 : 0))
    if (inside?._tag !== 'Number' || !inside.digits) return 0
    return !braces ? 1 : next(offset + 2) === '}' ? 3 : 0
  }

  const raised = (): MathValue => {
    let value = atom()
    let powers = 0
    for (;;) {
      if (next() === '^' && degrees()) value = measured(value, 'degree')
      else if (take('^') !== null) value = powers++ > 0 ? refuse() : power(value, argument())
      else if (take('!') !== null) value = apply(R.factorial, value)
      else return value
    }
  }
  /** `^\circ` and `^{\circ}` */
  const degrees = (): boolean => {
    const braces = next(1) === '{' && next(2) === '°' && next(3) === '}'
    if (!braces && next(1) !== '°') return false
    for (let i = 0; i < (braces ? 4 : 2); i++) advance()
    return true
  }

  const { atom, starts, argument, fractionArguments } = atoms(place, { separated, sum, factor })
  const items = separated()
  if (!place.ended()) return refuse()
  return items.length === 1 ? items[0]! : { _tag: 'List', items: inGroups(items) }
}

/** A term under its sign, and what it is in the other branch of `\pm`, if there is one. */
const signs = (sign: string, term: MathValue): readonly [MathValue, MathValue | null] => {
  if (sign === '±') return [term, negative(term)]
  if (sign === '∓') return [negative(term), term]
  return [sign === '-' ? negative(term) : term, null]
}
