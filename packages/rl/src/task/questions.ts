/**
 * Data sets of questions with answers as tasks: GSM8K, the generated tasks of reasoning-gym, or rows of a reader's own. A problem is a
 * row; drawing one is drawing a row.
 */
import { optionsOf } from '@adjoint/tensor/ir'
import * as E from 'fp-ts/lib/Either.js'
import { type Decode, ifThere, structOf, text } from '../run/decode.ts'
import type { RunError } from '../run/errors.ts'
import { dice } from '../run/keys.ts'
import type { Text } from '../policy/text.ts'
import { type GraderName, graders, judged } from './graders.ts'
import type { Schema } from './json-lines.ts'
import type { Task } from './task.ts'

/** A row: what is asked, and what is right. */
export interface Question {
  readonly question: string
  readonly answer: string
  /** The way to the answer; empty where the data has none. */
  readonly thought: string
  /** How an answer is judged, where `questions` is not told. Default: by value, `sameMath()`. */
  readonly grader?: GraderName
}

const pair: Decode<Omit<Question, 'thought'>> = structOf({ question: text, answer: text })

/** GSM8K writes the final answer behind this, and what its calculator said between angle brackets. */
const FINAL = '####'
const CALCULATOR = /<<[^<>]*>>/g

/**
 * A line of GSM8K: `{question, answer}`, whose answer is a solution, `####` and the number. Source: Cobbe et al., Training verifiers to
 * solve math word problems (arXiv:2110.14168), section 2.
 *
 * @example
 * ```ts
 * import { gsm8k } from '@adjoint/rl'
 * gsm8k({ question: '2+2?', answer: '2+2 is <<2+2=4>>4\n#### 4' }) // Right { question: '2+2?', thought: '2+2 is 4', answer: '4' }
 * gsm8k({ question: '2+2?', answer: '4' }) // Left: it has no final answer
 * ```
 */
export const gsm8k: Schema<Question> = (value) =>
  E.flatMap(({ question, answer }: Omit<Question, 'thought'>): E.Either<string, Question> => {
    const at = answer.lastIndexOf(FINAL)
    const final = answer.slice(at + FINAL.length).trim()
    if (at < 0 || final === '') return E.left(`row.answer has no final answer behind ${FINAL}`)
    return E.right({ question, thought: answer.slice(0, at).replaceAll(CALCULATOR, '').trim(), answer: final })
  })(pair(value, 'row'))

/** How answers to the generated tasks are judged that are known here; to others as texts, which is what reasoning-gym itself does. */
const GYM: Readonly<Record<string, GraderName>> = {
  ...Object.fromEntries(
    [
      ...['basic_arithmetic', 'chain_sum', 'decimal_arithmetic', 'gcd', 'gsm_symbolic', 'lcm', 'leg_counting'],
      ...['letter_counting', 'simple_equations'],
    ].map((name) => [name, 'result'] as const),
  ),
  countdown: 'countdown',
  fraction_simplification: 'reduced',
  mini_sudoku: 'grid',
  number_sorting: 'sequence',
}

const source: Decode<string | null> = (value, at) =>
  E.map(({ source_dataset: name }: { readonly source_dataset: string | null }) => name)(
    structOf({ source_dataset: ifThere(text) })(value ?? {}, at),
  )
const gymRow = structOf({ question: text, answer: text, metadata: source })

/**
 * A line of a data set of reasoning-gym: `{question, answer, metadata}`. Of what it was made from the name of its task is read, which says
 * how an answer is judged: by its number, and not by an expression of the same value; in lowest terms; as a list in its order; as a
 * grid; as any solution of countdown; of a task that is not known here as a text. Left: an answer that its own grader cannot read.
 *
 * @example
 * ```ts
 * import { reasoningGym } from '@adjoint/rl'
 * reasoningGym({ question: 'Calculate -5 * -6.', answer: '30', metadata: {} }) // Right { question: .., thought: '', answer: '30' }
 * reasoningGym({ question: '..', answer: '3/4', metadata: { source_dataset: 'fraction_simplification' } }) // Right { .., grader: 'reduced' }
 * ```
 */
export const reasoningGym: Schema<Question> = (value) =>
  E.flatMap(({ question, answer, metadata }: { question: string; answer: string; metadata: string | null }) => {
    const row: Question = { question, answer, thought: '' }
    return metadata === null
      ? E.right<string, Question>(row)
      : judged({ ...row, grader: Object.hasOwn(GYM, metadata) ? GYM[metadata]! : 'text' })
  })(gymRow(value, 'row'))

