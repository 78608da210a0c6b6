/** One completion of a group: its outcome, the chain of thought apart from the answer, its rewards by name. */
import { short } from '../src/format.ts'
import type { Samples, ShownSample } from '../src/page-data.ts'
import { element } from './element.ts'
import { plainText, type Reading, tintedText } from './text.ts'

const verdict = ({ right }: ShownSample): HTMLElement | null =>
  right === null
    ? null
    : element('span', { class: `badge ${right ? 'right' : 'wrong'}` }, right ? '✓ right' : '✗ wrong')

const block = (kind: string, title: string, text: string, reading: Reading): HTMLElement =>
  element(
    'div',
    { class: `text ${kind}`, ...(text.length > 400 ? { tabindex: '0' } : {}) },
    element('span', {}, title),
    ...(text === '' ? [element('em', {}, 'empty')] : plainText(text, reading)),
  )

const fact = (name: string, value: number | null): HTMLElement | null =>
  value === null ? null : element('span', {}, `${name} ${short(value)}`)

/** Bars from zero, on the scale of the largest on the page. */
const bars = (
  named: readonly (readonly [name: string, value: number | null])[],
  [low, high]: readonly [number, number],
): HTMLElement | null => {
  const at = (value: number): number => (100 * (value - low)) / (high - low || 1)
  const bar = (value: number): HTMLElement => {
    const made = element('i', { class: value < 0 ? 'down' : 'up' })
    made.style.left = `${Math.min(at(0), at(value))}%`
    made.style.width = `${Math.abs(at(value) - at(0))}%`
    return made
  }
  return named.length === 0
    ? null
    : element(
        'div',
        { class: 'rewards' },
        ...named.flatMap(([name, value]) => [
          element('span', {}, name),
          element('span', { class: 'track', 'aria-hidden': 'true' }, value === null ? null : bar(value)),
          element('span', {}, value === null ? 'absent' : short(value)),
        ]),
      )
}

const extent = (values: readonly (number | null)[]): readonly [number, number] =>
  values.reduce<readonly [number, number]>(
    ([low, high], value) => [Math.min(low, value ?? 0), Math.max(high, value ?? 0)],
    [0, 0],
  )

/** What the bars of rewards reach over. */
export const scaleOf = ({ groups }: Samples): readonly [number, number] =>
  extent(groups.flatMap(({ members }) => members.flatMap(({ rewards }) => rewards.map(([, value]) => value))))

/** Makes the completions of a page, as they are read now. */
export const completions = (
  samples: Samples,
  reading: Reading,
): ((sample: ShownSample, number: number) => HTMLElement) => {
  const { rewards: names } = samples
  const scale = scaleOf(samples)
  return (sample, number) => {
    const { think, answer, broken, length, ended } = sample
    const tinted = tintedText(sample, reading)
    return element(
      'div',
      { class: 'completion', role: 'listitem' },
      element(
        'div',
        { class: 'facts' },
        element('span', { class: 'number' }, `${number + 1}`),
        verdict(sample),
        broken === null ? null : element('span', { class: 'badge broken' }, `⚠ not in the template: ${broken}`),
        fact('reward', sample.reward),
        fact('advantage', sample.advantage),
        length === null ? null : element('span', {}, `${length} tokens${ended ? '' : ', cut'}`),
      ),
      ...(tinted !== null
        ? [tinted]
        : [
            think === null ? null : block('think', 'chain of thought', think, reading),
            broken === null
              ? block('answer', 'answer', answer, reading)
              : block('broken', 'completion as it stands', answer, reading),
          ]),
      bars(
        sample.rewards.map(([name, value]) => [names[name] ?? '', value] as const),
        scale,
      ),
    )
  }
}
