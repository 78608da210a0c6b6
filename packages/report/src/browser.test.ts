// The page in a real browser: it runs its script, asks for nothing, filters, reads its charts, and follows a live run.
import { appendFile, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isRight } from 'fp-ts/lib/Either.js'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Live, serveLive } from './live.ts'
import { lines, sampleLine, stepLine, writeRun } from './made-up.ts'
import { report } from './main.ts'

const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
/** Kept for whoever wants to look; the folder is ignored by git. */
const SHOTS = fileURLToPath(new URL('../../../runs/screenshots', import.meta.url))
const path = inject('chromium')

const openBrowser = async (profile: string): Promise<BrowserContext> =>
  chromium.launchPersistentContext(profile, { executablePath: path!, headless: true, args: ARGUMENTS })

/** What a page said and asked for, besides itself. */
const watch = (page: Page): readonly string[] => {
  const heard: string[] = []
  page.on('console', (message) => heard.push(`${message.type()}: ${message.text()}`))
  page.on('pageerror', (error) => heard.push(`error: ${error.message}`))
  page.on('dialog', (dialog) => {
    heard.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => {
    if (!request.isNavigationRequest()) heard.push(`request: ${request.url()}`)
  })
  return heard
}

/** Colours of a screenshot: how many different ones there are, and how light it is from 0 to 255. */
const look = (page: Page, png: Buffer): Promise<{ readonly colours: number; readonly light: number }> =>
  page.evaluate<{ readonly colours: number; readonly light: number }>(`(async () => {
    const bytes = Uint8Array.from(atob('${png.toString('base64')}'), (c) => c.charCodeAt(0))
    const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }))
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d')
    context.drawImage(image, 0, 0)
    const { data } = context.getImageData(0, 0, image.width, image.height)
    const seen = new Set()
    let sum = 0
    for (let i = 0; i < data.length; i += 4) {
      seen.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2])
      sum += (data[i] + data[i + 1] + data[i + 2]) / 3
    }
    return { colours: seen.size, light: (4 * sum) / data.length }
  })()`)

const count = (page: Page): Promise<string | null> => page.locator('.count').textContent()

describe.skipIf(path === null)('the page in Chromium', () => {
  let folder = ''
  let browser: BrowserContext
  let url = ''
  const evil = '</script><img src=x onerror=alert(1)><script>alert(2)</script>'

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'report-browser-'))
    for (const seed of [0, 1, 2]) await writeRun(join(folder, 'plain', `s${seed}`), { seed, steps: 30 })
    await writeRun(join(folder, 'other', 's0'), {
      seed: 0,
      steps: 30,
      settings: { clip: 0.2 },
      samples: [sampleLine(0, evil)],
    })
    const out = join(folder, 'page.html')
    const quiet = { out: () => undefined, err: () => undefined }
    expect(await report([join(folder, 'plain'), join(folder, 'other'), '--out', out], quiet, AbortSignal.abort())).toBe(
      0,
    )
    url = pathToFileURL(out).href
    browser = await openBrowser(join(folder, 'profile'))
  })
  afterAll(async () => {
    await browser.close()
    await rm(folder, { recursive: true, force: true })
  })

  const open = async (at: string): Promise<{ readonly page: Page; readonly heard: readonly string[] }> => {
    const page = await browser.newPage()
    const heard = watch(page)
    await page.goto(at)
    return { page, heard }
  }

  test('it runs without an error, a request, or a script of the log', async () => {
    const { page, heard } = await open(url)
    expect(await count(page)).toMatch(/^1–24 of 91$/)
    expect(await page.locator('main img').count()).toBe(0)
    expect(await page.locator('figure[data-chart]').count()).toBeGreaterThan(15)
    await page.locator('[name=text]').fill('onerror')
    expect(await page.locator('article').count()).toBe(1)
    expect(await page.locator('article .text.broken').textContent()).toContain(evil)
    expect(await page.locator('article .badge.broken').textContent()).toContain('<think> is missing')
    expect(heard).toEqual([])
    await page.close()
  })

  test('its filters find what they ask for', async () => {
    const { page, heard } = await open(url)
    await page.locator('[name=outcome]').selectOption('right')
    expect(await count(page)).toBe('1–24 of 46 found')
    expect(await page.locator('.badge.wrong').count()).toBe(0)
    await page.locator('[name=from]').fill('10')
    await page.locator('[name=to]').fill('12')
    expect(await count(page)).toBe('1–6 of 6 found')
    await page.locator('[name=run]').selectOption({ index: 1 })
    expect(await count(page)).toBe('1–2 of 2 found')
    await page.locator('[name=text]').fill('Carry 12')
    expect(await count(page)).toBe('1–1 of 1 found')
    const card = page.locator('article')
    expect(await card.locator('.text.think').textContent()).toContain('carry 12')
    expect(await card.locator('.text.answer').textContent()).toBe('answer13')
    expect(await card.locator('.rewards').textContent()).toBe('correct1format1brief-0.5')
    await page.locator('[name=least]').fill('5')
    expect(await count(page)).toBe('No completion is like that.')
    await page.getByRole('button', { name: 'Show all' }).click()
    await expect.poll(() => count(page)).toBe('1–24 of 91')
    await page.getByRole('button', { name: 'Next' }).click()
    expect(await count(page)).toBe('25–48 of 91')
    await page.locator('[name=phase]').selectOption('grpo')
    await page.locator('[name=order]').selectOption('lowest reward first')
    expect(await page.locator('article').first().locator('.facts').textContent()).toContain('reward 0.1')
    expect(heard).toEqual([])
    await page.close()
  })

  test('its charts say their values to the pointer and to the keyboard, and hide a setting', async () => {
    const { page, heard } = await open(url)
    const figure = page.locator('figure', { has: page.locator('h3', { hasText: /^Reward$/ }) })
    await figure.scrollIntoViewIfNeeded()
    await figure.focus()
    await page.keyboard.press('ArrowRight')
    expect(await figure.locator('.at').textContent()).toBe('step 0')
    expect(await figure.locator('output').first().textContent()).toBe('0.1 (0–0.2)')
    await page.keyboard.press('ArrowRight')
    expect(await figure.locator('.at').textContent()).toBe('step 1')
    await page.keyboard.press('Escape')
    expect(await figure.locator('.at').textContent()).toBe('')
    const box = (await figure.locator('svg').last().boundingBox())!
    await page.mouse.move(box.x + box.width * 0.98, box.y + box.height / 2)
    expect(await figure.locator('.at').textContent()).toBe('step 29')
    await page.mouse.move(0, 0)
    expect(await figure.locator('.at').textContent()).toBe('')
    const other = figure.locator('.plot path[stroke-dasharray="7,3"]')
    expect(await other.isVisible()).toBe(true)
    await page.locator('input[data-setting="1"]').uncheck()
    expect(await other.isVisible()).toBe(false)
    expect(heard).toEqual([])
    await page.close()
  })

  test('it can be read on a telephone and on a wide screen, by day and by night', async () => {
    const { page } = await open(url)
    await mkdir(SHOTS, { recursive: true })
    for (const width of [400, 1600])
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.setViewportSize({ width, height: 1000 })
        await page.emulateMedia({ colorScheme })
        expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(width)
        for (const part of ['runs', 'curves', 'samples']) {
          await page.locator(`#${part}`).scrollIntoViewIfNeeded()
          await page.evaluate(`document.getElementById('${part}').scrollIntoView()`)
          const png = await page.screenshot({ path: join(SHOTS, `${part}-${width}-${colorScheme}.png`) })
          const { colours, light } = await look(page, png)
          expect(colours).toBeGreaterThan(30)
          if (colorScheme === 'light') expect(light).toBeGreaterThan(200)
          else expect(light).toBeLessThan(70)
          expect((await stat(join(SHOTS, `${part}-${width}-${colorScheme}.png`))).size).toBeGreaterThan(5000)
        }
      }
    await page.close()
  })

  test('thousands of samples are looked through at once', async () => {
    const many = join(folder, 'many')
    const samples = Array.from({ length: 6000 }, (_, i) => sampleLine(i))
    await writeRun(many, { seed: 0, steps: 3000, samples })
    const out = join(folder, 'many.html')
    await report([many, '--out', out], { out: () => undefined, err: () => undefined }, AbortSignal.abort())
    const { page, heard } = await open(pathToFileURL(out).href)
    expect(await page.locator('#samples > p').textContent()).toMatch(/5\u202f000 of 6\u202f000 logged completions/)
    const took = await page.evaluate<number>(`(() => {
      const text = document.querySelector('[name=text]')
      const began = performance.now()
      text.value = 'carry 599'
      text.dispatchEvent(new Event('input', { bubbles: true }))
      return performance.now() - began
    })()`)
    expect(await count(page)).toMatch(/of \d+ found$/)
    expect(took).toBeLessThan(500)
    expect(heard).toEqual([])
    await page.close()
  })

  describe('live', () => {
    let live: Live
    let run = ''
    beforeAll(async () => {
      run = await writeRun(join(folder, 'live'), { seed: 0, steps: 5 })
      const started = await serveLive({ runs: [run], port: 0, every: 50 })
      if (!isRight(started)) throw new Error(started.left)
      live = started.right
    })
    afterAll(() => live.close())

    test('lines that are appended appear, and what the reader has set stays', async () => {
      const { page, heard } = await open(live.url)
      await page.locator('[name=outcome]').selectOption('wrong')
      expect(await count(page)).toBe('1–2 of 2 found')
      await page.locator('details.chapter > summary').first().click()
      await page.locator('[name=text]').focus()
      await page.evaluate("scrollTo(0, document.getElementById('samples').offsetTop)")
      const figure = page.locator('figure', { has: page.locator('h3', { hasText: /^Reward$/ }) })
      const before = await figure.locator('.plot').innerHTML()
      const scrolled = await page.evaluate<number>('scrollY')

      const log = join(run, 'log.jsonl')
      const added = lines([
        stepLine('grpo', 5, { reward: 0.77 }),
        sampleLine(5, '<think>new</think><answer>1</answer>'),
      ])
      // The first half is a torn line: nothing of it may break the page.
      await appendFile(log, added.slice(0, 20))
      await expect.poll(() => page.locator('.notes').textContent(), { timeout: 10_000 }).toContain('not whole')
      await appendFile(log, added.slice(20))
      await expect.poll(() => count(page), { timeout: 10_000 }).toBe('1–3 of 3 found')
      expect(await page.locator('.notes').count()).toBe(0)
      expect(await page.locator('article .text.think').last().textContent()).toContain('new')
      expect(await figure.locator('output').textContent()).toBe('0.77')
      expect(await figure.locator('.plot').innerHTML()).not.toBe(before)
      expect(await page.locator('[name=outcome]').inputValue()).toBe('wrong')
      expect(await page.locator('details.chapter').first().getAttribute('open')).toBe(null)
      expect(await page.evaluate<string>('document.activeElement.name')).toBe('text')
      expect(Math.abs((await page.evaluate<number>('scrollY')) - scrolled)).toBeLessThan(250)
      expect(heard.filter((what) => !what.startsWith(`request: ${live.url}`))).toEqual([])
      await page.close()
    })

    test('a page whose server has stopped says so', async () => {
      const started = await serveLive({ runs: [join(folder, 'not-there-yet')], port: 0, every: 50 })
      if (!isRight(started)) throw new Error(started.left)
      const page = await browser.newPage()
      await page.goto(started.right.url)
      expect(await page.locator('.notes').textContent()).toContain('there is no such folder')
      await mkdir(join(folder, 'not-there-yet'))
      await writeFile(join(folder, 'not-there-yet', 'log.jsonl'), lines([stepLine('grpo', 0, { reward: 1 })]))
      await expect.poll(() => page.locator('figure').count(), { timeout: 10_000 }).toBe(1)
      await started.right.close()
      await expect.poll(() => page.locator('.live').getAttribute('data-state'), { timeout: 10_000 }).toBe('lost')
      await page.close()
    })
  })
})
