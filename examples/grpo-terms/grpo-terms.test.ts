// The study of GRPO's terms: it runs, its advantage without a mean is what it says, and the page says what the committed data say.
import { renderSvg } from '@adjoint/report'
import { group } from '@adjoint/rl'
import { requestDeviceAsync } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { chartsOf, markdownOf, tableOf } from './figures.ts'
import { type Study, study } from './job.ts'
import { TERMS, uncentred } from './terms.ts'

const learn = fileURLToPath(new URL('../../docs/site/learn', import.meta.url))
const read = (...path: readonly string[]): string => readFileSync(join(learn, ...path), 'utf8')
// What main.ts wrote.
const committed = JSON.parse(read('figures', 'grpo-terms.json')) as Study

const device = await requestDeviceAsync({ kind: 'wasm' })
afterAll(() => device.destroy())

test('runs at a tiny size: each term once, with a number for each step', { timeout: 240_000 }, async () => {
  const size = { device, seeds: [0], sftSteps: 2, steps: 3, problems: 2 }
  const seen: string[] = []
  const made = await study({ ...size, observe: ({ phase }) => seen.push(phase) })()
  if (E.isLeft(made)) throw new Error(JSON.stringify(made.left))
  expect(made.right.runs.map(({ without }) => without)).toEqual(TERMS)
  for (const { accuracy, kl, length, clipped } of made.right.runs)
    for (const of of [accuracy, kl, length, clipped]) {
      expect(of).toHaveLength(3)
      expect(of.every(Number.isFinite)).toBe(true)
    }
  expect(seen).toHaveLength(2 + 3 * TERMS.length)
  expect(tableOf(made.right).rows).toHaveLength(TERMS.length)
})

test('without its mean, an advantage is r / (std + eps), and 0 for equal rewards', () => {
  const rewards = [
    [1, 0, 0.1, 1.1],
    [1, 1, 1, 1],
    [0, 0, 0, 0],
  ]
  const [given, ...equal] = uncentred(rewards)
  // Advantages differ by as much as those with the mean, and stand where 0 is a reward of 0.
  const [scored] = group()(rewards)
  given!.forEach((a, i) => expect(a - given![1]!).toBeCloseTo(scored![i]! - scored![1]!, 9))
  expect(given![1]).toBe(0)
  expect(equal).toEqual([
    [0, 0, 0, 0],
    [0, 0, 0, 0],
  ])
})

describe('the page', () => {
  const page = read('grpo-from-its-equation.md')

  test('has the table of the committed data', () => {
    expect(committed.runs.map(({ without }) => without)).toEqual(TERMS.flatMap((term) => [term, term, term]))
    expect(page).toContain(markdownOf(committed))
  })

  test('says no figure of three digits that the data do not have', () => {
    const [, told = ''] = page.split('## What happens without it')
    const known = new Set([
      ...tableOf(committed).rows.flat(),
      ...[committed.cold.passAt1, committed.cold.thinkRate].map((x) => x.toFixed(3)),
    ])
    const said = told.match(/\b\d\.\d{3}\b/g) ?? []
    expect(said.length).toBeGreaterThan(20)
    expect(said.filter((figure) => !known.has(figure))).toEqual([])
  })

  // `-u` draws them anew.
  test('shows the charts of the committed data', async () => {
    for (const [name, spec] of Object.entries(chartsOf(committed))) {
      await expect(`${await renderSvg(spec)}\n`).toMatchFileSnapshot(join(learn, 'figures', `${name}.svg`))
      expect(page).toContain(`./figures/${name}.svg`)
    }
  })
})
