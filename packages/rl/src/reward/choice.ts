/** Whether an answer chooses the expected letter of a multiple choice. */
import { optionsOf } from '@adjoint/tensor/ir'
import { boxedAnswer } from './math-answer.ts'

/** The letters of a choice. */
export interface Choices {
  /** Default `ABCDE`. */
  readonly letters?: string
}

/**
 * The same letter of a multiple choice. It is looked for in the last `\boxed{..}`; else behind the last `answer is` or `answer:`; else
 * where an option is written (`(C)`, or `C. Cecile` and `C Cecile` at the start of a line); else it is the last letter that stands
 * alone. A text without any is never right.
 *
 * @example
 * ```ts
 * import { sameChoice } from '@adjoint/rl'
 * sameChoice()('(D) Alina')("The answer is for sure D, it can't be A or B") // true
 * ```
 */
export const sameChoice = (options: Choices = {}) => {
  const { letters = 'ABCDE' } = optionsOf('sameChoice', options, { letters: true })

  if (!/^[A-Z]+$/.test(letters)) throw new RangeError(`sameChoice: the letters are ${letters}; they must be of A to Z.`)
  const chosen = choice(letters)
  return (expected: string) => {
    const letter = chosen(expected)
    return (answer: string): boolean => letter !== null && chosen(answer) === letter
  }
}

const choice = (letters: string): ((text: string) => string | null) => {
  const alone = String.raw`(?<![A-Za-z0-9'])([${letters}])(?![A-Za-z0-9'])`
  const [letter, option] = [new RegExp(alone, 'g'), new RegExp(String.raw`\(([${letters}])\)`, 'g')]
  const starts = new RegExp(String.raw`^[ \t]*([${letters}])(?:[.):]| (?=[A-Z])|[ \t]*$)`, 'gm')
  const stated = /\banswer(?: is|:)/gi
  const first = (pattern: RegExp, text: string): string | null =>
    new RegExp(pattern.source, pattern.flags.replace('g', '')).exec(text)?.[1] ?? null
  const last = (pattern: RegExp, text: string): string | null => {
    let found: string | null = null
    for (const match of text.matchAll(pattern)) found = match[1] ?? null
    return found
  }
  return (text) => {
    const boxed = boxedAnswer(text)
    if (boxed !== null) return last(letter, boxed.replaceAll(/\\[a-zA-Z]+/g, ' '))
    let behind: number | null = null
    for (const said of text.matchAll(stated)) behind = said.index + said[0].length
    const saying = behind === null ? null : first(letter, text.slice(behind))
    return saying ?? last(option, text) ?? last(starts, text) ?? last(letter, text)
  }
}
