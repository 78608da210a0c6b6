/** The completions of two runs, or of two phases, to one problem, side by side. */
import { firstPair, sharedProblems, type Source, sourcesOf } from '../src/compare.ts'
import type { Samples } from '../src/page-data.ts'
import { completions, scaleOf } from './completion.ts'
import { element, write } from './element.ts'
import { groupHead } from './group.ts'
import { putInOrder } from './in-order.ts'
import { named, type Options, putOptions } from './options.ts'
import { renew } from './renew.ts'
import type { Store } from './store.ts'
import type { Reading } from './text.ts'

const choice = (name: string): HTMLSelectElement => element('select', { name })

const put = (select: HTMLSelectElement, options: Options, value: string): void => {
  putOptions(select, options)
  select.value = value
}

/** One of the two that are compared, and what it was made of. */
interface Side {
  readonly root: HTMLElement
  readonly of: string
}

/** Puts the comparison into `place`; the function that it returns shows it for other samples, or as it is read now, and gives what is said of it. */
export const showCompare = (
  place: HTMLElement,
  { view, set }: Store,
): ((samples: Samples, reading: Reading) => string) => {
  const [left, right, problem] = [choice('left'), choice('right'), choice('problem')]
  const form = element(
    'form',
    { 'aria-label': 'What is compared' },
    element('label', {}, 'Left', left),
    element('label', {}, 'Right', right),
    element('label', { class: 'find' }, 'Problem', problem),
  )
  const words = element('p', { class: 'muted' })
  const sides = element('div', { class: 'sides' })
  const box = element(
    'details',
    { class: 'compare' },
    element('summary', {}, 'Compare completions to one problem'),
    form,
    words,
    sides,
  )
  place.append(box)

  let sources: readonly Source[] = []
  /** By place: they are renewed, and not made again, so that what is read there stays so. */
  let shown: readonly (Side | null)[] = []
  const sourceOf = (id: string): Source | undefined => sources.find((source) => source.id === id)

  box.addEventListener('toggle', () => {
    const { compare } = view()
    if (box.open === (compare !== null)) return
    const pair = box.open ? firstPair(sources) : null
    set({
      compare:
        pair === null ? null : { left: pair[0].id, right: pair[1].id, problem: sharedProblems(...pair)[0] ?? '' },
    })
  })
  form.addEventListener('submit', (event) => event.preventDefault())
  form.addEventListener('change', () =>
    set({ compare: { left: left.value, right: right.value, problem: problem.value } }),
  )

  return (samples, reading) => {
    sources = sourcesOf(samples)
    const { compare } = view()
    box.hidden = firstPair(sources) === null
    box.open = compare !== null
    if (compare === null) {
      shown = []
      sides.replaceChildren()
      return ''
    }
    const options = sources.map(({ id, name }) => [id, name] as const)
    // An address may come from a page of other runs.
    const [first, second] = firstPair(sources) ?? []
    const [a, b] = [sourceOf(compare.left) ?? first, sourceOf(compare.right) ?? second]
    put(left, options, a?.id ?? '')
    put(right, options, b?.id ?? '')
    const shared = a === undefined || b === undefined ? [] : sharedProblems(a, b)
    const chosen = shared.includes(compare.problem) ? compare.problem : (shared[0] ?? '')
    put(problem, named(shared), chosen)
    write(
      words,
      shared.length === 0
        ? 'These two have no problem in common.'
        : `${shared.length} ${shared.length === 1 ? 'problem' : 'problems'} in common.`,
    )
    const make = completions(samples, reading)
    shown = [a, b].map((source, i) => {
      const group = source?.groups.get(chosen)
      if (source === undefined || group === undefined) return null
      const of = JSON.stringify([
        source.name,
        group,
        samples.runs,
        samples.phases,
        samples.rewards,
        scaleOf(samples),
        reading,
      ])
      const before = shown[i] ?? null
      if (before?.of === of) return before
      const fresh = element(
        'article',
        {},
        element('h3', {}, source.name),
        ...groupHead(samples, group, reading),
        element('div', { class: 'completions', role: 'list' }, ...group.members.map(make)),
      )
      if (before === null) return { root: fresh, of }
      renew(before.root, fresh)
      return { root: before.root, of }
    })
    putInOrder(
      sides,
      shown.flatMap((side) => side?.root ?? []),
    )
    return words.textContent
  }
}
