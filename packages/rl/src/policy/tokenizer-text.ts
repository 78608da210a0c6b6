/** The text of a policy that reads and writes by a tokenizer: real models', with their chat templates. */
import type { ChatError, ChatTemplate, TemplateVariables, Tokenizer, TokenizerError } from '@adjoint/nn'
import { optionsOf } from '@adjoint/tensor/ir'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type { RunError } from '../run/errors.ts'
import { wholeCompletion } from './template.ts'
import type { Text } from './text.ts'

/** How prompts are put to a model. */
export interface TokenizerTextConfig {
  readonly tokenizer: Tokenizer
  /** How a prompt is asked: default, the tokenizer's own template; null: as plain text, after the tokens that begin one. */
  readonly template?: ChatTemplate | null
  /** What a turn of `system` says before each prompt. Default: there is none. */
  readonly system?: string
  /** What the template reads beside the messages: `enable_thinking`. */
  readonly variables?: TemplateVariables
}

const failed = ({ message }: ChatError): RunError => ({ _tag: 'TemplateFailed', message })

/**
 * Prompts and completions by a tokenizer. What a prompt says is text, whatever it looks like: no task and no data set writes special
 * tokens. Where the template has opened a block at the end of a prompt (`<think>`), completions say so, though their tokens begin behind
 * it: `decode` puts it before them, and `completion` takes it away.
 *
 * Left: the tokenizer has no token that ends a completion, or lacks those that the template writes.
 *
 * @example
 * ```ts
 * import { loadTokenizer, r1Template } from '@adjoint/nn'
 * import { tokenizerText } from '@adjoint/rl'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const tokenizer = await loadTokenizer({ path: 'models/qwen2.5-0.5b' })()
 * if (isRight(tokenizer)) {
 *   const text = tokenizerText({ tokenizer: tokenizer.right, template: r1Template })
 *   // transformerPolicy(model, text.right) trains the model on any task
 * }
 * ```
 */
export const tokenizerText = (options: TokenizerTextConfig): E.Either<TokenizerError, Text> => {
  const { tokenizer, template, system, variables } = optionsOf('tokenizerText', options, {
    tokenizer: true,
    template: true,
    system: true,
    variables: true,
  })
  if (tokenizer.eos.length === 0)
    return E.left({
      _tag: 'MissingSpecial',
      path: tokenizer.name,
      token: 'eos_token',
      message: `tokenizerText: the tokenizer ${tokenizer.name} has no token that ends a completion. Name its eos_token in tokenizer_config.json.`,
    })
  return pipe(
    template === undefined || template === null
      ? E.right<TokenizerError, Tokenizer>(tokenizer)
      : tokenizer.withTemplate(template),
    E.map((asked) =>
      textOf(
        asked,
        template === null
          ? plainPrompt(asked)
          : (text) => {
              const turns = [
                ...(system === undefined ? [] : [{ role: 'system', content: system }]),
                { role: 'user', content: text },
              ]
              return E.mapLeft(failed)(asked.chat(turns, variables === undefined ? {} : { variables }))
            },
      ),
    ),
  )
}

/** A prompt as it stands, after what begins a text; what would end it is left out. */
const plainPrompt =
  ({ encode, eos }: Tokenizer): Text['prompt'] =>
  (text) => {
    const ids = encode(text, { addSpecial: true })
    const last = ids.at(-1)
    return E.right(last !== undefined && eos.includes(last) ? ids.slice(0, -1) : ids)
  }

const textOf = (tokenizer: Tokenizer, prompt: Text['prompt']): Text => {
  const { name, size, eos, pad, token, rule } = tokenizer
  // The same for all prompts: what the template ends with.
  const sample = prompt('')
  const opened = E.isLeft(sample) ? '' : wholeCompletion({ prompt: tokenizer.decode(sample.right), completion: '' })
  return {
    name,
    size,
    eos,
    pad: pad ?? eos[0]!,
    prompt,
    token,
    rule,
    completion: (text) =>
      E.right([...tokenizer.encode(text.startsWith(opened) ? text.slice(opened.length) : text), eos[0]!]),
    decode: (ids) => {
      const all = Array.from(ids)
      const end = all.findIndex((id) => eos.includes(id))
      return opened + tokenizer.decode(end < 0 ? all : all.slice(0, end), { skipUnknown: true })
    },
  }
}
