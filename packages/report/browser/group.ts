/** A group: the problem, the answer that is expected, what its completions got together, and each of them. */
import type { FoundGroup } from '../src/filter.ts'
import { short } from '../src/format.ts'
import type { Samples, ShownGroup, ShownSample } from '../src/page-data.ts'
import { element } from './element.ts'
import { plainText, type Reading } from './text.ts'

/** So many completions stand there at once: a usual group whole. */
const OPEN = 16

const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length

const known = (members: readonly ShownSample[], of: (m: ShownSample) => number | null): readonly number[] =>
  members.map(of).filter((value) => value !== null)

/** What the completions of a group got together, each a short sentence. */
const together = ({ members }: ShownGroup): readonly string[] => {
  const judged = members.filter(({ right }) => right !== null)
  const rewards = known(members, ({ reward }) => reward)
  const advantages = known(members, ({ advantage }) => advantage)
  const range = (values: readonly number[]): string => `${short(Math.min(...values))} to ${short(Math.max(...values))}`
  return [
    `${members.length} ${members.length === 1 ? 'completion' : 'completions'}`,
    ...(judged.length === 0
      ? []
      : [`${judged.filter(({ right }) => right === true).length} of ${judged.length} right`]),
    ...(rewards.length === 0 ? [] : [`mean reward ${short(mean(rewards))}`]),
    ...(advantages.length === 0 ? [] : [`advantages ${range(advantages)}`]),
  ]
}

/** The head of a group: where it stands, its problem and the answer that is expected. */
export const groupHead = (samples: Samples, group: ShownGroup, reading: Reading): readonly HTMLElement[] => {
  const { run, phase, step, id, prompt, expected } = group
  return [
    element(
      'div',
      { class: 'facts' },
      samples.runs.length > 1 ? element('span', {}, samples.runs[run]?.name ?? '') : null,
      element('span', {}, `${samples.phases[phase] ?? ''}, step ${step}`),
      ...together(group).map((text) => element('span', {}, text)),
      id === null ? null : element('code', { title: 'which draw of the run it was' }, id),
    ),
    element(
      'div',
      { class: 'problem' },
      element('div', { class: 'text prompt' }, element('span', {}, 'prompt'), ...plainText(prompt, reading)),
      ...(expected === null
        ? []
        : [
            element(
              'div',
              { class: 'text expected' },
              element('span', {}, 'expected'),
              ...plainText(expected, reading),
            ),
          ]),
    ),
  ]
}

/** Makes the cards of groups: the completions that were asked for first, the rest of the group behind a fold, once that was unfolded. */
export const groupCards =
  (samples: Samples, reading: Reading, completion: (sample: ShownSample, number: number) => HTMLElement) =>
  ({ group, found }: FoundGroup, unfolded: boolean): HTMLElement => {
    const { members } = group
    const wanted = new Set(found)
    const rest = members.flatMap((_, i) => (wanted.has(i) ? [] : [i]))
    const [shown, hidden] = [found.slice(0, OPEN), [...found.slice(OPEN), ...rest]]
    const listed = (numbers: readonly number[]): HTMLElement =>
      element('div', { class: 'completions', role: 'list' }, ...numbers.map((i) => completion(members[i]!, i)))
    const more = element('details', {}, element('summary', {}, `${hidden.length} more of this group`))
    if (unfolded) more.append(listed(hidden))
    return element(
      'article',
      {},
      ...groupHead(samples, group, reading),
      listed(shown),
      ...(hidden.length === 0 ? [] : [more]),
    )
  }
