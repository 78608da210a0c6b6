/**
 * What runs look like: curves out of their logs, charts rendered without a browser, pages that need nothing else.
 *
 * @packageDocumentation
 */
export { type Chart, type ChartSpec, lineChart, renderSvg, type Series } from './charts.ts'
export { banded, curve, linesOf, thinned } from './curves.ts'
export { escapeHtml } from './html.ts'
export { type Page, pageHtml, type Section } from './page.ts'
export { reportRuns, reportRunsAsync, tensorBoard } from '#files'
export type { About } from './viewer.ts'
