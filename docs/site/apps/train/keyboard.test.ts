/** The page that trains, by keys alone and read aloud: in each of its states, not the first one only. */
import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CONTRAST, findings, stopOf, stopsOf } from '@adjoint/testing/page'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { open, openBrowser, serve, type Served, SHOTS, type Watched } from '../serve.support.ts'

const path = inject('chromium')
/** A script without types, which the site uses too. */
const { train } = (await import(new URL('../build.mjs', import.meta.url).href)) as {
  readonly train: (outdir: string) => Promise<string>
}

/** Keeps what a screen reader is told, and how often the status changes. */
const HEAR = `
globalThis.said = []
globalThis.statuses = 0
addEventListener('DOMContentLoaded', () => {
  const all = { childList: true, characterData: true, subtree: true }
  new MutationObserver(() => globalThis.said.push(document.getElementById('said').textContent)).observe(document.getElementById('said'), all)
  new MutationObserver((list) => (globalThis.statuses += list.length)).observe(document.getElementById('status'), all)
})`
/** A worker that fails when it is started. */
const BROKEN = `
const Real = Worker
globalThis.Worker = class extends Real {
  postMessage(message) {
    if (message.type !== 'start') return super.postMessage(message)
    const data = { type: 'failed', run: message.run, message: 'the device is gone' }
    setTimeout(() => this.dispatchEvent(new MessageEvent('message', { data })))
  }
}`
const heard = (page: Page): Promise<readonly string[]> => page.evaluate<readonly string[]>('globalThis.said')
const phase = async (page: Page, wanted: string): Promise<void> => {
  await page.waitForFunction(`document.body.dataset.phase === '${wanted}'`, null, { timeout: 60_000 })
}
const small = 'device=wasm&cold=2&exam=4&prompts=2&group=4'