/** Which rows, and how they are asked and judged. */
export interface QuestionsConfig {
  readonly name: string
  /** Rows to learn from; where no others are held out, a tenth of them is, by a hash of the question. */
  readonly rows: readonly Question[]
  /** Rows that are never learnt from; a question that is among both is held out. */
  readonly heldOut?: readonly Question[]
  /** What the policy reads of a question. Default: the question itself. */
  readonly ask?: (question: string) => string
  /** Whether an answer is that expected. Default: what the row says, or `sameMath()`. */
  readonly same?: (expected: string) => (answer: string) => boolean
}

/**
 * Questions as a task. Two rows with one question are one problem, the first. Throws RangeError where there is no row.
 *
 * @example
 * ```ts
 * import { hostKey, problem, questions } from '@adjoint/rl'
 * const task = questions({
 *   name: 'sums',
 *   rows: Array.from({ length: 40 }, (_, i) => ({ question: `${i}+1=`, answer: `${i + 1}`, thought: '' })),
 *   ask: (question) => `Compute ${question}`,
 * })
 * const asked = problem(task, 'train')(hostKey(0))
 * task.verify(asked)(asked.answer) // true
 * ```
 */
export const questions = (options: QuestionsConfig): Task<Question> => {
  const {
    name,
    rows,
    heldOut,
    ask = (question: string) => question,
    same,
  } = optionsOf<QuestionsConfig>('questions', options, { name: true, rows: true, heldOut: true, ask: true, same: true })
  // Held-out rows come first: a question among both is theirs.
  const byQuestion = new Map<string, Question>()
  for (const row of [...(heldOut ?? []), ...rows]) if (!byQuestion.has(row.question)) byQuestion.set(row.question, row)
  const all = [...byQuestion.values()]
  if (all.length === 0)
    throw new RangeError(`questions: ${name} has no rows. Read some, or look at why all were left out.`)
  const kept = heldOut === undefined ? null : new Set(heldOut.map(({ question }) => question))
  return {
    name,
    generate: (key) => all[dice(key)(all.length)]!,
    identity: ({ question }) => question,
    prompt: ({ question }) => ask(question),
    verify: ({ answer, grader = 'math' }) => (same ?? graders[grader])(answer),
    trace: ({ thought, answer }) => ({ think: thought, answer }),
    ...(kept !== null && { split: ({ question }: Question) => (kept.has(question) ? 'heldOut' : 'train') }),
  }
}

/** How long a prompt may be, and what becomes of one that is longer. */
export interface FitConfig {
  readonly text: Text
  /** What the policy reads of a question. Default: the question itself. */
  readonly ask?: (question: string) => string
  /** Most tokens of a prompt. */
  readonly tokens: number
  /** Default 'error'. */
  readonly longer?: 'leave out' | 'error'
}

/**
 * The rows whose prompts have few enough tokens, in order, and how many were left out. Left: UnknownToken; SequenceTooLong, unless what
 * is longer is to be left out.
 *
 * @example
 * ```ts
 * import { fitting, mod10Chain } from '@adjoint/rl'
 * const rows = ['1+1=', '1+1+1+1='].map((question) => ({ question, answer: '', thought: '' }))
 * fitting({ text: mod10Chain.vocabulary, tokens: 6, longer: 'leave out' })(rows) // Right { rows: [ '1+1=' ], leftOut: 1 }
 * ```
 */
export const fitting = (options: FitConfig) => {
  const {
    text: policyText,
    ask = (question: string) => question,
    tokens,
    longer = 'error',
  } = optionsOf<FitConfig>('fitting', options, { text: true, ask: true, tokens: true, longer: true })
  return (
    rows: readonly Question[],
  ): E.Either<RunError, { readonly rows: readonly Question[]; readonly leftOut: number }> => {
    const fit: Question[] = []
    for (const row of rows) {
      const ids = policyText.prompt(ask(row.question))
      if (E.isLeft(ids)) return ids
      if (ids.right.length <= tokens) fit.push(row)
      else if (longer === 'error') return E.left({ _tag: 'SequenceTooLong', length: ids.right.length, context: tokens })
    }
    return E.right({ rows: fit, leftOut: rows.length - fit.length })
  }
}
