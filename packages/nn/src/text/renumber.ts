/** Ids of tokens outside of the vocabulary itself: in post-processors, in padding, and in the files beside `tokenizer.json`. */
import type { TokenizerFiles } from './hugging-face.ts'
import { type Fields, idsOf, isRecord, records } from './json.ts'

/** The new id of a token; null where it is gone. */
export type NewId = (id: number) => number | null

const stillThere = (ids: unknown, now: NewId): readonly number[] =>
  idsOf(ids)
    .map(now)
    .filter((id) => id !== null)

const mapped = (value: unknown, now: NewId): unknown =>
  typeof value === 'number' ? now(value) : Array.isArray(value) ? stillThere(value, now) : value

/** `bos_token_id` and its like. */
const NAMES_ID = /_token_id$/
/** Tokens that are never to be said, of `generation_config.json`. */
const SUPPRESSED = ['suppress_tokens', 'begin_suppress_tokens'] as const
/** Other fields of `generation_config.json` whose values are ids. */
const OF_IDS: readonly string[] = [
  ...SUPPRESSED,
  ...['bad_words_ids', 'force_words_ids', 'forced_decoder_ids', 'sequence_bias'],
]
/** Whether a field speaks of tokens by their ids: with another vocabulary it says something else. */
export const namesTokens = (field: string): boolean => NAMES_ID.test(field) || OF_IDS.includes(field)
/** `["</s>", 2]`: what BERT's and RoBERTa's post-processors put around a text. */
const PAIRS = ['sep', 'cls'] as const

const processors = (processor: Fields): readonly Fields[] => [
  processor,
  ...records(processor.processors).flatMap(processors),
]

/** All ids that the files name in such places. */
export const idsIn = ({ tokenizer, config, generation }: TokenizerFiles): readonly number[] => {
  const described = isRecord(tokenizer) ? tokenizer : {}
  const { post_processor: processor, padding } = described
  return [
    ...(isRecord(processor) ? processors(processor) : []).flatMap((each) => [
      ...(isRecord(each.special_tokens) ? Object.values(each.special_tokens) : []).flatMap((token) =>
        isRecord(token) ? idsOf(token.ids) : [],
      ),
      ...PAIRS.flatMap((name) => (Array.isArray(each[name]) ? idsOf(each[name]) : [])),
    ]),
    ...(isRecord(padding) ? idsOf(padding.pad_id) : []),
    ...[config, generation].flatMap((fields) =>
      Object.entries(isRecord(fields) ? fields : {}).flatMap(([name, id]) => (NAMES_ID.test(name) ? idsOf(id) : [])),
    ),
  ]
}

const renumberedProcessor = (processor: Fields, now: NewId): Fields => ({
  ...processor,
  ...(Array.isArray(processor.processors) && {
    processors: records(processor.processors).map((each) => renumberedProcessor(each, now)),
  }),
  ...(isRecord(processor.special_tokens) && {
    special_tokens: Object.fromEntries(
      Object.entries(processor.special_tokens).map(([name, token]) => [
        name,
        isRecord(token) ? { ...token, ids: mapped(token.ids, now) } : token,
      ]),
    ),
  }),
  ...Object.fromEntries(
    PAIRS.flatMap((name) => {
      const pair = processor[name]
      return Array.isArray(pair)
        ? [[name, pair.map((part: unknown) => (typeof part === 'number' ? now(part) : part))]]
        : []
    }),
  ),
})

/** The fields of a configuration: ids under their new numbers, those of tokens that are gone left out of lists. */
const renumberedFields = (fields: unknown, now: NewId): unknown => {
  if (!isRecord(fields)) return fields
  const decoder = fields.added_tokens_decoder
  return {
    ...Object.fromEntries(
      Object.entries(fields).map(([name, value]) => [name, NAMES_ID.test(name) ? mapped(value, now) : value]),
    ),
    ...Object.fromEntries(
      SUPPRESSED.flatMap((name) => (Array.isArray(fields[name]) ? [[name, stillThere(fields[name], now)]] : [])),
    ),
    ...(isRecord(decoder) && {
      added_tokens_decoder: Object.fromEntries(
        Object.entries(decoder).flatMap(([id, token]) => stillThere(Number(id), now).map((own) => [own, token])),
      ),
    }),
  }
}

/** Files whose ids outside of the vocabulary are the new ones. */
export const renumbered =
  (now: NewId) =>
  (files: TokenizerFiles): TokenizerFiles => {
    const { tokenizer, config, generation } = files
    const described: Fields = isRecord(tokenizer) ? tokenizer : {}
    const { post_processor: processor, padding } = described
    return {
      ...files,
      tokenizer: {
        ...described,
        ...(isRecord(processor) && { post_processor: renumberedProcessor(processor, now) }),
        ...(isRecord(padding) && { padding: { ...padding, pad_id: mapped(padding.pad_id, now) } }),
      },
      ...(config !== undefined && { config: renumberedFields(config, now) }),
      ...(generation !== undefined && { generation: renumberedFields(generation, now) }),
    }
  }
