/** A tokenizer from its parts: how to encode a text without special tokens, what each token's bytes are, and which tokens are special. */
import { type Either, isLeft, left, map, right } from 'fp-ts/lib/Either.js'
import { optionsOf } from '@adjoint/tensor/ir'
import type { Affixes } from './affixes.ts'
import { type ChatTemplate, compileTemplate, guard, namesPattern, type Render } from './chat.ts'
import { textOf, textStream, type TokenBytes } from './stream.ts'
import type { DecodeOptions, Tokenizer, TokenizerError } from './tokenizer.ts'

/** What a tokenizer is made of. */
export interface Parts extends Pick<Tokenizer, 'size' | 'bos' | 'eos' | 'pad' | 'specials' | 'rule'> {
  /** What errors call it. */
  readonly path: string
  readonly affixes: Affixes
  /** Ids of a text in which special tokens stand under their hidden names. */
  readonly encode: (text: string) => readonly number[]
  /** The bytes of a token; null where there is no such token. */
  readonly bytes: (id: number) => Uint8Array | null
  readonly dropSpace: boolean
}

/**
 * The name of a special token that no text holds: it begins with half of a surrogate pair, which is no character, and which
 * `encode` takes out of what it is given.
 */
export const hiddenName = (id: number): string => `\ud800${id};`
/** A text as UTF-8 has it: without halves of surrogate pairs. */
const wellFormed = (text: string): string => text.replace(/\p{Surrogate}/gu, '\ufffd')

const NOTHING = new Uint8Array()

/** A token's bytes as text; where they are no whole characters, byte by byte. */
const shownBytes = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    return Array.from(bytes, (b) => `<0x${b.toString(16).toUpperCase().padStart(2, '0')}>`).join('')
  }
}

/** A tokenizer with this template, or with none. Left: the template is none, or needs tokens that are not there. */
export const assemble = (parts: Parts, template: ChatTemplate | null): Either<TokenizerError, Tokenizer> => {
  const { path, specials } = parts
  const lacking = template?.needs.find((name) => !specials.has(name))
  if (lacking !== undefined)
    return left({
      _tag: 'MissingSpecial',
      path,
      token: lacking,
      message: `${path}: the template writes ${JSON.stringify(lacking)}, which is no special token of this vocabulary. Choose a template that the model knows.`,
    })
  const render: Either<string, Render | null> = template === null ? right(null) : compileTemplate(template.source)
  if (isLeft(render))
    return left({ _tag: 'Malformed', path, message: `${path}: its chat template is no Jinja: ${render.left}` })
  return right(tokenizer(parts, template, render.right))
}

const tokenizer = (parts: Parts, template: ChatTemplate | null, render: Render | null): Tokenizer => {
  const { size, bos, eos, pad, specials, rule, affixes } = parts
  const names = [...specials.keys()]
  const pattern = namesPattern(names)
  const guarded = guard(names)
  const nameOf = new Map(Array.from(specials, ([name, id]) => [id, name]))

  /** A text whose special tokens are meant, as one with their hidden names. */
  const hide = (text: string): string =>
    pattern === null ? text : text.replace(pattern, (name) => hiddenName(specials.get(name)!))

  const tokensOf = (options: DecodeOptions): TokenBytes => {
    const {
      showSpecial = false,
      continues = false,
      skipUnknown = false,
    } = optionsOf('decode', options, {
      showSpecial: true,
      continues: true,
      skipUnknown: true,
    })
    return {
      dropSpace: parts.dropSpace && !continues,
      bytes: (id) => {
        if (!showSpecial && nameOf.has(id)) return NOTHING
        const bytes = parts.bytes(id)
        if (bytes === null && !skipUnknown)
          throw new RangeError(
            `decode: token ${id} is outside the vocabulary of ${size}. Decode with the tokenizer that encoded, or give { skipUnknown: true } where a model may say ids that are no tokens.`,
          )
        return bytes ?? NOTHING
      },
    }
  }

  return {
    name: parts.path,
    size,
    bos,
    eos,
    pad,
    specials,
    template,
    encode: (text, options = {}) => {
      const { addSpecial = false, parseSpecial = false } = optionsOf('encode', options, {
        addSpecial: true,
        parseSpecial: true,
      })
      const plain = wellFormed(text)
      const ids = parts.encode(parseSpecial ? hide(plain) : plain)
      return addSpecial ? [...affixes.before, ...ids, ...affixes.after] : ids
    },
    decode: (ids, options = {}) => textOf(tokensOf(options), ids),
    token: (id) => {
      const bytes = parts.bytes(id)
      return nameOf.get(id) ?? (bytes === null ? null : shownBytes(bytes))
    },
    rule,
    stream: (options = {}) => textStream(tokensOf(options)),
    chat: (messages, options = {}) => {
      const { addGenerationPrompt = true, variables = {} } = optionsOf('chat', options, {
        addGenerationPrompt: true,
        variables: true,
      })
      if (render === null)
        return left({
          _tag: 'NoTemplate',
          message: 'chat: the tokenizer has no chat template. Give it one: tokenizer.withTemplate(r1Template), say.',
        })
      const { guarded: said, unmark } = guarded({ messages, variables })
      const tokens = Object.fromEntries(
        (['bos', 'eos', 'pad'] as const).map((role) => {
          const id = role === 'eos' ? eos[0] : role === 'bos' ? bos : pad
          return [`${role}_token`, id === undefined || id === null ? '' : (nameOf.get(id) ?? '')]
        }),
      )
      const text = render({
        ...tokens,
        ...said.variables,
        messages: said.messages,
        add_generation_prompt: addGenerationPrompt,
      })
      // Names that the template wrote become tokens; those of the messages are broken by marks until that is done.
      return map((written: string) => parts.encode(unmark(hide(wellFormed(written)))))(text)
    },
    withTemplate: (chosen) => assemble(parts, chosen),
  }
}
