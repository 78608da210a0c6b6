/** What the `post_processor` of a `tokenizer.json` puts around the ids of a text. */
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js'
import { isRecord, records } from './json.ts'

/** Ids before those of a text, and after them. */
export interface Affixes {
  readonly before: readonly number[]
  readonly after: readonly number[]
}

const NONE: Affixes = { before: [], after: [] }

/** The affixes of one text. Left: a token that the vocabulary has not. */
export const affixesOf = (processor: unknown, ids: ReadonlyMap<string, number>): Either<string, Affixes> => {
  if (!isRecord(processor)) return right(NONE)
  switch (processor.type) {
    case 'Sequence': {
      let all = NONE
      for (const each of records(processor.processors)) {
        const inner = affixesOf(each, ids)
        if (isLeft(inner)) return inner
        all = { before: [...inner.right.before, ...all.before], after: [...all.after, ...inner.right.after] }
      }
      return right(all)
    }
    case 'TemplateProcessing': {
      const [before, after]: [number[], number[]] = [[], []]
      let seen = false
      for (const { Sequence: text, SpecialToken: special } of records(processor.single)) {
        if (isRecord(text)) seen = true
        if (!isRecord(special)) continue
        const id = ids.get(String(special.id))
        if (id === undefined) return left(String(special.id))
        ;(seen ? after : before).push(id)
      }
      return right({ before, after })
    }
    default:
      return right(NONE)
  }
}
