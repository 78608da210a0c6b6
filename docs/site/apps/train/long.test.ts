/** The page that trains, in Chromium, while a long run goes on whose worker is made up: what was seen stays, what is told is told, what is kept is bounded. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loudIn, spokenOf } from '@adjoint/testing/page'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { open, openBrowser, serve, type Served, type Watched } from '../serve.support.ts'

const path = inject('chromium')
/** A script without types, which the site uses too. */
const { train } = (await import(new URL('../build.mjs', import.meta.url).href)) as {
  readonly train: (outdir: string) => Promise<string>
}

/** A worker that says what the test has it say. */
const MADE_UP = `
globalThis.Worker = class extends EventTarget {
  run = 0
  constructor() {
    super()
    globalThis.made = this
    setTimeout(() => this.say({ type: 'devices', threads: false, devices: [{ kind: 'wasm', hardware: true }] }))
  }
  say(data) { this.dispatchEvent(new MessageEvent('message', { data })) }
  postMessage(message) { if (message.type === 'start') this.run = message.run }
}
const completion = (step, i) => ({
  completion: '<think>1</think>', reward: i % 2, parts: { correct: i % 2 }, advantage: 1 - 2 * (i % 2), length: 4,
  tokens: [['<think>', -0.1], [String(step), -0.5], ['</think>', -0.2], ['<end>', -0.1]],
})
/** Steps of both runs, from one to another. */
globalThis.bring = (from, to) => {
  const say = (event) => globalThis.made.say({ type: 'event', run: globalThis.made.run, event })
  for (let step = from; step <= to; step++)
    for (const run of ['trained', 'control'])
      say({
        type: 'step', run, step, liveBytes: 0,
        metrics: { 'rewards/correct/mean': step / 5000, reward: -step, kl: 0.1, entropy: 1, 'completions/mean_length': 5, frac_reward_zero_std: 0 },
        group: { prompt: step + '=', expected: '1', completions: Array.from({ length: 8 }, (_, i) => completion(step, i)) },
      })
}`

