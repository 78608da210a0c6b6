/**
 * A reader of answers by recursive descent over tokens:
 * list > relation > ratio > union > sum > product > power > atom. What it does not know it refuses.
 */
import { CONSTANTS, FUNCTIONS, GREEK, INVERSES, logarithm } from './functions.ts'
import type { Token } from './lexer.ts'
import * as Q from './rational.ts'
import * as R from './real.ts'
import { unitOf } from './units.ts'
import {
  apply,
  binomial,
  type Expression,
  type MathValue,
  MATRIX,
  matrix as matrixOf,
  negative,
  number,
  over,
  plus,
  power,
  refuse,
  times,
  variable,
  withUnit,
} from './value.ts'

/** The deepest nesting of an answer. */
const DEEPEST = 64

const RELATIONS = new Set(['=', '≤', '≥', '<', '>', '≠', '∈', '≈'])
const STARTS = new Set(['(', '[', '{', '\\{', '\\langle', '\\frac', '\\sqrt', '\\log', '\\binom', '\\boxed', '\\fbox', '\\begin', '\\lfloor', '\\lceil', '\\vec', '\\hat', '\\overline', '\\bar', '\\mathbb']) // prettier-ignore
const ENVIRONMENT = /^(?:[pbB]?(?:small)?matrix|array)$/
/** Letters that name functions: `f(2)` is a name, where `x(x + 1)` is a product. */
const FUNCTION_NAME = /^[fghFGHPQTSW]$/
const ONE = number(Q.ONE)
const HALF = number({ n: 1n, d: 2n })
const TEN = number(Q.integer(10n))

