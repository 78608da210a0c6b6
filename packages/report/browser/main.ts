/** The script of the page: samples that can be looked through, charts that say their values, and following a live run. */
import type { Samples } from '../src/page-data.ts'
import { byId } from './element.ts'
import { follow } from './live.ts'
import { readCharts } from './reading.ts'
import { showSamples } from './samples.ts'

const samplesIn = (): Samples => JSON.parse(byId('samples-data').textContent) as Samples

const toggleSettings = (): void => {
  document.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement && target.dataset['setting'] !== undefined)
      document.body.classList.toggle(`without-${target.dataset['setting']}`, !target.checked)
  })
}

const show = showSamples(document.querySelector<HTMLElement>('[data-client=samples]')!)
show(samplesIn())
readCharts()
toggleSettings()
if (document.body.hasAttribute('data-live')) follow(() => show(samplesIn()))
