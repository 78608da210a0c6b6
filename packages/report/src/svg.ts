/** A chart as an SVG of its own, for whoever takes it along. Runs in the page; the page itself draws on a canvas. */
import { placeText, tickText } from './axis-text.ts'
import type { Along } from './clock.ts'
import type { CardData } from './page-data.ts'
import { logRange, logTicks, rangeOf, ticks } from './scale.ts'
import type { ShownCard } from './shown.ts'
import { strokeOf } from './stroke.ts'

/** What of a chart is drawn, and how. */
export interface Drawn {
  readonly card: CardData
  readonly shown: ShownCard
  readonly along: Along
  readonly x: string
  /** Null: all of it. */
  readonly zoom: readonly [number, number] | null
  /** Colours as they are on the page, by the number of the style's colour. */
  readonly colours: readonly string[]
  readonly ink: string
  readonly muted: string
  readonly line: string
  readonly page: string
}

const [WIDTH, HEIGHT, LEFT, RIGHT, BOTTOM] = [640, 360, 64, 16, 44]

const escaped = (text: string): string =>
  // XML has no control characters.
  text
    .replace(/[^\t\n\r\u0020-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')

const extent = (values: Iterable<number>): readonly [number, number] | null => {
  let [low, high] = [Infinity, -Infinity]
  for (const value of values) [low, high] = [Math.min(low, value), Math.max(high, value)]
  return low <= high ? [low, high] : null
}

/** The chart as SVG, 640 by 360. */
export const svgOf = (drawn: Drawn): string => {
  const { card, shown, along, zoom, colours, ink, muted, line, page } = drawn
  const { curves, logarithmic } = shown
  const [xl, xh] = zoom ?? extent(curves.flatMap(({ x }) => x)) ?? [0, 1]
  const xs = [xl, xh > xl ? xh : xl + 1] as const
  const visible = curves.flatMap(({ x, y, low, high }) =>
    [y, low ?? [], high ?? []].flatMap((values) =>
      values.filter((value, i): value is number => value !== null && x[i]! >= xs[0] && x[i]! <= xs[1]),
    ),
  )
  const [low, high] = extent(visible) ?? [logarithmic ? 0.1 : 0, 1]
  const ys = logarithmic ? logRange(low, high) : rangeOf(card, low, high)
  const keys = curves.length > 1 ? Math.ceil(curves.length / 3) : 0
  const top = 44 + 18 * keys
  const height = HEIGHT + 18 * keys
  const scaled = (y: number): number =>
    logarithmic ? (Math.log(y) - Math.log(ys[0])) / (Math.log(ys[1]) - Math.log(ys[0])) : (y - ys[0]) / (ys[1] - ys[0])
  const px = (x: number): string => (LEFT + ((x - xs[0]) / (xs[1] - xs[0])) * (WIDTH - LEFT - RIGHT)).toFixed(2)
  const py = (y: number): string => (height - BOTTOM - scaled(y) * (height - BOTTOM - top)).toFixed(2)
  const path = (x: readonly number[], values: readonly (number | null)[]): string => {
    let pen = 'M'
    return values
      .flatMap((y, i) => {
        if (y === null) {
          pen = 'M'
          return []
        }
        const point = `${pen}${px(x[i]!)} ${py(y)}`
        pen = 'L'
        return [point]
      })
      .join('')
  }
  const band = (x: readonly number[], lows: readonly (number | null)[], highs: readonly (number | null)[]): string => {
    const at = x.flatMap((_, i) => (lows[i] === null || highs[i] === null ? [] : [i]))
    const there = at.map((i) => `${px(x[i]!)} ${py(highs[i]!)}`)
    const back = at.toReversed().map((i) => `${px(x[i]!)} ${py(lows[i]!)}`)
    return at.length === 0 ? '' : `M${[...there, ...back].join('L')}Z`
  }
  const text = (x: number | string, y: number | string, words: string, more = ''): string =>
    `<text x="${x}" y="${y}" ${more}>${escaped(words)}</text>`
  const yt = logarithmic ? logTicks(ys) : ticks(ys, 5)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="12">`,
    `<title>${escaped(card.title)}</title><rect width="100%" height="100%" fill="${page}"/>`,
    text(
      LEFT,
      22,
      `${card.title}${card.unit === '' ? '' : `, ${card.unit}`}`,
      `fill="${ink}" font-size="15" font-weight="600"`,
    ),
    ...curves.flatMap(({ name, style }, i) => {
      if (keys === 0) return []
      const [x, y] = [LEFT + (i % 3) * 190, 44 + 18 * Math.floor(i / 3)]
      const { colour, dash } = strokeOf(style)
      return [
        `<line x1="${x}" x2="${x + 26}" y1="${y - 4}" y2="${y - 4}" stroke="${colours[colour]!}" stroke-width="2" stroke-dasharray="${dash.join(' ')}"/>`,
        text(x + 32, y, name.length > 24 ? `${name.slice(0, 23)}…` : name, `fill="${muted}"`),
      ]
    }),
    ...yt.map(
      (y) =>
        `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${py(y)}" y2="${py(y)}" stroke="${line}"/>${text(LEFT - 8, Number(py(y)) + 4, tickText(y), `fill="${muted}" text-anchor="end"`)}`,
    ),
    ...ticks(xs, 6).map((x) =>
      text(px(x), height - BOTTOM + 18, placeText(x, along), `fill="${muted}" text-anchor="middle"`),
    ),
    text((LEFT + WIDTH - RIGHT) / 2, height - 8, drawn.x, `fill="${muted}" text-anchor="middle"`),
    `<clipPath id="plot"><rect x="${LEFT}" y="${top}" width="${WIDTH - LEFT - RIGHT}" height="${height - BOTTOM - top}"/></clipPath><g clip-path="url(#plot)" fill="none" stroke-linejoin="round">`,
    ...curves.flatMap(({ x, y, smoothed, low: lows, high: highs, style }) => {
      const { colour, dash } = strokeOf(style)
      const stroke = (values: readonly (number | null)[], more: string): string =>
        `<path d="${path(x, values)}" stroke="${colours[colour]!}" ${more}/>`
      return [
        ...(lows === null || highs === null
          ? []
          : [`<path d="${band(x, lows, highs)}" fill="${colours[colour]!}" fill-opacity="0.16"/>`]),
        ...(smoothed === null ? [] : [stroke(y, 'stroke-opacity="0.3"')]),
        stroke(smoothed ?? y, `stroke-width="1.8" stroke-dasharray="${dash.join(' ')}"`),
      ]
    }),
    '</g></svg>',
    '',
  ].join('\n')
}
