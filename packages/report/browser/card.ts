/** One completion: what is known of it, the chain of thought apart from the answer, its rewards by name. */
import { short } from '../src/format.ts'
import type { Samples, ShownSample } from '../src/page-data.ts'
import { element } from './element.ts'

const verdict = ({ right }: ShownSample): HTMLElement | null =>
  right === null
    ? null
    : element('span', { class: `badge ${right ? 'right' : 'wrong'}` }, right ? '✓ right' : '✗ wrong')

const block = (kind: string, title: string, text: string): HTMLElement =>
  element(
    'div',
    { class: `text ${kind}`, ...(text.length > 400 ? { tabindex: '0' } : {}) },
    element('span', {}, title),
    text === '' ? element('em', {}, 'empty') : text,
  )

const fact = (name: string, value: number | null): HTMLElement | null =>
  value === null ? null : element('span', {}, `${name} ${short(value)}`)

/** Bars from zero, on the scale of the largest reward on the page. */
const rewardBars = ({ rewards: names, rows }: Samples): ((sample: ShownSample) => HTMLElement | null) => {
  const values = rows.flatMap(({ rewards }) => rewards.map(([, value]) => value ?? 0))
  const [low, high] = values.reduce(([least, most], v) => [Math.min(least, v), Math.max(most, v)], [0, 0])
  const at = (value: number): number => (100 * (value - low)) / (high - low || 1)
  return ({ rewards }) =>
    rewards.length === 0
      ? null
      : element(
          'div',
          { class: 'rewards' },
          ...rewards.flatMap(([name, value]) => [
            element('span', {}, names[name] ?? ''),
            element(
              'span',
              { class: 'track', 'aria-hidden': 'true' },
              value === null
                ? null
                : element('i', {
                    class: value < 0 ? 'down' : 'up',
                    'data-left': String(Math.min(at(0), at(value))),
                    'data-width': String(Math.abs(at(value) - at(0))),
                  }),
            ),
            element('span', {}, value === null ? 'absent' : short(value)),
          ]),
        )
}

/** Makes the cards of a page's samples. */
export const cardsOf = (samples: Samples): ((sample: ShownSample) => HTMLElement) => {
  const bars = rewardBars(samples)
  return (sample) => {
    const { run, phase, step, prompt, think, answer, broken } = sample
    const card = element(
      'article',
      {},
      element(
        'div',
        { class: 'facts' },
        verdict(sample),
        broken === null ? null : element('span', { class: 'badge broken' }, `⚠ not in the template: ${broken}`),
        samples.runs.length > 1 ? element('span', {}, samples.runs[run] ?? '') : null,
        element('span', {}, `${samples.phases[phase] ?? ''}, step ${step}`),
        fact('reward', sample.reward),
        fact('advantage', sample.advantage),
        sample.length === null ? null : element('span', {}, `${sample.length} tokens`),
      ),
      block('prompt', 'prompt', prompt),
      think === null ? null : block('think', 'chain of thought', think),
      broken === null ? block('answer', 'answer', answer) : block('broken', 'completion as it stands', answer),
      bars(sample),
    )
    for (const bar of card.querySelectorAll<HTMLElement>('.track i')) {
      bar.style.left = `${bar.dataset['left'] ?? '0'}%`
      bar.style.width = `${bar.dataset['width'] ?? '0'}%`
    }
    return card
  }
}
