// The site: it builds, its links lead somewhere, and in a browser its pages can be read by everybody.
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { serve } from '../scripts/serve.mjs'
import { CONTRAST, EVERY_RULE, findings, stopOf } from '@adjoint/testing/page'
import {
  buildSite,
  type Built,
  crowdedCells,
  deadLinks,
  type HtmlFile,
  htmlFiles,
  includesOf,
  root,
  sources,
} from './site.support.ts'

/** Kept for whoever wants to look; the folder is ignored by git. */
const SHOTS = join(root, 'runs', 'screenshots', 'site')
const path = inject('chromium')

const PAGES = sources().map((source) => source.replace(/(^|\/)index\.md$/, '$1').replace(/\.md$/, '.html'))
/** Of the reference, one page of each kind: there are a thousand. */
const REFERENCE = [
  'api/index.html',
  'api/modules/_adjoint_tensor.html',
  'api/functions/_adjoint_tensor.softmax.html',
  'api/functions/_adjoint_autograd.grad.html',
  'api/interfaces/_adjoint_rl.GrpoConfig.html',
  'api/types/_adjoint_tensor.Reduce.html',
]

let built: Built
let files: readonly HtmlFile[] = []
beforeAll(async () => {
  built = await buildSite()
  files = htmlFiles(built.folder)
}, 600_000)
afterAll(() => built.remove())

