// node scripts/figure.mjs RUN CONTROL: draws docs/site/public/grpo.svg, the picture of the README and of the site's first page, from the logs of
// two runs of r1-mini: `npm start -- --out RUN` and `npm start -- --control shuffled --out CONTROL`.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './build.mjs'
import { help, readProcess } from './command-line.mjs'

const [run, control] = readProcess({
  name: 'figure',
  call: 'node scripts/figure.mjs',
  about: 'Draws docs/site/public/grpo.svg from the folders of two runs of r1-mini, the second with shuffled rewards.',
  words: { name: 'RUN CONTROL', least: 2, most: 2, missing: 'name the folders RUN and CONTROL' },
  flags: { help },
}).words

const { lineChart, renderSvg } = await import(pathToFileURL(join(root, 'packages', 'report', 'dist', 'index.js')).href)

/** Evaluations of held-out problems by the steps of GRPO before them; the exams before and after have more problems. */
const evaluations = (folder) => {
  const records = readFileSync(join(folder, 'log.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('{"kind":"evaluation"'))
    .map((line) => JSON.parse(line))
  const steps = { 'sft-exam': 0, 'grpo-exam': 100 }
  return records.map((record) => ({ ...record, done: steps[record.phase] ?? record.done }))
}
const curve = (name, records, field) => ({ name, points: records.map((r) => ({ x: r.done, y: r[field] })) })

const [rewarded, shuffled] = [run, control].map(evaluations)
const chart = lineChart({
  title: 'Held-out problems while GRPO trains (npm start)',
  x: 'GRPO step',
  y: 'share of samples',
  domain: [0, 1],
  series: [
    curve('right', rewarded, 'passAt1'),
    curve('thinks', rewarded, 'thinkRate'),
    curve('right, shuffled', shuffled, 'passAt1'),
    curve('thinks, shuffled', shuffled, 'thinkRate'),
  ],
})
// A white ground of its own, since what shows it may be dark; letters that can be read where it is shown on a telephone.
const { config } = chart
const letters = { labelFontSize: 14, titleFontSize: 14 }
const drawn = {
  ...chart,
  title: { ...chart.title, fontSize: 16 },
  padding: 14,
  config: {
    ...config,
    background: '#ffffff',
    axis: { ...config.axis, ...letters },
    legend: { ...config.legend, ...letters, labelLimit: 400, columnPadding: 6, symbolSize: 160 },
  },
}
const svg = await renderSvg(drawn)
writeFileSync(join(root, 'docs', 'site', 'public', 'grpo.svg'), `${svg}\n`)
