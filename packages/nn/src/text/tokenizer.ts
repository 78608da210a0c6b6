/** What a tokenizer is: text to ids and back, the tokens with a meaning of their own, and how a conversation is written. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { ChatError, ChatTemplate, Message, TemplateVariables } from './chat.ts'
import type { TextStream } from './stream.ts'

/** How to encode. Both names are those of llama.cpp's interface. */
export interface EncodeOptions {
  /** Puts the tokens around the ids that the model expects there: `<s>` before a prompt of Llama. Default false. */
  readonly addSpecial?: boolean
  /**
   * Reads the names of special tokens in the text as these tokens: for a text that the program wrote itself. Default false: whatever
   * a text says is text, so that nobody ends a turn, or speaks as someone else, by writing `<|im_end|>`.
   */
  readonly parseSpecial?: boolean
}

/** How to decode. */
export interface DecodeOptions {
  /** Shows special tokens by their names. Default false: they are no text. */
  readonly showSpecial?: boolean
  /**
   * Whether other text stands before: then a space at the start is text, where SentencePiece's would else be taken for the one that
   * it puts before every text. Default false.
   */
  readonly continues?: boolean
  /**
   * Whether ids outside the vocabulary are no text, as in Transformers: many a model has more rows than its tokenizer has tokens, and says
   * one of those where it was not trained. Default false: they are an error.
   */
  readonly skipUnknown?: boolean
}

/** How to write a conversation. */
export interface ChatOptions {
  /** Whether the assistant's turn is opened at the end. Default true. */
  readonly addGenerationPrompt?: boolean
  /** What the template knows beside the messages: `tools`, `enable_thinking`. */
  readonly variables?: TemplateVariables
}

/**
 * Text to ids and back. Decoding is exact: no spaces are cleaned up, and `decode(encode(text))` is the text, where the tokenizer
 * itself changes nothing of it: Qwen's composes accents (NFC), and a vocabulary may have no token for bytes that its training never met
 * (SmolLM2's, for some control characters), which are left out then, as by Hugging Face's own.
 */
export interface Tokenizer {
  /** What errors call it: where it was read. */
  readonly name: string
  /** Every id is below it. A model may have more: its vocabulary is often padded to a round number. */
  readonly size: number
  /** Begins a sequence; null where the tokenizer has none. */
  readonly bos: number | null
  /** The tokens that end a completion. The first one is written after a text; there may be none. */
  readonly eos: readonly number[]
  /** Fills what is no text; null where the tokenizer names none. */
  readonly pad: number | null
  /** The tokens that are no text, by their names. */
  readonly specials: ReadonlyMap<string, number>
  /** How conversations are written; null where nobody said. */
  readonly template: ChatTemplate | null
  /** A text's ids, without tokens around them unless they are asked for. */
  readonly encode: (text: string, options?: EncodeOptions) => readonly number[]
  /** Throws RangeError for an id outside the vocabulary, unless those are skipped. */
  readonly decode: (ids: ArrayLike<number>, options?: DecodeOptions) => string
  /**
   * What a token is, for listings and comparisons: a special token's name, else its text, in which a byte that is no whole character
   * stands as `<0xE2>`. Null where there is no such token.
   */
  readonly token: (id: number) => string | null
  /**
   * The rule of this number, from 0, by which words become tokens: of BPE the merge of this rank, of Unigram the score of the token of
   * this id, both as JSON. Null beyond the last. Tokenizers of the same tokens and other rules write the same text as other ids. Merges that
   * make one piece and follow one another are told in the order of their first halves: files made from one SentencePiece model list them
   * in any order (its scores are of pieces), and no text is written otherwise for it.
   */
  readonly rule: (index: number) => string | null
  /** Ids to text as `decode`, piece by piece: what the pushes and the end return, joined, is what `decode` makes of all ids. */
  readonly stream: (options?: DecodeOptions) => TextStream
  /**
   * A conversation in the tokenizer's template, as ids. The template's special tokens are tokens; those that a message names are
   * text. Left: there is no template, or it refused the messages.
   */
  readonly chat: (messages: readonly Message[], options?: ChatOptions) => Either<ChatError, readonly number[]>
  /** The same tokenizer with another template, or why that does not go. */
  readonly withTemplate: (template: ChatTemplate) => Either<TokenizerError, Tokenizer>
}

/** Why there is no tokenizer, as data. */
export type TokenizerError =
  | { readonly _tag: 'MissingFile'; readonly path: string; readonly message: string }
  /** Anything else that the file system says. */
  | { readonly _tag: 'FileSystem'; readonly path: string; readonly message: string }
  /** What is there is no description of a tokenizer. */
  | { readonly _tag: 'Malformed'; readonly path: string; readonly message: string }
  /** The model's file is there, and holds no tokenizer. */
  | { readonly _tag: 'NoTokenizer'; readonly path: string; readonly message: string }
  /** It is one, of a kind that cannot be followed here. */
  | { readonly _tag: 'UnsupportedTokenizer'; readonly path: string; readonly message: string }
  /** A token with a meaning of its own that is asked for, and is not in the vocabulary. */
  | { readonly _tag: 'MissingSpecial'; readonly path: string; readonly token: string; readonly message: string }
