/** A short piece of a curve, in its colour and dashes: what a legend has. */
import { strokeOf } from '../src/stroke.ts'
import { curveColour } from './colours.ts'

const SVG = 'http://www.w3.org/2000/svg'

/** The piece of curve number `style`. */
export const swatch = (style: number): SVGSVGElement => {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('class', 'swatch')
  svg.setAttribute('viewBox', '0 0 30 10')
  svg.setAttribute('aria-hidden', 'true')
  const line = document.createElementNS(SVG, 'line')
  const attributes = { x1: '0', x2: '30', y1: '5', y2: '5', 'stroke-width': '2.4' }
  for (const [name, value] of Object.entries(attributes)) line.setAttribute(name, value)
  line.setAttribute('stroke-dasharray', strokeOf(style).dash.join(','))
  line.style.stroke = curveColour(style)
  svg.append(line)
  return svg
}