describe('the built site', () => {
  const pages = (): readonly HtmlFile[] => files.filter((file) => !/^(api|train|play)\//.test(file.path))

  test('has a page for each source, and the reference', () => {
    const paths = files.map((file) => file.path)
    expect(paths).toEqual(
      expect.arrayContaining(PAGES.map((page) => (page === '' || page.endsWith('/') ? `${page}index.html` : page))),
    )
    expect(paths.filter((each) => each.startsWith('api/functions/')).length).toBeGreaterThan(500)
    expect(paths).toEqual(expect.arrayContaining(REFERENCE))
  })

  test('has no dead link, the reference and headings included, wherever it stands on its server', () => {
    expect(deadLinks(built.folder, files, built.base)).toEqual([])
  })

  test('lists every lesson on the page of the lessons', () => {
    const list = files.find((file) => file.path === 'learn/index.html')?.links ?? []
    const wanted = PAGES.filter((page) => /^learn\/.+/.test(page)).map((page) => `${built.base}${page}`)
    expect(wanted.length).toBeGreaterThan(10)
    expect(list).toEqual(expect.arrayContaining(wanted))
  })

  test('has one title on each page of the reference', () => {
    const api = files.filter((file) => file.path.startsWith('api/'))
    expect(api.filter(({ html }) => html.match(/<h1\b/g)?.length !== 1).map((file) => file.path)).toEqual([])
  })

  test('finds a link that leads nowhere', () => {
    const page: HtmlFile = {
      path: 'a.html',
      html: '',
      ids: new Set(['here']),
      links: ['#here', '#gone', '/none.html', 'start.html'],
    }
    expect(deadLinks(built.folder, [page])).toEqual(['a.html: #gone', 'a.html: /none.html'])
    const links = ['/start.html', '/adjoint/start.html', '/adjoint/', '../adjoint/start.html', 'start.html']
    expect(deadLinks(built.folder, [{ ...page, links }], '/adjoint/')).toEqual([
      'a.html: /start.html',
      'a.html: ../adjoint/start.html',
    ])
  })

  // VitePress leaves out a file that is not there, and shows a whole one where the part is not.
  test('includes files and parts of them that exist', () => {
    const asked = sources().flatMap((source) => includesOf(source))
    expect(asked.length).toBeGreaterThan(5)
    expect(asked.filter(({ found }) => !found)).toEqual([])
    for (const { path: at, html } of pages()) expect(html.match(/<h1\b/g)?.length ?? 0, at).toBeLessThanOrEqual(1)
  })

  test('has tables of one number a cell', () => {
    expect(pages().flatMap(crowdedCells)).toEqual([])
    expect(
      crowdedCells({ path: 'a', html: '<td>.1 / .2</td><td>1,024</td><td>3</td>', ids: new Set(), links: [] }),
    ).toEqual(['a: .1 / .2'])
  })

  test('shows a signature in place', () => {
    const softmax = files.find((file) => file.path === 'api/functions/_adjoint_tensor.softmax.html')
    const text = softmax?.html.replaceAll(/<[^>]+>/g, '').replaceAll(/\s+/g, ' ')
    expect(text).toContain('axis: A, config?: RowsConfig')
    expect(text).toContain('Tensor&lt;S, D&gt; &amp; Check&lt;HasAxis&lt;S, A&gt;&gt;')
  })
})

/** The programs that run in the browser, and what says that they are ready. */
const PROGRAMS = ['train/index.html', 'play/index.html']

describe.skipIf(path === null)('the site in Chromium', () => {
  let profile = ''
  let browser: BrowserContext
  let server: Awaited<ReturnType<typeof serve>>
  beforeAll(async () => {
    server = await serve(built.folder, 0, built.base)
    profile = await mkdtemp(join(tmpdir(), 'site-browser-'))
    await mkdir(SHOTS, { recursive: true })
    browser = await chromium.launchPersistentContext(profile, {
      executablePath: path!,
      headless: true,
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    })
  })
  afterAll(async () => {
    await browser.close()
    await server.close()
    await rm(profile, { recursive: true, force: true })
  })

  /** Opens a page, and keeps what it says wrong. */
  const open = async (at: string): Promise<{ readonly page: Page; readonly wrong: readonly string[] }> => {
    const page = await browser.newPage()
    const wrong: string[] = []
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) wrong.push(message.text())
    })
    page.on('pageerror', (error) => wrong.push(error.message))
    page.on('requestfailed', (request) => wrong.push(`failed: ${request.url()}`))
    page.on('request', (request) => {
      if (!request.url().startsWith(server.url) && !request.url().startsWith('data:'))
        wrong.push(`asks ${request.url()}`)
    })
    await page.setViewportSize({ width: 1280, height: 900 })
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    await page.goto(server.url + at, { waitUntil: 'load' })
    return { page, wrong }
  }

  test.each([...PAGES, ...PROGRAMS, ...REFERENCE])(
    '/%s: no error, no axe finding, no sideways scroll, by day and by night',
    async (at) => {
      const { page, wrong } = await open(at)
      const name = at.replaceAll(/[^\w]+/g, '-') || 'index'
      if (PROGRAMS.includes(at)) await page.locator('#status', { hasText: /^Ready\.$/ }).waitFor()
      await page.screenshot({ path: join(SHOTS, `${name}-1280-light.png`) })
      const reference = at.startsWith('api/')
      const within = reference ? '.col-content' : 'html'
      // Of TypeDoc's own pages what is ours to choose: the colours and images of the text.
      const all = reference ? "{ type: 'rule', values: ['color-contrast', 'image-alt'] }" : EVERY_RULE
      expect(await findings(page, within, all)).toEqual([])
      await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
      await page.screenshot({ path: join(SHOTS, `${name}-1280-dark.png`) })
      expect(await findings(page, within, CONTRAST)).toEqual([])
      await page.setViewportSize({ width: 360, height: 740 })
      // An editor lays itself out anew once it sees that it is narrower.
      await expect.poll(() => page.evaluate<number>('document.documentElement.scrollWidth')).toBe(360)
      await page.screenshot({ path: join(SHOTS, `${name}-360-dark.png`) })
      expect(await findings(page, within, CONTRAST)).toEqual([])
      expect(wrong).toEqual([])
      await page.close()
    },
  )

  test('who goes by keyboard sees where, and skips to the text', async () => {
    const { page } = await open('start.html')
    const seen: string[] = []
    for (let i = 0; i < 25; i++) {
      await page.keyboard.press('Tab')
      const at = await stopOf(page)
      expect(at.seen, `focus on '${at.name}'`).toBe(true)
      seen.push(at.name)
    }
    expect(seen[0]).toBe('Skip to content')
    expect(new Set(seen).size).toBeGreaterThan(15)
    await page.close()
  })

  test('the search finds a page, offline', async () => {
    const { page, wrong } = await open('index.html')
    await page.keyboard.press('Control+k')
    await page.locator('#localsearch-input').fill('curried')
    await page.locator('.results .result').first().waitFor()
    expect(await page.locator('.results').textContent()).toContain('curried')
    expect(wrong).toEqual([])
    await page.close()
  })

  test('memory can be shared among threads: the page is cross-origin isolated', async () => {
    const { page } = await open('index.html')
    expect(await page.evaluate<boolean>('crossOriginIsolated && new SharedArrayBuffer(8).byteLength === 8')).toBe(true)
    await page.close()
  })
})
