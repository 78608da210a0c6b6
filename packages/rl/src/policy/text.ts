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
  /** The text of all ids before the first of `eos`; padding is no text. */
  readonly decode: (ids: ArrayLike<number>) => string
}

/** Two texts do not have the same tokens: what one model says of a token, another cannot be taught by. */
export interface OtherTokenizer {
  readonly _tag: 'OtherTokenizer'
  /** Names of both. */
  readonly student: string
  readonly teacher: string
  /** The first id that is not the same token in both. */
  readonly token: number
  readonly message: string
}

/**
 * Whether two texts have the same tokens under the same ids: then logits of one model can be compared with those of another. Prompts may be
 * put in another way, and what ends a completion may be another of the tokens. Left: they have not, and both are named.
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
  for (let id = 0; id < Math.max(student.size, teacher.size); id++) {
    const [own, other] = [student.token(id), teacher.token(id)]
    if (own !== other)
      return E.left({
        _tag: 'OtherTokenizer',
        ...{ student: student.name, teacher: teacher.name, token: id },
        message:
          `the student's tokenizer is ${student.name}, of ${student.size} tokens, and the teacher's ${teacher.name}, of ${teacher.size}: ` +
          `token ${id} is ${shown(own)} in the one and ${shown(other)} in the other, so that their distributions are not comparable`,
      })
  }
  return E.right(undefined)
}

const shown = (token: string | null): string => (token === null ? 'none' : JSON.stringify(token))
