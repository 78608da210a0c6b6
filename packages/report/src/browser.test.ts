// The page in a real browser: it runs its script, asks for nothing, filters, reads its charts, and follows a live run.
import { appendFile, mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { isRight } from 'fp-ts/lib/Either.js'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Live, serveLive } from './live.ts'
import { groupLine, lines, sampleLine, stepLine, writeRun } from './made-up.ts'
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
    for (const seed of [0, 1, 2])
      await writeRun(join(folder, 'plain', `s${seed}`), {
        ...{ seed, steps: 30 },
        samples: [...Array.from({ length: 30 }, (_, i) => sampleLine(i)), ...(seed === 0 ? [groupLine(31, 16)] : [])],
      })
    await writeRun(join(folder, 'other', 's0'), {
      seed: 0,
      steps: 30,
      settings: { clip: 0.2 },
      samples: [sampleLine(0, evil), sampleLine(7)],
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
    expect(await count(page)).toBe('1–6 of 93 groups')
    expect(await page.locator('main img').count()).toBe(0)
    expect(await page.locator('figure[data-card]').count()).toBeGreaterThan(15)
    expect(await page.locator('figure[data-card] canvas').count()).toBe(await page.locator('figure[data-card]').count())
    await page.locator('[name=text]').fill('onerror')
    expect(await page.locator('article').count()).toBe(1)
    expect(await page.locator('article .text.broken').textContent()).toContain(evil)
    expect(await page.locator('article .badge.broken').textContent()).toContain('<think> is missing')
    expect(heard).toEqual([])
    await page.close()
  })

  test('its filters find what they ask for, and mark it', async () => {
    const { page, heard } = await open(url)
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
    const { page, heard } = await open(url)
    const first = page.locator('article').first()
    expect(await first.locator('.facts').first().textContent()).toMatch(/step 31.*16 completions.*8 of 16 right/)
    expect(await first.locator('.completion').count()).toBe(16)
    expect(await first.locator('.tinted').count()).toBe(0)
    for (const tint of ['logp', 'entropy', 'advantage']) {
      await page.locator('[name=tint]').selectOption(tint)
      const tokens = first.locator('.tinted').first().locator('b')
      expect(await tokens.allTextContents()).toEqual(['<think>', '7', '</think>', '<answer>', '0', '</answer>', 'end'])
      const shades = await page.evaluate<readonly string[]>(
        "[...document.querySelector('article .tinted').querySelectorAll('b')].map((b) => b.style.background)",
      )
      if (tint !== 'advantage') expect(new Set(shades).size).toBeGreaterThan(3)
      expect(await tokens.nth(1).getAttribute('title')).toMatch(/"7": log-probability -0\.3.*entropy 0\.2/)
    }
    // What is searched for is marked among tokens, too.
    await page.locator('[name=text]').fill('<answer>0')
    expect((await first.locator('.tinted').first().locator('mark').allTextContents()).join('')).toBe('<answer>0')
    expect(await first.locator('details > summary').textContent()).toBe('8 more of this group')
    await first.locator('details > summary').click()
    expect(await first.locator('.completion').count()).toBe(16)
    expect(heard).toEqual([])
    await page.close()
  })

  test('two runs stand side by side at one problem', async () => {
    const { page, heard } = await open(url)
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

  const figureOf = (page: Page, title: RegExp) =>
    page.locator('[data-phase] figure', { has: page.locator('h3', { hasText: title }) }).last()
  /** Drags over a part of a chart, from one share of its width to another. */
  const drag = async (page: Page, figure: ReturnType<typeof figureOf>, from: number, to: number): Promise<void> => {
    await figure.scrollIntoViewIfNeeded()
    const box = (await figure.locator('.u-over').boundingBox())!
    const y = box.y + box.height / 2
    await page.mouse.move(box.x + from * box.width, y)
    await page.mouse.down()
    await page.mouse.move(box.x + ((from + to) / 2) * box.width, y)
    await page.mouse.move(box.x + to * box.width, y)
    await page.mouse.up()
  }

  test('its charts say their values to the pointer and to the keyboard, and hide a setting', async () => {
    const { page, heard } = await open(url)
    const figure = figureOf(page, /^Reward$/)
    await figure.scrollIntoViewIfNeeded()
    await figure.focus()
    await page.keyboard.press('ArrowRight')
    expect(await figure.locator('.at').textContent()).toBe('step 0')
    expect(await figure.locator('output').first().textContent()).toBe('0.1 (0–0.2)')
    await page.keyboard.press('ArrowRight')
    expect(await figure.locator('.at').textContent()).toBe('step 1')
    await page.keyboard.press('Escape')
    await expect.poll(() => figure.locator('.at').textContent()).toBe('')
    const box = (await figure.locator('.u-over').boundingBox())!
    await page.mouse.move(box.x + box.width * 0.99, box.y + box.height / 2)
    await expect.poll(() => figure.locator('.at').textContent()).toBe('step 29')
    // The crosshair is that of all charts of the phase, and of no other.
    expect(
      await figureOf(page, /^Entropy$/)
        .locator('.at')
        .textContent(),
    ).toBe('step 29')
    expect(
      await figureOf(page, /^Accuracy of the next token$/)
        .locator('.at')
        .textContent(),
    ).toBe('')
    await page.mouse.move(0, 0)
    await expect.poll(() => figure.locator('.at').textContent()).toBe('')
    expect(await figure.locator('.keys li').count()).toBe(2)
    await page.locator('input[data-setting="1"]').uncheck()
    expect(await figure.locator('.keys li').count()).toBe(1)
    expect(heard).toEqual([])
    await page.close()
  })

  /** The steps at which the crosshair of a chart begins and ends: what of it is seen. */
  const seen = async (page: Page, figure: ReturnType<typeof figureOf>): Promise<readonly (string | null)[]> => {
    await figure.focus()
    const ends = []
    for (const key of ['Home', 'End']) {
      await page.keyboard.press(key)
      ends.push(await figure.locator('.at').textContent())
    }
    await page.keyboard.press('Escape')
    return ends
  }

  test('what is dragged over is seen in all charts of the phase, and 0 or two clicks go back', async () => {
    const { page, heard } = await open(url)
    const [reward, entropy] = [figureOf(page, /^Reward$/), figureOf(page, /^Entropy$/)]
    expect(await seen(page, entropy)).toEqual(['step 0', 'step 29'])
    await drag(page, reward, 0.25, 0.5)
    const near = await seen(page, entropy)
    expect(near).toEqual(await seen(page, reward))
    expect(near).toEqual(['step 8', 'step 14'])
    expect(await seen(page, figureOf(page, /^Accuracy of the next token$/))).toEqual(['step 0', 'step 59'])
    expect(page.url()).toContain('zoom=')
    await entropy.focus()
    await page.keyboard.press('0')
    expect(await seen(page, reward)).toEqual(['step 0', 'step 29'])
    await page.keyboard.press('+')
    expect(await seen(page, entropy)).toEqual(['step 8', 'step 22'])
    await page.mouse.dblclick(...(await middleOf(entropy)))
    expect(await seen(page, reward)).toEqual(['step 0', 'step 29'])
    expect(page.url()).not.toContain('zoom=')
    expect(heard).toEqual([])
    await page.close()
  })
  const middleOf = async (figure: ReturnType<typeof figureOf>): Promise<[number, number]> => {
    await figure.scrollIntoViewIfNeeded()
    const box = (await figure.locator('.u-over').boundingBox())!
    return [box.x + box.width / 2, box.y + box.height / 2]
  }

  test('charts are pinned, found, enlarged and saved', async () => {
    const { page, heard } = await open(url)
    const kl = figureOf(page, /^KL to the reference$/)
    await kl.getByRole('button', { name: /^Pin/ }).click()
    expect(await page.locator('#pinned figure h3').allTextContents()).toEqual(['KL to the reference'])
    expect(await kl.getByRole('button', { name: /^Pin/ }).getAttribute('aria-pressed')).toBe('true')

    await page.locator('[name=find]').fill('entropy')
    expect(await page.locator('[data-phase] figure:visible h3').allTextContents()).toEqual(['Entropy'])
    expect(await page.locator('details.chapter:visible').count()).toBe(1)
    await page.locator('[name=find]').fill('')
    expect(await page.locator('[data-phase] figure:visible').count()).toBeGreaterThan(10)

    await kl.getByRole('button', { name: /large/ }).press('Enter')
    const dialog = page.locator('dialog')
    expect(await dialog.isVisible()).toBe(true)
    expect((await dialog.locator('canvas').boundingBox())!.width).toBeGreaterThan(800)
    await page.keyboard.press('Escape')
    await expect.poll(() => dialog.isVisible()).toBe(false)
    await expect.poll(() => page.url()).not.toContain('large=')

    const saved = async (what: string): Promise<readonly [string, string]> => {
      const waiting = page.waitForEvent('download')
      await kl.getByRole('button', { name: what }).click()
      const download = await waiting
      return [download.suggestedFilename(), await readFile(await download.path(), 'utf8')]
    }
    const [csvName, csv] = await saved('CSV')
    expect(csvName).toBe('kl-to-the-reference.csv')
    expect(csv.split('\r\n')[0]).toMatch(/^step,[^,]+,[^,]+/)
    expect(csv.split('\r\n')[2]).toMatch(/^1,0\.001,/)
    // What the log has as absent is empty.
    expect(csv.split('\r\n')[4]).toMatch(/^3,,/)
    const [svgName, svg] = await saved('SVG')
    expect(svgName).toBe('kl-to-the-reference.svg')
    expect(svg).toMatch(/^<svg xmlns/)
    expect(svg).toContain('KL to the reference, nats per token')
    await kl.getByRole('button', { name: /^Pin/ }).click()
    expect(await page.locator('#pinned').isVisible()).toBe(false)
    expect(heard.filter((what) => !what.includes('blob:'))).toEqual([])
    await page.close()
  })

  test('along time and tokens, on an axis of powers, smoothed: what is set is drawn, and said', async () => {
    const { page, heard } = await open(url)
    const figure = figureOf(page, /^Reward$/)
    const last = (): Promise<string | null> => figure.locator('output').first().textContent()
    expect(await last()).not.toContain('smooth')
    await page.locator('[name=smooth]').fill('0.9')
    expect(await last()).toContain('smooth')
    await page.locator('[name=logarithmic]').check()
    expect(await figure.locator('.chartnote').textContent()).toMatch(/values of 0 or less are not shown/)
    await page.locator('[name=along]').selectOption('time')
    expect(await seen(page, figure)).toEqual(['0 s', '2.9 s'])
    await page.locator('[name=along]').selectOption('tokens')
    expect(await seen(page, figure)).toEqual(['0', '2900'])
    expect(
      await figureOf(page, /^Accuracy of the next token$/)
        .locator('.chartnote')
        .textContent(),
    ).toContain('not logged')
    expect(heard).toEqual([])
    await page.close()
  })

  test('the address is what is seen: whoever opens it sees the same', async () => {
    const { page, heard } = await open(url)
    await page.locator('[name=smooth]').fill('0.6')
    await page.locator('[name=logarithmic]').check()
    await figureOf(page, /^Entropy$/)
      .getByRole('button', { name: /^Pin/ })
      .click()
    await drag(page, figureOf(page, /^Reward$/), 0.25, 0.5)
    await page.locator('input[data-setting="1"]').uncheck()
    await page.locator('nav a[href="#samples"]').click()
    await page.locator('[name=text]').fill('carry 1')
    await page.locator('[name=tint]').selectOption('entropy')
    await page.getByRole('button', { name: 'Next' }).click()
    expect(page.url()).toContain('#samples?')

    const other = await open(page.url())
    const stateOf = (each: Page) =>
      each.evaluate<readonly unknown[]>(`[
        document.querySelector('[name=smooth]').value, document.querySelector('[name=logarithmic]').checked,
        [...document.querySelectorAll('#pinned h3')].map((h) => h.textContent),
        document.querySelector('[data-setting="1"]').checked, document.querySelector('[name=text]').value,
        document.querySelector('[name=tint]').value, document.querySelector('.count').textContent,
        document.querySelectorAll('mark').length,
      ]`)
    expect(await stateOf(other.page)).toEqual(await stateOf(page))
    expect((await stateOf(page)).slice(0, 3)).toEqual(['0.6', true, ['Entropy']])
    expect(
      await other.page.evaluate<number>("document.getElementById('samples').getBoundingClientRect().top"),
    ).toBeLessThan(400)
    expect(await seen(other.page, figureOf(other.page, /^Entropy$/))).toEqual(['step 8', 'step 14'])
    expect([...heard, ...other.heard]).toEqual([])
    // Nonsense in an address is no setting, and no error.
    const odd = await open(
      `${url}#nowhere?smooth=moon&zoom=9~1~x&pin=none&large=none&page=99&compare.left=a&compare.right=b&compare.problem=c`,
    )
    expect(await count(odd.page)).toMatch(/^91–93 of 93 groups/)
    expect(odd.heard).toEqual([])
    for (const each of [page, other.page, odd.page]) await each.close()
  })

  test('every control is reached by the keyboard, and has a name', async () => {
    const { page } = await open(url)
    const unnamed = await page.evaluate<
      readonly string[]
    >(`[...document.querySelectorAll('button, input, select, figure, summary')]
      .filter((e) => (e.getAttribute('aria-label') ?? e.closest('label')?.textContent ?? e.textContent ?? '').trim() === '')
      .map((e) => e.outerHTML)`)
    expect(unnamed).toEqual([])
    const reached = new Set<string>()
    await page.locator('[name=smooth]').focus()
    for (let i = 0; i < 400; i++) {
      reached.add(
        await page.evaluate<string>(
          'document.activeElement.name || document.activeElement.textContent.slice(0, 12) || document.activeElement.tagName',
        ),
      )
      if (reached.has('tint')) break
      await page.keyboard.press('Tab')
    }
    for (const name of [
      'smooth',
      'logarithmic',
      'along',
      'find',
      'Pin',
      'Enlarge',
      'CSV',
      'SVG',
      'text',
      'order',
      'tint',
    ])
      expect(reached).toContain(name)
    await page.close()
  })

  test('it can be read on a telephone and on a wide screen, by day and by night', async () => {
    const { page } = await open(url)
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
    await page.goto(`${url}#samples?tint=logp&compare.left=a&compare.right=b&compare.problem=c`)
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
    expect(await count(page)).toMatch(/completions found$/)
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
      expect(await figure.locator('output').textContent()).toBe('0.77')
      expect(await figure.getAttribute('aria-label')).not.toBe(before)
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
