/**
 * Byte-level BPE learnt from texts: the pair of neighbouring tokens that is met most often becomes a token, again and again. Words are
 * split as GPT-2 splits them, no pair crosses two words, and the 256 bytes are tokens from the start, so that every text can be written.
 *
 * Counts are kept, and after a merge only those words are counted again that held the pair. Among pairs that are met equally often, the one
 * whose ids are smaller comes first, as in the trainer of Hugging Face's tokenizers, whose ids these are as well. Sources: Sennrich et al.
 * (arXiv:1508.07909), algorithm 1; Radford et al. 2019, section 2.2.
 */
import { optionsOf } from '@adjoint/tensor/ir'
import type { Task } from 'fp-ts/lib/Task.js'
import { demandSizes } from '../demands.ts'
import { addedToken, byteLevelPart } from './json-parts.ts'
import type { TokenizerFiles } from './hugging-face.ts'
import { maxHeap } from './heap.ts'
import { BYTE_CHARACTERS } from './pieces.ts'

/** What is learnt. */
export interface TrainBpeConfig {
  /** Tokens, all together: special ones, the 256 bytes, and the merges. Fewer, where the texts have no more pairs. */
  readonly vocab: number
  /** Special tokens, whose ids come first. The first one ends a text: `eos_token`. Default: `<|endoftext|>`. */
  readonly specials?: readonly string[]
  /** A pair that is met less often than this is not merged. Default 2. */
  readonly minCount?: number
  /** The chat template, in Jinja. Default: there is none. */
  readonly template?: string
}

/** GPT-2's words; what a text has between two of them is nothing. */
const WORDS = /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+/gu

/** A word as ids, and how often it is met. */
interface Word {
  ids: readonly number[]
  readonly count: number
}

/** A pair, how often it is met, and the words that hold it, or once did. */
interface Pair {
  readonly left: number
  readonly right: number
  count: number
  readonly words: Set<Word>
}

/** A pair as it was when it was put into the heap. */
interface Candidate {
  readonly pair: Pair
  readonly count: number
}

const comesFirst = (a: Candidate, b: Candidate): boolean =>
  a.count !== b.count
    ? a.count > b.count
    : a.pair.left !== b.pair.left
      ? a.pair.left < b.pair.left
      : a.pair.right < b.pair.right

const IDS = 2 ** 26

const merged = (ids: readonly number[], { left, right }: Pair, id: number): readonly number[] => {
  const after: number[] = []
  for (let i = 0; i < ids.length; i++) {
    const here = ids[i] === left && ids[i + 1] === right
    after.push(here ? id : ids[i]!)
    if (here) i++
  }
  return after
}

/** The pairs to merge, in order; the n-th of them becomes token `first + n`. */
const learnMerges = (
  words: readonly Word[],
  { first, count, minCount }: { readonly first: number; readonly count: number; readonly minCount: number },
): readonly (readonly [left: number, right: number])[] => {
  const pairs = new Map<number, Pair>()
  const heap = maxHeap(comesFirst)
  /** Counts the pairs of a word, or takes them back, and notes which they were. */
  const tally = (word: Word, times: number, touched: Set<Pair>): void => {
    for (let i = 1; i < word.ids.length; i++) {
      const [left, right] = [word.ids[i - 1]!, word.ids[i]!]
      const key = left * IDS + right
      const pair = pairs.get(key) ?? { left, right, count: 0, words: new Set() }
      pairs.set(key, pair)
      pair.count += times * word.count
      pair.words.add(word)
      touched.add(pair)
    }
  }
  const queue = (touched: Iterable<Pair>): void => {
    for (const pair of touched) if (pair.count >= minCount) heap.push({ pair, count: pair.count })
  }
  const all = new Set<Pair>()
  for (const word of words) tally(word, 1, all)
  queue(all)

  const merges: (readonly [number, number])[] = []
  while (merges.length < count) {
    const best = heap.pop()
    if (best === undefined) break
    const { pair } = best
    // what has changed since stands in the heap a second time
    if (best.count !== pair.count) continue
    const touched = new Set<Pair>()
    const id = first + merges.length
    for (const word of pair.words) {
      const after = merged(word.ids, pair, id)
      if (after.length === word.ids.length) continue
      tally(word, -1, touched)
      word.ids = after
      tally(word, 1, touched)
    }
    touched.delete(pair)
    pairs.delete(pair.left * IDS + pair.right)
    queue(touched)
    merges.push([pair.left, pair.right])
  }
  return merges
}

