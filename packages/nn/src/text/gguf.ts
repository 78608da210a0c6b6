/**
 * The tokenizer in a GGUF file's metadata, as the `tokenizer.json` that it was converted from. The file says which pre-tokenizer cuts texts
 * into words by a name alone; what the names stand for is in llama.cpp (src/llama-vocab.cpp), and one that is not known here is refused,
 * since cutting otherwise gives other ids without any error.
 */
import { demandFields } from '../demands.ts'
import { type Either, flatMap, isLeft, left, right } from 'fp-ts/lib/Either.js'
import { huggingFaceTokenizer, type TokenizerFiles } from './hugging-face.ts'
import { addedToken, byteLevelPart, tokenBefore } from './json-parts.ts'
import type { Fields } from './json.ts'
import { PIECE_KINDS, sentencePieceDescription } from './sentence-piece.ts'
import type { Tokenizer, TokenizerError } from './tokenizer.ts'

const split = (Regex: string): Fields => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false })
const byteLevel = (useRegex: boolean): Fields => byteLevelPart({ useRegex })

/** How a family cuts words, and what it puts before a text where the file does not say. */
interface Family {
  readonly cut: readonly Fields[]
  readonly addBos?: boolean
  /** Whether a word that is a token is taken whole, whatever its merges. */
  readonly ignoreMerges?: boolean
  readonly normalizer?: Fields
}

const CONTRACTIONS = String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)`
const words = (digits: string): string =>
  String.raw`${CONTRACTIONS}|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

const gpt2: Family = { cut: [byteLevel(true)] }
// GPT-2's words, with each digit alone
const digits: Family = { cut: [split(String.raw`\p{N}`), byteLevel(true)] }
const qwen2: Family = { cut: [split(words(String.raw`\p{N}`)), byteLevel(false)], normalizer: { type: 'NFC' } }
const llama3: Family = {
  cut: [split(words(String.raw`\p{N}{1,3}`)), byteLevel(false)],
  addBos: true,
  ignoreMerges: true,
}
const FAMILIES: Readonly<Record<string, Family>> = {
  'gpt-2': gpt2,
  smollm: digits,
  starcoder: digits,
  qwen2,
  'deepseek-r1-qwen': qwen2,
  'llama-bpe': llama3,
  llama3,
  'llama-v3': llama3,
}

// Tokens that end a turn, by their names: GGUF files name one end, and models write any of these (llama.cpp, the same file).
const ENDS = ['<|eot_id|>', '<|im_end|>', '<|end|>', '<end_of_turn>', '<|endoftext|>', '<|eom_id|>', '<EOT>']

const listOf = (value: unknown): readonly unknown[] | null =>
  Array.isArray(value) ? value : ArrayBuffer.isView(value) && 'length' in value ? Array.from(value as Int32Array) : null

const shown = (value: unknown): string => (value === undefined ? 'not given' : JSON.stringify(value))

/**
 * The files of the tokenizer that a GGUF file describes in its metadata, as a folder of the hub would hold them: what `saveTokenizer`
 * and `trimVocabulary` take. Left: as {@link ggufTokenizer}.
 *
 * @example
 * ```ts
 * import { ggufTokenizerFiles } from '@adjoint/nn'
 * import { isLeft } from 'fp-ts/lib/Either.js'
 * const files = ggufTokenizerFiles({ 'tokenizer.ggml.model': 'bert' })
 * if (isLeft(files)) console.log(files.left._tag) // UnsupportedTokenizer
 * ```
 */
