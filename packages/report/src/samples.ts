/**
 * The completions in the logs, as a reader looks through them: the chain of thought apart from the answer, by the rules of
 * the template. A completion that breaks them is shown as it stands, with the rule that it breaks.
 */
import { type FormatError, type Json, type LogRecord, parseCompletion } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import { titleOf } from './chapters.ts'
import type { Samples, ShownSample } from './page-data.ts'
import type { Setting } from './settings.ts'

/** Completions on one page: some megabytes, which a browser filters at once. */
export const MOST_SAMPLES = 5000
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

const text = (value: Json | undefined): string =>
  typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value)
const numeric = (value: Json | undefined): number | null => (typeof value === 'number' ? value : null)
const verdict = (value: Json | undefined): boolean | null =>
  typeof value === 'boolean' ? value : typeof value === 'number' ? value > 0 : null

const rewardsOf = (value: Json | undefined): readonly (readonly [string, number | null])[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).map(([name, reward]) => [name, numeric(reward)] as const)
    : []

/** Of n things, at most `limit`, evenly; the first and the last are kept. */
export const spread = (n: number, limit: number): readonly number[] =>
  n <= limit
    ? Array.from({ length: n }, (_, i) => i)
    : Array.from({ length: limit }, (_, i) => (limit < 2 ? 0 : Math.round((i * (n - 1)) / (limit - 1))))

interface Logged {
  readonly run: string
  readonly phase: string
  readonly line: LogRecord
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

/** What a run is called beside the others, by its folder: its setting, and its seed where there are several. */
export const runLabels = (settings: readonly Setting[]): ReadonlyMap<string, string> => {
  const taken = new Set<string>()
  return new Map(
    settings.flatMap(({ label, runs }) =>
      runs.map((run) => {
        const seed = run.seed === null ? run.name : `seed ${run.seed}`
        const wanted = settings.length > 1 ? `${label}, ${seed}` : runs.length > 1 ? seed : label
        const name = taken.has(wanted) ? `${wanted} (${run.name})` : wanted
        taken.add(name)
        return [run.folder, name] as const
      }),
    ),
  )
}

/** The completions of all runs, at most `limit`. */
export const samplesOf = (settings: readonly Setting[], limit = MOST_SAMPLES): Samples => {
  const labels = runLabels(settings)
  const parts = settings.flatMap(({ runs }) =>
    runs.flatMap((run) =>
      run.stages.flatMap(({ name, records }) => {
        const lines = records.filter((record) => record.kind === 'sample')
        const phases = [...new Set(lines.map(({ phase }) => phase))]
        return phases.map((phase): readonly Logged[] =>
          lines
            .filter((line) => line.phase === phase)
            .map((line) => ({ run: labels.get(run.folder)!, phase: titleOf({ stage: name, phase }), line })),
        )
      }),
    ),
  )
  const logged = parts.reduce((sum, part) => sum + part.length, 0)
  const share = Math.min(1, limit / Math.max(1, logged))
  const [runs, phases, rewards] = [numbering(), numbering(), numbering()]
  const rows = parts
    .flatMap((part) => spread(part.length, Math.floor(part.length * share)).map((i) => part[i]!))
    .map(({ run, phase, line }): ShownSample => ({
      run: runs.of(run),
      phase: phases.of(phase),
      step: line.step,
      prompt: cut(text(line['prompt'])),
      ...partsOf(text(line['completion'])),
      length: numeric(line['length']),
      right: verdict(line['correct']),
      reward: numeric(line['reward']),
      advantage: numeric(line['advantage']),
      rewards: rewardsOf(line['rewards']).map(([name, reward]) => [rewards.of(name), reward] as const),
    }))
  return { runs: runs.names(), phases: phases.names(), rewards: rewards.names(), rows, logged }
}
