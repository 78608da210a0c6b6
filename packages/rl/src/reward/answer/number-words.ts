/** Whole numbers in words: `twenty-five`, `one hundred and three thousand`. */
import * as Q from './rational.ts'
import { plainWords } from './units.ts'
import { type MathValue, number } from './value.ts'

const SMALL: ReadonlyMap<string, bigint> = new Map(
  (
    'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen ' +
    'eighteen nineteen'
  )
    .split(' ')
    .map((word, value) => [word, BigInt(value)]),
)
const TENS: ReadonlyMap<string, bigint> = new Map(
  'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ').map((word, i) => [word, 10n * BigInt(i + 2)]),
)
const SCALES: ReadonlyMap<string, bigint> = new Map(
  'thousand million billion trillion quadrillion'.split(' ').map((word, i) => [word, 1000n ** BigInt(i + 1)]),
)

/**
 * What the words say, or null where they are no number. Each is worth less than the place that the one before it left
 * open: `twenty five` is 25, and neither `five twenty` nor `twenty twelve` is a number.
 */
const numberOf = (words: readonly string[]): bigint | null => {
  if (words.at(-1) === 'and') return null
  let total = 0n
  let group = 0n // of the scale that comes next
  let scale = 1000n ** 6n // of the group before
  let open = 1000n // what the next word of the group must be less than
  for (const word of words) {
    const [small, tens, by] = [SMALL.get(word), TENS.get(word), SCALES.get(word)]
    const value = small ?? tens
    if (value !== undefined) {
      if (value >= open || (value === 0n && (group > 0n || total > 0n))) return null
      group += value
      open = tens === undefined ? 0n : 10n
    } else if (word === 'hundred') {
      if (group === 0n || group > 99n || group % 10n === 0n) return null
      group *= 100n
      open = 100n
    } else if (by !== undefined) {
      if (group === 0n || by >= scale) return null
      total += group * by
      ;[group, scale, open] = [0n, by, 1000n]
    } else if (word !== 'and' || (group === 0n && total === 0n)) return null
  }
  return total + group
}

/** The number that a text spells, or null. */
export const spelled = (text: string): MathValue | null => {
  const value = numberOf(plainWords(text).split(' '))
  return value === null ? null : number(Q.integer(value))
}

/** What words say: a number, or themselves. */
export const saying = (text: string): MathValue => spelled(text) ?? { _tag: 'Word', text: plainWords(text) }
