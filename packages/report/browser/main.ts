/** The script of the page: charts to look at closely, samples to look through, and following a live run. */
import uplotStyle from 'uplot/dist/uPlot.min.css'
import type { Charts, Samples } from '../src/page-data.ts'
import { showCharts } from './charts.ts'
import { byId, element } from './element.ts'
import { follow } from './live.ts'
import { showSamples } from './samples.ts'
import { linkSections, openStore } from './store.ts'
import { showSettings, showTools } from './tools.ts'

// The page is made by the program that this script came with: what its data are is known.
const chartsIn = (): Charts => JSON.parse(byId('charts-data', HTMLElement).textContent) as Charts
const samplesIn = (): Samples => JSON.parse(byId('samples-data', HTMLElement).textContent) as Samples

document.head.append(element('style', { 'data-client': 'uplot' }, uplotStyle))

const store = openStore()
const charts = showCharts(store)
const samples = showSamples(document.querySelector<HTMLElement>('[data-client=samples]')!, store)
const putTools = showTools(store)
const putSettings = showSettings(store)
const show = (): void => {
  const bar = document.querySelector<HTMLElement>('[data-client=tools]')
  // A run that has just begun has no charts, and so no bar, yet; where it is begun anew, the bar has another place.
  if (bar !== null) putTools(bar)
  putSettings()
  charts(chartsIn())
  samples(samplesIn())
}
show()
linkSections(store)
if (document.body.hasAttribute('data-live')) follow(show)
