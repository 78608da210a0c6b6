/** How the charts are looked at: the bar above them. */
import { ALONG, type Along } from '../src/clock.ts'
import { hiddenAmong, hiding } from '../src/hidden.ts'
import { element } from './element.ts'
import type { Store } from './store.ts'

const LABELS: Readonly<Record<Along, string>> = { step: 'steps', time: 'time', tokens: 'tokens' }

/** Makes the bar, and keeps it at what is set; the function that it returns puts it into a place. */
export const showTools = ({ view, set, listen }: Store): ((place: HTMLElement) => void) => {
  const smooth = element('input', { type: 'range', name: 'smooth', min: '0', max: '0.99', step: '0.01' })
  // The slider says its value itself.
  const weight = element('output', { 'aria-live': 'off' })
  const logarithmic = element('input', { type: 'checkbox', name: 'logarithmic' })
  const along = element(
    'select',
    { name: 'along' },
    ...ALONG.map((each) => element('option', { value: each }, LABELS[each])),
  )
  const find = element('input', { type: 'search', name: 'find', placeholder: 'names of charts' })
  const all = element('button', { type: 'button' }, 'Show all of the axis')
  const bar = [
    element('label', {}, 'Smooth', element('span', { class: 'pair' }, smooth, weight)),
    element('label', { class: 'check' }, logarithmic, ' Logarithmic'),
    element('label', {}, 'Along', along),
    element('label', { class: 'find' }, 'Find', find),
    all,
    element('p', {}, 'Drag over a chart to zoom; double-click, or press 0, to go back.'),
  ]
  smooth.addEventListener('input', () => set({ smooth: smooth.valueAsNumber }))
  logarithmic.addEventListener('change', () => set({ logarithmic: logarithmic.checked }))
  // Stretches of one axis are none of another.
  along.addEventListener('change', () => set({ along: ALONG.find((each) => each === along.value) ?? 'step', zoom: {} }))
  find.addEventListener('input', () => set({ find: find.value }))
  all.addEventListener('click', () => set({ zoom: {} }))
  const show = (): void => {
    const now = view()
    smooth.value = String(now.smooth)
    weight.textContent = now.smooth === 0 ? 'off' : String(now.smooth)
    logarithmic.checked = now.logarithmic
    along.value = now.along
    if (find.value !== now.find) find.value = now.find
    // Not `disabled`, which would take the focus from who has just pressed it.
    all.setAttribute('aria-disabled', String(Object.keys(now.zoom).length === 0))
  }
  show()
  listen(show)
  return (place) => {
    // What stands there already is not moved: that would take the focus from it.
    if (bar[0]!.parentNode !== place) place.replaceChildren(...bar)
  }
}

/** The boxes in the head of the page that show and hide settings; the function that it returns sets those of new data. */
export const showSettings = ({ view, set, listen }: Store): (() => void) => {
  const runsOf = (box: HTMLInputElement): readonly string[] => box.dataset['setting']?.split(' ') ?? []
  const show = (): void => {
    const boxes = [...document.querySelectorAll<HTMLInputElement>('[data-setting]')]
    const hidden = hiddenAmong(boxes.map(runsOf), view().hidden)
    boxes.forEach((box, i) => (box.checked = !hidden.includes(i)))
  }
  document.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement && target.dataset['setting'] !== undefined)
      set({ hidden: hiding(view().hidden, runsOf(target), !target.checked) })
  })
  listen(show)
  return show
}
