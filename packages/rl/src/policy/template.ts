/**
 * The chain-of-thought template of DeepSeek-R1 (section 2.2.3 and table 1: `<think> .. </think> <answer> .. </answer>`),
 * written without the spaces of natural language, and its parser.
 */
import * as E from 'fp-ts/lib/Either.js'
import { TAGS } from '../task/vocabulary.ts'

/** What stands between the tags of a completion. */
export interface ChainOfThought {
  readonly think: string
  readonly answer: string
}

/** Why a text is not a completion in the template. */
export type FormatError =
  | { readonly _tag: 'MissingTag'; readonly tag: string }
  | { readonly _tag: 'RepeatedTag'; readonly tag: string }
  | { readonly _tag: 'TagOrder'; readonly tag: string }
  | { readonly _tag: 'TextOutside'; readonly text: string }

/**
 * The completion that says `think` and then `answer`.
 *
 * @example
 * ```ts
 * import { formatCompletion } from '@adjoint/rl'
 * formatCompletion({ think: '1235', answer: '5' }) // '<think>1235</think><answer>5</answer>'
 * ```
 */
export const formatCompletion = ({ think, answer }: ChainOfThought): string =>
  `<think>${think}</think><answer>${answer}</answer>`

/** What of the template a prompt may end with. */
const OPENED = new RegExp(String.raw`${TAGS[0]}\s*(?:${TAGS[1]}\s*(?:${TAGS[2]}\s*)?)?$`)

/**
 * The completion with what its prompt has already opened: chat templates end with `<think>`, so that a completion begins inside
 * the block (DeepSeek-R1's), or with an empty block where the model is not to think (Qwen3's). It is this text that the
 * template is looked for in: the opening tag is neither asked for twice nor optional.
 *
 * @example
 * ```ts
 * import { wholeCompletion } from '@adjoint/rl'
 * wholeCompletion({ prompt: '2+2?<think>', completion: '4</think><answer>4</answer>' }) // '<think>4</think><answer>4</answer>'
 * wholeCompletion({ prompt: '2+2?', completion: '<think>4' }) // '<think>4'
 * ```
 */
export const wholeCompletion = ({
  prompt,
  completion,
}: {
  readonly prompt: string
  readonly completion: string
}): string => (OPENED.exec(prompt)?.[0] ?? '') + completion

/**
 * The inverse of {@link formatCompletion}: each tag exactly once, in order, and nothing but white space around the two
 * blocks. Left: the first rule that is broken. Where the prompt may have opened a block, parse {@link wholeCompletion}.
 *
 * @example
 * ```ts
 * import { parseCompletion } from '@adjoint/rl'
 * parseCompletion('<think>1235</think><answer>5</answer>') // Right { think: '1235', answer: '5' }
 * parseCompletion('<think>1235</think>') // Left { _tag: 'MissingTag', tag: '<answer>' }
 * ```
 */
export const parseCompletion = (text: string): E.Either<FormatError, ChainOfThought> => {
  const at: number[] = []
  for (const tag of TAGS) {
    const first = text.indexOf(tag)
    if (first < 0) return E.left({ _tag: 'MissingTag', tag })
    if (text.includes(tag, first + tag.length)) return E.left({ _tag: 'RepeatedTag', tag })
    if (first < (at.at(-1) ?? 0)) return E.left({ _tag: 'TagOrder', tag })
    at.push(first)
  }
  const [open, close, answerOpen, answerClose] = at as [number, number, number, number]
  const outside =
    text.slice(0, open) + text.slice(close + TAGS[1].length, answerOpen) + text.slice(answerClose + TAGS[3].length)
  if (outside.trim() !== '') return E.left({ _tag: 'TextOutside', text: outside.trim() })
  return E.right({
    think: text.slice(open + TAGS[0].length, close),
    answer: text.slice(answerOpen + TAGS[2].length, answerClose),
  })
}

/**
 * The content of the last complete answer block, or null: what an accuracy reward reads, so that an answer counts even
 * where the format around it does not hold.
 *
 * @example
 * ```ts
 * import { lastAnswer } from '@adjoint/rl'
 * lastAnswer('no tags before <answer>42</answer>') // '42'
 * ```
 */
export const lastAnswer = (text: string): string | null => {
  const close = text.lastIndexOf(TAGS[3])
  if (close < 0) return null
  const open = text.lastIndexOf(TAGS[2], close)
  return open < 0 ? null : text.slice(open + TAGS[2].length, close)
}

/**
 * The chain of thought of a text, whatever its format: what follows the first `<think>` up to its `</think>` or, where that
 * is missing, the answer or the end. A text without `<think>` has none.
 *
 * @example
 * ```ts
 * import { thought } from '@adjoint/rl'
 * thought('<think>12<answer>2</answer>') // '12'
 * ```
 */
export const thought = (text: string): string => {
  const open = text.indexOf(TAGS[0])
  if (open < 0) return ''
  const from = open + TAGS[0].length
  const ends = [TAGS[1], TAGS[2]].map((tag) => text.indexOf(tag, from)).filter((at) => at >= 0)
  return text.slice(from, Math.min(text.length, ...ends))
}
