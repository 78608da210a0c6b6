/** Colours as a canvas takes them: those of the style sheet, as they are by day or by night. */
import { strokeOf } from '../src/stroke.ts'

const probe = document.createElement('i')
let known = new Map<string, string>()

/** What a colour of the style sheet is now, `rgb(..)`. */
export const resolved = (colour: string): string => {
  const before = known.get(colour)
  if (before !== undefined) return before
  if (!probe.isConnected) {
    probe.hidden = true
    document.body.append(probe)
  }
  probe.style.color = colour
  const now = getComputedStyle(probe).color
  known.set(colour, now)
  return now
}

/** The same, seen through. */
export const faint = (colour: string, alpha: number): string =>
  resolved(colour).replace(/^rgb\(([^)]*)\)$/, (_, parts: string) => `rgba(${parts}, ${alpha})`)

/** The name of a curve's colour in the style sheet. */
export const curveColour = (style: number): string => `var(--c${strokeOf(style).colour})`

/** Calls back when day becomes night, or night day. */
export const onTheme = (changed: () => void): void => {
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    known = new Map()
    changed()
  })
}
