/** The smallest parts of an answer: numerals, names, groups, functions, roots, matrices, words. */
import type { Cursor } from './cursor.ts'
import { CONSTANTS, FUNCTIONS, GREEK, INVERSES, logarithm } from './functions.ts'
import * as Q from './rational.ts'
import * as R from './real.ts'
import { quantity } from './magnitude.ts'
import { saying } from './number-words.ts'
import { unitOf } from './units.ts'
import {
  apply,
  binomial,
  type MathValue,
  matrix as matrixOf,
  negative,
  number,
  over,
  power,
  refuse,
  times,
  variable,
  withUnit,
} from './value.ts'

const STARTS = new Set(['(', '[', '{', '\\{', '\\langle', '\\frac', '\\sqrt', '\\log', '\\binom', '\\boxed', '\\fbox', '\\begin', '\\lfloor', '\\lceil', '\\vec', '\\hat', '\\overline', '\\bar', '\\mathbb']) // prettier-ignore
const ENVIRONMENT = /^(?:[pbB]?(?:small)?matrix|array)$/
/** Letters that name functions: `f(2)` is a name, where `x(x + 1)` is a product. */
const FUNCTION_NAME = /^[fghFGHPQTSW]$/
const ONE = number(Q.ONE)
const HALF = number({ n: 1n, d: 2n })
const TEN = number(Q.integer(10n))

/** What atoms are made of in their turn. */
export interface Grammar {
  readonly separated: () => readonly MathValue[]
  readonly sum: () => MathValue
  /** A factor: an atom with its powers, or a mixed number. */
  readonly factor: () => MathValue
}

export interface Atoms {
  readonly atom: () => MathValue
  /** Whether an atom is next, so that it is a factor of what is before it. */
  readonly starts: () => boolean
  readonly argument: () => MathValue
  readonly fractionArguments: () => readonly [MathValue, MathValue]
}

/** `5 million dollars`: a value times what its words say, and the unit after them; `5 squared` is a power. */
export const worded = (value: MathValue, words: string, exponent = ''): MathValue => {
  const { factor, power: degree, unit } = quantity(words) ?? refuse()
  const whole = degree === 1n ? value : power(value, number(Q.integer(degree)))
  const scaled = Q.equal(factor, Q.ONE) ? whole : times(whole, number(factor))
  return unit === '' ? scaled : measured(scaled, unitOf(unit) + exponent)
}

/** `5 cm`: a value, and its unit, which of alternatives and of tuples is not kept. */
export const measured = (value: MathValue, unit: string): MathValue => {
  if (value._tag === 'Expression') return withUnit(value, unit)
  return value._tag === 'List' || value._tag === 'Tuple' ? value : refuse()
}

export const atoms = (cursor: Cursor, { separated, sum, factor }: Grammar): Atoms => {
  const { advance, deeper, digit, expect, next, take, token } = cursor
  let bars = 0 // open absolute values: in one, a bar closes it

  const starts = (): boolean => {
    const found = token()
    if (found === undefined || found._tag === 'Word') return false
    if (found._tag === 'Number') return true
    if (found.text === '|') return bars === 0
    return (
      /^[a-zA-Z]$/.test(found.text) ||
      STARTS.has(found.text) ||
      found.text in FUNCTIONS ||
      found.text in CONSTANTS ||
      GREEK.test(found.text)
    )
  }

  /** What follows `^` or `\sqrt`: a group in braces, or one token. `x^10` is meant as `x^{10}`, though TeX sets another. */
  const argument = (): MathValue =>
    deeper(() => (take('-') !== null ? negative(argument()) : take('+') !== null ? argument() : atom()))

  /** Both arguments of `\frac`: of a numeral without braces the first digit alone, and of `\frac123` none can say. */
  const fractionArguments = (): readonly [MathValue, MathValue] => {
    const [upper, lower] = [fractionArgument(), fractionArgument()]
    return cursor.splits() ? refuse() : [upper, lower]
  }
  const fractionArgument = (): MathValue => {
    const first = digit()
    return first === null ? argument() : number(first)
  }

  const subscript = (): string => (take('_') === null ? '' : verbatim())
  /** A token, or what stands in braces, as it is written. */
  const verbatim = (): string => {
    if (next() !== '{') {
      return advance().text
    }
    let open = 0
    let name = ''
    do {
      const part = advance()
      if (part._tag === 'Symbol' && part.text === '{') open++
      else if (part._tag === 'Symbol' && part.text === '}') open--
      else name += part.text
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
      advance()
      if (open === '{')
        return close !== '}' ? refuse() : items.length === 1 ? items[0]! : { _tag: 'List', set: true, items }
      if (open === '\\{') return close === '\\}' ? { _tag: 'List', set: true, items } : refuse()
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
    while (take('}') === null) name += advance().text
    return name
  }

  /** What a function without brackets is of: the factors up to the next function, `\sin 2x` or `\sin b \cos a`. */
  const functionArgument = (): MathValue => {
    if (['(', '[', '{', '|'].includes(next() ?? '')) return atom()
    const minus = take('-') !== null
    let value = factor()
    while (starts() && next() !== '|' && !((next() ?? '') in FUNCTIONS) && next() !== '\\log' && next() !== '(')
      value = times(value, factor())
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
    const stepped = apply(f, value)
    return stepped._tag === 'Expression' ? { ...stepped, steps: true } : stepped
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
    const first = advance()
    if (first._tag === 'Word') return word(first.text)
    if (first._tag === 'Number')
      return first.digits && next() === '_' ? inBase(first.text, subscript()) : number(first.value, first.places)
    const symbol = first.text
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
        return variable(`${symbol}${verbatim()}`)
      case '\\emptyset':
      case '\\varnothing':
      case '∅':
        return { _tag: 'List', items: [] }
      case '\\mathbb':
        return { _tag: 'Word', text: `\\mathbb ${verbatim()}` }
      default:
        return refuse()
    }
  }
  /** A word before a number is money (`\$5`), or what is said of it; alone it is itself. */
  const word = (text: string): MathValue => {
    if (text === 'dollar' && starts()) return measured(factor(), 'dollar')
    if (text === 'dollar' && take('-') !== null) return negative(measured(factor(), 'dollar'))
    let whole = text
    while (token()?._tag === 'Word') whole += ` ${advance().text}`
    return saying(whole)
  }
  return { atom, starts, argument, fractionArguments }
}

/** A number in the base that its subscript says. */
const inBase = (digits: string, base: string): MathValue => {
  const radix = Number(base)
  if (!(Number.isInteger(radix) && radix >= 2 && radix <= 10) || digits.length > 1000) return refuse()
  if (Array.from(digits).some((digit) => Number(digit) >= radix)) return refuse()
  return number(Q.integer(Array.from(digits).reduce((value, digit) => value * BigInt(radix) + BigInt(digit), 0n)))
}
