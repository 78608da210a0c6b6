/** Text and the tokens of a policy: what the loops know of a tokenizer and its template. */
import * as E from 'fp-ts/lib/Either.js'
import type { RunError } from '../run/errors.ts'

/** Prompts and completions as tokens, and tokens as text. A vocabulary of characters is one; a tokenizer with its chat template another. */
export interface Text {
  /** What errors call it. */
  readonly name: string
  /** Number of tokens: every id is below it. */
  readonly size: number
  /** Fills what is no text. */
  readonly pad: number
  /** The tokens that end a completion, at least one. The first of them is written after a text. */
  readonly eos: readonly number[]
  /** The tokens that a completion to this prompt follows: `<bos>` and the text, or a template around it. Left: UnknownToken, TemplateFailed. */
  readonly prompt: (text: string) => E.Either<RunError, readonly number[]>
  /** The tokens of a completion, the one that ends it included. Left: UnknownToken. */
  readonly completion: (text: string) => E.Either<RunError, readonly number[]>
  /** What a token is, its name or its text; null where there is no such token. Two texts of the same tokens are of one vocabulary. */
  readonly token: (id: number) => string | null
  /**
   * The rule of this number by which a text is cut into tokens (see `Tokenizer.rule`); null beyond the last. Absent where it can be cut in one
   * way only, as characters are.
   */
  readonly rule?: (index: number) => string | null
  /** The text of all ids before the first of `eos`; padding is no text. */
  readonly decode: (ids: ArrayLike<number>) => string
}

/** Two texts do not have the same tokens, or are not cut into them alike: what one model says of a token, another cannot be taught by. */
export interface OtherTokenizer {
  readonly _tag: 'OtherTokenizer'
  /** Names of both. */
  readonly student: string
  readonly teacher: string
  /** The first id that is not the same token in both; null where all are, and texts are cut into them in other ways. */
  readonly token: number | null
  readonly message: string
}

/** What tokenizers of the same tokens and merges may yet cut in other ways: digits, spaces, contractions, accents, other scripts. */
const PROBE = "It's 1234567 of 12.5%,  don't I'LL   cafe\u0301 \u00c4 \u65e5\u672c \u{1F642}\n\n\tx"

/** What comes after the same tokens: the first rule in which the texts differ, or the probe, cut in two ways; null where nothing does. */
const cutOtherwise = (student: Text, teacher: Text): string | null => {
  const [own, other] = [student.rule ?? noRule, teacher.rule ?? noRule]
  for (let index = 0; ; index++) {
    const [mine, theirs] = [own(index), other(index)]
    if (mine !== theirs)
      return `rule ${index} by which words become tokens is ${mine ?? 'none'} in the one and ${theirs ?? 'none'} in the other`
    if (mine === null) break
  }
  const [mine, theirs] = [student.completion(PROBE), teacher.completion(PROBE)]
  // the last token says that the text has ended
  const cut = ({ right }: E.Right<readonly number[]>): string => right.slice(0, -1).join()
  return E.isRight(mine) && E.isRight(theirs) && cut(mine) !== cut(theirs)
    ? `${JSON.stringify(PROBE)} is ${mine.right.length - 1} tokens in the one and ${theirs.right.length - 1} in the other`
    : null
}
const noRule = (): null => null

/**
 * Whether two texts have the same tokens under the same ids, and write a text as the same of them: then logits of one model can be compared
 * with those of another. Prompts may be put in another way, and what ends a completion may be another of the tokens. Left: they have not,
 * or do not, and both are named.
 *
 * @example
 * ```ts
 * import { addition, mod10Chain, sameTokens } from '@adjoint/rl'
 * sameTokens({ student: mod10Chain.vocabulary, teacher: mod10Chain.vocabulary }) // Right
 * sameTokens({ student: mod10Chain.vocabulary, teacher: addition(2).vocabulary }) // Left: token 18 is '-' and '='
 * ```
 */
export const sameTokens = ({
  student,
  teacher,
}: {
  readonly student: Text
  readonly teacher: Text
}): E.Either<OtherTokenizer, void> => {
  if (student === teacher) return E.right(undefined)
  const differ = (token: number | null, how: string): E.Either<OtherTokenizer, void> =>
    E.left({
      _tag: 'OtherTokenizer',
      ...{ student: student.name, teacher: teacher.name, token },
      message:
        `the student's tokenizer is ${student.name}, of ${student.size} tokens, and the teacher's ${teacher.name}, of ${teacher.size}: ` +
        `${how}, so that their distributions are not comparable`,
    })
  for (let id = 0; id < Math.max(student.size, teacher.size); id++) {
    const [own, other] = [student.token(id), teacher.token(id)]
    if (own !== other) return differ(id, `token ${id} is ${shown(own)} in the one and ${shown(other)} in the other`)
  }
  const how = cutOtherwise(student, teacher)
  return how === null ? E.right(undefined) : differ(null, how)
}

const shown = (token: string | null): string => (token === null ? 'none' : JSON.stringify(token))
