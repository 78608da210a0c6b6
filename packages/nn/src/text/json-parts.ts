/**
 * Parts of a `tokenizer.json` with every field that Hugging Face's `tokenizers` demands. Ours reads them with fewer; a file without one of
 * these is refused there, and by Transformers, with an error that names no field.
 */
import type { Fields } from './json.ts'

/** GPT-2's bytes as characters, as a pre-tokenizer or a decoder; with `use_regex` words are cut by GPT-2's expression first. */
export const byteLevelPart = ({ useRegex }: { readonly useRegex: boolean }): Fields => ({
  ...{ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: useRegex },
})

/** A token that is found in a text by its name, wherever it stands. */
export const addedToken = (id: number, content: string, { special }: { readonly special: boolean }): Fields => ({
  ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special },
})

/** Puts one token before a text; of two texts, before each. */
export const tokenBefore = (id: number, token: string): Fields => {
  const text = (name: 'A' | 'B', type_id: number): readonly Fields[] => [
    { SpecialToken: { id: token, type_id } },
    { Sequence: { id: name, type_id } },
  ]
  return {
    type: 'TemplateProcessing',
    single: text('A', 0),
    pair: [...text('A', 0), ...text('B', 1)],
    special_tokens: { [token]: { id: token, ids: [id], tokens: [token] } },
  }
}
