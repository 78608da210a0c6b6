/**
 * What a log says of completions and of evaluations, for a viewer to show: two kinds of lines, of one schema with a version.
 * A line of a log holds `phase` and `step` besides (see `LogRecord`). What is not known is null, and so is a number that is
 * absent.
 *
 *     kind 'sample'      a prompt with its whole group; each list has an entry a completion, in the order of the group
 *       version          1
 *       id               which draw of the run the group was, or null: not drawn to be learnt from, or logged before this field
 *       prompt           the text that the policy read
 *       expected         an answer that the task takes for right, or null
 *       completions      texts
 *       lengths          tokens, the one that ends a completion included
 *       terminated       whether the completion ended by itself
 *       correct          1 or 0 by the task's verifier, or null for all
 *       rewards          by name, a list each, unweighted; {} where none was given
 *       totals           rewards together, weighted, or null for all
 *       advantages       of a completion, or the mean over its tokens; null for all where it was not learnt from
 *       logProbs         a list a completion: log-probabilities of its tokens under the policy that sampled, nats; null unless asked for
 *       tokens           a list a completion: the text that each of its tokens adds; null unless asked for
 *       entropies        a list a completion: of the distributions that its tokens were drawn from, nats; null where they are not known
 *       tokenAdvantages  a list a completion: of its tokens; null where all of them have the completion's
 *
 *     kind 'evaluation'  held-out problems
 *       version          1
 *       model            which one, or null where the run has one only
 *       problems         how many
 *       done             steps of training before it
 *       ..               any further field: a figure under its name, a number or null
 */
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import { optionsOf } from '@adjoint/tensor/ir'
import type { Breakdown } from '../reward/named.ts'
import type { Sample } from '../reward/sample.ts'
import { accuracy } from '../reward/rules.ts'
import { count, ifThere, listOf, number, oneOf, orNull, recordOf, structOf, text, truth } from '../run/decode.ts'
import type { Json, LogRecord } from '../run/log.ts'
import { piecesOf } from '../policy/pieces.ts'
import type { Text } from '../policy/text.ts'
import type { Task } from '../task/task.ts'

/**
 * The version of the schema that is written: it changes when a field changes its meaning or goes. One that is new
 * is null where a log is older.
 *
 * @example
 * ```ts
 * import { RECORD_VERSION } from '@adjoint/rl'
 * console.log(RECORD_VERSION) // 1
 * ```
 */
export const RECORD_VERSION = 1

/** A prompt and the completions to it: a line of kind 'sample'. */
export type SampleRecord = {
  readonly kind: 'sample'
  readonly version: typeof RECORD_VERSION
  readonly id: string | null
  readonly prompt: string
  readonly expected: string | null
  readonly completions: readonly string[]
  readonly lengths: readonly number[]
  readonly terminated: readonly boolean[]
  readonly correct: readonly (number | null)[] | null
  readonly rewards: { readonly [name: string]: readonly (number | null)[] }
  readonly totals: readonly (number | null)[] | null
  readonly advantages: readonly (number | null)[] | null
  readonly logProbs: readonly (readonly (number | null)[])[] | null
  readonly tokens: readonly (readonly string[])[] | null
  readonly entropies: readonly (readonly (number | null)[])[] | null
  readonly tokenAdvantages: readonly (readonly (number | null)[])[] | null
}

/** An evaluation: a line of kind 'evaluation'. Its other fields are figures. */
export type EvaluationRecord = {
  readonly kind: 'evaluation'
  readonly version: typeof RECORD_VERSION
  readonly model: string | null
  readonly problems: number
  readonly done: number
  readonly [figure: string]: string | number | null
}

/** A completion, and what is known of it. */
export interface Recorded<Problem> {
  readonly sample: Sample<Problem>
  readonly reward?: Breakdown
  readonly advantage?: number
  /** Its tokens. */
  readonly tokens?: ArrayLike<number>
  /** Log-probabilities of its tokens. */
  readonly logProbs?: ArrayLike<number>
  /** Of the distributions that they were drawn from. */
  readonly entropies?: ArrayLike<number> | null
  /** Of its tokens, where they differ. */
  readonly tokenAdvantages?: ArrayLike<number> | null
}

const maybe = (x: number): number | null => (Number.isFinite(x) ? x : null)

/** What each of a group has; null where one has it not. */
const ofAll = <A, B>(group: readonly A[], of: (a: A) => B | null | undefined): readonly B[] | null => {
  const found = group.map(of).filter((value) => value !== undefined && value !== null)
  return found.length === group.length ? found : null
}

/**
 * The record of a group: all completions to one problem. The expected answer is that of the task's own solution; `id` says
 * which draw it was; by `text` (that of the policy) its tokens are told. Throws RangeError for an empty group, or one of several
 * prompts.
 *
 * @example
 * ```ts
 * import { addition, hostKey, problem, sampleRecord } from '@adjoint/rl'
 * const task = addition(2)
 * const asked = problem(task, 'train')(hostKey(0))
 * const sample = { problem: asked, prompt: task.prompt(asked), completion: '<answer>7</answer>', length: 4, terminated: true }
 * const line = sampleRecord(task)([{ sample, advantage: 0 }])
 * ```
 */
