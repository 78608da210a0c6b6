/**
 * Texts that end a completion. A text may be cut into tokens in many ways, and begin within one, so that it is looked for in what the
 * tokens say: on the host, as they come.
 */
import { shown } from '@adjoint/tensor/ir'
import { demandList } from './demands.ts'
import type { Tokenizer } from './text/tokenizer.ts'

/** What to stop at. */
export interface StopConfig {
  readonly strings: readonly string[]
  /** Says what the tokens say. */
  readonly tokenizer: Pick<Tokenizer, 'stream'>
}

/** What a row has said, as far as a text to stop at may have begun in it. */
interface Heard {
  readonly stream: ReturnType<Tokenizer['stream']>
  readonly tail: string
}

/** A listener to one row: tokens further, the number of those until a text to stop at is complete, or null; and the listener after. */
export interface Listener {
  readonly hear: (tokens: readonly number[]) => readonly [stop: number | null, next: Listener]
}

/**
 * Listens for texts to stop at in one row.
 *
 * @internal
 */
export const listener = ({ strings, tokenizer }: StopConfig): Listener => {
  const longest = strings.reduce((most, text) => Math.max(most, text.length), 0)
  const after = ({ stream, tail }: Heard): Listener => ({
    hear: (tokens) => {
      let [now, said] = [stream, tail]
      for (const [i, token] of tokens.entries()) {
        const [text, next] = now.push([token])
        now = next
        said += text
        if (strings.some((stop) => said.includes(stop))) return [i + 1, after({ stream: now, tail: '' })]
        // What is older can be no part of a text that is not complete.
        said = said.slice(Math.max(0, said.length - longest + 1))
      }
      return [null, after({ stream: now, tail: said })]
    },
  })
  // a model may have more rows than its tokenizer has tokens: what says nothing stops nothing
  return after({ stream: tokenizer.stream({ continues: true, skipUnknown: true }), tail: '' })
}

/**
 * A completion's text up to the first of the texts that it was to stop at, as OpenAI's interface returns it.
 *
 * @example
 * ```ts
 * import { untilStop } from '@adjoint/nn'
 * console.log(untilStop(['\n\n'])('one\n\ntwo')) // one
 * ```
 */
export const untilStop = (strings: readonly string[]) => {
  const isText = (value: unknown): boolean => typeof value === 'string'
  demandList('untilStop', 'its argument', strings, isText, "Give the texts that end one: untilStop(['\\n'])(text).")
  return (text: string): string => {
    if (!isText(text)) throw new TypeError(`untilStop: the text is ${shown(text)}. Give a string.`)
    return text.slice(
      0,
      strings
        .map((stop) => text.indexOf(stop))
        .reduce((first, at) => (at >= 0 ? Math.min(first, at) : first), text.length),
    )
  }
}
