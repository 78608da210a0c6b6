/** Units and the other words that may follow a number: which words are the same one. */

const SPELLINGS: readonly (readonly string[])[] = [
  ['centimeter', 'centimetre', 'cm'],
  ['millimeter', 'millimetre', 'mm'],
  ['kilometer', 'kilometre', 'km'],
  ['meter', 'metre', 'm'],
  ['inch', 'in'],
  ['foot', 'feet', 'ft'],
  ['yard', 'yd'],
  ['mile', 'mi'],
  ['kilogram', 'kg'],
  ['milligram', 'mg'],
  ['gram', 'g'],
  ['pound', 'lb'],
  ['ounce', 'oz'],
  ['liter', 'litre', 'l'],
  ['milliliter', 'millilitre', 'ml'],
  ['second', 'sec', 's'],
  ['minute', 'min'],
  ['hour', 'hr', 'h'],
  ['mile per hour', 'mph'],
  ['kilometer per hour', 'kph', 'km/h', 'km/hr'],
  ['meter per second', 'm/s'],
  ['dollar', 'usd'],
  ['euro', 'eur'],
  ['degree', 'deg'],
  ['radian', 'rad'],
  ['am'],
  ['pm'],
]

/** Abbreviations that are units wherever they follow a number, even without a space, for they are no usual products. */
const SHORT = new Set(['cm', 'mm', 'km', 'ft', 'yd', 'kg', 'mg', 'lb', 'lbs', 'oz', 'ml', 'sec', 'hr', 'hrs', 'mph', 'kph', 'deg', 'rad', 'usd', 'inch', 'feet']) // prettier-ignore

const singular = (word: string): string =>
  /(?:ch|sh|x|ss)es$/.test(word) ? word.slice(0, -2) : /[^s]s$/.test(word) && word.length > 2 ? word.slice(0, -1) : word

const CANONICAL = new Map(SPELLINGS.flatMap((words) => words.map((word) => [word, words[0]!] as const)))

const one = (word: string): string => CANONICAL.get(word) ?? CANONICAL.get(singular(word)) ?? singular(word)

const EXPONENTS = new Map([
  ['square', '^2'],
  ['squared', '^2'],
  ['sq', '^2'],
  ['cubic', '^3'],
  ['cu', '^3'],
])

/** Words without what sets them apart. */
export const plainWords = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[\s.,;:!?'"~\\-]+/g, ' ')
    .trim()

/** The unit that a text says, in one spelling: `sq. inches` is `inch^2`. */
export const unitOf = (text: string): string => {
  const words = text
    .toLowerCase()
    .replaceAll('.', '')
    .trim()
    .split(/[\s-]+/)
  const whole = CANONICAL.get(words.join(' '))
  if (whole !== undefined) return whole
  const [first = '', ...rest] = words
  const exponent = EXPONENTS.get(first)
  if (exponent !== undefined && rest.length > 0) return rest.map(one).join(' ') + exponent
  return words.map(one).join(' ')
}

/** Whether a run of letters after a number is a unit, and not a product of variables. */
export const isUnit = (letters: string, afterSpace: boolean): boolean =>
  SHORT.has(letters) || (afterSpace && /^[a-z]{4,}$/.test(letters))

/** Whether two units are the same one, or one of them is not said. */
export const sameUnit = (x: string | undefined, y: string | undefined): boolean =>
  x === undefined || y === undefined || x === y