export const sampleRecord =
  <Problem>(task: Pick<Task<Problem>, 'verify' | 'trace' | 'answerIn'>) =>
  (
    group: readonly Recorded<Problem>[],
    id: string | null = null,
    text: Pick<Text, 'decode'> | null = null,
  ): SampleRecord => {
    const first = group[0]?.sample
    if (first === undefined || group.some(({ sample }) => sample.prompt !== first.prompt))
      throw new RangeError(
        `sampleRecord: ${group.length} completions to ${new Set(group.map(({ sample }) => sample.prompt)).size} prompts. Give the completions to one.`,
      )
    const correct = accuracy(task.verify, task.answerIn)
    const verdicts = group.map(({ sample }) => correct(sample))
    const rewards = ofAll(group, ({ reward }) => reward) ?? []
    const names = Object.keys(rewards[0]?.parts ?? {})
    const pieces = text === null ? null : piecesOf(text)
    // Four digits: they are looked at, and there is one for every token.
    const rows = (of: (member: Recorded<Problem>) => ArrayLike<number> | null | undefined) =>
      ofAll(group, of)?.map((row) => Array.from(row, (x) => maybe(Number(x.toPrecision(4))))) ?? null
    const numbers = (values: readonly number[] | null): readonly (number | null)[] | null => values?.map(maybe) ?? null
    return {
      kind: 'sample',
      version: RECORD_VERSION,
      id,
      prompt: first.prompt,
      expected: task.trace(first.problem).answer,
      completions: group.map(({ sample }) => sample.completion),
      lengths: group.map(({ sample }) => sample.length),
      terminated: group.map(({ sample }) => sample.terminated),
      correct: verdicts.map((verdict) => (typeof verdict === 'number' ? maybe(verdict) : null)),
      rewards: Object.fromEntries(names.map((name) => [name, rewards.map(({ parts }) => maybe(parts[name] ?? NaN))])),
      totals: rewards.length === 0 ? null : rewards.map(({ total }) => maybe(total)),
      advantages: numbers(ofAll(group, ({ advantage }) => advantage)),
      logProbs: ofAll(group, ({ logProbs }) => logProbs)?.map((row) => Array.from(row, maybe)) ?? null,
      tokens: pieces === null ? null : (ofAll(group, ({ tokens }) => tokens)?.map(pieces) ?? null),
      entropies: rows(({ entropies }) => entropies),
      tokenAdvantages: rows(({ tokenAdvantages }) => tokenAdvantages),
    }
  }

/** Fields of an evaluation that are no figures. */
const FIELDS: ReadonlySet<string> = new Set(['kind', 'phase', 'step', 'version', 'model', 'problems', 'done'])

/** What was examined, when. */
export interface Examined {
  /** Null where the run has one model only, as it is by default. */
  readonly model?: string | null
  readonly problems: number
  /** Steps of training before it. */
  readonly done: number
}

/**
 * The record of an evaluation: its figures by name. Throws RangeError for a figure that has the name of another field.
 *
 * @example
 * ```ts
 * import { evaluationRecord } from '@adjoint/rl'
 * evaluationRecord({ problems: 64, done: 100 })({ passAt1: 0.5 })
 * ```
 */
export const evaluationRecord = (given: Examined) => {
  const {
    model = null,
    problems,
    done,
  } = optionsOf('evaluationRecord', given, { model: true, problems: true, done: true })
  return (figures: object): EvaluationRecord => {
    const entries = Object.entries(figures).map(([name, value]: [string, unknown]) => {
      if (FIELDS.has(name))
        throw new RangeError(`evaluationRecord: a figure is named '${name}', as a field is. Rename it.`)
      return [name, typeof value === 'number' ? maybe(value) : null] as const
    })
    return { kind: 'evaluation', version: RECORD_VERSION, model, problems, done, ...Object.fromEntries(entries) }
  }
}

/**
 * The figures of an evaluation by name; absent ones are left out.
 *
 * @example
 * ```ts
 * import { evaluationRecord, figuresOf } from '@adjoint/rl'
 * figuresOf(evaluationRecord({ problems: 64, done: 100 })({ passAt1: 0.5 })) // { passAt1: 0.5 }
 * ```
 */
export const figuresOf = (record: { readonly [name: string]: Json }): Readonly<Record<string, number>> =>
  Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) =>
      typeof value === 'number' && !FIELDS.has(name) ? [[name, value] as const] : [],
    ),
  )

