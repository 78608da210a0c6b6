/**
 * Chat completions as they come over the wire, decoded: whole replies and chunks of a stream, in the dialects in use.
 * A chain of thought comes in a field `reasoning_content` (DeepSeek, vLLM, SGLang) or `reasoning` (OpenRouter, Ollama,
 * newer vLLM), or between `<think>` tags in the content, the first of which a chat template may have eaten.
 */
import * as E from 'fp-ts/lib/Either.js'
import { type Failure, failureOf } from './errors.ts'
import type { Trace, Usage } from './teacher.ts'

/** What a reply says, or a chunk adds. */
export interface Message {
  readonly content: string
  readonly reasoning: string
  readonly finishReason: string | null
  readonly usage: Usage | null
  /** Whether there was a choice at all. */
  readonly chosen: boolean
}

/** A message to which nothing was added yet. */
export const NOTHING: Message = { content: '', reasoning: '', finishReason: null, usage: null, chosen: false }

/** Messages under concatenation. */
export const append = (message: Message, chunk: Message): Message => ({
  content: message.content + chunk.content,
  reasoning: message.reasoning + chunk.reasoning,
  finishReason: chunk.finishReason ?? message.finishReason,
  usage: chunk.usage ?? message.usage,
  chosen: message.chosen || chunk.chosen,
})

const EXCERPT = 120

/** A reply that is none. */
export const garbage = (reason: string, text: string): Failure => ({
  _tag: 'Garbage',
  reason,
  excerpt: text.slice(0, EXCERPT),
})

/** The value of a field of what may be an object. */
const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined

const absent = (value: unknown): value is null | undefined => value === null || value === undefined

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

const usageOf = (value: unknown): Usage | null => {
  const [prompt, completion] = [field(value, 'prompt_tokens'), field(value, 'completion_tokens')]
  const reasoning = field(field(value, 'completion_tokens_details'), 'reasoning_tokens')
  return typeof prompt === 'number' && typeof completion === 'number'
    ? { prompt, completion, reasoning: typeof reasoning === 'number' ? reasoning : null }
    : null
}

/** The words of an error as servers send it: `{error: {message}}`, `{error}`, `{message}`, `{detail}`, or the text itself. */
export const errorMessage = (text: string): string => {
  const value = parse(text)
  const error = field(value, 'error')
  const said = [field(error, 'message'), error, field(value, 'message'), field(value, 'detail')]
  return (said.find((s) => typeof s === 'string') ?? text).trim().slice(0, 2 * EXCERPT)
}

const isStatus = (code: unknown): code is number => typeof code === 'number' && code >= 400 && code < 600

/** An error within a reply of status 200: mostly that of a server behind the server. */
const reported = (text: string, error: unknown, url: string): Failure => {
  const status = [field(error, 'code'), field(error, 'status'), 500].find(isStatus) ?? 500
  return failureOf(status, url, errorMessage(text), null)
}

/**
 * A reply (`part` = 'message') or a chunk of a stream ('delta'). Only the first choice counts: no more are asked for. Left:
 * what an error in its place means, or Garbage.
 */
export const decode =
  (part: 'message' | 'delta', url: string) =>
  (text: string): E.Either<Failure, Message> => {
    const value = parse(text)
    if (value === undefined) return E.left(garbage('not JSON', text))
    const error = field(value, 'error')
    if (!absent(error)) return E.left(reported(text, error, url))
    const usage = usageOf(field(value, 'usage'))
    const choices = field(value, 'choices')
    if (!Array.isArray(choices)) {
      return usage === null ? E.left(garbage('it has no choices', text)) : E.right({ ...NOTHING, usage })
    }
    const choice: unknown = choices.find((c: unknown) => (field(c, 'index') ?? 0) === 0)
    if (choice === undefined) return E.right({ ...NOTHING, usage })
    const said = field(choice, part)
    const content = field(said, 'content') ?? ''
    // Where both are sent they say the same.
    const reasoning =
      [field(said, 'reasoning_content'), field(said, 'reasoning')].find((r) => !absent(r) && r !== '') ?? ''
    const finishReason = field(choice, 'finish_reason') ?? null
    if (typeof content !== 'string') return E.left(garbage('its content is no text', text))
    if (typeof reasoning !== 'string') return E.left(garbage('its reasoning is no text', text))
    if (finishReason !== null && typeof finishReason !== 'string')
      return E.left(garbage('its finish_reason is no text', text))
    if (part === 'message' && absent(said)) return E.left(garbage('its choice has no message', text))
    return E.right({ content, reasoning, finishReason, usage, chosen: true })
  }

const [OPEN, CLOSE] = ['<think>', '</think>']

/**
 * Content to chain of thought and answer, split at the first `</think>`; `<think>` may be missing before it, since chat
 * templates put it into the prompt. Thinking that never ends leaves the answer empty.
 *
 * @example
 * ```ts
 * import { splitThink } from '@adjoint/rl'
 * splitThink('<think>3 + 8 = 11</think>\n\n1') // { think: '3 + 8 = 11', answer: '1' }
 * splitThink('3 + 8 = 11</think>1') // the same
 * splitThink('1') // { think: '', answer: '1' }
 * ```
 */
export const splitThink = (content: string): { readonly think: string; readonly answer: string } => {
  const text = content.trim()
  const opened = text.startsWith(OPEN)
  const from = opened ? OPEN.length : 0
  const close = text.indexOf(CLOSE, from)
  if (close < 0) return opened ? { think: text.slice(from).trim(), answer: '' } : { think: '', answer: text }
  return { think: text.slice(from, close).trim(), answer: text.slice(close + CLOSE.length).trim() }
}

/** A whole message as a trace. */
export const traceOf = ({ content, reasoning, finishReason, usage }: Message): Trace => {
  const { think, answer } = splitThink(content)
  const thoughts = [reasoning.trim(), think].filter((t) => t !== '')
  return { think: thoughts.join('\n'), answer, text: content, finishReason, usage }
}
