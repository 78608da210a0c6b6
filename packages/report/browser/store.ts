/** What the reader has set: one value, kept in the page's address, that all parts of the page listen to. */
import { DEFAULT_VIEW, fromHash, toHash, type View } from '../src/view.ts'

type Listener = (now: View, before: View) => void

/** What the reader has set, and how it is changed. */
export interface Store {
  readonly view: () => View
  /** Changes some of it; the address follows, and all listeners are told. */
  readonly set: (some: Partial<View>) => void
  readonly listen: (listener: Listener) => void
}

/** The store of this page. It begins with what the address says, and follows the address where the reader changes it. */
export const openStore = (): Store => {
  let view = fromHash(location.hash)
  let written = location.hash
  const listeners: Listener[] = []
  const become = (next: View): void => {
    const before = view
    view = next
    for (const listener of listeners) listener(view, before)
  }
  addEventListener('hashchange', () => {
    if (location.hash !== written) become(fromHash((written = location.hash)))
  })
  return {
    view: () => view,
    set: (some) => {
      const next = { ...view, ...some }
      const hash = toHash(next)
      written = hash === '' ? '' : `#${hash}`
      // Replaced, not added: going back leaves the page, and does not take back one letter of a search.
      history.replaceState(null, '', written === '' ? location.pathname + location.search : written)
      written = location.hash
      become(next)
    },
    listen: (listener) => void listeners.push(listener),
  }
}

/** Links to sections keep what is set: the address's part before `?` is theirs. */
export const linkSections = ({ view, set }: Store): void => {
  const go = (section: string): void => {
    const target = document.getElementById(section)
    if (section !== '' && target !== null) target.scrollIntoView()
  }
  document.addEventListener('click', (event) => {
    const link = event.target instanceof Element ? event.target.closest('nav a[href^="#"], a.skip') : null
    if (link === null) return
    event.preventDefault()
    const section = link.getAttribute('href')!.slice(1)
    set({ section })
    go(section)
    const target = document.getElementById(section)
    const control = target?.querySelector<HTMLElement>('input, select, button, figure') ?? null
    // A section without controls has the focus itself: the next key goes on from there.
    if (control === null) target?.setAttribute('tabindex', '-1')
    const to = control ?? target
    to?.focus({ preventScroll: true })
  })
  go(view().section)
}

/** Whether nothing is set but where the reader looks. */
export const isDefault = (view: View): boolean => toHash({ ...view, section: '' }) === toHash(DEFAULT_VIEW)
