/** The page's tables: which runs, what their last evaluations say, where the time went. */
import { titleOf } from './chapters.ts'
import { COLOURS, strokeOf } from './charts.ts'
import type { Figure } from './figure.ts'
import { type Examinations, progressOf, type Timing } from './figures.ts'
import { duration, grouped, percent, rangeText, short } from './format.ts'
import { type Html, html, trusted } from './html.ts'
import type { Run } from './run.ts'
import { brief, compareFields, type Setting } from './settings.ts'

/** A short piece of a curve, in its colour and dashes. */
export const swatch = (style: number): Html => {
  const { colour, dash } = strokeOf(style)
  return trusted(
    `<svg class="swatch" viewBox="0 0 30 10" aria-hidden="true"><line x1="0" y1="5" x2="30" y2="5" stroke="${colour}" ` +
      `stroke-width="2.4" stroke-dasharray="${dash.join(',')}"/></svg>`,
  )
}

const marked = (settings: readonly Setting[], style: number): Html =>
  settings.length < 2
    ? html`${settings[style]!.label}`
    : html`<span style="white-space: nowrap">${swatch(style)} ${settings[style]!.label}</span>`

/** A name that the row above has already: not shown again, and said to who goes through the table by rows. */
const again = (name: string): Html => html`<span class="unseen">${name}</span>`

const progress = (run: Run): string => {
  const found = progressOf(run)
  return found === null
    ? 'nothing logged yet'
    : `${titleOf(found.chapter)}, ${grouped(found.steps)} ${found.steps === 1 ? 'step' : 'steps'}`
}
const written = ({ changed }: Run): string =>
  changed === 0 ? '' : `${new Date(changed).toISOString().slice(0, 16).replace('T', ' ')} UTC`

