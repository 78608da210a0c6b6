/** Words after a number that say how much of it there is, and so are no unit that may be left off. */
import * as Q from './rational.ts'

const COUNTS: ReadonlyMap<string, bigint> = new Map(Object.entries({
  hundred: 100n, thousand: 1000n, million: 10n ** 6n, billion: 10n ** 9n, trillion: 10n ** 12n, quadrillion: 10n ** 15n,
  lakh: 10n ** 5n, crore: 10n ** 7n, dozen: 12n,
})) // prettier-ignore

/** A second is a time. */
const PARTS: ReadonlyMap<string, bigint> = new Map(Object.entries({
  half: 2n, halve: 2n, third: 3n, quarter: 4n, fourth: 4n, fifth: 5n, sixth: 6n, seventh: 7n, eighth: 8n, ninth: 9n,
  tenth: 10n, twelfth: 12n, hundredth: 100n, thousandth: 1000n, millionth: 10n ** 6n, billionth: 10n ** 9n,
})) // prettier-ignore

const POWERS: ReadonlyMap<string, bigint> = new Map(Object.entries({ squared: 2n, cubed: 3n }))

/** What makes another number of the one before it in a way that is not read. */
const OPERATION =
  /^\(?(?:factorial|(?:in )?base|choose|plus|minus|divided|over|point|to the (?!nearest)|or|and|recurring|repeating|at (?:least|most)|(?:degrees? )?below zero)\b/

const factorOf = (word: string): Q.Rational | null => {
  const one = word.replace(/s$/, '')
  const [count, part] = [COUNTS.get(one), PARTS.get(one)]
  return count !== undefined ? Q.integer(count) : part !== undefined ? { n: 1n, d: part } : null
}

export interface Quantity {
  readonly factor: Q.Rational
  readonly power: bigint
  /** The words that are left. */
  readonly unit: string
}

/** What the words after a number make of it; null where they are not read. */
export const quantity = (text: string): Quantity | null => {
  const words = text.trim().split(/[\s-]+/)
  const power = words.length === 1 ? POWERS.get(words[0]!.toLowerCase()) : undefined
  if (power !== undefined) return { factor: Q.ONE, power, unit: '' }
  let factor: Q.Rational = Q.ONE
  let at = 0
  for (; at < words.length; at++) {
    const by = factorOf(words[at]!.toLowerCase())
    const product = by === null ? null : Q.multiply(factor, by)
    if (by === null) break
    if (product === null) return null
    factor = product
  }
  const unit = at === 0 ? text : words.slice(at).join(' ')
  return OPERATION.test(unit.trim().toLowerCase()) ? null : { factor, power: 1n, unit }
}

const NAMES = [...COUNTS.keys(), ...PARTS.keys()].map((word) => `${word}s?`)

const WORDS = `^(?:[ \\t-]{1,3}(?:${[...NAMES, ...POWERS.keys()].join('|')})\\b)+`

/** Names of parts of one: seven halves are a calculation. */
export const PART = new RegExp(`\\b(?:halves|${[...PARTS.keys()].join('|')})s?\\b`, 'i')

/** Words that say how much of a number there is, right behind it. */
export const SCALE = new RegExp(WORDS, 'i')

/** Such words, and others that make another number of it or none. */
export const MAGNITUDE = new RegExp(
  `${WORDS}|` +
    '^[ \\t]{0,3}(?:factorial|\\(?(?:in )?base[ \\t]\\w+\\)?|choose[ \\t]\\w+|(?:plus|minus|over|point|times)[ \\t]\\$?\\d+|divided by|to the (?!nearest)\\w+|recurring|repeating|at (?:least|most)|(?:degrees? )?below zero|or (?:more|less|fewer|greater)|and (?:a|one|two|three)[ \\t-](?:half|thirds?|quarters?))(?![a-zA-Z])',
  'i',
)
