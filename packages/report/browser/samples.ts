/** The samples of the page: a form of filters, the count, a page of groups. What the reader asked for outlives new data. */
import { type Filter, type FoundGroup, searched } from '../src/filter.ts'
import { grouped } from '../src/format.ts'
import type { Samples, ShownGroup } from '../src/page-data.ts'
import { wordsOf } from '../src/segments.ts'
import { NO_SAMPLE_VIEW, type SampleView, type Tint, TINTS, type View } from '../src/view.ts'
import { announce } from './announce.ts'
import { showCompare } from './compare.ts'
import { completions, scaleOf } from './completion.ts'
import { element, write } from './element.ts'
import { groupCards } from './group.ts'
import { groupList } from './group-list.ts'
import { named, type Options, putOptions } from './options.ts'
import type { Store } from './store.ts'
import { type Reading, tintValues } from './text.ts'

const PER_PAGE = 6

const meanReward = ({ members }: ShownGroup): number | null => {
  const known = members.flatMap(({ reward }) => (reward === null ? [] : [reward]))
  return known.length === 0 ? null : known.reduce((sum, x) => sum + x, 0) / known.length
}
const longest = ({ members }: ShownGroup): number =>
  members.reduce((most, { length, answer }) => Math.max(most, length ?? answer.length), 0)

type Order = (a: ShownGroup, b: ShownGroup) => number

const ORDERS: Readonly<Record<string, Order>> = {
  'newest first': (a, b) => b.phase - a.phase || b.step - a.step,
  'oldest first': (a, b) => a.phase - b.phase || a.step - b.step,
  'highest reward first': (a, b) => (meanReward(b) ?? -Infinity) - (meanReward(a) ?? -Infinity),
  'lowest reward first': (a, b) => (meanReward(a) ?? Infinity) - (meanReward(b) ?? Infinity),
  'longest first': (a, b) => longest(b) - longest(a),
}
const OUTCOMES: Readonly<Record<string, Filter['outcome']>> = {
  right: 'right',
  wrong: 'wrong',
  'not in the template': 'broken',
}
const TINT_NAMES: Readonly<Record<Tint, string>> = {
  none: 'nothing',
  logp: 'log-probability',
  entropy: 'entropy',
  advantage: 'advantage',
}

const labelled = (text: string, control: HTMLElement): HTMLLabelElement => element('label', {}, text, control)
const choice = (name: string): HTMLSelectElement => element('select', { name })
const bound = (name: string, label: string, step: string): HTMLInputElement =>
  element('input', { name, type: 'number', step, 'aria-label': label, inputmode: 'decimal', placeholder: label })
const pair = (legend: string, from: HTMLInputElement, to: HTMLInputElement): HTMLElement =>
  element('fieldset', {}, element('legend', {}, legend), element('div', { class: 'pair' }, from, '–', to))

const numberIn = (text: string): number | null => (text === '' || Number.isNaN(Number(text)) ? null : Number(text))
const placeIn = (name: string, names: readonly string[]): number | null => {
  const at = names.indexOf(name)
  return at < 0 ? null : at
}

const filterOf = ({ samples: asked }: View, { runs, phases }: Samples): Filter => ({
  run: placeIn(
    asked.run,
    runs.map(({ id }) => id),
  ),
  phase: placeIn(asked.phase, phases),
  from: numberIn(asked.from),
  to: numberIn(asked.to),
  outcome: OUTCOMES[asked.outcome] ?? null,
  least: numberIn(asked.least),
  most: numberIn(asked.most),
  text: asked.text,
})

/** How texts are read now: colours are on the scale of the largest value on the page. */
const readingOf = ({ samples: { text }, tint, told }: View, { groups }: Samples): Reading => {
  let most = 0
  for (const { members } of groups)
    for (const { tokens, advantage } of members)
      for (const value of tintValues(tint, tokens, advantage) ?? []) most = Math.max(most, Math.abs(value ?? 0))
  // One token that was next to impossible would leave all others without a colour.
  return { words: wordsOf(text), tint, told, most: tint === 'logp' ? Math.min(most, 5) : most }
}

const countText = (found: readonly FoundGroup[], first: number, last: number, { groups }: Samples): string => {
  if (found.length === 0) return 'No completion is like that.'
  const some = found.reduce((n, each) => n + each.found.length, 0)
  const all = groups.reduce((n, { members }) => n + members.length, 0)
  const of = `${grouped(first)}–${grouped(last)} of ${grouped(found.length)} ${found.length === 1 ? 'group' : 'groups'}`
  return some < all ? `${of}, ${grouped(some)} of ${grouped(all)} completions found` : of
}

