/** Arithmetic expressions over nonnegative integers, with + - * / and parentheses, computed exactly in fractions. */
import * as E from 'fp-ts/lib/Either.js'

/** An exact rational number in lowest terms, `denominator > 0`. */
export interface Fraction {
  readonly numerator: bigint
  readonly denominator: bigint
}

/** Why a text is no expression, with the position of the character that is wrong. */
export type ExpressionError =
  | { readonly _tag: 'Unexpected'; readonly position: number }
  | { readonly _tag: 'DivisionByZero'; readonly position: number }
  | { readonly _tag: 'TooLong'; readonly length: number }

/** The value of an expression, and the numbers it is written with, from left to right. */
export interface ExpressionValue {
  readonly value: Fraction
  readonly numbers: readonly number[]
}

// Bounds the recursion, and the digits of the fractions; a completion of a policy may be anything.
const LONGEST = 500

const gcd = (a: bigint, b: bigint): bigint => {
  let [x, y] = [a < 0n ? -a : a, b]
  while (y !== 0n) [x, y] = [y, x % y]
  return x
}

const fraction = (numerator: bigint, denominator: bigint): Fraction => {
  const sign = denominator < 0n ? -1n : 1n
  const by = sign * gcd(numerator, denominator < 0n ? -denominator : denominator)
  return { numerator: numerator / by, denominator: denominator / by }
}

const combine = {
  '+': (a: Fraction, b: Fraction) =>
    fraction(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator),
  '-': (a: Fraction, b: Fraction) =>
    fraction(a.numerator * b.denominator - b.numerator * a.denominator, a.denominator * b.denominator),
  '*': (a: Fraction, b: Fraction) => fraction(a.numerator * b.numerator, a.denominator * b.denominator),
  '/': (a: Fraction, b: Fraction) => fraction(a.numerator * b.denominator, a.denominator * b.numerator),
} as const

/**
 * Parses and computes `text`: the usual precedence, operators associate to the left, spaces are skipped, no unary signs.
 *
 * @example
 * ```ts
 * import { evaluateExpression } from '@adjoint/rl'
 * evaluateExpression('(25-7)*3') // Right { value: 54/1, numbers: [25, 7, 3] }
 * evaluateExpression('1/(2-2)') // Left { _tag: 'DivisionByZero', position: 1 }
 * ```
 */
export const evaluateExpression = (text: string): E.Either<ExpressionError, ExpressionValue> => {
  if (text.length > LONGEST) return E.left({ _tag: 'TooLong', length: text.length })
  const numbers: number[] = []
  let at = 0
  const peek = (): string => {
    while (text[at] === ' ') at++
    return text[at] ?? ''
  }
  type Parsed = E.Either<ExpressionError, Fraction>
  const unexpected = (): Parsed => E.left({ _tag: 'Unexpected', position: at })

  const atom = (): Parsed => {
    if (peek() === '(') {
      at++
      const inner = sum()
      if (E.isLeft(inner)) return inner
      if (peek() !== ')') return unexpected()
      at++
      return inner
    }
    const digits = /^\d+/.exec(text.slice(at))?.[0]
    if (digits === undefined) return unexpected()
    at += digits.length
    numbers.push(Number(digits))
    return E.right({ numerator: BigInt(digits), denominator: 1n })
  }

  const leftAssociative = (operators: string, operand: () => Parsed): Parsed => {
    let left = operand()
    while (E.isRight(left)) {
      const position = (peek(), at)
      const op = text[at]
      if (op === undefined || !operators.includes(op)) break
      at++
      const right = operand()
      if (E.isLeft(right)) return right
      if (op === '/' && right.right.numerator === 0n) return E.left({ _tag: 'DivisionByZero', position })
      left = E.right(combine[op as keyof typeof combine](left.right, right.right))
    }
    return left
  }
  const product = (): Parsed => leftAssociative('*/', atom)
  const sum = (): Parsed => leftAssociative('+-', product)

  const value = sum()
  if (E.isLeft(value)) return value
  return peek() === '' ? E.right({ value: value.right, numbers }) : E.left({ _tag: 'Unexpected', position: at })
}
