/** The curves of a chart by name, each with its value where the chart is read, else its last one; among several, a name hides and shows its curve. */
import { element, write } from '../../../../packages/report/browser/index.ts'

/** One curve of a chart. */
export interface Curve {
  readonly name: string
  /** The name of a colour of the page. */
  readonly colour: string
  /** Points without a line between them, or a dashed line. */
  readonly as?: 'points' | 'dashes'
}

export interface Legend {
  readonly element: HTMLElement
  /** Other curves, all of them shown. */
  readonly name: (curves: readonly Curve[]) => void
  /** The values of the curves. */
  readonly say: (values: readonly (number | null)[]) => void
  /** Whether a screen reader says what changes: where it is asked for, and not each point of a run. */
  readonly aloud: (on: boolean) => void
}

const shown = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(Math.abs(value) < 0.1 ? 4 : 3)

const swatch = ({ colour, as }: Curve): HTMLElement =>
  element('i', { class: `swatch ${as ?? 'line'}`, style: `--of: var(--${colour})`, 'aria-hidden': 'true' })

export const legend = (toggle: (curve: number, on: boolean) => void): Legend => {
  const list = element('ul', { class: 'keys' })
  let values: readonly HTMLElement[] = []
  const nameOf = (curve: Curve, i: number, alone: boolean): HTMLElement => {
    if (alone) return element('span', {}, swatch(curve), curve.name)
    const made = element('button', { type: 'button', 'aria-pressed': 'true' }, swatch(curve), curve.name)
    made.addEventListener('click', () => {
      const on = made.getAttribute('aria-pressed') !== 'true'
      made.setAttribute('aria-pressed', String(on))
      toggle(i, on)
    })
    return made
  }
  return {
    element: list,
    name: (curves) => {
      values = curves.map(() => element('span', { class: 'value' }))
      list.replaceChildren(
        ...curves.map((curve, i) => element('li', {}, nameOf(curve, i, curves.length === 1), values[i]!)),
      )
    },
    say: (now) =>
      values.forEach((place, i) => {
        const value = now[i] ?? null
        write(place, value === null ? '–' : shown(value))
      }),
    aloud: (on) => {
      if (on) list.setAttribute('aria-live', 'polite')
      else list.removeAttribute('aria-live')
    },
  }
}
