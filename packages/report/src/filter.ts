/** Which completions a reader asked for. Runs in the page; nothing here knows of a page. */
import type { ShownGroup, ShownSample } from './page-data.ts'
import { wordsOf } from './segments.ts'

/** What is asked for. Null: whatever. */
export interface Filter {
  readonly run: number | null
  readonly phase: number | null
  readonly from: number | null
  readonly to: number | null
  /** Right, wrong, or not in the template. */
  readonly outcome: 'right' | 'wrong' | 'broken' | null
  readonly least: number | null
  readonly most: number | null
  /** Words that all stand somewhere in the prompt or the completion, in either case. */
  readonly text: string
}

/** What asks for everything. */
export const EVERYTHING: Filter = {
  run: null,
  phase: null,
  from: null,
  to: null,
  outcome: null,
  least: null,
  most: null,
  text: '',
}

const within = (x: number | null, least: number | null, most: number | null): boolean =>
  (least === null || (x !== null && x >= least)) && (most === null || (x !== null && x <= most))

const isOutcome = ({ right, broken }: ShownSample, outcome: Filter['outcome']): boolean => {
  switch (outcome) {
    case null:
      return true
    case 'right':
      return right === true
    case 'wrong':
      return right === false
    case 'broken':
      return broken !== null
  }
}

/** What a group says of each of its completions. */
type Around = Pick<ShownGroup, 'run' | 'phase' | 'step' | 'prompt'>

/** Whether a completion of a group is among what is asked for. */
export const matches = (filter: Filter): ((group: Around, sample: ShownSample) => boolean) => {
  const words = wordsOf(filter.text)
  return (group, sample) => {
    if (filter.run !== null && group.run !== filter.run) return false
    if (filter.phase !== null && group.phase !== filter.phase) return false
    if (!within(group.step, filter.from, filter.to) || !within(sample.reward, filter.least, filter.most)) return false
    if (!isOutcome(sample, filter.outcome)) return false
    if (words.length === 0) return true
    const text = `${group.prompt} ${sample.think ?? ''} ${sample.answer}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
}

/** A group, with the completions of it that are among what is asked for: by number, at least one. */
export interface FoundGroup {
  readonly group: ShownGroup
  readonly found: readonly number[]
}

/** The groups with a completion that is among what is asked for, in order. */
export const searched = (filter: Filter, groups: readonly ShownGroup[]): readonly FoundGroup[] => {
  const isFound = matches(filter)
  return groups.flatMap((group) => {
    const found = group.members.flatMap((member, i) => (isFound(group, member) ? [i] : []))
    return found.length === 0 ? [] : [{ group, found }]
  })
}