/** Puts the samples into `place`; the function it returns puts others there, for the same filters. */
export const showSamples = (place: HTMLElement, store: Store): ((samples: Samples) => void) => {
  const { view, set, listen } = store
  const fields = {
    text: element('input', { name: 'text', type: 'search', placeholder: 'words in prompt or completion' }),
    run: choice('run'),
    phase: choice('phase'),
    outcome: choice('outcome'),
    from: bound('from', 'first', '1'),
    to: bound('to', 'last', '1'),
    least: bound('least', 'least', 'any'),
    most: bound('most', 'most', 'any'),
    order: choice('order'),
  } satisfies Readonly<Record<keyof SampleView, HTMLInputElement | HTMLSelectElement>>
  const tint = element(
    'select',
    { name: 'tint' },
    ...TINTS.map((each) => element('option', { value: each }, TINT_NAMES[each])),
  )
  const told = element('input', { type: 'checkbox', name: 'told' })
  const form = element(
    'form',
    { 'aria-label': 'Which samples' },
    labelled('Search', fields.text),
    labelled('Run', fields.run),
    labelled('Phase', fields.phase),
    labelled('Outcome', fields.outcome),
    pair('Steps', fields.from, fields.to),
    pair('Reward', fields.least, fields.most),
    labelled('Order', fields.order),
    labelled('Colour tokens by', tint),
    element('label', { class: 'check' }, told, ' Values of tokens'),
    element('button', { type: 'reset' }, 'Show all'),
  )
  const count = element('p', { class: 'count' })
  const scale = element('p', { class: 'scale' })
  const [back, next] = [
    element('button', { type: 'button' }, 'Previous'),
    element('button', { type: 'button' }, 'Next'),
  ]
  const list = groupList()
  const comparing = element('div')
  place.append(form, comparing, element('div', { class: 'pager' }, count, back, next), scale, list.element)
  const compare = showCompare(comparing, store)

  /** The last page there is. */
  let last = 0
  let samples: Samples = { runs: [], phases: [], rewards: [], groups: [], parts: [], shown: 0, logged: 0 }

  /** `asked`: what the reader has set; null: a run brought more, of which nothing is said. */
  const render = (asked: 'samples' | 'comparison' | null): void => {
    const isNews = asked === null
    const now = view()
    place.hidden = samples.groups.length === 0
    const reading = readingOf(now, samples)
    const order = ORDERS[now.samples.order] ?? ORDERS['newest first']!
    // Who wants to see colours sees first what has some.
    const plain = ({ members }: ShownGroup): number =>
      Number(members.every(({ tokens, advantage }) => tintValues(now.tint, tokens, advantage) === null))
    const found = [...searched(filterOf(now, samples), samples.groups)].sort(
      (a, b) => plain(a.group) - plain(b.group) || order(a.group, b.group),
    )
    last = Math.max(0, Math.ceil(found.length / PER_PAGE) - 1)
    const page = Math.min(now.page, last)
    back.setAttribute('aria-disabled', String(page === 0))
    next.setAttribute('aria-disabled', String(page === last))
    scale.hidden = now.tint === 'none'
    write(
      scale,
      reading.most === 0
        ? 'No completion here has its tokens logged with that: sampleRecords writes them where it is given the text of the policy.'
        : `The stronger the colour, the larger the ${TINT_NAMES[now.tint]} is in size: none at 0, full at ${reading.most.toPrecision(3)}. What has none stands last: its tokens are not logged, or older than there is room for.`,
    )
    const { runs, phases, rewards } = samples
    const [first, end] = [page * PER_PAGE, Math.min(found.length, (page + 1) * PER_PAGE)]
    const more = list.show({
      ...{ samples, found, page: [first, end], isNews },
      looks: JSON.stringify([runs, phases, rewards, scaleOf(samples), reading]),
      make: groupCards(samples, reading, completions(samples, reading)),
    })
    write(count, `${countText(found, first + 1, end, samples)}${more === 0 ? '' : `, and ${more} more where you read`}`)
    const compared = compare(samples, reading)
    if (!isNews) announce(asked === 'samples' ? count.textContent : compared)
  }
  const show = (): void => {
    const now = view()
    for (const [name, field] of Object.entries(fields)) {
      if (field.value !== now.samples[name as keyof SampleView]) field.value = now.samples[name as keyof SampleView]
      // An address may come from a page of other runs: what is not there is not chosen.
      if (field instanceof HTMLSelectElement && field.value === '') field.value = ''
    }
    if (fields.order.value === '') fields.order.value = 'newest first'
    tint.value = now.tint
    told.checked = now.told
  }
  const asked = (): SampleView => ({
    ...(Object.fromEntries(Object.entries(fields).map(([name, { value }]) => [name, value])) as unknown as SampleView),
    order: fields.order.value === 'newest first' ? '' : fields.order.value,
  })

  form.addEventListener('input', ({ target }) => {
    if (target === tint) set({ tint: TINTS.find((each) => each === tint.value) ?? 'none' })
    // Values stand at tokens, and those are shown one by one in a colour.
    else if (target === told)
      set({ told: told.checked, ...(told.checked && tint.value === 'none' ? { tint: 'logp' } : {}) })
    else set({ samples: asked(), page: 0 })
  })
  form.addEventListener('submit', (event) => event.preventDefault())
  form.addEventListener('reset', (event) => {
    event.preventDefault()
    set({ samples: NO_SAMPLE_VIEW, tint: 'none', told: false, page: 0 })
  })
  // Not `disabled` at the ends, which would take the focus from who goes there.
  const turn = (by: number): void => set({ page: Math.max(0, Math.min(last, Math.min(view().page, last) + by)) })
  back.addEventListener('click', () => turn(-1))
  next.addEventListener('click', () => turn(1))
  const any = (text: string, options: Options): Options => [['', text], ...options]
  putOptions(fields.outcome, any('any', named(Object.keys(OUTCOMES))))
  putOptions(fields.order, named(Object.keys(ORDERS)))
  listen((now, before) => {
    const coloured = now.tint !== before.tint || now.told !== before.told
    const changed = coloured || now.samples !== before.samples || now.compare !== before.compare
    if (!changed && now.page === before.page) return
    show()
    render(now.compare !== before.compare ? 'comparison' : 'samples')
  })

  return (given) => {
    samples = given
    putOptions(
      fields.run,
      any(
        'all',
        given.runs.map(({ id, name }) => [id, name] as const),
      ),
    )
    putOptions(fields.phase, any('all', named(given.phases)))
    fields.run.parentElement!.hidden = given.runs.length < 2
    show()
    render(null)
  }
}
