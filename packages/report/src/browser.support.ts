// A real browser for the tests of the page: what a page says and asks for is heard, and its charts are pointed at.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { inject } from 'vitest'
import { groupLine, sampleLine, writeRun } from './made-up.ts'
import { PACKAGED } from './flags.ts'
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
/** The browser's program; null where there is none. */
export const path = inject('chromium')

export const openBrowser = async (profile: string): Promise<BrowserContext> =>
  chromium.launchPersistentContext(profile, { executablePath: path!, headless: true, args: ARGUMENTS })

/** What a page said and asked for, besides itself. */
export const watch = (page: Page): readonly string[] => {
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
export const look = (page: Page, png: Buffer): Promise<{ readonly colours: number; readonly light: number }> =>
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

export const count = (page: Page): Promise<string | null> => page.locator('.count').textContent()

/** What never has been in a log, and may never be markup. */
export const EVIL = '</script><img src=x onerror=alert(1)><script>alert(2)</script>'

const quiet = { out: () => undefined, err: () => undefined }

/** The page of runs, written beside them; where it lies as an address. */
export const written = async (runs: readonly string[], out: string): Promise<string> => {
  const code = await report(PACKAGED, [...runs, '--out', out], quiet, AbortSignal.abort())
  if (code !== 0) throw new Error(`the report ended with ${code}`)
  return pathToFileURL(out).href
}

/** Two settings, one of three seeds, on a page that a browser has open. */
export interface Opened {
  readonly folder: string
  readonly url: string
  readonly browser: BrowserContext
  readonly open: (at: string) => Promise<{ readonly page: Page; readonly heard: readonly string[] }>
  readonly close: () => Promise<void>
}

export const openRuns = async (): Promise<Opened> => {
  const folder = await mkdtemp(join(tmpdir(), 'report-browser-'))
  for (const seed of [0, 1, 2])
    await writeRun(join(folder, 'plain', `s${seed}`), {
      ...{ seed, steps: 30 },
      samples: [...Array.from({ length: 30 }, (_, i) => sampleLine(i)), ...(seed === 0 ? [groupLine(31, 16)] : [])],
    })
  await writeRun(join(folder, 'other', 's0'), {
    seed: 0,
    steps: 30,
    settings: { clip: 0.2 },
    samples: [sampleLine(0, EVIL), sampleLine(7)],
  })
  const url = await written([join(folder, 'plain'), join(folder, 'other')], join(folder, 'page.html'))
  const browser = await openBrowser(join(folder, 'profile'))
  return {
    folder,
    url,
    browser,
    open: async (at) => {
      const page = await browser.newPage()
      const heard = watch(page)
      await page.goto(at)
      return { page, heard }
    },
    close: async () => {
      await browser.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The card of the last chart of this title. */
export const figureOf = (page: Page, title: RegExp) =>
  page.locator('[data-phase] figure', { has: page.locator('h3', { hasText: title }) }).last()
/** Drags over a part of a chart, from one share of its width to another. */
export const drag = async (
  page: Page,
  figure: ReturnType<typeof figureOf>,
  from: number,
  to: number,
): Promise<void> => {
  await figure.scrollIntoViewIfNeeded()
  const box = (await figure.locator('.u-over').boundingBox())!
  const y = box.y + box.height / 2
  await page.mouse.move(box.x + from * box.width, y)
  await page.mouse.down()
  await page.mouse.move(box.x + ((from + to) / 2) * box.width, y)
  await page.mouse.move(box.x + to * box.width, y)
  await page.mouse.up()
}

/** The steps at which the crosshair of a chart begins and ends: what of it is seen. */
export const seen = async (page: Page, figure: ReturnType<typeof figureOf>): Promise<readonly (string | null)[]> => {
  await figure.focus()
  const ends = []
  for (const key of ['Home', 'End']) {
    await page.keyboard.press(key)
    ends.push(await figure.locator('.at').textContent())
  }
  await page.keyboard.press('Escape')
  return ends
}

/** The middle of a chart, in pixels of the page. */
export const middleOf = async (figure: ReturnType<typeof figureOf>): Promise<[number, number]> => {
  await figure.scrollIntoViewIfNeeded()
  const box = (await figure.locator('.u-over').boundingBox())!
  return [box.x + box.width / 2, box.y + box.height / 2]
}