describe.skipIf(path === null)('the page that trains, at length', { timeout: 120_000 }, () => {
  let folder = ''
  let browser: Browser
  let served: Served
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adjoint-train-long-'))
    await train(folder)
    ;[served, browser] = await Promise.all([serve(folder, false), openBrowser(path!)])
  })
  afterAll(async () => {
    await browser.close()
    await served.close()
    await rm(folder, { recursive: true, force: true })
  })
  const visit = async (): Promise<Watched> => {
    const watched = await open(browser, `${served.url}train/?steps=5000&control=shuffled`, { script: MADE_UP })
    await expect.poll(() => watched.page.locator('#status').textContent()).toBe('Ready.')
    await watched.page.locator('#go').press('Enter')
    return watched
  }
  const bring = async (page: Page, from: number, to: number): Promise<void> => {
    await page.evaluate(`bring(${from}, ${to})`)
    // What is drawn is drawn in the next frames.
    await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))')
  }
  const leave = async ({ page, heard }: Watched): Promise<void> => {
    expect(heard).toEqual([])
    await page.context().close()
  }

  test('the choice of the run that is shown stays, however far it goes, and goes with its run', async () => {
    const watched = await visit()
    const { page } = watched
    const choice = page.locator('#samples [name=shown]')
    await bring(page, 1, 10)
    await choice.focus()
    await choice.selectOption('control')
    for (let from = 11; from < 2500; from += 500) {
      await bring(page, from, from + 499)
      expect(await choice.isVisible()).toBe(true)
      expect(await page.evaluate<string>('document.activeElement.name')).toBe('shown')
    }
    expect(await choice.inputValue()).toBe('control')
    expect(await page.locator('#samples p.mono').textContent()).toMatch(/^step 2510: /)
    await page.locator('#reset').press('Enter')
    expect(await choice.count()).toBe(0)
    await leave(watched)
  })

  test('a text that is selected stays selected while steps come, and the newest step is shown after that', async () => {
    const watched = await visit()
    const { page } = watched
    await bring(page, 1, 3)
    const words = (): Promise<string | null> => page.locator('#samples p.mono').textContent()
    await page.evaluate(`getSelection().selectAllChildren(document.querySelector('#samples .tokens'))`)
    const selected = await page.evaluate<string>('String(getSelection())')
    expect(selected).toContain('<think>3')
    await bring(page, 4, 8)
    expect(await page.evaluate<string>('String(getSelection())')).toBe(selected)
    expect(await words()).toMatch(/^step 3:/)
    await page.evaluate('getSelection().removeAllRanges()')
    await bring(page, 9, 9)
    expect(await words()).toMatch(/^step 9:/)
    await leave(watched)
  })

  test('a screen reader is told every name, of each chart what it shows, and of a chart that is read no other name', async () => {
    const watched = await visit()
    const { page } = watched
    const isNamed = async (): Promise<readonly string[]> => {
      const spoken = await spokenOf(page)
      expect(spoken.filter(({ name }) => name === '')).toEqual([])
      expect(await loudIn(page)).toEqual(['said', 'problem'])
      return spoken.map(({ name }) => name)
    }
    expect(await isNamed()).toContainEqual(
      expect.stringMatching(/^Reward over step: nothing yet\. Left and right arrows/),
    )
    await bring(page, 1, 40)
    expect(await isNamed()).toContainEqual(
      expect.stringMatching(
        /^Reward over step: learning from -1 to -40, lowest -40, highest -1; control from .*\. Left and right .*0 shows all\.$/,
      ),
    )
    const plot = page.locator('[data-chart=Reward] .plot')
    await plot.focus()
    const name = await plot.getAttribute('aria-label')
    await bring(page, 41, 60)
    expect(await plot.getAttribute('aria-label')).toBe(name)
    await page.locator('#go').focus()
    expect(await plot.getAttribute('aria-label')).toContain('to -60,')
    await leave(watched)
  })

  test('a run that fails is over: that is said once, and why', async () => {
    const watched = await visit()
    const { page } = watched
    await bring(page, 1, 2)
    await page.evaluate(`made.say({ type: 'failed', run: made.run, message: 'the device is gone' })`)
    expect(await page.locator('#said').textContent()).toBe('It ended early.')
    expect(await page.getByRole('alert').textContent()).toBe('the device is gone')
    expect(await page.locator('#status').textContent()).toBe('It ended early.')
    await leave(watched)
  })

  test('what is too short to be a drag is not marked', async () => {
    const watched = await visit()
    const { page } = watched
    await bring(page, 1, 50)
    const over = page.locator('[data-chart=Reward] .u-over')
    await over.scrollIntoViewIfNeeded()
    const box = (await over.boundingBox())!
    const drag = async (by: number): Promise<void> => {
      await page.mouse.move(box.x + 100, box.y + 50)
      await page.mouse.down()
      await page.mouse.move(box.x + 100 + by, box.y + 50)
      await page.mouse.up()
      await bring(page, 51, 51)
    }
    const marked = `Math.max(...[...document.querySelectorAll('.u-select')].map((e) => e.offsetWidth))`
    const seen = async (): Promise<string | null> => {
      await page.locator('[data-chart=Reward] .plot').press('Home')
      const at = await page.locator('[data-chart=Reward] .at').textContent()
      await page.keyboard.press('Escape')
      return at
    }
    for (const by of [1, 4, -4]) {
      await drag(by)
      expect(await page.evaluate<number>(marked)).toBe(0)
      expect(await seen()).toBe('step 1')
    }
    await drag(60)
    expect(await page.evaluate<number>(marked)).toBe(0)
    expect(await seen()).not.toBe('step 1')
    await leave(watched)
  })

  test('steps that are no longer kept leave no elements and no listeners behind', async () => {
    const watched = await visit()
    const { page } = watched
    const session = await page.context().newCDPSession(page)
    const held = async (): Promise<readonly [nodes: number, listeners: number]> => {
      await session.send('HeapProfiler.collectGarbage')
      const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters')
      return [nodes, jsEventListeners]
    }
    await bring(page, 1, 20)
    const [nodes, listeners] = await held()
    for (let from = 21; from < 420; from += 10) await bring(page, from, from + 9)
    const [later, heard] = await held()
    expect(later).toBeLessThan(nodes + 100)
    expect(heard).toBe(listeners)
    await leave(watched)
  })
})
