/**
 * What is wrong with a reward itself, as against what the world does to one: a throw at once, or something that is no
 * number. It ends the step. Rejections, timeouts and `Left`s make a reward absent instead.
 */
import { inspect } from '#system'
import type { Sample } from './sample.ts'

/** @internal A mistake of whoever wrote a reward or a verifier; `cause` is what was thrown, where something was. */
export class RewardMistake extends Error {
  override readonly name = 'RewardMistake'
  /** Whether the message says whose it is, and where it showed. */
  readonly told: boolean
  constructor(message: string, { told = false, ...options }: ErrorOptions & { readonly told?: boolean } = {}) {
    super(message, options)
    this.told = told
  }
}

const GLIMPSE = 80 // characters of a text that a message shows
const SAID = 300 // of what a service or an error said

// Controls and formats (an escape sequence, a change of direction), which a terminal would obey.
const escaped = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (c) => String.raw`\u{${c.codePointAt(0)!.toString(16)}}`)

const beginning = (text: string, most: number): string => {
  const begun = Array.from(text.slice(0, 2 * most))
    .slice(0, most)
    .join('')
  return begun.length < text.length ? `${begun}…` : begun
}

/** @internal The beginning of a text in quotes, on one line, with control characters escaped. */
export const glimpse = (text: string): string => escaped(JSON.stringify(beginning(text, GLIMPSE)))

const isMessage = (x: unknown): x is { readonly message: string } =>
  typeof x === 'object' && x !== null && 'message' in x && typeof x.message === 'string'

/** @internal What was thrown, rejected with or on the left, in words on one line. */
export const saidBy = (thrown: unknown): string => {
  const words =
    thrown instanceof Error && thrown.message === ''
      ? thrown.name
      : isMessage(thrown)
        ? thrown.message
        : typeof thrown === 'string'
          ? thrown
          : inspect(thrown)
  return escaped(beginning(words.trim(), SAID))
}

/** @internal A value as a message shows it. */
export const shown = (value: unknown): string =>
  typeof value === 'string' ? glimpse(value) : escaped(beginning(inspect(value, { breakLength: Infinity }), GLIMPSE))

/** @internal What was thrown as a mistake: it already is one, or it becomes one that keeps it as its cause. */
export const mistakeOf = (thrown: unknown): RewardMistake =>
  thrown instanceof RewardMistake
    ? thrown
    : new RewardMistake(`threw ${thrown instanceof Error ? `${thrown.name}: ` : ''}${saidBy(thrown)}`, {
        cause: thrown,
      })

/** @internal A mistake with its owner's name (`reward "correct"`), where it showed, and what to do. */
export const blamed = (owner: string, where: string, advice: string, thrown: unknown): RewardMistake => {
  const mistake = mistakeOf(thrown)
  if (mistake.told) return mistake
  const cause = mistake.cause ?? mistake
  return new RewardMistake(`${owner} ${mistake.message}, at ${where}. ${advice}`, { cause, told: true })
}

/** @internal The sample in a few words: `sample 3 of 16 (prompt "1+1=", completion "2")`. */
export const sampleAt = ({ prompt, completion }: Sample<unknown>, index: number, count: number): string =>
  `sample ${index + 1} of ${count} (prompt ${glimpse(prompt)}, completion ${glimpse(completion)})`

/** @internal Whether it is a promise, of whatever library. */
export const isPromise = (x: unknown): x is PromiseLike<unknown> =>
  typeof x === 'object' && x !== null && 'then' in x && typeof x.then === 'function'

/** @internal A value that should be no promise: where it is one, its rejection is nobody's, and may not end the process. */
export const disowned = (given: unknown): unknown => {
  if (isPromise(given)) given.then(undefined, () => undefined)
  return given
}

/**
 * @internal The answer of a predicate. Throws RewardMistake unless it is true or false: a promise, which an `async`
 * function gives, would count as true.
 */
export const verdict = (given: unknown): boolean => {
  if (typeof given === 'boolean') return given
  throw new RewardMistake(`gave ${shown(disowned(given))}, which is neither true nor false`)
}

/** @internal The number of a rule. Throws RewardMistake for anything else: a promise would count as wrong. */
export const numeral = (given: unknown): number => {
  if (typeof given === 'number') return given
  throw new RewardMistake(`gave ${shown(disowned(given))}, which is no number`)
}
