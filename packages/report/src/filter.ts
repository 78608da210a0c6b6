/** Which completions a reader asked for. Runs in the page; nothing here knows of a page. */
import type { ShownSample } from './page-data.ts'

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

/** Whether a completion is among what is asked for. */
export const matches = (filter: Filter): ((sample: ShownSample) => boolean) => {
  const words = filter.text
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '')
  return (sample) => {
    if (filter.run !== null && sample.run !== filter.run) return false
    if (filter.phase !== null && sample.phase !== filter.phase) return false
    if (!within(sample.step, filter.from, filter.to) || !within(sample.reward, filter.least, filter.most)) return false
    if (!isOutcome(sample, filter.outcome)) return false
    if (words.length === 0) return true
    const text = `${sample.prompt} ${sample.think ?? ''} ${sample.answer}`.toLowerCase()
    return words.every((word) => text.includes(word))
  }
}
