/** The page's charts: their phases, what of each is said in words, and the data that the page's script draws. */
import { allChapters, titleOf } from './chapters.ts'
import { clockOf } from './clocks.ts'
import { short } from './format.ts'
import { type Html, html } from './html.ts'
import type { CardData, Charts, CurveData } from './page-data.ts'
import { type Curve, hasCurves, MOST_POINTS, type Panel, plot, type Plotted, thinned } from './panels.ts'
import { idOf as idOfRun } from './run.ts'
import type { Setting } from './settings.ts'

/** Points of all curves of a page: some megabytes. */
export const POINTS_OF_PAGE = 150_000
/** However many curves there are, each has so many. */
const FEWEST_POINTS = 60

const digits = (x: number | null): number | null => (x === null ? null : Number(x.toPrecision(6)))

const curveData = ({ name, style, setting, points }: Curve): CurveData => ({
  name,
  style,
  setting,
  x: points.map(({ x }) => x),
  y: points.map(({ y }) => digits(y)),
  band: points.some(({ low, high }) => low !== high)
    ? { low: points.map(({ low }) => digits(low)), high: points.map(({ high }) => digits(high)) }
    : null,
})

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

/** A phase with curves, and where it stands on the page. */
export interface ChapterLink {
  readonly id: string
  readonly title: string
}

const wordsOn = ({ constants, rounded }: Plotted): Html => html`
  ${
    constants.length === 0
      ? null
      : html`<p class="note">
          Constant throughout:
          ${constants.map(({ name, value }, i) => html`${i === 0 ? '' : ', '}<code>${name}</code> = ${short(value)}`)}.
        </p>`
  }
  ${
    rounded.length === 0
      ? null
      : html`<p class="note" data-rounded>
          Varies by the rounding of f32 only, and is not drawn:
          ${rounded.map(
            ({ name, low, high }, i) =>
              html`${i === 0 ? '' : ', '}<code>${name}</code> = ${short((low + high) / 2)} ± ${short((high - low) / 2)}`,
          )}.
        </p>`
  }
`

const chapterHtml = (id: string, title: string, plotted: Plotted): Html =>
  html`<details class="chapter" id="${id}" open>
    <summary><h2>${title}</h2></summary>
    <div class="charts" data-client="charts" data-phase="${id}"></div>
    ${wordsOn(plotted)}
  </details>`

/** All charts: the section of the page, the links to its phases, and the data. */
export const curvesSection = (
  settings: readonly Setting[],
): { readonly section: Html; readonly links: readonly ChapterLink[]; readonly charts: Charts } => {
  const chapters = allChapters(settings.flatMap(({ runs }) => runs)).filter((chapter) => hasCurves(settings, chapter))
  const idOf = naming()
  const parts = chapters.map((chapter) => ({
    chapter,
    id: idOf(`curves ${titleOf(chapter)}`),
    title: titleOf(chapter),
    plotted: plot(settings, chapter),
  }))
  const panels = parts.flatMap(({ id, title, plotted }) =>
    plotted.groups.flatMap((each) => each.panels.map((panel) => ({ phase: id, title, group: each.group, panel }))),
  )
  const curves = panels.reduce((n, { panel }) => n + panel.curves.length, 0)
  const limit = Math.min(MOST_POINTS, Math.max(FEWEST_POINTS, Math.floor(POINTS_OF_PAGE / Math.max(1, curves))))
  const cardOf = (id: string, phase: string, group: string, panel: Panel): CardData => ({
    ...{ id, phase, group, title: panel.title, unit: panel.unit, domain: panel.domain, ceiling: panel.ceiling },
    metric: panel.metric === panel.title ? null : panel.metric,
    curves: thinned(limit)(panel).curves.map(curveData),
  })
  const banded = settings.some(({ runs }) => runs.length > 1)
  return {
    section: html`<section id="curves" aria-label="Curves">
      ${
        parts.length === 0
          ? html`<h2>Curves</h2>
              <p class="muted">No steps are logged yet.</p>`
          : html`<div data-client="tools"></div>
              <noscript><p>Curves are drawn by the page's script.</p></noscript>
              <div data-client="pinned" id="pinned"></div>
              ${parts.map(({ id, title, plotted }) => chapterHtml(id, title, plotted))}${
                banded
                  ? html`<p class="note">
                      Lines are means over seeds; bands reach from the lowest seed to the highest.
                    </p>`
                  : null
              }`
      }
    </section>`,
    links: parts.map(({ id, title }) => ({ id, title })),
    charts: {
      settings: settings.map(({ runs }) => runs.map(idOfRun)),
      phases: parts.map(({ id, title, chapter }) => ({
        id,
        title,
        clocks: settings.map((setting) => clockOf(setting, chapter)),
      })),
      cards: panels.map(({ phase, title, group, panel }) =>
        cardOf(idOf(`chart ${title} ${panel.metric ?? panel.title}`), phase, group, panel),
      ),
    },
  }
}
