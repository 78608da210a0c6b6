/** The page of runs: one HTML text that holds all it shows, asks for nothing, and runs one script that it names by hash. */
import { pageScript } from './script.ts'
import { type ChapterLink, curvesSection } from './curves-section.ts'
import { examinations, timings } from './figures.ts'
import { grouped } from './format.ts'
import { type Html, html, jsonScript, trusted } from './html.ts'
import { idOf, type Run } from './run.ts'
import type { Samples } from './page-data.ts'
import { MOST_SAMPLES, samplesOf } from './samples.ts'
import { compareFields, type Setting, settingsOf } from './settings.ts'
import { styleOf } from './style.ts'
import { evaluationsTable, runsTable, swatch, timingTable } from './tables.ts'

/** What is said of the runs, besides what is read out of them. */
export interface About {
  /** Default: the names of the settings. */
  readonly title?: string
  /** Sentences under the title. */
  readonly lead?: readonly string[]
  /** What could not be read, one sentence each. */
  readonly problems?: readonly string[]
  /** The page's number, where a server stands behind it and tells it of later ones. */
  readonly live?: string
}

/** By this a file is known as a report, which may be overwritten. */
export const MARK = '<meta name="generator" content="Adjoint run viewer">'

const samplesSection = (samples: Samples): Html => {
  const few = samples.shown < samples.logged
  return html`<section id="samples" aria-labelledby="samples-title">
    <h2 id="samples-title">Samples</h2>
    ${
      samples.groups.length === 0
        ? html`<p class="muted">No completions are logged.</p>`
        : html`<p class="muted">
            ${few ? `${grouped(samples.shown)} of ${grouped(samples.logged)} logged completions: the page holds ${grouped(MOST_SAMPLES)} at most, in whole groups, spread evenly over each phase.` : `${grouped(samples.logged)} completions.`}
            A group is all completions to one problem; the chain of thought stands apart from the answer.
          </p>`
    }
    <div data-client="samples"></div>
    <noscript><p>Samples are shown by the page's script.</p></noscript>
  </section>`
}

const navigation = (
  settings: readonly Setting[],
  links: readonly ChapterLink[],
  has: Readonly<Record<string, boolean>>,
  live: boolean,
): Html =>
  html`<nav id="nav" aria-label="Sections">
    <div>
      <a href="#runs">Runs</a
      >${has['evaluations'] === true ? html`<a href="#evaluations">Evaluations</a>` : null}${links.map(
        ({ id, title }) => html`<a href="#${id}">${title}</a>`,
      )}${has['timing'] === true ? html`<a href="#timing">Timing</a>` : null}<a href="#samples">Samples</a>${
        live ? html`<span class="live" data-client="live">live</span>` : null
      }${
        settings.length < 2
          ? null
          : html`<span class="legend" role="group" aria-label="Settings shown in the charts"
              >${settings.map(({ label, runs }, i) => {
                const ids = runs.map(idOf)
                return html`<label
                  ><input type="checkbox" id="setting-${ids[0]!}" data-setting="${ids.join(' ')}" checked />
                  ${swatch(i)} ${label}</label
                >`
              })}</span
            >`
      }
    </div>
  </nav>`

const titled = (settings: readonly Setting[]): string => {
  const [only] = settings
  if (settings.length > 1) {
    const names = settings.map(({ label }) => label).join(' · ')
    const { common, at } = compareFields(settings)
    const example = common.includes('example') ? at(settings[0]!, 'example') : null
    const count = `${settings.length} settings, ${settings.reduce((n, { runs }) => n + runs.length, 0)} runs`
    const told = names.length <= 75 ? names : count
    return typeof example === 'string' ? `${example}: ${told}` : told
  }
  if (only === undefined) return 'No runs'
  return only.runs.length === 1
    ? `${only.label}${only.runs[0]!.seed === null ? '' : `, seed ${only.runs[0]!.seed}`}`
    : `${only.label}, ${only.runs.length} seeds`
}

const policy = (hash: string, live: boolean): string =>
  [
    `default-src 'none'`,
    `script-src '${hash}'`,
    `style-src 'unsafe-inline'`,
    'img-src data:',
    ...(live ? [`connect-src 'self'`] : []),
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ')

/** The page of runs. */
export const pageOf = async (
  runs: readonly Run[],
  { title, lead = [], problems = [], live }: About = {},
): Promise<string> => {
  const script = await pageScript()
  const settings = settingsOf(runs)
  const name = title ?? titled(settings)
  const { section: curves, links, charts } = curvesSection(settings)
  const samples = samplesOf(settings)
  const exams = evaluationsTable(settings, examinations(settings))
  const times = timingTable(settings, timings(settings))
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy(script.hash, live !== undefined)}">
${trusted(MARK)}
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${name}</title>
<style>${trusted(styleOf())}</style>
</head>
<body${live === undefined ? null : html` data-live="${live}"`}>
<a class="skip" href="#samples">Skip to the samples</a>
<header id="header"><h1>${name}</h1>${lead.map((sentence) => html`<p class="lead">${sentence}</p>`)}</header>
${navigation(settings, links, { evaluations: exams !== null, timing: times !== null }, live !== undefined)}
<main id="main">
${
  settings.length === 0
    ? html`<section id="runs">
        <h2>Runs</h2>
        <ul class="notes">
          ${problems.map((p) => html`<li>${p}</li>`)}
        </ul>
      </section>`
    : runsTable(settings, problems)
}
${exams}
${curves}
${times}
${samplesSection(samples)}
</main>
<footer id="footer"></footer>
${jsonScript('charts-data', charts)}
${jsonScript('samples-data', samples)}
<script>${trusted(script.text)}</script>
</body>
</html>
`.html
}
