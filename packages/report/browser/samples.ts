/** The samples of the page: a form of filters, the count, a page of cards. What the reader asked for outlives new data. */
import { type Filter, matches } from '../src/filter.ts'
import { grouped } from '../src/format.ts'
import type { Samples, ShownSample } from '../src/page-data.ts'
import { cardsOf } from './card.ts'
import { element } from './element.ts'

const PER_PAGE = 24

const orders: Readonly<Record<string, (a: ShownSample, b: ShownSample) => number>> = {
  'as logged': () => 0,
  'latest step first': (a, b) => b.phase - a.phase || b.step - a.step,
  'highest reward first': (a, b) => (b.reward ?? -Infinity) - (a.reward ?? -Infinity),
  'lowest reward first': (a, b) => (a.reward ?? Infinity) - (b.reward ?? Infinity),
  'longest first': (a, b) => (b.length ?? b.answer.length) - (a.length ?? a.answer.length),
}

const ANY = ''

const labelled = (text: string, control: HTMLElement): HTMLLabelElement => element('label', {}, text, control)

const choice = (name: string): HTMLSelectElement => element('select', { name })
const setOptions = (select: HTMLSelectElement, any: string | null, names: readonly string[]): void => {
  const kept = select.value
  select.replaceChildren(
    ...(any === null ? [] : [element('option', { value: ANY }, any)]),
    ...names.map((name) => element('option', { value: name }, name)),
  )
  select.value = names.includes(kept) || any === null ? kept || (names[0] ?? ANY) : ANY
}

const bound = (name: string, label: string, step: string): HTMLInputElement =>
  element('input', { name, type: 'number', step, 'aria-label': label, inputmode: 'decimal', placeholder: label })

const pair = (legend: string, from: HTMLInputElement, to: HTMLInputElement): HTMLElement =>
  element('fieldset', {}, element('legend', {}, legend), element('div', { class: 'pair' }, from, '–', to))

const numberIn = (input: HTMLInputElement): number | null => (input.value === '' ? null : input.valueAsNumber)

const OUTCOMES: Readonly<Record<string, Filter['outcome']>> = {
  right: 'right',
  wrong: 'wrong',
  'not in the template': 'broken',
}

/** Puts the samples into `place`; the function it returns puts others there, for the same filters. */
export const showSamples = (place: HTMLElement): ((samples: Samples) => void) => {
  const [run, phase, outcome, order] = [choice('run'), choice('phase'), choice('outcome'), choice('order')]
  const [from, to] = [bound('from', 'first', '1'), bound('to', 'last', '1')]
  const [least, most] = [bound('least', 'least', 'any'), bound('most', 'most', 'any')]
  const text = element('input', { name: 'text', type: 'search', placeholder: 'words in prompt or completion' })
  const reset = element('button', { type: 'reset' }, 'Show all')
  const form = element(
    'form',
    { 'aria-label': 'Which samples' },
    labelled('Search', text),
    labelled('Run', run),
    labelled('Phase', phase),
    labelled('Outcome', outcome),
    pair('Steps', from, to),
    pair('Reward', least, most),
    labelled('Order', order),
    reset,
  )
  const count = element('p', { role: 'status', class: 'count' })
  const [back, next] = [
    element('button', { type: 'button' }, 'Previous'),
    element('button', { type: 'button' }, 'Next'),
  ]
  const list = element('div', { class: 'list' })
  place.append(form, element('div', { class: 'pager' }, count, back, next), list)

  let samples: Samples = { runs: [], phases: [], rewards: [], rows: [], logged: 0 }
  let page = 0

  const indexOf = (select: HTMLSelectElement, names: readonly string[]): number | null =>
    select.value === ANY ? null : names.indexOf(select.value)
  const filter = (): Filter => ({
    run: indexOf(run, samples.runs),
    phase: indexOf(phase, samples.phases),
    from: numberIn(from),
    to: numberIn(to),
    outcome: OUTCOMES[outcome.value] ?? null,
    least: numberIn(least),
    most: numberIn(most),
    text: text.value,
  })

  const render = (): void => {
    place.hidden = samples.rows.length === 0
    const found = samples.rows.filter(matches(filter())).sort(orders[order.value])
    const pages = Math.max(1, Math.ceil(found.length / PER_PAGE))
    page = Math.min(page, pages - 1)
    const shown = found.slice(page * PER_PAGE, (page + 1) * PER_PAGE)
    const first = page * PER_PAGE + 1
    count.textContent =
      found.length === 0
        ? 'No completion is like that.'
        : `${grouped(first)}–${grouped(first + shown.length - 1)} of ${grouped(found.length)}${found.length < samples.rows.length ? ' found' : ''}`
    back.disabled = page === 0
    next.disabled = page >= pages - 1
    list.replaceChildren(...shown.map(cardsOf(samples)))
  }
  const anew = (): void => {
    page = 0
    render()
  }

  form.addEventListener('input', anew)
  form.addEventListener('submit', (event) => event.preventDefault())
  // The fields are empty only after the event.
  form.addEventListener('reset', () => setTimeout(anew))
  back.addEventListener('click', () => {
    page--
    render()
  })
  next.addEventListener('click', () => {
    page++
    render()
  })
  setOptions(outcome, 'any', Object.keys(OUTCOMES))
  setOptions(order, null, Object.keys(orders))

  return (given) => {
    samples = given
    setOptions(run, 'all', given.runs)
    setOptions(phase, 'all', given.phases)
    run.parentElement!.hidden = given.runs.length < 2
    render()
  }
}
