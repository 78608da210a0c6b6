/** Whole groups of completions, with what each got: the newest, or that of a step that is chosen. */
import { element, isSelected, write } from '../../../../packages/report/browser/index.ts'
import type { RunName, Shown, ShownGroup } from './events.ts'

const signed = (x: number): string => (Math.abs(x) < 0.005 ? '0.00' : `${x > 0 ? '+' : '−'}${Math.abs(x).toFixed(2)}`)

const tokenOf = ([text, logProb]: Shown['tokens'][number]): HTMLElement =>
  element(
    'span',
    {
      class: text.startsWith('<') ? 'tag' : null,
      style: `--surprise: ${(1 - Math.exp(logProb)).toFixed(3)}`,
    },
    text,
    // Hidden until it is asked for.
    element('small', {}, Math.exp(logProb).toFixed(2)),
  )

const rowOf =
  (most: number) =>
  ({ reward, parts, advantage, length, tokens }: Shown): HTMLElement => {
    const right = parts['correct'] === 1
    return element(
      'tr',
      {},
      element('td', { class: right ? 'right' : 'wrong' }, right ? 'right' : 'wrong'),
      element('td', { class: 'tokens' }, ...tokens.map(tokenOf)),
      element('td', { class: 'number' }, String(length)),
      element('td', { class: 'number' }, reward.toFixed(2)),
      element('td', { class: 'number' }, signed(advantage)),
      element(
        'td',
        { class: 'bars' },
        element('i', {
          class: advantage < 0 ? 'down' : null,
          style: `--size: ${(most === 0 ? 0 : Math.abs(advantage) / most).toFixed(3)}`,
        }),
      ),
    )
  }

/** What a column holds; of the first and the last no one who sees them needs to be told. */
const HEAD: readonly (readonly [text: string, seen: boolean, number: boolean])[] = [
  ['outcome', false, false],
  ['completion', true, false],
  ['tokens', true, true],
  ['reward', true, true],
  ['advantage', true, true],
  ['advantage as a bar', false, true],
]

const tableOf = ({ completions }: ShownGroup): HTMLElement => {
  const most = completions.reduce((m, { advantage }) => Math.max(m, Math.abs(advantage)), 0)
  return element(
    'table',
    { 'aria-labelledby': 'samples-title' },
    element(
      'thead',
      {},
      element(
        'tr',
        {},
        ...HEAD.map(([text, seen, number]) =>
          element(
            'th',
            { class: number ? 'number' : null, scope: 'col' },
            seen ? text : element('span', { class: 'unseen' }, text),
          ),
        ),
      ),
    ),
    element('tbody', {}, ...completions.map(rowOf(most))),
  )
}

export interface Groups {
  readonly put: (run: RunName, step: number, group: ShownGroup) => void
  readonly clear: () => void
}

/** Groups of so many steps are kept. */
const KEPT = 2000

export const groups = (place: HTMLElement): Groups => {
  const hint = [...place.childNodes]
  const slider = element('input', { type: 'range', min: '1', max: '1', step: '1', value: '1' })
  const run = element(
    'select',
    { name: 'shown' },
    element('option', { value: 'trained' }, 'learning'),
    element('option', { value: 'control' }, 'control'),
  )
  const chosenRun = element('label', { hidden: '' }, 'Run', run)
  const told = element('input', { type: 'checkbox', name: 'told' })
  const words = element('p', { class: 'mono' })
  // It scrolls sideways where it is narrow, by the keyboard too, and keeps the focus from step to step.
  const table = element('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Completions' })
  let kept = new Map<string, ShownGroup>()
  let follows = true
  let waits = false

  const draw = (): void => {
    waits = false
    // Who has selected some of the text reads it: the step after it comes when that is done with.
    if (follows && (isSelected(table) || isSelected(words))) return
    const at = slider.value
    const group = kept.get(`${run.value} ${at}`)
    if (group === undefined) return
    // What the reader asks for is said; what a run brings at each step would be said without end.
    words.setAttribute('aria-live', follows ? 'off' : 'polite')
    write(words, `step ${at}: ${group.prompt}   expected ${group.expected}`)
    table.replaceChildren(tableOf(group))
  }
  const later = (): void => {
    if (waits) return
    waits = true
    requestAnimationFrame(draw)
  }
  slider.addEventListener('input', () => {
    follows = slider.value === slider.max
    later()
  })
  run.addEventListener('change', later)
  told.addEventListener('change', () => table.classList.toggle('told', told.checked))

  return {
    put: (name, step, group) => {
      if (kept.size === 0)
        place.replaceChildren(
          element(
            'div',
            { class: 'pick' },
            element('label', {}, 'Step', slider),
            chosenRun,
            element('label', {}, told, 'Probabilities of tokens'),
          ),
          words,
          table,
          element(
            'p',
            { class: 'muted' },
            'Tokens are the redder the less likely the policy found them. The advantage is what the update weighs each completion by.',
          ),
        )
      kept.set(`${name} ${step}`, group)
      kept.delete(`${name} ${step - KEPT}`)
      // Once it was seen it stays, however far the run goes.
      if (name === 'control') chosenRun.hidden = false
      slider.max = String(step)
      slider.min = String(Math.max(1, step - KEPT + 1))
      if (!follows) return
      slider.value = String(step)
      later()
    },
    clear: () => {
      kept = new Map()
      follows = true
      run.value = 'trained'
      chosenRun.hidden = true
      place.replaceChildren(...hint)
    },
  }
}
