// The page in a real browser: it runs its script, asks for nothing, filters, and follows a live run.
import { appendFile, mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isRight } from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { count, EVIL, figureOf, look, type Opened, openRuns, path, written } from './browser.support.ts'
import { type Live, serveLive } from './live.ts'
import { lines, sampleLine, stepLine, writeRun } from './made-up.ts'

/** Kept for whoever wants to look; the folder is ignored by git. */
const SHOTS = fileURLToPath(new URL('../../../runs/screenshots', import.meta.url))

describe.skipIf(path === null)('the page in Chromium', () => {
  let runs: Opened
  beforeAll(async () => {
    runs = await openRuns()
  })
  afterAll(() => runs.close())

  test('it runs without an error, a request, or a script of the log', async () => {
    const { page, heard } = await runs.open(runs.url)
    expect(await count(page)).toBe('1–6 of 93 groups')
    expect(await page.locator('main img').count()).toBe(0)
    expect(await page.locator('figure[data-card]').count()).toBeGreaterThan(15)
    expect(await page.locator('figure[data-card] canvas').count()).toBe(await page.locator('figure[data-card]').count())
    await page.locator('[name=text]').fill('onerror')
    expect(await page.locator('article').count()).toBe(1)
    expect(await page.locator('article .text.broken').textContent()).toContain(EVIL)
    expect(await page.locator('article .badge.broken').textContent()).toContain('<think> is missing')
    expect(heard).toEqual([])
    await page.close()
  })

  test('its filters find what they ask for, and mark it', async () => {
    const { page, heard } = await runs.open(runs.url)
    await page.locator('[name=outcome]').selectOption('right')
    expect(await count(page)).toBe('1–6 of 47 groups, 54 of 108 completions found')
    await page.locator('[name=from]').fill('10')
    await page.locator('[name=to]').fill('12')
    expect(await count(page)).toMatch(/^1–6 of 6 groups, /)
    await page.locator('[name=run]').selectOption({ index: 1 })
    expect(await count(page)).toMatch(/^1–2 of 2 groups, /)
    await page.locator('[name=text]').fill('Carry 12')
    expect(await count(page)).toMatch(/^1–1 of 1 group, /)
    const card = page.locator('.completion').first()
    expect(await card.locator('.text.think').textContent()).toContain('carry 12')
    expect(await card.locator('.text.think mark').allTextContents()).toEqual(['carry', '12'])
    expect(await card.locator('.text.answer').textContent()).toBe('answer13')
    expect(await card.locator('.rewards').textContent()).toBe('correct1format1brief-0.5')
    expect(await page.locator('article .expected').textContent()).toBe('expected13')
    await page.locator('[name=least]').fill('5')
    expect(await count(page)).toBe('No completion is like that.')
    await page.getByRole('button', { name: 'Show all', exact: true }).click()
    await expect.poll(() => count(page)).toBe('1–6 of 93 groups')
    await page.getByRole('button', { name: 'Next' }).click()
    expect(await count(page)).toBe('7–12 of 93 groups')
    await page.locator('[name=phase]').selectOption('grpo')
    await page.locator('[name=order]').selectOption('lowest reward first')
    expect(await page.locator('.completion').first().locator('.facts').textContent()).toContain('reward 0.1')
    expect(heard).toEqual([])
    await page.close()
  })

  test('a group is shown whole, newest first, its tokens in the colours that are asked for', async () => {
    const { page, heard } = await runs.open(runs.url)
    const first = page.locator('article').first()
    expect(await first.locator('.facts').first().textContent()).toMatch(/step 31.*16 completions.*8 of 16 right/)
    expect(await first.locator('.completion').count()).toBe(16)
    expect(await first.locator('.tinted').count()).toBe(0)
    for (const tint of ['logp', 'entropy', 'advantage']) {
      await page.locator('[name=tint]').selectOption(tint)
      const tokens = first.locator('.tinted').first().locator('b')
      // The page draws again in its own time.
      await expect
        .poll(() => tokens.allTextContents())
        .toEqual(['<think>', '7', '</think>', '<answer>', '0', '</answer>', 'end'])
      const shades = (): Promise<number> =>
        page.evaluate<number>(
          "new Set([...document.querySelector('article .tinted').querySelectorAll('b')].map((b) => b.style.background)).size",
        )
      if (tint !== 'advantage') await expect.poll(shades).toBeGreaterThan(3)
      expect(await tokens.nth(1).getAttribute('title')).toMatch(/"7": log-probability -0\.3.*entropy 0\.2/)
    }
    // What is searched for is marked among tokens, too.
    await page.locator('[name=text]').fill('0')
    const marks = first.locator('.tinted').first().locator('mark')
    await expect.poll(async () => (await marks.allTextContents()).join('')).toBe('0')
    await expect.poll(() => first.locator('details > summary').textContent()).toBe('8 more of this group')
    await first.locator('details > summary').click()
    await expect.poll(() => first.locator('.completion').count()).toBe(16)
    expect(heard).toEqual([])
    await page.close()
  })

  test('two runs stand side by side at one problem', async () => {
    const { page, heard } = await runs.open(runs.url)
    await page.getByText('Compare completions to one problem').click()
    await expect.poll(() => page.locator('.sides article').count()).toBe(2)
    expect(await page.locator('.sides .prompt').first().textContent()).toBe(
      await page.locator('.sides .prompt').last().textContent(),
    )
    expect(await page.locator('.sides h3').first().textContent()).not.toBe(
      await page.locator('.sides h3').last().textContent(),
    )
    await page.locator('[name=problem]').selectOption('7+1=')
    expect(await page.locator('.sides .expected').allTextContents()).toEqual(['expected8', 'expected8'])
    expect(heard).toEqual([])
    await page.close()
  })

  test('it can be read on a telephone and on a wide screen, by day and by night', async () => {
    const { page } = await runs.open(runs.url)
    await mkdir(SHOTS, { recursive: true })
    for (const width of [360, 1600])
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
    // A search, colours, a comparison, the large chart: none of it is wider than the telephone.
    await page.setViewportSize({ width: 360, height: 800 })
    await page.goto(`${runs.url}#samples?tint=logp&compare.left=a&compare.right=b&compare.problem=c`)
    await page.reload()
    expect(await page.locator('.sides article').count()).toBe(2)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(360)
    await figureOf(page, /^Reward$/)
      .getByRole('button', { name: /large/ })
      .click()
    expect((await page.locator('dialog').boundingBox())!.width).toBeLessThanOrEqual(360)
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(360)
    await page.close()
  })

  test('thousands of samples are looked through at once', async () => {
    const many = join(runs.folder, 'many')
    const samples = Array.from({ length: 6000 }, (_, i) => sampleLine(i))
    await writeRun(many, { seed: 0, steps: 3000, samples })
    const { page, heard } = await runs.open(await written([many], join(runs.folder, 'many.html')))
    expect(await page.locator('#samples > p').textContent()).toMatch(/5\u202f000 of 6\u202f000 logged completions/)
    const took = await page.evaluate<number>(`(() => {
      const text = document.querySelector('[name=text]')
      const began = performance.now()
      text.value = 'carry 599'
      text.dispatchEvent(new Event('input', { bubbles: true }))
      return performance.now() - began
    })()`)
    expect(await count(page)).toMatch(/completions found$/)
    expect(took).toBeLessThan(500)
    expect(heard).toEqual([])
    await page.close()
  })

  describe('live', () => {
    let live: Live
    let run = ''
    beforeAll(async () => {
      run = await writeRun(join(runs.folder, 'live'), { seed: 0, steps: 5 })
      const started = await serveLive({ runs: [run], port: 0, every: 50 })
      if (!isRight(started)) throw new Error(started.left)
      live = started.right
    })
    afterAll(() => live.close())

    test('lines that are appended appear, and what the reader has set stays', async () => {
      const { page, heard } = await runs.open(live.url)
      await page.locator('[name=outcome]').selectOption('wrong')
      expect(await count(page)).toBe('1–2 of 2 groups, 2 of 5 completions found')
      await page.locator('details.chapter > summary').first().click()
      await page.locator('[name=text]').focus()
      await page.evaluate("scrollTo(0, document.getElementById('samples').offsetTop)")
      const figure = figureOf(page, /^Reward$/)
      const before = await figure.getAttribute('aria-label')
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
      await expect.poll(() => count(page), { timeout: 10_000 }).toBe('1–3 of 3 groups, 3 of 6 completions found')
      expect(await page.locator('.notes').count()).toBe(0)
      expect(await page.locator('article .text.think').first().textContent()).toContain('new')
      expect(await figure.locator('.value').textContent()).toBe('0.77')
      expect(await figure.getAttribute('aria-label')).not.toBe(before)
      expect(await page.locator('[name=outcome]').inputValue()).toBe('wrong')
      expect(await page.locator('details.chapter').first().getAttribute('open')).toBe(null)
      expect(await page.evaluate<string>('document.activeElement.name')).toBe('text')
      expect(Math.abs((await page.evaluate<number>('scrollY')) - scrolled)).toBeLessThan(250)
      expect(heard.filter((what) => !what.startsWith(`request: ${live.url}`))).toEqual([])
      await page.close()
    })

    test('a page whose server has stopped says so', async () => {
      const started = await serveLive({ runs: [join(runs.folder, 'not-there-yet')], port: 0, every: 50 })
      if (!isRight(started)) throw new Error(started.left)
      const page = await runs.browser.newPage()
      await page.goto(started.right.url)
      expect(await page.locator('.notes').textContent()).toContain('there is no such folder')
      await mkdir(join(runs.folder, 'not-there-yet'))
      await writeFile(join(runs.folder, 'not-there-yet', 'log.jsonl'), lines([stepLine('grpo', 0, { reward: 1 })]))
      await expect.poll(() => page.locator('figure').count(), { timeout: 10_000 }).toBe(1)
      await started.right.close()
      await expect.poll(() => page.locator('.live').getAttribute('data-state'), { timeout: 10_000 }).toBe('lost')
      await page.close()
    })
  })
})
