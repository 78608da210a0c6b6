/** The page's charts: phase after phase, each chart with its legend, the last values, and the data behind its curves. */
import { allChapters, type Chapter, titleOf } from './chapters.ts'
import type { Drawing } from './draw.ts'
import { ranged, short } from './format.ts'
import { type Html, html, trusted } from './html.ts'
import type { Group } from './metric.ts'
import type { ChartData, Plot } from './page-data.ts'
import { type Curve, hasCurves, type Panel, plot } from './panels.ts'
import type { Setting } from './settings.ts'
import { swatch } from './tables.ts'

const digits = (x: number | null): number | null => (x === null ? null : Number(x.toPrecision(6)))

const dataOf = (curves: readonly Curve[], place: Plot | null): ChartData => ({
  plot: place,
  curves: curves.map(({ style, points }) => ({
    style,
    points: points.map(({ x, y, low, high, seeds }) =>
      low === high ? [x, digits(y)] : [x, digits(y), digits(low), digits(high), seeds],
    ),
  })),
})

/** Draws a panel over an axis of this title, or remembers having drawn it. */
export type Drawer = (panel: Panel, x: string) => Promise<Drawing>

const slug = (text: string): string => text.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-')

/** Names for elements: as asked for, or with a number behind where another has that name. */
const naming = (): ((text: string) => string) => {
  const taken = new Set<string>()
  return (text) => {
    const wanted = slug(text)
    let id = wanted
    for (let i = 2; taken.has(id); i++) id = `${wanted}-${i}`
    taken.add(id)
    return id
  }
}

const lastOf = ({ points }: Curve, many: boolean): string => {
  const last = points.findLast(({ y }) => y !== null)
  return last === undefined ? 'absent' : many ? short(last.y) : ranged(last.y, last.low, last.high)
}

const summary = ({ title, curves }: Panel, x: string): string =>
  `${title} over ${x}: ${curves
    .map((curve) => {
      const known = curve.points.filter(({ y }) => y !== null)
      return known.length === 0
        ? `${curve.name} has no values`
        : `${curve.name} from ${short(known[0]!.y)} to ${short(known.at(-1)!.y)}`
    })
    .join('; ')}. Left and right arrows read the values.`

/** So many curves have a narrower legend. */
const MANY = 5

/** A drawing names its clips; on one page they need names of their own. */
const clipsNamed = (svg: string, id: string): string => svg.replace(/(id="|url\(#)(clip\d+)/g, `$1${id}-$2`)

const figure = async (
  draw: Drawer,
  { id, group, x, named }: { readonly id: string; readonly group: Group; readonly x: string; readonly named: boolean },
  panel: Panel,
): Promise<Html> => {
  const { svg, plot: place } = await draw(panel, x)
  const { title, metric, unit, ceiling, curves } = panel
  const many = curves.length > MANY
  return html`<figure
    id="${id}"
    tabindex="0"
    role="group"
    aria-label="${summary(panel, x)}"
    data-chart="${JSON.stringify(dataOf(curves, place))}"
  >
    <figcaption>
      <span class="group"><span>${group}</span><span class="at"></span></span>
      <h3>${title}</h3>
      <span class="unit"
        >${[unit, ceiling === null ? '' : `cut off above ${short(ceiling)}`].filter((t) => t !== '').join(', ')}${
          metric === null || metric === title ? null : html` <code>${metric}</code>`
        }</span
      >
    </figcaption>
    <ul class="${many ? 'keys many' : 'keys'}">
      ${curves.map(
        (curve) =>
          html`<li data-style="${curve.style}">
            ${swatch(curve.style)}${named || curves.length > 1 ? html`<span>${curve.name}</span>` : null}<output
              >${lastOf(curve, many)}</output
            >
          </li>`,
      )}
    </ul>
    <div class="plot">${trusted(clipsNamed(svg, id))}<i></i></div>
  </figure>`
}

const chapterHtml = async (
  draw: Drawer,
  idOf: (text: string) => string,
  settings: readonly Setting[],
  chapter: Chapter,
): Promise<{ readonly id: string; readonly html: Html }> => {
  const { groups, constants } = plot(settings, chapter)
  const title = titleOf(chapter)
  const x = `${chapter.phase || 'run'} step`
  const figures: Html[] = []
  for (const { group, panels } of groups)
    for (const panel of panels)
      figures.push(
        await figure(
          draw,
          { id: idOf(`chart ${title} ${panel.metric ?? panel.title}`), group, x, named: settings.length > 1 },
          panel,
        ),
      )
  const id = idOf(`curves ${title}`)
  const content = html`<details class="chapter" id="${id}" open>
    <summary><h2>${title}</h2></summary>
    <div class="charts">${figures}</div>
    ${
      constants.length === 0
        ? null
        : html`<p class="note">
            Constant throughout:
            ${constants.map(
              ({ name, value }, i) => html`${i === 0 ? '' : ', '}<code>${name}</code> = ${short(value)}`,
            )}.
          </p>`
    }
  </details>`
  return { id, html: content }
}

/** A phase with curves, and where it stands on the page. */
export interface ChapterLink {
  readonly id: string
  readonly title: string
}

/** All charts, and the links to the phases. */
export const curvesSection = async (
  draw: Drawer,
  settings: readonly Setting[],
): Promise<{ readonly section: Html; readonly links: readonly ChapterLink[] }> => {
  const chapters = allChapters(settings.flatMap(({ runs }) => runs)).filter((chapter) => hasCurves(settings, chapter))
  const idOf = naming()
  const parts: { readonly id: string; readonly html: Html }[] = []
  for (const chapter of chapters) parts.push(await chapterHtml(draw, idOf, settings, chapter))
  const spread = settings.some(({ runs }) => runs.length > 1)
  return {
    section: html`<section id="curves" aria-label="Curves">
      ${
        parts.length === 0
          ? html`<h2>Curves</h2>
              <p class="muted">No steps are logged yet.</p>`
          : html`${parts.map((part) => part.html)}${spread ? html`<p class="note">Lines are means over seeds; bands reach from the lowest seed to the highest.</p>` : null}`
      }
    </section>`,
    links: chapters.map((chapter, i) => ({ id: parts[i]!.id, title: titleOf(chapter) })),
  }
}
