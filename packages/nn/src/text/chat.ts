/**
 * Conversations as text, by a model's own template (Jinja, as Hugging Face's `apply_chat_template` renders it), and what in that text is
 * a special token: what the template wrote, and nothing that a message says.
 */
import { Template } from '@huggingface/jinja'
import { type Either, left, right } from 'fp-ts/lib/Either.js'
import { isRecord } from './json.ts'

/** A turn of a conversation. Templates may read more of it: `tool_calls`, `reasoning_content`. */
export interface Message {
  readonly role: string
  readonly content: string
  readonly [field: string]: unknown
}

/** What a template may read beside the messages. */
export type TemplateVariables = Readonly<Record<string, unknown>>

/** How conversations are written. */
export interface ChatTemplate {
  /** Jinja. It reads `messages`, `add_generation_prompt`, `bos_token`, `eos_token`. */
  readonly source: string
  /** Special tokens without which it means nothing. */
  readonly needs: readonly string[]
}

/** Why a conversation was not written, as data. */
export type ChatError =
  | { readonly _tag: 'NoTemplate'; readonly message: string }
  /** The template refused the messages (roles that do not alternate), or asks for what is not there. */
  | { readonly _tag: 'TemplateFailed'; readonly message: string }

const because = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Writes a conversation: variables to text. */
export type Render = (variables: TemplateVariables) => Either<ChatError, string>

/** A template's text as a function. Left: why it is no template. */
export const compileTemplate = (source: string): Either<string, Render> => {
  try {
    const template = new Template(source)
    return right((variables) => {
      try {
        return right(template.render(variables))
      } catch (error) {
        return left({ _tag: 'TemplateFailed', message: `chat: the template says: ${because(error)}` })
      }
    })
  } catch (error) {
    return left(because(error))
  }
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, String.raw`\$&`)

/** Matches the names of these tokens, the longest one where several begin at a place; null where there are none. */
export const namesPattern = (names: Iterable<string>): RegExp | null => {
  const longest = [...names].filter((name) => name !== '').sort((a, b) => b.length - a.length)
  return longest.length === 0 ? null : new RegExp(longest.map(escaped).join('|'), 'g')
}

// Private use, so that no text has a reason to hold it. That none does is looked at, not assumed.
const FIRST_MARK = 0xe000
const LAST_MARK = 0xf8ff

const strings = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value]
  if (Array.isArray(value)) return value.flatMap(strings)
  return isRecord(value) ? Object.values(value).flatMap(strings) : []
}

const mapStrings = (value: unknown, change: (text: string) => string): unknown => {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map((each: unknown) => mapStrings(each, change))
  if (!isRecord(value)) return value
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, mapStrings(each, change)]))
}

/** Whether the two ends meet: `text` ends with what `name` begins with, short of all of it. */
const meets = (text: string, name: string): boolean => {
  for (let n = Math.min(text.length, name.length - 1); n > 0; n--) if (text.endsWith(name.slice(0, n))) return true
  return false
}
const reversed = (text: string): string => [...text].reverse().join('')

/**
 * Messages in which no name of a special token can be read, not even one that begins in a message and ends in the template: a mark
 * that no message holds breaks them. `unmark` takes the marks out of what a template made of them.
 */
export const guard = (names: readonly string[]) => {
  const pattern = namesPattern(names)
  return <T>(values: T): { readonly guarded: T; readonly unmark: (text: string) => string } => {
    const all = strings(values)
    const backwards = names.map(reversed)
    const risky = (text: string): boolean =>
      (pattern !== null && text.search(pattern) >= 0) ||
      names.some((name) => meets(text, name)) ||
      backwards.some((name) => meets(reversed(text), name))
    if (pattern === null || !all.some(risky)) return { guarded: values, unmark: (text) => text }
    let code = FIRST_MARK
    while (code < LAST_MARK && all.some((text) => text.includes(String.fromCharCode(code)))) code++
    const mark = String.fromCharCode(code)
    const broken = (text: string): string => {
      const inside = text.replace(pattern, (name) => `${name[0]!}${mark}${name.slice(1)}`)
      const before = backwards.some((name) => meets(reversed(text), name)) ? mark : ''
      const behind = names.some((name) => meets(text, name)) ? mark : ''
      return before + inside + behind
    }
    // Strings become strings, and all else stays.
    return { guarded: mapStrings(values, broken) as T, unmark: (text) => text.replaceAll(mark, '') }
  }
}