export const parse = (given: readonly Token[]): MathValue => {
  const rest = [...given]
  let at = 0
  let depth = 0
  let bars = 0 // open absolute values: in one, a bar closes it

  const next = (offset = 0): string | undefined => {
    const token = rest[at + offset]
    return token?._tag === 'Symbol' ? token.text : undefined
  }
  const take = (...symbols: readonly string[]): string | null => {
    const symbol = next()
    if (symbol === undefined || !symbols.includes(symbol)) return null
    at++
    return symbol
  }
  const expect = (symbol: string): void => {
    if (take(symbol) === null) refuse()
  }
  const deeper = <T>(inside: () => T): T => {
    if (++depth > DEEPEST) refuse()
    const value = inside()
    depth--
    return value
  }

  const separated = (): readonly MathValue[] => {
    const items = [relation()]
    while (take(',', ';') !== null) {
      while (take(',', ';') !== null); // `, and`
      items.push(relation())
    }
    return items
  }

  const relation = (): MathValue => {
    const sides = [ratio()]
    const by: string[] = []
    while (RELATIONS.has(next() ?? '')) {
      by.push(next()!)
      at++
      sides.push(ratio())
    }
    return related(sides, by)
  }

  const ratio = (): MathValue => {
    const from = at
    const first = union()
    if (next() !== ':') return first
    const terms = [first]
    while (take(':') !== null) terms.push(union())
    const numbers = terms.map((term) => (term._tag === 'Expression' ? term : refuse()))
    return { _tag: 'Ratio', terms: numbers, clock: clockOf(rest.slice(from, at)) }
  }

  const union = (): MathValue => {
    const parts = [sum()]
    while (take('∪') !== null) parts.push(sum())
    return parts.length === 1 ? parts[0]! : { _tag: 'Union', parts }
  }

  /** Of `a \pm b \mp c` both branches at once: the signs change together. */
  const sum = (): MathValue => {
    const first = take('-', '+', '±', '∓')
    const leading = product()
    const zero = number(Q.ZERO)
    let upper = first === null || first === '+' ? leading : first === '-' ? negative(leading) : signedBy(first, leading)
    let lower: MathValue | null = first === '±' || first === '∓' ? signedBy(first === '±' ? '∓' : '±', leading) : null
    for (;;) {
      const sign = take('+', '-', '±', '∓')
      if (sign === null) break
      const term = product()
      if (sign === '±' || sign === '∓') {
        lower = plus(lower ?? upper, signedBy(sign === '±' ? '∓' : '±', term))
        upper = plus(upper, signedBy(sign, term))
      } else {
        const signed = sign === '-' ? negative(term) : term
        upper = plus(upper, signed)
        if (lower !== null) lower = plus(lower, signed)
      }
    }
    if (lower === null) return upper
    const items = [upper, lower].map((branch) => (branch._tag === 'Expression' ? branch : plus(branch, zero)))
    return {
      _tag: 'List',
      branches: true,
      items: items.flatMap((item) => (item._tag === 'List' ? item.items : [item])),
    }
  }

  const product = (): MathValue => {
    let result = mixed() ?? raised()
    for (;;) {
      if (take('*') !== null) result = times(result, signed())
      else if (take('/') !== null) result = over(result, signed())
      else if (take('%') !== null) result = result._tag === 'Expression' ? { ...result, percent: true } : refuse()
      else if (take('°') !== null) result = measured(result, 'degree')
      else if (rest[at]?._tag === 'Word') result = measured(result, unit())
      else if (rest[at]?._tag === 'Number' && rest[at - 1]?._tag === 'Number') return refuse()
      else if (startsAtom()) result = times(result, raised())
      else return result
    }
  }
  const signed = (): MathValue => (take('-') !== null ? negative(raised()) : raised())

  /** `5 cm`. Money comes before its number, as a word that is a factor: `\$5`. */
  const measured = (value: MathValue, name: string): MathValue => {
    if (value._tag === 'Expression') return withUnit(value, name)
    if (value._tag === 'List' || value._tag === 'Tuple') return value
    return refuse()
  }
  const unit = (): string => {
    const words: string[] = []
    for (;;) {
      const token = rest[at]
      if (token?._tag === 'Word') words.push(token.text)
      else if (next() === '/' && rest[at + 1]?._tag === 'Word') {
        const under = rest[++at]
        words.push(`per ${under?._tag === 'Word' ? under.text : ''}`)
      } else break
      at++
    }
    const name = unitOf(words.join(' '))
    if (take('^') === null) return name
    const exponent = argument()
    return exponent._tag === 'Expression' && exponent.exact !== null ? `${name}^${exponent.exact.n}` : refuse()
  }

  /** `2\frac12` and `2 1/2` are two and a half, where the fraction is proper and of numerals. */
  const mixed = (): MathValue | null => {
    const [whole, ...fraction] = rest.slice(at, at + 4)
    if (whole?._tag !== 'Number' || !whole.digits) return null
    const [u, bar, v] = fraction
    if (u?._tag === 'Number' && u.digits) {
      const slashed = bar?._tag === 'Symbol' && bar.text === '/' && v?._tag === 'Number' && v.digits
      if (!slashed || Q.compare(u.value, v.value) >= 0) return null
      at += 4
      return plus(number(whole.value), over(number(u.value), number(v.value)))
    }
    if (next(1) !== '\\frac') return null
    const [start, before] = [at, [...rest.slice(at, at + 10)]]
    at += 2
    const [above, under] = fractionArguments()
    const read = [above, under].map((x) => (x._tag === 'Expression' ? x.exact : null))
    const [n, d] = [read[0] ?? null, read[1] ?? null]
    const proper = n !== null && d !== null && n.d === 1n && d.d === 1n && n.n > 0n && n.n < d.n
    if (proper) return plus(number(whole.value), over(above, under))
    if (n !== null && d !== null && n.d === 1n && d.d === 1n) return refuse() // `1\frac95`: a sum, or a product?
    at = start
    rest.splice(at, before.length, ...before)
    return null
  }

  const raised = (): MathValue => {
    const base = atom()
    let value = base
    for (let powers = 0; ;) {
      if (take('^') !== null) {
        if (take('°') !== null) value = measured(value, 'degree')
        else if (next() === '{' && next(1) === '°' && next(2) === '}') {
          at += 3
          value = measured(value, 'degree')
        } else if (powers++ > 0) return refuse()
        else value = power(value, argument())
      } else if (take('!') !== null) value = apply(R.factorial, value)
      else return value
    }
  }

  const startsAtom = (): boolean => {
    const token = rest[at]
    if (token === undefined || token._tag === 'Word') return false
    if (token._tag === 'Number') return true
    if (token.text === '|') return bars === 0
    return (
      /^[a-zA-Z]$/.test(token.text) ||
      STARTS.has(token.text) ||
      token.text in FUNCTIONS ||
      token.text in CONSTANTS ||
      GREEK.test(token.text)
    )
  }

  /** What follows `^` or `\sqrt`: a group in braces, or one token. `x^10` is meant as `x^{10}`, though TeX sets another. */
  const argument = (): MathValue =>
    deeper(() => (take('-') !== null ? negative(argument()) : take('+') !== null ? argument() : atom()))

  /** Both arguments of `\frac`: of a numeral without braces the first digit alone, and of `\frac123` none can say. */
  const fractionArguments = (): readonly [MathValue, MathValue] => {
    const upper = digit() ?? argument()
    const lower = digit() ?? argument()
    return split === at ? refuse() : [upper, lower]
  }
  let split = -1 // where the rest of a numeral stands whose first digit was an argument
  const digit = (): MathValue | null => {
    const token = rest[at]
    if (token?._tag !== 'Number' || !token.digits || token.text.length === 1) return null
    const [first, others] = [token.text[0]!, token.text.slice(1)]
    rest[at] = { ...token, text: others, value: Q.decimal(others) ?? refuse() }
    split = at
    return number(Q.decimal(first) ?? refuse())
  }

  const subscript = (): string => {
    if (take('_') === null) return ''
    if (next() !== '{') {
      const token = rest[at++] ?? refuse()
      return token.text
    }
    let open = 0
    let name = ''
    do {
      const token = rest[at++] ?? refuse()
      if (token._tag === 'Symbol' && token.text === '{') open++
      else if (token._tag === 'Symbol' && token.text === '}') open--
      else name += token.text
    } while (open > 0)
    return name
  }

  const delimited = (open: string): MathValue =>
    deeper(() => {
      if (open === '\\{' && take('\\}') !== null) return { _tag: 'List', items: [] }
      const outer = bars
      bars = 0
      const items = separated()
      bars = outer
      const close = next() ?? refuse()
      at++
      if (open === '{') return close !== '}' ? refuse() : items.length === 1 ? items[0]! : { _tag: 'List', items }
      if (open === '\\{') return close === '\\}' ? { _tag: 'List', items } : refuse()
      if (open === '\\langle') return close === '\\rangle' ? { _tag: 'Tuple', brackets: '()', items } : refuse()
      if (close !== ')' && close !== ']') return refuse()
      const grouped = items.length === 1 && (open === '(') === (close === ')')
      return grouped ? items[0]! : { _tag: 'Tuple', brackets: open + close, items }
    })

  const matrix = (): MathValue => {
    const kind = environment()
    if (!ENVIRONMENT.test(kind)) return refuse()
    if (kind === 'array') environment() // how its columns are set
    const rows = [[sum()]]
    for (;;) {
      if (take('&') !== null) rows.at(-1)!.push(sum())
      else if (take('\\\\') !== null) {
        if (next() === '\\end') break
        rows.push([sum()])
      } else break
    }
    expect('\\end')
    return environment() === kind ? matrixOf(rows) : refuse()
  }
  const environment = (): string => {
    expect('{')
    let name = ''
    while (take('}') === null) name += (rest[at++] ?? refuse()).text
    return name
  }

  /** What a function without brackets is of: the factors up to the next function, `\sin 2x` or `\sin b \cos a`. */
  const functionArgument = (): MathValue => {
    if (['(', '[', '{', '|'].includes(next() ?? '')) return atom()
    const minus = take('-') !== null
    let value = mixed() ?? raised()
    while (startsAtom() && next() !== '|' && !((next() ?? '') in FUNCTIONS) && next() !== '\\log' && next() !== '(')
      value = times(value, raised())
    return minus ? negative(value) : value
  }

  const applied = (name: string): MathValue =>
    deeper(() => {
      const exponent = take('^') !== null ? argument() : null
      const inverse = INVERSES[name]
      const isInverse = exponent?._tag === 'Expression' && exponent.exact?.n === -1n && exponent.exact.d === 1n
      if (isInverse && inverse !== undefined) return apply(FUNCTIONS[inverse]!, functionArgument())
      const value = apply(FUNCTIONS[name]!, functionArgument())
      return exponent === null ? value : power(value, exponent)
    })

  const logOf = (): MathValue =>
    deeper(() => {
      const base = take('_') !== null ? argument() : TEN
      return over(apply(logarithm, functionArgument()), apply(logarithm, base))
    })

  const root = (): MathValue => {
    if (take('[') === null) return power(argument(), HALF)
    const degree = sum()
    expect(']')
    return power(argument(), over(ONE, degree))
  }

  const between = (close: string, f: (a: R.Arithmetic, x: R.Real) => R.Real | null): MathValue => {
    const value = sum()
    expect(close)
    return apply(f, value)
  }

  const named = (letter: string): MathValue => {
    let name = letter
    while (take("'") !== null) name += "'"
    const whole = variable(`${name}_${subscript()}`)
    if (!FUNCTION_NAME.test(letter) || next() !== '(') return whole
    const called = times(whole, atom())
    return called._tag === 'Expression' ? { ...called, name: true } : called
  }

  const atom = (): MathValue => deeper(unnested)
  const unnested = (): MathValue => {
    const token = rest[at++] ?? refuse()
    if (token._tag === 'Word') return word(token.text)
    if (token._tag === 'Number')
      return token.digits && next() === '_' ? inBase(token.text, subscript()) : numeralOf(token)
    const symbol = token.text
    const known = CONSTANTS[symbol]
    if (known !== undefined && next() !== '_') return known
    if (/^[a-zA-Z]$/.test(symbol) || GREEK.test(symbol)) return named(symbol)
    if (symbol in FUNCTIONS) return applied(symbol)
    switch (symbol) {
      case '(':
      case '[':
      case '{':
      case '\\{':
      case '\\langle':
        return delimited(symbol)
      case '|': {
        bars++
        const inside = sum()
        bars--
        expect('|')
        const magnitude = apply((_, x) => R.absolute(x), inside)
        return magnitude._tag === 'Expression' && inside._tag === 'Expression' && inside.name
          ? { ...magnitude, magnitude: true }
          : magnitude
      }
      case '\\frac':
        return over(...fractionArguments())
      case '\\binom':
        return binomial(...fractionArguments())
      case '\\sqrt':
        return root()
      case '\\log':
        return logOf()
      case '\\lfloor':
        return between('\\rfloor', R.floor)
      case '\\lceil':
        return negative(between('\\rceil', (a, x) => R.floor(a, R.negative(x))))
      case '\\boxed':
      case '\\fbox':
        return argument()
      case '\\begin':
        return matrix()
      case '\\vec':
      case '\\hat':
      case '\\overline':
      case '\\bar':
        return variable(`${symbol}${wrapped()}`)
      case '\\emptyset':
      case '\\varnothing':
      case '∅':
        return { _tag: 'List', items: [] }
      case '\\mathbb':
        return { _tag: 'Word', text: `\\mathbb ${wrapped()}` }
      default:
        return refuse()
    }
  }
  const wrapped = (): string => {
    at--
    rest[at] = { _tag: 'Symbol', text: '_' }
    return subscript()
  }

  /** A word before a number is money (`\$5`), or what is said of it; alone it is itself. */
  const word = (text: string): MathValue => {
    if (text === 'dollar' && startsAtom()) return measured(mixed() ?? raised(), 'dollar')
    let whole = text
    for (let token = rest[at]; token?._tag === 'Word'; token = rest[++at]) whole += ` ${token.text}`
    return { _tag: 'Word', text: plainWords(whole) }
  }

  const items = separated()
  if (at !== rest.length) return refuse()
  return items.length === 1 ? items[0]! : { _tag: 'List', items: inGroups(items) }
}

