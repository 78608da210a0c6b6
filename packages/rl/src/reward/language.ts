/**
 * Language consistency (DeepSeek-R1 section 2.3.2; 4.1 on why): reasoning learned by reinforcement alone mixes languages, and
 * R1 pays for the share of words of the target language in the chain of thought, at a slight loss of accuracy.
 */
import { optionsOf } from '@adjoint/tensor/ir'
import { thought, wholeCompletion } from '../policy/template.ts'
import { verdict } from './mistake.ts'
import type { Rule } from './rules.ts'
import { type Units, words } from './text.ts'

/** Whether a unit of text is of the target language; null where it is of none (a number, a symbol). */
export type Belongs = (unit: string) => boolean | null

/**
 * The share of units of the chain of thought that belong to the target language, among those of any: in [0, 1], and 0 where
 * there are none, so that to stop thinking is never paid.
 *
 * @example
 * ```ts
 * import { languageConsistency, script } from '@adjoint/rl'
 * const english = languageConsistency({ belongs: script('Latin') })
 * const said = { problem: null, prompt: '', length: 9, terminated: true, completion: '<think>so 3 因此</think><answer>3</answer>' }
 * english(said) // 0.5
 * ```
 */
export const languageConsistency = (options: { readonly belongs: Belongs; readonly units?: Units }): Rule<unknown> => {
  const { belongs, units = words } = optionsOf('languageConsistency', options, { belongs: true, units: true })
  return (sample) => {
    const judged = units(thought(wholeCompletion(sample)))
      .map((unit) => {
        const belonging = belongs(unit)
        return belonging === null ? null : verdict(belonging)
      })
      .filter((b) => b !== null)
    return judged.length === 0 ? 0 : judged.filter(Boolean).length / judged.length
  }
}

/**
 * Belonging by Unicode script (`Latin`, `Han`, `Cyrillic`, ..): a unit belongs if all its letters are of one of the
 * scripts, and is of no language without letters. Throws on a script that Unicode does not know.
 *
 * @example
 * ```ts
 * import { script } from '@adjoint/rl'
 * const japanese = script('Han', 'Hiragana', 'Katakana')
 * japanese('です') // true
 * japanese('is') // false
 * japanese('42') // null
 * ```
 */
export const script = (...names: readonly string[]): Belongs => {
  const foreign = new RegExp(String.raw`[\p{L}--[${names.map(property).join('')}]]`, 'v')
  return (unit) => (/\p{L}/u.test(unit) ? !foreign.test(unit) : null)
}

const property = (name: string): string => {
  const escape = String.raw`\p{Script_Extensions=${name}}`
  try {
    new RegExp(escape, 'u')
    return escape
  } catch {
    throw new RangeError(
      `script: Unicode has no script ${JSON.stringify(name)}. Use the names of its property Script, as in script('Latin') or script('Han').`,
    )
  }
}
