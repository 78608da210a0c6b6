/**
 * A reader of the LaTeX in which answers are written. What it does not know it refuses: an answer must never be right
 * because it was not understood.
 */
import {
  apply,
  constant,
  expression,
  type MathValue,
  negative,
  over,
  plus,
  power,
  refuse,
  times,
  Unreadable,
} from './math-value.ts'

const TOKEN = /"[^"]*"|\\[a-zA-Z]+|\\.|\d+(?:\.\d+)?|\.\d+|\S/g

const CLEANING: readonly (readonly [RegExp, string])[] = [
  [/(?<!\\)\\\\(?=[a-zA-Z({[])/g, '\\'], // escaped once too often
  [/\{\s*,\s*\}|,\\!\s*/g, ''], // thousands
  [/(?<!\\)\\[!,;: ]|\\q?quad|\\limits|\\displaystyle|~|\n/g, ' '],
  [/\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])/g, ''],
  [/\\[dtc]frac/g, '\\frac'],
  [/\^\s*(?:\\circ|\{\s*\\circ\s*\})|\\degree|°/g, ''],
  [/\\?%|\\?\$|€/g, ' '],
  [/\\cdot(?![a-zA-Z])|\\times|\\ast/g, '*'],
  [/\\div(?![a-zA-Z])/g, '/'],
  [/\\leq?(?:slant)?(?![a-zA-Z])|<=/g, '≤'],
  [/\\geq?(?:slant)?(?![a-zA-Z])|>=/g, '≥'],
  [/\\neq?(?![a-zA-Z])|\\not\s*=|!=/g, '≠'],
  [/(=.*)\\approx.*/g, '$1'], // exact, then rounded
  [/\\lt(?![a-zA-Z])/g, '<'],
  [/\\gt(?![a-zA-Z])/g, '>'],
  [/\\[lr]?vert(?![a-zA-Z])/g, '|'],
  [/\\(?:text|textbf|textit|textrm|textnormal|mathrm|mbox|operatorname)\s*\{\s*(and|or)\s*\}/g, ' , '],
  [/\\(?:text|textbf|textit|textrm|textnormal|mathrm|mbox|operatorname)\s*\{([^{}"]*)\}/g, ' "$1" '],
  [/(?<![a-zA-Z\\"])(?:and|or)(?![a-zA-Z"])|(?<=[)\d])or(?=[A-Za-z])/g, ' , '],
  [/[.,;\s]+$/g, ''],
]

const clean = (text: string): string => {
  const cleaned = CLEANING.reduce((t, [pattern, by]) => t.replaceAll(pattern, by), text).trim()
  return /^[-+]?\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(cleaned) ? cleaned.replaceAll(',', '') : cleaned
}

/**
 * What a piece of LaTeX says, or null where it is not understood.
 *
 * @internal
 */
export const readMath = (text: string): MathValue | null => {
  const cleaned = clean(text)
  const alone = /^"([^"]*)"$/.exec(cleaned)
  if (alone !== null) return readMath(alone[1]!)
  if (/^[a-zA-Z][a-zA-Z ]{2,}$/.test(cleaned)) return { _tag: 'Word', text: cleaned.toLowerCase() }
  try {
    return parse(cleaned.match(TOKEN) ?? [])
  } catch (thrown) {
    if (thrown instanceof Unreadable) return null
    throw thrown
  }
}

const MATRIX = 'matrix' // whatever stands around it
const FUNCTIONS: Readonly<Record<string, (x: number) => number>> = {
  '\\sin': Math.sin,
  '\\cos': Math.cos,
  '\\tan': Math.tan,
  '\\cot': (x) => 1 / Math.tan(x),
  '\\sec': (x) => 1 / Math.cos(x),
  '\\csc': (x) => 1 / Math.sin(x),
  '\\arcsin': Math.asin,
  '\\arccos': Math.acos,
  '\\arctan': Math.atan,
  '\\ln': Math.log,
  '\\exp': Math.exp,
}
const CONSTANTS: Readonly<Record<string, number>> = { '\\pi': Math.PI, π: Math.PI, e: Math.E, '\\infty': Infinity }
const GREEK = /^\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|nu|rho|sigma|tau|phi|varphi|omega|Delta)$/
const RELATIONS = ['=', '≤', '≥', '<', '>', '≠', '\\in', '\\approx']

const factorial = (n: number): number => {
  if (!Number.isInteger(n) || n < 0 || n > 170) return NaN
  return n === 0 ? 1 : n * factorial(n - 1)
}

/** Recursive descent over tokens: list > relation > union > sum > product > power > atom. */
const parse = (given: readonly string[]): MathValue => {
  const tokens = [...given]
  let at = 0
  let bars = 0 // open absolute values: in one, a bar closes it
  const next = (): string | undefined => tokens[at]
  const take = (token: string): boolean => next() === token && (at++, true)
  const expect = (token: string): void => {
    if (!take(token)) refuse()
  }

  const list = (): MathValue => {
    const items = separated()
    return items.length === 1 ? items[0]! : { _tag: 'List', items }
  }
  const separated = (): readonly MathValue[] => {
    const items = [relation()]
    while (take(',') || take(';')) items.push(relation())
    return items
  }

  const relation = (): MathValue => {
    const sides = [union()]
    const by: string[] = []
    while (RELATIONS.includes(next() ?? '')) {
      by.push(tokens[at++]!)
      sides.push(union())
    }
    return related(sides, by)
  }

  const union = (): MathValue => {
    const parts = [sum()]
    while (take('\\cup')) parts.push(sum())
    return parts.length === 1 ? parts[0]! : { _tag: 'List', items: parts }
  }

  const sum = (): MathValue => {
    let total = take('-') ? negative(product()) : (take('+'), product())
    for (;;) {
      if (take('+')) total = plus(total, product())
      else if (take('-')) total = plus(total, negative(product()))
      else return total
    }
  }

  const product = (): MathValue => {
    let result = raised()
    for (;;) {
      if (take('*')) result = times(result, signed())
      else if (take('/') || take(':')) result = over(result, signed())
      else if (next()?.startsWith('"') === true)
        at++ // a unit
      else if (startsAtom()) result = times(result, raised())
      else return result
    }
  }
  const signed = (): MathValue => (take('-') ? negative(raised()) : raised())

  const raised = (): MathValue => {
    let base = atom()
    for (;;) {
      if (take('^')) base = power(base, argument())
      else if (take('!')) base = apply(factorial, base)
      else return base
    }
  }

  const startsAtom = (): boolean => {
    const token = next()
    if (token === undefined) return false
    if (token === '|') return bars === 0
    return (
      /^[\da-zA-Zπ({[.]/.test(token) ||
      ['\\frac', '\\sqrt', '\\log', '\\lg', '\\binom', '\\boxed', '\\begin', '\\{'].includes(token) ||
      token in FUNCTIONS ||
      token in CONSTANTS ||
      GREEK.test(token)
    )
  }

  /** What follows `\frac`, `^` or `\sqrt`: a group in braces, or one token, and of a number its first digit alone. */
  const argument = (): MathValue => {
    const token = next() ?? refuse()
    if (/^\d{2,}/.test(token)) {
      tokens[at] = token.slice(1)
      return constant(Number(token[0]))
    }
    return token === '-' ? signed() : atom()
  }

  const subscript = (): string => {
    if (!take('_')) return ''
    if (!take('{')) return tokens[at++] ?? refuse()
    const from = at
    while (next() !== undefined && next() !== '}') at++
    const name = tokens.slice(from, at).join('')
    expect('}')
    return name
  }

  const delimited = (open: string): MathValue => {
    const outer = bars
    bars = 0
    const items = separated()
    bars = outer
    const close = tokens[at++] ?? refuse()
    if (open === '{') return close === '}' && items.length === 1 ? items[0]! : refuse()
    if (open === '\\{') return close === '\\}' ? { _tag: 'List', items } : refuse()
    if (close !== ')' && close !== ']') return refuse()
    const [only] = items
    if (items.length === 1 && only?._tag === 'Tuple' && only.brackets === MATRIX) return only
    return items.length === 1 && open === '(' && close === ')'
      ? items[0]!
      : { _tag: 'Tuple', brackets: open + close, items }
  }

  const matrix = (): MathValue => {
    const kind = environment()
    if (kind === 'array') environment() // how its columns are set
    const rows = [[sum()]]
    for (;;) {
      if (take('&')) rows.at(-1)!.push(sum())
      else if (take('\\\\')) {
        if (next() === '\\end') break
        rows.push([sum()])
      } else break
    }
    expect('\\end')
    if (environment() !== kind || !/^(?:[pbvVB]?matrix|array)$/.test(kind)) return refuse()
    const tuple = (items: readonly MathValue[]): MathValue => ({ _tag: 'Tuple', brackets: MATRIX, items })
    return tuple(rows.map(tuple))
  }
  const environment = (): string => {
    expect('{')
    const from = at
    while (/^[a-z]$/.test(next() ?? '')) at++
    const name = tokens.slice(from, at).join('')
    expect('}')
    return name
  }

  const logarithm = (): MathValue => {
    const base = take('_') ? argument() : constant(10)
    return over(apply(Math.log, raised()), apply(Math.log, base))
  }

  const root = (): MathValue => {
    if (!take('[')) return apply(Math.sqrt, argument())
    const degree = sum()
    expect(']')
    return power(argument(), over(constant(1), degree))
  }

  const atom = (): MathValue => {
    const token = tokens[at++] ?? refuse()
    if (/^[\d.]+$/.test(token)) return numeral(token, subscript())
    if (token in CONSTANTS && next() !== '_') return constant(CONSTANTS[token]!)
    if (/^[a-zA-Z]$/.test(token) || GREEK.test(token)) {
      const name = `${token}_${subscript()}`
      return expression((point) => point(name), true)
    }
    const f = FUNCTIONS[token]
    if (f !== undefined) {
      if (!take('^')) return apply(f, raised())
      const exponent = argument()
      return power(apply(f, raised()), exponent)
    }
    switch (token) {
      case '(':
      case '[':
      case '{':
      case '\\{':
        return delimited(token)
      case '|': {
        bars++
        const inside = sum()
        bars--
        expect('|')
        return apply(Math.abs, inside)
      }
      case '\\frac':
        return over(argument(), argument())
      case '\\binom': {
        const [n, k] = [argument(), argument()]
        return over(apply(factorial, n), times(apply(factorial, k), apply(factorial, plus(n, negative(k)))))
      }
      case '\\sqrt':
        return root()
      case '\\log':
      case '\\lg':
        return logarithm()
      case '\\boxed':
        return argument()
      case '\\begin':
        return matrix()
      default:
        return token.startsWith('"') ? { _tag: 'Word', text: token.slice(1, -1).trim().toLowerCase() } : refuse()
    }
  }

  const whole = list()
  return at === tokens.length ? whole : refuse()
}

/** A number in base ten, or in the base that its subscript says. */
const numeral = (digits: string, base: string): MathValue => {
  if (base === '') return constant(Number(digits))
  const radix = Number(base)
  if (!(Number.isInteger(radix) && radix >= 2 && radix <= 36)) return refuse()
  const value = Number.parseInt(digits, radix)
  return value.toString(radix) === digits ? constant(value) : refuse()
}

/** `x in S` is S; `a < x <= b` the interval (a, b]; `a = b = c` is a = c; `x > y` is y < x. */
const related = (sides: readonly MathValue[], by: readonly string[]): MathValue => {
  const last = sides.at(-1)!
  if (by.length === 0) return last
  if (by.every((op) => op === '\\in')) return last
  if (by.length === 2 && by.every((op) => op === '<' || op === '≤'))
    return {
      _tag: 'Tuple',
      brackets: (by[0] === '<' ? '(' : '[') + (by[1] === '<' ? ')' : ']'),
      items: [sides[0]!, last],
    }
  if (by.every((op) => op === '=' || op === '\\approx'))
    return { _tag: 'Relation', by: '=', left: sides[0]!, right: last }
  const op = by[0]!
  if (by.length > 1) return refuse()
  if (op === '>' || op === '≥') return { _tag: 'Relation', by: op === '>' ? '<' : '≤', left: last, right: sides[0]! }
  return { _tag: 'Relation', by: op, left: sides[0]!, right: last }
}
