/** The curves of a chart by name, each with its value where the chart is read, else its last one. */
import { ranged, short } from '../src/format.ts'
import type { ShownCurve } from '../src/shown.ts'
import { element, write } from './element.ts'
import { swatch } from './swatch.ts'

/** So many curves have a narrower legend. */
const MANY = 5

const lastOf = ({ y }: ShownCurve): number => y.findLastIndex((value) => value !== null)

/** What is said of a curve: at a place (the last before it, where a curve that was thinned has none there), or at its end. */
const valueAt = (curve: ShownCurve, x: number | null, brief: boolean): string => {
  if (x !== null && x > (curve.x.at(-1) ?? -Infinity)) return '–'
  const i = x === null ? lastOf(curve) : curve.x.findLastIndex((each) => each <= x)
  if (i < 0) return x === null ? 'absent' : '–'
  const y = curve.y[i] ?? null
  const smoothed = curve.smoothed?.[i] ?? null
  const text = brief ? short(y) : ranged(y, curve.low?.[i] ?? y, curve.high?.[i] ?? y)
  return smoothed === null || brief ? text : `${text}, smooth ${short(smoothed)}`
}

export interface Legend {
  readonly element: HTMLElement
  /** Has these curves; `named`: their names are shown, for there are several. */
  readonly put: (curves: readonly ShownCurve[], named: boolean) => void
  /** Says their values at a place of the x axis; null: their last ones. */
  readonly say: (x: number | null) => void
  /** Whether a screen reader says what changes. */
  readonly aloud: (on: boolean) => void
}

export const legend = (): Legend => {
  const list = element('ul', { class: 'keys' })
  let curves: readonly ShownCurve[] = []
  let outputs: readonly HTMLElement[] = []
  let made = ''
  return {
    element: list,
    put: (given, named) => {
      curves = given
      const of = JSON.stringify(given.map(({ name, style }) => [name, style, named]))
      if (of === made) return
      made = of
      // No <output>: that speaks by itself, at each point of a run.
      outputs = given.map(() => element('span', { class: 'value' }))
      list.className = given.length > MANY ? 'keys many' : 'keys'
      list.replaceChildren(
        ...given.map(({ name, style }, i) =>
          element(
            'li',
            { 'data-style': String(style) },
            swatch(style),
            named ? element('span', {}, name) : null,
            outputs[i]!,
          ),
        ),
      )
    },
    say: (x) => curves.forEach((curve, i) => write(outputs[i]!, valueAt(curve, x, curves.length > MANY))),
    aloud: (on) => {
      if (on) list.setAttribute('aria-live', 'polite')
      else list.removeAttribute('aria-live')
    },
  }
}