/**
 * Learns a tokenizer from texts, which are asked for one after another; what is kept of them is how often each word is met. The result is
 * the contents of its files: `huggingFaceTokenizer` makes a tokenizer of them, and `saveTokenizer` writes them. The same texts give the
 * same tokenizer. Throws RangeError for a vocabulary that has not even the bytes.
 *
 * @example
 * ```ts
 * import { huggingFaceTokenizer, trainBpe } from '@adjoint/nn'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const files = await trainBpe({ vocab: 260 })(['low lower lowest', 'low low'])()
 * const made = huggingFaceTokenizer(files)
 * if (isRight(made)) {
 *   const { encode, decode, token } = made.right
 *   console.log(encode('low lower').map(token)) // ['low', ' low', 'e', 'r']
 *   console.log(decode(encode('What else? 𝄞'))) // What else? 𝄞
 * }
 * ```
 */
export const trainBpe = (options: TrainBpeConfig) => {
  const {
    vocab,
    specials = ['<|endoftext|>'],
    minCount = 2,
    template,
  } = optionsOf<TrainBpeConfig>('trainBpe', options, { vocab: true, specials: true, minCount: true, template: true })
  demandSizes('trainBpe', { vocab, minCount })
  if (specials.length === 0 || new Set(specials).size < specials.length || specials.includes(''))
    throw new RangeError(
      `trainBpe: the special tokens are ${JSON.stringify(specials)}. Name at least one, each once: the first ends a text.`,
    )
  // Hugging Face's order: special tokens, the characters of bytes as Unicode orders them, merges.
  const characters = BYTE_CHARACTERS.toSorted((a, b) => a.codePointAt(0)! - b.codePointAt(0)!)
  const pieces = [...specials, ...characters]
  if (vocab < pieces.length)
    throw new RangeError(
      `trainBpe: ${vocab} tokens are asked for, and the bytes and the special tokens alone are ${pieces.length}. Ask for more.`,
    )
  const idOfByte = BYTE_CHARACTERS.map((character) => specials.length + characters.indexOf(character))
  const utf8 = new TextEncoder()

  return (texts: Iterable<string> | AsyncIterable<string>): Task<TokenizerFiles> =>
    async () => {
      const counts = new Map<string, number>()
      for await (const text of texts)
        for (const [word] of text.matchAll(WORDS)) counts.set(word, (counts.get(word) ?? 0) + 1)
      const words = Array.from(counts, ([word, count]): Word => ({
        ids: Array.from(utf8.encode(word), (byte) => idOfByte[byte]!),
        count,
      }))
      const all = [...pieces]
      const merges = learnMerges(words, { first: pieces.length, count: vocab - pieces.length, minCount }).map(
        ([left, right]) => {
          all.push(all[left]! + all[right]!)
          return `${all[left]!} ${all[right]!}`
        },
      )
      return { tokenizer: described(all, merges, specials), config: configured(specials[0]!, template) }
    }
}

const BYTE_LEVEL = byteLevelPart({ useRegex: true })

const described = (pieces: readonly string[], merges: readonly string[], specials: readonly string[]): object => ({
  version: '1.0',
  truncation: null,
  padding: null,
  added_tokens: specials.map((content, id) => addedToken(id, content, { special: true })),
  normalizer: null,
  pre_tokenizer: BYTE_LEVEL,
  post_processor: null,
  decoder: BYTE_LEVEL,
  model: {
    ...{ type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
    ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false },
    vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
    merges,
  },
})

const configured = (eos: string, template: string | undefined): object => ({
  ...{ tokenizer_class: 'PreTrainedTokenizerFast', eos_token: eos, clean_up_tokenization_spaces: false },
  ...(template !== undefined && { chat_template: template }),
})