/** Words without what sets them apart. */
export const plainWords = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[\s.,;:!?'"~\\-]+/g, ' ')
    .trim()

const signedBy = (sign: string, value: MathValue): MathValue => (sign === '∓' ? negative(value) : value)

const numeralOf = (token: Token & { readonly _tag: 'Number' }): Expression => number(token.value, token.places)

/** A number in the base that its subscript says. */
const inBase = (digits: string, base: string): MathValue => {
  const radix = Number(base)
  if (!(Number.isInteger(radix) && radix >= 2 && radix <= 10) || digits.length > 1000) return refuse()
  if (Array.from(digits).some((digit) => Number(digit) >= radix)) return refuse()
  return number(Q.integer(Array.from(digits).reduce((value, digit) => value * BigInt(radix) + BigInt(digit), 0n)))
}

/** `10:30`, where a ratio is written as a time is. */
const clockOf = (written: readonly Token[]): string | null => {
  const [hours, colon, minutes] = written
  if (hours?._tag !== 'Number' || minutes?._tag !== 'Number' || colon?._tag !== 'Symbol') return null
  const time = /^\d{1,2}$/.test(hours.text) && /^[0-5]\d$/.test(minutes.text) && Number(hours.text) <= 24
  return time ? `${Number(hours.text)}:${minutes.text}` : null
}

/** `p=5, q=2; p=7, q=2` are two pairs. */
const inGroups = (items: readonly MathValue[]): readonly MathValue[] => {
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
const related = (sides: readonly MathValue[], by: readonly string[]): MathValue => {
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

export { MATRIX }
