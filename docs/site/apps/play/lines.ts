/** The lines that a program prints: the first and the last of them, and between them one mark where some are left out. */
import { element } from '../../../../packages/report/browser/index.ts'
import { FIRST, LAST, weightOf } from './kept.ts'
import type { Line, Parcel } from './messages.ts'

export interface Lines {
  readonly add: (parcel: Pick<Parcel, 'first' | 'lost' | 'last'>) => void
  /** Lines that are left out. */
  readonly lost: () => number
  readonly clear: () => void
}

interface Kept {
  readonly line: Line
  /** Once it is on the page. */
  shown: HTMLElement | null
}

export const lines = (place: HTMLElement): Lines => {
  const gap = element('div', { class: 'gap' })
  /** Room for lines that are the program's first. */
  let room = FIRST
  let fresh: HTMLElement[] = []
  let last: Kept[] = []
  let weight = 0
  let lost = 0
  let waits = false

  const made = ({ level, text }: Line): HTMLElement => element('div', { class: level }, text)
  const draw = (): void => {
    waits = false
    const atEnd = place.scrollHeight - place.scrollTop - place.clientHeight < 40
    const later = last.filter(({ shown }) => shown === null)
    const earlier = last.find(({ shown }) => shown !== null)?.shown ?? null
    for (const each of [...fresh, ...(lost > 0 && !gap.isConnected ? [gap] : [])]) place.insertBefore(each, earlier)
    fresh = []
    for (const each of later) each.shown = made(each.line)
    place.append(...later.flatMap(({ shown }) => shown ?? []))
    if (atEnd) place.scrollTop = place.scrollHeight
  }
  const drop = (count: number): void => {
    for (const { line, shown } of last.splice(0, count)) {
      weight -= weightOf(line)
      shown?.remove()
      lost++
    }
  }
  const put = (line: Line): void => {
    const own = weightOf(line)
    room = own <= room ? room - own : 0
    if (room > 0) {
      fresh.push(made(line))
      return
    }
    last.push({ line, shown: null })
    weight += own
  }

  return {
    add: (parcel) => {
      parcel.first.forEach(put)
      // What comes before a gap goes with it: there is one gap, and not one for each parcel.
      if (parcel.lost > 0) drop(last.length)
      lost += parcel.lost
      parcel.last.forEach(put)
      let over = 0
      for (let rest = weight; rest > LAST && over < last.length - 1; over++) rest -= weightOf(last[over]!.line)
      drop(over)
      if (waits) return
      waits = true
      requestAnimationFrame(draw)
    },
    lost: () => lost,
    clear: () => {
      room = FIRST
      fresh = []
      last = []
      weight = 0
      lost = 0
      place.replaceChildren()
    },
  }
}