export const ggufTokenizerFiles = (
  metadata: Readonly<Record<string, unknown>>,
  path = 'the GGUF file',
): Either<TokenizerError, TokenizerFiles> => {
  demandFields(
    'ggufTokenizerFiles',
    'the metadata',
    metadata,
    [],
    'Give the metadata that withWeights reads of a GGUF file.',
  )
  const fail = (reason: string): Either<TokenizerError, never> =>
    left({ _tag: 'Malformed', path, message: `${path}: ${reason}.` })
  const refuse = (reason: string): Either<TokenizerError, never> =>
    left({ _tag: 'UnsupportedTokenizer', path, message: `${path}: ${reason}.` })
  const field = (name: string): unknown => metadata[`tokenizer.ggml.${name}`]

  const model = field('model')
  if (model === undefined)
    return left({
      _tag: 'NoTokenizer',
      path,
      message: `${path}: there is no tokenizer in it: its metadata has no tokenizer.ggml.model. Take a file with one, or the tokenizer of the model that it was made from.`,
    })
  if (model !== 'gpt2' && model !== 'llama')
    return refuse(`its tokenizer is ${shown(model)}; those of kind gpt2 and llama are understood`)
  const tokens = listOf(field('tokens'))
  if (tokens === null || tokens.length === 0 || !tokens.every((token) => typeof token === 'string'))
    return fail('tokenizer.ggml.tokens is no list of texts')
  const kinds = (listOf(field('token_type')) ?? []).map(Number)

  const idOf = (name: string): number | null => {
    const id = field(`${name}_token_id`)
    return typeof id === 'number' || typeof id === 'bigint' ? Number(id) : null
  }
  const named = (name: string): { readonly [role: string]: unknown } => {
    const id = idOf(name)
    // An id outside of the vocabulary is a name that it has not, which the tokenizer's maker tells.
    const role = { bos: 'bos', eos: 'eos', padding: 'pad', unknown: 'unk' }[name] ?? name
    return id === null ? {} : { [`${role}_token`]: tokens[id] ?? `token ${id}` }
  }
  const ends = [idOf('eot'), idOf('eom'), ...ENDS.map((name) => tokens.indexOf(name))].filter(
    (id): id is number => id !== null && id >= 0,
  )
  const template = metadata['tokenizer.chat_template']

  const describe = (): Either<TokenizerError, { readonly description: Fields; readonly addBos: boolean }> => {
    if (model === 'llama') {
      const scores = listOf(field('scores'))
      if (scores?.length !== tokens.length) return fail('tokenizer.ggml.scores are not one for each token')
      const pieces = tokens.map((piece, id) => ({
        piece,
        score: Number(scores[id]),
        kind: kinds[id] ?? PIECE_KINDS.normal,
      }))
      const addPrefix = field('add_space_prefix') !== false
      return right({ description: sentencePieceDescription(pieces, { space: '\u2581', addPrefix }), addBos: true })
    }
    const pre = field('pre')
    const family = typeof pre === 'string' && Object.hasOwn(FAMILIES, pre) ? FAMILIES[pre] : undefined
    if (family === undefined)
      return refuse(`its pre-tokenizer is ${shown(pre)}; those understood are ${Object.keys(FAMILIES).join(', ')}`)
    const merges = listOf(field('merges'))
    if (!merges?.every((merge) => typeof merge === 'string')) return fail('tokenizer.ggml.merges is no list of texts')
    const description = {
      normalizer: family.normalizer ?? null,
      pre_tokenizer: { type: 'Sequence', pretokenizers: family.cut },
      decoder: byteLevel(true),
      added_tokens: tokens.flatMap((content, id) =>
        kinds[id] === PIECE_KINDS.control || kinds[id] === PIECE_KINDS.userDefined
          ? [addedToken(id, content, { special: kinds[id] === PIECE_KINDS.control })]
          : [],
      ),
      model: {
        type: 'BPE',
        vocab: Object.fromEntries(tokens.map((piece, id) => [piece, id])),
        // No piece holds a space, but the first may begin with one where it is one.
        merges: merges.map((merge) => {
          const at = merge.indexOf(' ', 1)
          return [merge.slice(0, at), merge.slice(at + 1)]
        }),
        ignore_merges: family.ignoreMerges ?? false,
      },
    }
    return right({ description, addBos: family.addBos ?? false })
  }
  const described = describe()
  if (isLeft(described)) return described
  const bos = idOf('bos')
  const addBos = field('add_bos_token') ?? described.right.addBos
  return right({
    tokenizer: {
      ...described.right.description,
      // an id outside of the vocabulary is told by its name, above
      post_processor: addBos === true && bos !== null ? tokenBefore(bos, tokens[bos] ?? `token ${bos}`) : null,
    },
    config: { ...named('bos'), ...named('eos'), ...named('padding'), ...named('unknown') },
    generation: { eos_token_id: ends },
    ...(typeof template === 'string' && { template }),
    path,
  })
}

/**
 * The tokenizer that a GGUF file describes in its metadata. `tokenizer.ggml.model` may be `gpt2` (byte-level BPE, with a pre-tokenizer of
 * `gpt-2`, `smollm`, `starcoder`, `qwen2` or `llama-bpe`) or `llama` (SentencePiece). Left: there is none, it is another
 * one, or parts are missing.
 *
 * @example
 * ```ts
 * import { ggufTokenizer } from '@adjoint/nn'
 * import { isLeft } from 'fp-ts/lib/Either.js'
 * const made = ggufTokenizer({ 'tokenizer.ggml.model': 'bert' })
 * if (isLeft(made)) console.log(made.left._tag) // UnsupportedTokenizer
 * ```
 */
export const ggufTokenizer = (
  metadata: Readonly<Record<string, unknown>>,
  path = 'the GGUF file',
): Either<TokenizerError, Tokenizer> => flatMap(huggingFaceTokenizer)(ggufTokenizerFiles(metadata, path))