const fields = (entries: readonly (readonly [string, string])[]): Html =>
  html`<dl class="fields">
    ${entries.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd class="mono">${value}</dd>
        </div>`,
    )}
  </dl>`

/** Settings that fit a few lines stand there; others are folded away. */
const MOST_FIELDS = 16
const LONGEST_VALUE = 28

const folded = (id: string, title: string, content: Html): Html =>
  html`<details class="settings" id="${id}">
    <summary>${title}</summary>
    ${content}
  </details>`

const commonFields = (settings: readonly Setting[], common: readonly string[]): Html | null => {
  const { at } = compareFields(settings)
  const entries = common.map((name) => [name, brief(at(settings[0]!, name))] as const)
  if (entries.length === 0) return null
  return entries.length <= MOST_FIELDS && entries.every(([, value]) => value.length <= LONGEST_VALUE)
    ? fields(entries)
    : folded(
        'settings-common',
        settings.length > 1 ? `${entries.length} settings that all share` : `${entries.length} settings`,
        fields(entries),
      )
}

const differingFields = (settings: readonly Setting[], differing: readonly string[]): Html => {
  const { at } = compareFields(settings)
  return folded(
    'settings-differing',
    `${differing.length} settings in which they differ`,
    html`${settings.map(
      (setting) =>
        html`<h3>${setting.label}</h3>
          ${fields(differing.map((name) => [name, brief(at(setting, name))] as const))}`,
    )}`,
  )
}

/** Which runs stand on the page, what their settings are, and what is wrong with their files. */
export const runsTable = (settings: readonly Setting[], problems: readonly string[]): Html => {
  const { differing, common, at } = compareFields(settings)
  const notes = [
    ...problems,
    ...settings.flatMap(({ runs }) => runs.flatMap(({ name, notes: own }) => own.map((note) => `${name}: ${note}`))),
  ]
  const isShort = (name: string): boolean =>
    settings.every((setting) => brief(at(setting, name)).length <= LONGEST_VALUE)
  // What differs in few words has columns; more than some columns are a wall.
  const shown = settings.length < 2 ? [] : differing.filter(isShort).slice(0, 5)
  const rows = settings.flatMap((setting, style) =>
    setting.runs.map(
      (run, i) =>
        html`<tr class="${i === 0 ? 'first' : ''}">
          <th scope="row">${i === 0 ? marked(settings, style) : again(setting.label)}</th>
          <td>${run.name}</td>
          <td class="number">${run.seed ?? '–'}</td>
          ${shown.map((name) => html`<td class="mono">${brief(at(setting, name))}</td>`)}
          <td>${progress(run)}</td>
          <td>${written(run)}</td>
        </tr>`,
    ),
  )
  return html`<section id="runs" aria-labelledby="runs-title">
    <h2 id="runs-title">Runs</h2>
    ${
      notes.length === 0
        ? null
        : html`<ul class="notes">
            ${notes.map((note) => html`<li>${note}</li>`)}
          </ul>`
    }
    <div class="wide" tabindex="0" role="region" aria-label="Table of runs">
      <table class="runs" aria-labelledby="runs-title">
        <thead>
          <tr>
            <th>setting</th>
            <th>run</th>
            <th class="number">seed</th>
            ${shown.map((name) => html`<th>${name}</th>`)}
            <th>has come to</th>
            <th>last written</th>
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>
    ${commonFields(settings, common)} ${differing.length > shown.length ? differingFields(settings, differing) : null}
  </section>`
}

/** Titles of the figures of an evaluation. */
const HEADS: Readonly<Record<string, string>> = {
  passAt1: 'pass@1',
  passAtK: 'pass@k',
  consAtK: 'cons@k',
  thinkRate: 'thinks',
  formatRate: 'in template',
  meanLength: 'mean length',
}

/** Steps of its phase before an evaluation; seeds that go on may have come to different ones. */
const afterText = (done: Figure | undefined): string =>
  done === undefined || done.high === 0
    ? '–'
    : done.low === done.high
      ? grouped(done.high)
      : `${grouped(done.low)}–${grouped(done.high)}`

/** The last evaluation of every phase, mean over seeds with the least and the greatest. */
export const evaluationsTable = (settings: readonly Setting[], { names, rows }: Examinations): Html | null => {
  const dated = rows.some(({ figures }) => (figures.get('done')?.high ?? 0) > 0)
  return rows.length === 0
    ? null
    : html`<section id="evaluations" aria-labelledby="evaluations-title">
        <h2 id="evaluations-title">Held-out evaluations</h2>
        <p class="muted">
          The last of each
          phase${settings.some(({ runs }) => runs.length > 1) ? ': mean over seeds, and the range of the seeds' : ''}.
        </p>
        <div class="wide" tabindex="0" role="region" aria-label="Table of evaluations">
          <table aria-labelledby="evaluations-title">
            <thead>
              <tr>
                <th>phase</th>
                ${settings.length > 1 ? html`<th>setting</th>` : null}
                <th class="number">seeds</th>
                ${dated ? html`<th class="number">after steps</th>` : null}
                ${names.map((name) => html`<th class="number">${HEADS[name] ?? name}</th>`)}
              </tr>
            </thead>
            <tbody>
              ${rows.map(({ setting, chapter, figures }, i) => {
                const phase = titleOf(chapter)
                const first = i === 0 || titleOf(rows[i - 1]!.chapter) !== phase
                const most = Math.max(...[...figures.values()].map((figure) => figure.seeds))
                return html`<tr class="${first ? 'first' : ''}">
                  <th scope="row">${first ? phase : again(phase)}</th>
                  ${settings.length > 1 ? html`<td>${marked(settings, settings.indexOf(setting))}</td>` : null}
                  <td class="number">${most}</td>
                  ${dated ? html`<td class="number">${afterText(figures.get('done'))}</td>` : null}
                  ${names.map((name) => {
                    const figure = figures.get(name)
                    const range = figure === undefined ? null : rangeText(figure.low, figure.high)
                    return html`<td class="number">
                      ${short(figure?.mean ?? null)}${range === null ? null : html`<small>${range}</small>`}
                    </td>`
                  })}
                </tr>`
              })}
            </tbody>
          </table>
        </div>
      </section>`
}

/** Parts of a step in the order of all tables, with the number of their colour. */
const partStyles = (timings: readonly Timing[]): ReadonlyMap<string, number> =>
  new Map(
    [...new Set(timings.flatMap(({ parts }) => parts.map(({ name }) => name)))]
      .sort((a, b) => Number(a === 'other') - Number(b === 'other'))
      .map((name, i) => [name, name === 'other' ? COLOURS.length - 1 : i % (COLOURS.length - 1)]),
  )

/** Which part of its time each phase spent on what. */
export const timingTable = (settings: readonly Setting[], timings: readonly Timing[]): Html | null => {
  const styles = partStyles(timings)
  const row = ({ setting, chapter, steps, total, parts }: Timing): Html => {
    // A step of one part is not split.
    const visible = (parts.length > 1 ? parts : [])
      .filter(({ ms }) => ms > 0 && total > 0)
      .map((part) => ({ ...part, share: part.ms / total }))
    const colour = (name: string): string => `background: var(--c${styles.get(name) ?? 0})`
    return html`<tr>
      <th scope="row">${titleOf(chapter)}</th>
      ${settings.length > 1 ? html`<td>${marked(settings, settings.indexOf(setting))}</td>` : null}
      <td class="number">${grouped(Math.round(steps))}</td>
      <td class="number">${duration(total)}</td>
      <td class="number">${duration(total / Math.max(1, steps))}</td>
      <td class="bar">
        <span class="split" aria-hidden="true"
          >${visible.map(
            ({ name, share }) => html`<i style="width: ${(100 * share).toFixed(2)}%; ${colour(name)}"></i>`,
          )}</span
        ><small
          >${visible.map(({ name, share }) => html`<span><b style="${colour(name)}"></b>${name} ${percent(share)}</span>`)}</small
        >
      </td>
    </tr>`
  }
  return timings.length === 0
    ? null
    : html`<section id="timing" aria-labelledby="timing-title">
        <h2 id="timing-title">Where the time went</h2>
        <p class="muted">
          Wall-clock time of the steps${settings.some(({ runs }) => runs.length > 1) ? ', mean over seeds' : ''}; what
          no part accounts for is "other".
        </p>
        <div class="wide" tabindex="0" role="region" aria-label="Table of times">
          <table class="timing" aria-labelledby="timing-title">
            <thead>
              <tr>
                <th>phase</th>
                ${settings.length > 1 ? html`<th>setting</th>` : null}
                <th class="number">steps</th>
                <th class="number">in all</th>
                <th class="number">a step</th>
                <th>shares</th>
              </tr>
            </thead>
            <tbody>
              ${timings.map(row)}
            </tbody>
          </table>
        </div>
      </section>`
}
