/**
 * Tokenizers of the Hugging Face hub, from their files' contents. `@huggingface/tokenizers` encodes; what is ours is which tokens are
 * special, that only those who may can write them, the bytes of tokens, and the template.
 *
 * The library finds special tokens in a text by their names, and would find them in any text. Here it knows them by names that no text
 * holds: with half of a surrogate pair, which is no character, and which `encode` takes out of what it is given. Where special tokens
 * are meant, their real names are replaced by these first.
 */
import { Tokenizer as Library } from '@huggingface/tokenizers'
import { type Either, isLeft, left } from 'fp-ts/lib/Either.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { affixesOf } from './affixes.ts'
import { assemble, hiddenName } from './assemble.ts'
import { descriptionOf } from './description.ts'
import { type Fields, idsOf, isRecord, records, tokenText } from './json.ts'
import { pieceDecoder } from './pieces.ts'
import type { Tokenizer, TokenizerError } from './tokenizer.ts'

/** The parsed files of a tokenizer's folder. */
export interface TokenizerFiles {
  /** `tokenizer.json`. */
  readonly tokenizer: unknown
  /** `tokenizer_config.json`: names of special tokens, and the template. */
  readonly config?: unknown
  /** `generation_config.json`: all tokens that end a completion. */
  readonly generation?: unknown
  /** `special_tokens_map.json`: names of special tokens, where the configuration has none. */
  readonly specialTokens?: unknown
  /** `chat_template.jinja`, which comes before the configuration's template. */
  readonly template?: string
  /** What errors call it. Default `tokenizer.json`. */
  readonly path?: string
}

/** The part of the library that is used. */
interface Encoder {
  readonly encode: (
    text: string,
    options: { readonly add_special_tokens: boolean },
  ) => { readonly ids: readonly number[] }
}
// eslint-disable-next-line @typescript-eslint/no-unsafe-assignment -- its declarations import files without extensions, which a module of Node's does not resolve
const makeEncoder: new (tokenizer: object, config: object) => Encoder = Library

type Fail = (message: string) => Either<TokenizerError, never>

/** A merge's two pieces; older files have both in one text, of which the first may begin with a space. */
const halvesOf = (merge: string | readonly [string, string]): readonly [string, string] => {
  if (typeof merge !== 'string') return merge
  const at = merge.indexOf(' ', 1)
  return [merge.slice(0, at), merge.slice(at + 1)]
}

