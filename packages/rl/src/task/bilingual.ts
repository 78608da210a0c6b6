/**
 * A task in two scripts: prompts are written in the digits 0..9, and a chain of thought may also use the Chinese numerals
 * 〇一二三四五六七八九. An oracle who mixes both teaches a policy to mix them, which is what DeepSeek-R1 saw (section 2.3.2)
 * and pays against with a reward for language consistency: here in small, on any task of numbers.
 */
import { optionsOf } from '@adjoint/tensor/ir'
import { dice, foldIn, type HostKey, hostKey } from '../run/keys.ts'
import type { CharacterTask } from './task.ts'
import { vocabulary } from './vocabulary.ts'

/** The Chinese numerals, in order. */
export const CHINESE_NUMERALS = '〇一二三四五六七八九'

/**
 * A text with its digits as Chinese numerals.
 *
 * @example
 * ```ts
 * import { toChineseNumerals } from '@adjoint/rl'
 * toChineseNumerals('8+5=13') // '八+五=一三'
 * ```
 */
export const toChineseNumerals = (text: string): string => text.replaceAll(/\d/g, (d) => CHINESE_NUMERALS[Number(d)]!)

/**
 * A text with its Chinese numerals as digits: undoes {@link toChineseNumerals}.
 *
 * @example
 * ```ts
 * import { toDigits } from '@adjoint/rl'
 * toDigits('一2三5') // '1235'
 * ```
 */
export const toDigits = (text: string): string =>
  text.replaceAll(/[〇一二三四五六七八九]/g, (c) => String(CHINESE_NUMERALS.indexOf(c)))

/**
 * Whether a character is a numeral of the prompt's script: true for a digit, false for a Chinese numeral, null for what is
 * neither. What a language reward takes, with characters for its units.
 *
 * @example
 * ```ts
 * import { characters, inDigits, languageConsistency } from '@adjoint/rl'
 * const consistency = languageConsistency({ belongs: inDigits, units: characters })
 * ```
 */
export const inDigits = (character: string): boolean | null =>
  /^\d$/.test(character) ? true : character !== '' && CHINESE_NUMERALS.includes(character) ? false : null

/** A key of its own for each text. */
const keyOf = (text: string): HostKey => Array.from(text).reduce((key, c) => foldIn(key, c.codePointAt(0)!), hostKey(0))

/**
 * A task whose oracle mixes scripts: of the problems a share `mixed` (in [0, 1]), chosen by their identity and so always the
 * same, have a chain of thought of which each numeral is Chinese with chance one half. Answers are written in digits; an
 * answer in either script is verified.
 *
 * @example
 * ```ts
 * import { bilingual, mod10Chain } from '@adjoint/rl'
 * const task = bilingual(mod10Chain, { mixed: 1 })
 * task.trace({ digits: [3, 8, 2, 9, 5], operators: ['+', '*', '-', '*'] }) // 1235, some of it in Chinese numerals
 * ```
 */
export const bilingual = <Problem>(
  task: CharacterTask<Problem>,
  options: { readonly mixed: number },
): CharacterTask<Problem> => {
  const { mixed } = optionsOf('bilingual', options, { mixed: true })
  return {
    ...task,
    name: `bilingual-${task.name}`,
    // Tokens of one character are the task's own; tags and ends of sequences are every vocabulary's.
    vocabulary: vocabulary(task.vocabulary.tokens.filter((token) => token.length === 1).join('') + CHINESE_NUMERALS),
    verify: (problem) => (answer) => task.verify(problem)(toDigits(answer)),
    trace: (problem) => {
      const { think, answer } = task.trace(problem)
      const roll = dice(keyOf(task.identity(problem)))
      if (roll(2 ** 20) >= mixed * 2 ** 20) return { think, answer }
      return { think: Array.from(think, (c) => (roll(2) === 0 ? c : toChineseNumerals(c))).join(''), answer }
    },
  }
}
