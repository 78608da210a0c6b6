/**
 * The completions in the logs, as a reader looks through them: the chain of thought apart from the answer, by the rules of
 * the template. A completion that breaks them is shown as it stands, with the rule that it breaks.
 */
import { decodeSample, type FormatError, type LogRecord, parseCompletion, type SampleRecord } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import { titleOf } from './chapters.ts'
import type { LoggedPart, Samples, ShownGroup, ShownSample, TokenData } from './page-data.ts'
import { idOf, shortHash } from './run.ts'
import type { Setting } from './settings.ts'

/** Completions on one page: some megabytes, which a browser filters at once. */
export const MOST_SAMPLES = 5000
/** Tokens of the page of which the values are told: about two megabytes. */
export const TOKENS_OF_PAGE = 60_000
/** Characters of a text on the page. */
export const LONGEST_TEXT = 4000

const cut = (text: string): string =>
  text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}… (${text.length - LONGEST_TEXT} characters more)`

const brokenRule = (error: FormatError): string => {
  switch (error._tag) {
    case 'MissingTag':
      return `${error.tag} is missing`
    case 'RepeatedTag':
      return `${error.tag} stands there twice`
    case 'TagOrder':
      return `${error.tag} stands too early`
    case 'TextOutside':
      return 'text outside the two blocks'
  }
}

/** A completion in its parts. */
export const partsOf = (completion: string): Pick<ShownSample, 'think' | 'answer' | 'broken'> => {
  const parsed = parseCompletion(completion)
  return E.isRight(parsed)
    ? { think: cut(parsed.right.think), answer: cut(parsed.right.answer), broken: null }
    : { think: null, answer: cut(completion), broken: brokenRule(parsed.left) }
}

/** Of n things, at most `limit`, evenly; the first and the last are kept. */
export const spread = (n: number, limit: number): readonly number[] =>
  n <= limit
    ? Array.from({ length: n }, (_, i) => i)
    : Array.from({ length: limit }, (_, i) => (limit < 2 ? 0 : Math.round((i * (n - 1)) / (limit - 1))))

/** A record, and where it stands. */
interface Logged {
  /** The id of its run. */
  readonly run: string
  readonly phase: string
  readonly step: number
  readonly record: SampleRecord
}

/** The groups of lines, one by one; what is no record of this schema is a note of the run, and left out here. */
const groupsOf = (lines: readonly LogRecord[], run: string, phase: string): readonly Logged[] =>
  lines.flatMap((line) => {
    const decoded = decodeSample(line)
    return E.isLeft(decoded) ? [] : [{ run, phase, step: line.step, record: decoded.right }]
  })

const threeDigits = (values: readonly (number | null)[] | undefined): readonly (number | null)[] | null =>
  values?.map((x) => (x === null ? null : Number(x.toPrecision(3)))) ?? null

/** What is known of the tokens of a completion; null where they are not those of the text that is shown. */
const tokensOf = (record: SampleRecord, at: number): TokenData | null => {
  const texts = record.tokens?.[at]
  const completion = record.completions[at]!
  if (texts === undefined || completion.length > LONGEST_TEXT || texts.join('') !== completion) return null
  return {
    texts,
    logp: threeDigits(record.logProbs?.[at]),
    entropy: threeDigits(record.entropies?.[at]),
    advantage: threeDigits(record.tokenAdvantages?.[at]),
  }
}

const tokensIn = ({ record }: Logged): number => record.tokens?.reduce((n, texts) => n + texts.length, 0) ?? 0

/** The groups of a part whose tokens are told: the newest ones, as many as there is room for. */
const toldOf = (part: readonly Logged[], room: number): ReadonlySet<Logged> => {
  const told = new Set<Logged>()
  let left = room
  for (const group of part.toReversed()) {
    left -= tokensIn(group)
    if (left < 0) break
    told.add(group)
  }
  return told
}

/** Numbers for names, in order of first use. */
const numbering = (): { readonly of: (name: string) => number; readonly names: () => readonly string[] } => {
  const numbers = new Map<string, number>()
  return {
    of: (name) => {
      const known = numbers.get(name)
      if (known !== undefined) return known
      numbers.set(name, numbers.size)
      return numbers.size - 1
    },
    names: () => [...numbers.keys()],
  }
}

/** What a run is called beside the others, by its id: its setting, and its seed where there are several. */
export const runLabels = (settings: readonly Setting[]): ReadonlyMap<string, string> => {
  const taken = new Set<string>()
  return new Map(
    settings.flatMap(({ label, runs }) =>
      runs.map((run) => {
        const seed = run.seed === null ? run.name : `seed ${run.seed}`
        const wanted = settings.length > 1 ? `${label}, ${seed}` : runs.length > 1 ? seed : label
        const name = taken.has(wanted) ? `${wanted} (${run.name})` : wanted
        taken.add(name)
        return [idOf(run), name] as const
      }),
    ),
  )
}

/** What is said of a part as a whole; nothing of one that holds no group. */
const partOf = (
  part: readonly Logged[],
  runOf: (id: string) => number,
  phaseOf: (name: string) => number,
): readonly LoggedPart[] => {
  const [first] = part
  if (first === undefined) return []
  const { id, prompt, completions } = first.record
  return [
    {
      run: runOf(first.run),
      phase: phaseOf(first.phase),
      begun: shortHash(JSON.stringify([id, prompt, completions])),
      last: part.reduce((last, { step }) => Math.max(last, step), 0),
    },
  ]
}

/** The completions of all runs by groups, at most `limit` of them. */
export const samplesOf = (settings: readonly Setting[], limit = MOST_SAMPLES): Samples => {
  const labels = runLabels(settings)
  const parts = settings.flatMap(({ runs }) =>
    runs.flatMap((run) =>
      run.stages.flatMap(({ name, records }) => {
        const lines = records.filter((record) => record.kind === 'sample')
        const phases = [...new Set(lines.map(({ phase }) => phase))]
        return phases.map((phase) =>
          groupsOf(
            lines.filter((line) => line.phase === phase),
            idOf(run),
            titleOf({ stage: name, phase }),
          ),
        )
      }),
    ),
  )
  const size = (groups: readonly Logged[]): number => groups.reduce((n, { record }) => n + record.completions.length, 0)
  const logged = parts.reduce((sum, part) => sum + size(part), 0)
  // Each phase of each run has its first group on the page; what room is left is shared.
  const left = limit - parts.reduce((sum, part) => sum + size(part.slice(0, 1)), 0)
  const share = (n: number): number => (logged <= limit ? n : 1 + Math.max(0, Math.floor((n * left) / logged)))
  const kept = parts.map((part) => spread(part.length, share(part.length)).map((i) => part[i]!))
  const room = TOKENS_OF_PAGE / Math.max(1, kept.filter((part) => part.some((group) => tokensIn(group) > 0)).length)
  const told = new Set(kept.flatMap((part) => [...toldOf(part, room)]))
  const [runs, phases, rewards] = [numbering(), numbering(), numbering()]
  const memberOf =
    (group: Logged) =>
    (_: string, at: number): ShownSample => {
      const { record } = group
      const correct = record.correct?.[at] ?? null
      return {
        ...partsOf(record.completions[at]!),
        length: record.lengths[at]!,
        ended: record.terminated[at]!,
        right: correct === null ? null : correct > 0,
        reward: record.totals?.[at] ?? null,
        advantage: record.advantages?.[at] ?? null,
        rewards: Object.entries(record.rewards).map(([name, each]) => [rewards.of(name), each[at]!] as const),
        tokens: told.has(group) ? tokensOf(record, at) : null,
      }
    }
  const groups = kept.flat().map((group): ShownGroup => ({
    run: runs.of(group.run),
    phase: phases.of(group.phase),
    step: group.step,
    id: group.record.id,
    prompt: cut(group.record.prompt),
    expected: group.record.expected === null ? null : cut(group.record.expected),
    members: group.record.completions.map(memberOf(group)),
  }))
  const shown = groups.reduce((n, { members }) => n + members.length, 0)
  return {
    runs: runs.names().map((id) => ({ id, name: labels.get(id)! })),
    ...{ phases: phases.names(), rewards: rewards.names(), groups, shown, logged },
    parts: parts.flatMap((part) => partOf(part, runs.of, phases.of)),
  }
}