describe.skipIf(path === null)('the page that trains, by keys', { timeout: 120_000 }, () => {
  let folder = ''
  let browser: Browser
  let served: Served
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adjoint-train-keys-'))
    await mkdir(SHOTS, { recursive: true })
    await train(folder)
    ;[served, browser] = await Promise.all([serve(folder, true), openBrowser(path!)])
  })
  afterAll(async () => {
    await browser.close()
    await served.close()
    await rm(folder, { recursive: true, force: true })
  })
  const visit = async (query: string, options: { readonly script?: string } = {}): Promise<Watched> => {
    const watched = await open(browser, `${served.url}train/?${query}`, { script: HEAR, ...options })
    await expect.poll(() => watched.page.locator('#status').textContent(), { timeout: 30_000 }).toBe('Ready.')
    return watched
  }
  const leave = async ({ page, heard }: Watched): Promise<void> => {
    expect(heard).toEqual([])
    await page.context().close()
  }
  /** By day at a desk, by night on a telephone. */
  const isReadable = async (page: Page, name: string): Promise<void> => {
    expect.soft(await findings(page), name).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    expect.soft(await findings(page, 'html', CONTRAST), `${name}, dark`).toEqual([])
    await page.setViewportSize({ width: 360, height: 740 })
    await expect.poll(() => page.evaluate<number>('document.documentElement.scrollWidth')).toBe(360)
    await page.screenshot({ path: join(SHOTS, `train-${name}-dark-360.png`), fullPage: true })
    expect.soft(await findings(page), `${name}, 360`).toEqual([])
    await page.setViewportSize({ width: 1280, height: 900 })
    await page.emulateMedia({ colorScheme: 'light' })
    await page.screenshot({ path: join(SHOTS, `train-${name}-light.png`), fullPage: true })
  }

  test('every control has its turn, in the order of the page, and shows the focus', async () => {
    const watched = await visit(small)
    for (const colorScheme of ['light', 'dark'] as const) {
      await watched.page.emulateMedia({ colorScheme })
      const stops = await stopsOf(watched.page)
      expect(stops.filter(({ seen }) => !seen)).toEqual([])
      expect(stops.map(({ name }) => name.split(/\.| over step/)[0])).toEqual([
        ...['Adjoint', 'Train', 'Playground'],
        ...['Device', 'Seed', 'Cold start, steps', 'GRPO, steps', 'Exam, problems', 'Control beside'],
        ...['Variant', 'KL coefficient', 'Group size', 'Problems a step', 'Updates a step'],
        ...['Reward: right', 'Reward: format', 'Start'],
        ...['learning', 'held out', 'Right answers', 'Reward', 'KL from the cold start, nats a token'],
        ...['Entropy, nats a token', 'Length, tokens', 'Groups without a difference', 'Thinks, held out'],
        'Cold start: loss, nats a token',
      ])
    }
    await leave(watched)
  })

  test('a run is started, paused, read, gone on with and reset, and the focus is never lost', async () => {
    const watched = await visit(`${small}&steps=400&control=shuffled`)
    const { page } = watched
    const at = async (): Promise<string> => (await stopOf(page)).name
    await page.locator('[name=seed]').focus()
    await page.keyboard.press('Enter')
    expect(await at()).toBe('Pause')
    await page.waitForFunction(`document.querySelector('#samples table') !== null`, null, { timeout: 60_000 })

    // The table of a run that goes on is scrolled by keys, step after step.
    await page.locator('#samples .scroll').focus()
    const words = await page.locator('#samples p.mono').textContent()
    await expect.poll(() => page.locator('#samples p.mono').textContent(), { timeout: 20_000 }).not.toBe(words)
    expect(await at()).toBe('Completions')
    await page.locator('#samples [name=told]').focus()
    await page.keyboard.press('Space')
    await expect.poll(() => page.locator('#samples small').first().isVisible()).toBe(true)

    // What is typed holds, and Enter behind it pauses nothing.
    await page.locator('[name=beta]').fill('0.02')
    await page.keyboard.press('Enter')
    expect(await page.locator('#go').textContent()).toBe('Pause')
    expect(new URL(page.url()).searchParams.get('beta')).toBe('0.02')

    await page.locator('#go').focus()
    await page.keyboard.press('Space')
    expect(await at()).toBe('Go on')
    await isReadable(page, 'paused')

    // A chart is read, zoomed and thinned out.
    const figure = page.locator('[data-chart="Right answers"]')
    await figure.locator('.plot').focus()
    await page.keyboard.press('ArrowRight')
    expect(await figure.locator('.at').textContent()).toBe('step 0')
    await page.keyboard.press('ArrowRight')
    expect(await figure.locator('.at').textContent()).toBe('step 1')
    expect(await figure.locator('.value').first().textContent()).toMatch(/^[01](\.\d+)?$/)
    await expect.poll(() => page.locator('[data-chart="Reward"] .at').textContent()).toBe('step 1')
    await page.keyboard.press('End')
    const last = await figure.locator('.at').textContent()
    await page.keyboard.press('Home')
    // Held, it ends at one step.
    for (let i = 0; i < 70; i++) await page.keyboard.press('+')
    await page.keyboard.press('End')
    expect(await figure.locator('.at').textContent()).not.toBe(last)
    await page.keyboard.press('0')
    await page.keyboard.press('End')
    expect(await figure.locator('.at').textContent()).toBe(last)
    expect(await figure.locator('.keys').getAttribute('aria-live')).toBe('polite')
    await page.keyboard.press('Escape')
    expect(await figure.locator('.at').textContent()).toBe('')
    expect(await figure.locator('.keys').getAttribute('aria-live')).toBe(null)
    await figure.getByRole('button', { name: 'control', exact: true }).focus()
    await page.keyboard.press('Space')
    expect(await figure.getByRole('button', { name: 'control', exact: true }).getAttribute('aria-pressed')).toBe(
      'false',
    )

    await page.locator('#go').focus()
    await page.keyboard.press('Enter')
    await phase(page, 'running')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(await at()).toBe('Start')
    const said = await heard(page)
    expect(said.some((words) => words.startsWith('Paused. GRPO: step '))).toBe(true)
    expect(said.slice(-2)).toEqual(['It goes on.', 'Reset. Ready.'])
    await leave(watched)
  })

  test('a screen reader is told what begins and ends, and not each step', async () => {
    const watched = await visit(`${small}&cold=10&steps=40`)
    const { page } = watched
    await page.locator('#go').press('Enter')
    await phase(page, 'over')
    const said = await heard(page)
    expect(said.at(-1)).toMatch(/^Done: 40 steps of GRPO\. Held out: [01]\.\d\d right\.$/)
    expect(said.length).toBeLessThan(12)
    expect(await page.evaluate<number>('globalThis.statuses')).toBeGreaterThan(40)
    // Nothing else on the page speaks by itself.
    const loud = '[role=status], [role=alert], [role=log], output, [aria-live]'
    expect(
      await page.evaluate<readonly string[]>(
        `[...document.querySelectorAll('${loud}')].filter((e) => e.getAttribute('aria-live') !== 'off').map((e) => e.id)`,
      ),
    ).toEqual(['said', 'problem'])
    await isReadable(page, 'over')
    await leave(watched)
  })

  test('a value that is none is said and gone to; so is a run that fails', async () => {
    const watched = await visit(`${small}&steps=2`, { script: HEAR + BROKEN })
    const { page } = watched
    await page.locator('[name=minibatches]').fill('7')
    await page.locator('#go').press('Enter')
    expect(await page.evaluate<string>('document.activeElement.name')).toBe('minibatches')
    expect(await page.locator('[name=minibatches]').getAttribute('aria-errormessage')).toBe('problem')
    await isReadable(page, 'wrong')
    await page.locator('[name=minibatches]').fill('1')
    await page.keyboard.press('Enter')
    await phase(page, 'over')
    expect(await page.getByRole('alert').textContent()).toBe('the device is gone')
    expect((await stopOf(page)).name).toBe('Updates a step')
    await isReadable(page, 'failed')
    await leave(watched)
  })
})