const ofVersion = (record: LogRecord, kind: string): E.Either<string, LogRecord> =>
  record['version'] !== RECORD_VERSION
    ? E.left(`its version is ${JSON.stringify(record['version'] ?? null)}, and ${RECORD_VERSION} is read here`)
    : record.kind !== kind
      ? E.left(`its kind is ${record.kind}`)
      : E.right(record)

const numbers = listOf(orNull(number))
const sample = structOf<SampleRecord>({
  kind: oneOf('sample'),
  version: oneOf(RECORD_VERSION),
  id: ifThere(orNull(text)),
  prompt: text,
  expected: orNull(text),
  completions: listOf(text),
  lengths: listOf(count),
  terminated: listOf(truth),
  correct: orNull(numbers),
  rewards: recordOf(numbers),
  totals: orNull(numbers),
  advantages: orNull(numbers),
  logProbs: orNull(listOf(numbers)),
  tokens: ifThere(orNull(listOf(listOf(text)))),
  entropies: ifThere(orNull(listOf(numbers))),
  tokenAdvantages: ifThere(orNull(listOf(numbers))),
})

const examined = structOf({ model: orNull(text), problems: count, done: count })

/** Lists of a group: as many entries as completions. */
const listsOf = (r: SampleRecord): readonly (readonly unknown[] | null)[] => [
  ...[r.lengths, r.terminated, r.correct, r.totals, r.advantages],
  ...[r.logProbs, r.tokens, r.entropies, r.tokenAdvantages],
  ...Object.values(r.rewards),
]

/**
 * A line of kind 'sample' as what it is. Left: what is wrong with it, as the end of a sentence.
 *
 * @example
 * ```ts
 * import { decodeSample } from '@adjoint/rl'
 * decodeSample({ kind: 'sample', phase: 'grpo', step: 0 }) // Left 'its version is null, and 1 is read here'
 * ```
 */
export const decodeSample = (record: LogRecord): E.Either<string, SampleRecord> =>
  pipe(
    ofVersion(record, 'sample'),
    E.flatMap((line) => sample(line, 'record')),
    E.filterOrElse(
      (r) => listsOf(r).every((list) => list === null || list.length === r.completions.length),
      () => 'its lists differ in length',
    ),
  )

/**
 * A line of kind 'evaluation' as what it is. Left: what is wrong with it, as the end of a sentence.
 *
 * @example
 * ```ts
 * import { decodeEvaluation, evaluationRecord } from '@adjoint/rl'
 * decodeEvaluation({ ...evaluationRecord({ problems: 64, done: 0 })({ passAt1: 0.5 }), phase: 'exam', step: 0 }) // Right
 * ```
 */
export const decodeEvaluation = (record: LogRecord): E.Either<string, EvaluationRecord> =>
  pipe(
    ofVersion(record, 'evaluation'),
    E.flatMap((line) => examined(line, 'record')),
    E.map((fields) => evaluationRecord(fields)(figuresOf(record))),
  )

/**
 * The records of the first `shown` groups of some completions, which stand in groups of `group`, in order; `ids` are those of
 * the groups. What is known of tokens is left out, since it is most of a log: `logProbs` asks for their log-probabilities, and
 * `text`, that of the policy, for all of it: their texts, log-probabilities, entropies and advantages. Throws RangeError for
 * another number of ids than of groups.
 *
 * @example
 * ```ts
 * import { type GradedSample, mod10Chain, sampleRecords } from '@adjoint/rl'
 * type Problem = Parameters<typeof mod10Chain.prompt>[0]
 * const show = sampleRecords(mod10Chain, { group: 16, shown: 1 })
 * const linesOf = ({ graded, ids }: { graded: readonly GradedSample<Problem>[]; ids: readonly string[] }) => show(graded, ids)
 * ```
 */
export const sampleRecords = <Problem>(
  task: Pick<Task<Problem>, 'verify' | 'trace' | 'answerIn'>,
  options: {
    readonly group: number
    readonly shown: number
    readonly logProbs?: boolean
    readonly text?: Pick<Text, 'decode'>
  },
) => {
  const {
    group,
    shown,
    text = null,
    logProbs = text !== null,
  } = optionsOf('sampleRecords', options, { group: true, shown: true, logProbs: true, text: true })
  const record = sampleRecord(task)
  return (rows: readonly Recorded<Problem>[], ids?: readonly string[]): readonly SampleRecord[] => {
    const groups = chunksOf(group)(rows)
    if (ids !== undefined && ids.length !== groups.length)
      throw new RangeError(`sampleRecords: ${groups.length} groups and ${ids.length} ids. Give one a group.`)
    return groups.slice(0, shown).map((members, g) =>
      record(
        members.map(({ logProbs: told, tokens, entropies, tokenAdvantages, ...rest }) => ({
          ...rest,
          ...(logProbs && told !== undefined ? { logProbs: told } : {}),
          ...(text === null ? {} : { tokens, entropies, tokenAdvantages }),
        })),
        ids?.[g] ?? null,
        text,
      ),
    )
  }
}