/** Merges in the order of their ranks; those of one rank, which make one piece one after another, in the order of their first halves. */
const ranked = (merges: readonly (readonly [string, string])[]): readonly (readonly [string, string])[] => {
  const runs: (readonly [string, string])[][] = []
  for (const merge of merges) {
    const run = runs.at(-1)
    if (run?.[0]?.join('') === merge.join('')) run.push(merge)
    else runs.push([merge])
  }
  return runs.flatMap((run) => run.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Rules by their numbers (see `Tokenizer.rule`), of a model whose merges or pieces are a list. */
const ruleOf = ({ type, vocab, merges }: Fields): Tokenizer['rule'] => {
  let list: readonly unknown[] | null = null
  return (index) => {
    list ??=
      type === 'Unigram'
        ? (vocab as readonly unknown[])
        : ranked(((merges ?? []) as readonly (string | readonly [string, string])[]).map(halvesOf))
    const rule = list[index]
    return rule === undefined ? null : JSON.stringify(rule)
  }
}

/** The description for the library: special tokens under their hidden names, everywhere, and nothing put around the ids. */
const described = (
  tokenizer: Fields,
  model: Fields,
  added: readonly Fields[],
  specials: ReadonlyMap<string, number>,
): Fields => {
  const named = (piece: string): string => {
    const id = specials.get(piece)
    return id === undefined ? piece : hiddenName(id)
  }
  const vocab = isRecord(model.vocab)
    ? Object.fromEntries(Object.entries(model.vocab).map(([piece, id]) => [named(piece), id]))
    : (model.vocab as readonly (readonly [string, number])[]).map(([piece, score]) => [named(piece), score])
  const unknown = tokenText(model.unk_token)
  const ordinary = added.filter(({ content }) => !specials.has(content as string))
  return {
    normalizer: null,
    pre_tokenizer: null,
    ...tokenizer,
    model: { ...model, vocab, ...(unknown !== null && { unk_token: named(unknown) }) },
    added_tokens: [
      ...ordinary,
      ...Array.from(specials, ([content, id]) => ({
        ...added.find((token) => token.content === content),
        id,
        content: hiddenName(id),
        special: true,
        normalized: false,
      })),
    ],
    post_processor: null,
  }
}

const SPECIAL_ROLES = ['bos_token', 'eos_token', 'pad_token', 'unk_token'] as const
type Role = (typeof SPECIAL_ROLES)[number]

const templateOf = ({ config, template }: TokenizerFiles): string | null => {
  if (template !== undefined) return template
  const given = isRecord(config) ? config.chat_template : undefined
  if (typeof given === 'string') return given
  const named = records(given)
  const chosen = named.find(({ name }) => name === 'default') ?? named[0]
  return typeof chosen?.template === 'string' ? chosen.template : null
}

/**
 * The tokenizer that these files describe. The tokens that end a completion are the configuration's `eos_token` and then those of
 * `generation_config.json`. Left: the description is malformed, is of a kind that writes no text (BERT's), or names special tokens that
 * it does not have.
 *
 * @example
 * ```ts
 * import { huggingFaceTokenizer } from '@adjoint/nn'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const bytes = Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i)) // the printable half of ASCII
 * const vocab = Object.fromEntries([...bytes, 'Ġ', 'he', '<end>'].map((piece, id) => [piece, id]))
 * const made = huggingFaceTokenizer({
 *   tokenizer: {
 *     model: { type: 'BPE', vocab, merges: ['h e'], unk_token: '<end>' },
 *     pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false },
 *     decoder: { type: 'ByteLevel' },
 *     added_tokens: [{ id: 96, content: '<end>', special: true }],
 *   },
 *   config: { eos_token: '<end>' },
 * })
 * if (isRight(made)) {
 *   const { encode, decode, eos } = made.right
 *   console.log(eos, encode('he <end>').includes(96), decode(encode('he <end>'))) // [96] false 'he <end>'
 *   console.log(encode('he<end>', { parseSpecial: true })) // [95, 96]
 * }
 * ```
 */
export const huggingFaceTokenizer = (given: TokenizerFiles): Either<TokenizerError, Tokenizer> => {
  const files = optionsOf('huggingFaceTokenizer', given, {
    tokenizer: true,
    config: true,
    generation: true,
    specialTokens: true,
    template: true,
    path: true,
  })
  const { path = 'tokenizer.json' } = files
  const fail: Fail = (message) => left({ _tag: 'Malformed', path, message: `${path}: ${message}` })
  const parts = descriptionOf(files.tokenizer, path)
  if (isLeft(parts)) return parts
  const { tokenizer, model, added, pieces } = parts.right
  const decoder = pieceDecoder(tokenizer.decoder)
  if (isLeft(decoder))
    return left({
      _tag: 'UnsupportedTokenizer',
      path,
      message: `${path}: ${decoder.left}. Tokenizers are understood whose decoder is ByteLevel, Metaspace, or Replace with ByteFallback.`,
    })

  const ids = new Map(Array.from(pieces, ([id, piece]) => [piece, id]))
  const config: Fields = {
    ...(isRecord(files.specialTokens) && files.specialTokens),
    ...(isRecord(files.config) && files.config),
  }
  const roles = new Map<Role, number>()
  for (const role of SPECIAL_ROLES) {
    const token = tokenText(config[role])
    if (token === null) continue
    const id = ids.get(token)
    if (id === undefined)
      return left({
        _tag: 'MissingSpecial',
        path,
        token,
        message: `${path}: the vocabulary of ${pieces.size} tokens has no ${JSON.stringify(token)}, which its configuration calls ${role}. Take the files of one model.`,
      })
    roles.set(role, id)
  }
  const specials = new Map<string, number>()
  for (const { content, special } of added)
    if (special === true && typeof content === 'string') specials.set(content, ids.get(content)!)
  for (const id of roles.values()) specials.set(pieces.get(id)!, id)

  const [bos, firstEos, pad] = [roles.get('bos_token'), roles.get('eos_token'), roles.get('pad_token')]
  const generation = isRecord(files.generation) ? idsOf(files.generation.eos_token_id) : []
  const eos = [...new Set([...(firstEos === undefined ? [] : [firstEos]), ...generation])]
  const outside = eos.find((id) => !pieces.has(id))
  if (outside !== undefined)
    return left({
      _tag: 'MissingSpecial',
      path,
      token: String(outside),
      message: `${path}: token ${outside}, which is to end a completion, is none of the vocabulary of ${pieces.size}. Take the files of one model.`,
    })
  for (const id of eos) specials.set(pieces.get(id)!, id)
  const library = ((): Encoder | string => {
    try {
      return new makeEncoder(described(tokenizer, model, added, specials), {
        remove_space: config.remove_space,
        do_lowercase_and_remove_accent: config.do_lowercase_and_remove_accent,
        ...(firstEos !== undefined && { eos_token: hiddenName(firstEos) }),
      })
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    }
  })()
  if (typeof library === 'string') return fail(`it is no description of a tokenizer: ${library}.`)

  const affixes = affixesOf(tokenizer.post_processor, ids)
  if (isLeft(affixes)) return fail(`its post_processor names ${JSON.stringify(affixes.left)}, which is no token.`)
  const source = templateOf(files)
  const literal = new Set(added.map(({ id }) => id))
  const { bytes, dropSpace } = decoder.right
  return assemble(
    {
      path,
      size: Array.from(pieces.keys()).reduce((most, id) => Math.max(most, id), -1) + 1,
      bos: bos ?? null,
      eos,
      pad: pad ?? null,
      specials,
      rule: ruleOf(model),
      affixes: affixes.right,
      encode: (text) => library.encode(text, { add_special_tokens: false }).ids,
      dropSpace,
      bytes: (id) => {
        const piece = pieces.get(id)
        // What was added stands for its own text.
        return piece === undefined ? null : literal.has(id) ? new TextEncoder().encode(piece) : bytes(piece)
      },
    },
    source === null ? null : { source, needs: [] },
  )
}
