/** The playground in Chromium: programs run, print, plot and end; types are checked; an address carries a program. */
import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { open, openBrowser, serve, type Served, SHOTS, type Watched } from '../serve.support.ts'

const path = inject('chromium')
/** A script without types, which the site uses too. */
const { play } = (await import(new URL('../build.mjs', import.meta.url).href)) as {
  readonly play: (outdir: string) => Promise<void>
}

const statusOf = (page: Page): Promise<string | null> => page.locator('#status').textContent()
const printed = (page: Page): Promise<string> => page.locator('#lines').innerText()
/** The address of a program, as the page itself makes it. */
const hashOf = async (program: string): Promise<string> => {
  const stream = new Blob([program]).stream().pipeThrough(new CompressionStream('deflate-raw'))
  return `#code=${Buffer.from(await new Response(stream).arrayBuffer()).toString('base64url')}`
}

describe.skipIf(path === null)('the playground', { timeout: 240_000 }, () => {
  let folder = ''
  let browser: Browser
  let isolated: Served
  let plain: Served
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adjoint-play-'))
    await mkdir(SHOTS, { recursive: true })
    await play(folder)
    ;[isolated, plain, browser] = await Promise.all([serve(folder, true), serve(folder, false), openBrowser(path!)])
  }, 240_000)
  afterAll(async () => {
    await browser.close()
    await Promise.all([isolated.close(), plain.close()])
    await rm(folder, { recursive: true, force: true })
  })

  const visit = async (
    hash: string,
    { of = isolated, ...options }: { readonly of?: Served; readonly width?: number; readonly dark?: boolean } = {},
  ): Promise<Watched> => {
    const watched = await open(browser, `${of.url}play/${hash}`, options)
    await expect.poll(() => watched.page.locator('#run').isEnabled(), { timeout: 60_000 }).toBe(true)
    return watched
  }
  const leave = async ({ page, heard }: Watched): Promise<void> => {
    expect(heard).toEqual([])
    await page.context().close()
  }
  const errorsOf = async (page: Page): Promise<string | undefined> => {
    await page.waitForFunction(`document.body.dataset.errors !== undefined`, null, { timeout: 120_000 })
    return page.evaluate<string | undefined>('document.body.dataset.errors')
  }
  const ran = (page: Page): Promise<unknown> =>
    page.waitForFunction(`/^Ran to its end/.test(document.querySelector('#status').textContent)`, null, {
      timeout: 120_000,
    })

  test('every example has no error of types, and runs to its end, in an isolated page and in one that is not', async () => {
    const watched = await visit('')
    const { page } = watched
    const names = await page.evaluate<readonly string[]>(
      `[...document.querySelectorAll('#example option:not([hidden])')].map((option) => option.value)`,
    )
    expect(names).toEqual(['curve', 'grpo', 'transformations', 'transformer', 'hello-grad', 'hello-grpo'])
    for (const name of names) {
      await page.locator('#example').selectOption(name)
      expect(await errorsOf(page), `${name}: ${await page.locator('#remarks').innerText()}`).toBe('0')
      await page.click('#run')
      await ran(page)
      expect(await page.locator('#lines .error').count(), await printed(page)).toBe(0)
      expect(await printed(page)).not.toBe('')
      const charts = { curve: 2, grpo: 2, transformations: 1, transformer: 2 }[name] ?? 0
      expect(await page.locator('#charts figure').count()).toBe(charts)
      if (name === 'transformations') await page.screenshot({ path: join(SHOTS, 'play-light.png') })
    }
    expect(await printed(page)).toMatch(/step 100\s+paid \d+\/16/)
    await leave(watched)
    const alone = await visit('#example=hello-grad', { of: plain })
    await alone.page.click('#run')
    await ran(alone.page)
    // The same bits as with threads.
    expect(await printed(alone.page)).toMatch(/step 500 {2}loss 0\.000\d+/)
    await leave(alone)
  })

  test('the keyboard alone reaches everything, runs a program and leaves the editor, forwards and backwards', async () => {
    const watched = await visit(await hashOf(`console.log('by keyboard')\nexport {}`))
    const { page } = watched
    const focused = (): Promise<string> =>
      page.evaluate<string>(
        `document.activeElement.closest('#editor') ? 'editor' : document.activeElement.id || document.activeElement.textContent`,
      )
    const outlined = (): Promise<boolean> =>
      page.evaluate<boolean>(
        `document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle !== 'none'`,
      )
    const walked: string[] = []
    for (let i = 0; i < 10 && walked.at(-1) !== 'editor'; i++) {
      await page.keyboard.press('Tab')
      walked.push(await focused())
      if (walked.at(-1) !== 'editor') expect(await outlined(), walked.at(-1)).toBe(true)
    }
    expect(walked).toEqual(['Adjoint', 'Train', 'Playground', 'example', 'run', 'link', 'editor'])
    // Tab writes, and stays.
    const before = await page.locator('.view-lines').innerText()
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('editor')
    expect(await page.locator('.view-lines').innerText()).not.toBe(before)
    await page.keyboard.press('Escape')
    await page.keyboard.press('Tab')
    expect(await focused()).toBe('lines')
    await page.keyboard.press('Shift+Tab')
    expect(await focused()).toBe('editor')
    // With something selected, too.
    await page.keyboard.press('Control+A')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Shift+Tab')
    expect(await focused()).toBe('link')
    await page.keyboard.press('Shift+Tab')
    await page.keyboard.press('Enter')
    await ran(page)
    expect(await printed(page)).toContain('by keyboard')
    expect(await page.locator('.hint').innerText()).toContain('Escape, then Tab, leaves the editor')
    await leave(watched)
  })

  test('a loop without an end is stopped, and the next program runs', async () => {
    const watched = await visit(await hashOf(`console.log('in')\nfor (;;) {}\nexport {}`))
    const { page } = watched
    await page.click('#run')
    await expect.poll(() => printed(page), { timeout: 30_000 }).toBe('in')
    expect(await statusOf(page)).toBe('Running.')
    await page.click('#stop')
    expect(await statusOf(page)).toBe('Stopped.')
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('run')
    await page.evaluate(`location.hash = ${JSON.stringify(await hashOf(`console.log(1 + 1)`))}`)
    await page.waitForFunction(`document.querySelector('.view-lines').textContent.includes('1')`)
    await page.click('#run')
    await expect.poll(() => printed(page), { timeout: 30_000 }).toBe('2')
    await leave(watched)
  })

  /** Milliseconds of the page's own clock until Stop, pressed by its script, has answered. */
  const stopped = (page: Page): Promise<number> =>
    page.evaluate<number>(`new Promise((done) => {
      const asked = performance.now()
      setTimeout(() => {
        document.querySelector('#stop').click()
        requestAnimationFrame(() => setTimeout(() => done(performance.now() - asked)))
      })
    })`)

  test.each([
    ['prints', `for (let i = 0; ; i++) console.log(i)`, /^Left out: [\d,]+ lines between the first and the last\.$/],
    [
      'prints long lines',
      `for (let i = 0; ; i++) console.log('y'.repeat(50_000))`,
      /^Left out: [\d,]+ lines between the first and the last\.$/,
    ],
    [
      'plots',
      `import { plot } from 'playground'\nfor (let i = 0; ; i++) plot('a', i, { b: Math.sin(i) })`,
      /^Left out: [\d,]+ points between those that are drawn\.$/,
    ],
  ])('a loop that %s without end leaves the page at work, and is stopped', async (_, program, left) => {
    const watched = await visit(await hashOf(`${program}\nexport {}`))
    const { page } = watched
    await page.click('#run')
    const note = page.locator('#left-out')
    await expect.poll(() => note.textContent(), { timeout: 30_000 }).toMatch(left)
    // While it runs, and not only at its beginning.
    await page.waitForTimeout(2000)
    console.log(`Stop answered in ${(await stopped(page)).toFixed()} ms`)
    expect(await statusOf(page)).toBe('Stopped.')
    expect(await note.textContent()).toMatch(left)
    expect(await page.locator('#lines > div').count()).toBeLessThanOrEqual(5001)
    expect(await page.locator('#lines .gap').count()).toBeLessThanOrEqual(1)
    await leave(watched)
  })

  test('of a loop with an end every line and every point is there, or the first and the last and how many are not', async () => {
    const program = (lines: number, points: number): Promise<string> =>
      hashOf(
        [
          `import { plot } from 'playground'`,
          `for (let i = 0; i < ${points}; i++) plot('a', i, { b: i === 777 ? 9 : i / ${points} })`,
          `for (let i = 0; i < ${lines}; i++) console.log('line', i)`,
        ].join('\n'),
      )
    const watched = await visit(await program(3000, 2000))
    const { page } = watched
    const name = page.locator('#charts .plot')
    const words = async (): Promise<readonly string[]> =>
      (await printed(page)).split('\n').filter((line) => line !== '')
    await page.click('#run')
    await ran(page)
    await expect.poll(async () => (await words()).length).toBe(3000)
    expect((await words()).findIndex((line, i) => line !== `line ${i}`)).toBe(-1)
    expect(await page.locator('#left-out').isHidden()).toBe(true)
    await expect.poll(() => name.getAttribute('aria-label')).toContain('b from 0 to 1, lowest 0, highest 9')
    await page.screenshot({ path: join(SHOTS, 'play-loop.png') })

    await page.evaluate(`location.hash = ${JSON.stringify(await program(100_000, 100_000))}`)
    await page.waitForFunction(`document.querySelector('.view-lines').textContent.includes('100000')`)
    await page.click('#run')
    await ran(page)
    await expect.poll(async () => (await words()).at(-1)).toBe('line 99999')
    const kept = await words()
    const numbers = kept.map((line) => Number(line.slice(5)))
    // One gap, and the note says how wide it is.
    expect(numbers.slice(1).filter((n, i) => n !== numbers[i]! + 1)).toHaveLength(1)
    expect(numbers[0]).toBe(0)
    expect(numbers[1000]).toBe(1000)
    const note = (await page.locator('#left-out').textContent()) ?? ''
    expect(note).toContain(`${(100_000 - kept.length).toLocaleString('en')} lines between the first and the last`)
    expect(note).toMatch(/points between those that are drawn/)
    await expect.poll(() => name.getAttribute('aria-label')).toContain('b from 0 to 1, lowest 0, highest 9')
    await page.screenshot({ path: join(SHOTS, 'play-left-out.png') })

    await page.evaluate(`location.hash = ${JSON.stringify(await hashOf(`console.log('y'.repeat(2e7))`))}`)
    await page.waitForFunction(`document.querySelector('.view-lines').textContent.includes('2e7')`)
    await page.click('#run')
    await ran(page)
    await expect.poll(() => printed(page)).toMatch(/^y{10000} … \(20,000,000 characters; the first 10,000 are shown\)$/)
    expect(await page.locator('#left-out').isHidden()).toBe(true)
    await leave(watched)
  })

  test('a curve is cut where its value is no number, and goes on where it has no point', async () => {
    const program = [
      `import { plot } from 'playground'`,
      `for (let x = 0; x <= 100; x++) plot('a', x, { cut: x > 40 && x < 60 ? NaN : 1, ...(x % 20 === 0 ? { on: 2 } : {}) })`,
    ].join('\n')
    const watched = await visit(await hashOf(program))
    const { page } = watched
    await page.click('#run')
    await ran(page)
    /** Of the columns in a part of the chart, how many the two curves are drawn in: they are blue and orange, and all else is grey. */
    const drawn = (from: number, to: number): Promise<readonly number[]> =>
      page.evaluate<readonly number[]>(`(() => {
        const canvas = document.querySelector('#charts canvas')
        const over = document.querySelector('#charts .u-over')
        const by = canvas.width / canvas.clientWidth
        const [left, width] = [over.offsetLeft * by, over.clientWidth * by]
        const [start, end] = [${from}, ${to}].map((share) => Math.round(left + share * width))
        // A copy: of a canvas that is read twice Chromium says that it is slow.
        const copy = new OffscreenCanvas(end - start, canvas.height).getContext('2d', { willReadFrequently: true })
        copy.drawImage(canvas, -start, 0)
        const { data } = copy.getImageData(0, 0, end - start, canvas.height)
        const columns = [new Set(), new Set()]
        for (let i = 0; i < data.length; i += 4)
          if (data[i + 3] > 128 && Math.abs(data[i] - data[i + 2]) > 60)
            columns[data[i] > data[i + 2] ? 1 : 0].add((i / 4) % (end - start))
        return columns.map(({ size }) => size / (end - start))
      })()`)
    await expect.poll(() => drawn(0.1, 0.3)).toEqual([1, 1])
    expect(await drawn(0.45, 0.55)).toEqual([0, 1])
    await leave(watched)
  })

  test('errors of types and shapes are shown with their lines, what is thrown is printed', async () => {
    const program = [
      `import { matmul, ones } from '@adjoint/tensor'`,
      `const x: number = 'text'`,
      `matmul(ones([2, 3]), ones([2, 3]))`,
      `console.log(document.title)`,
    ].join('\n')
    const watched = await visit(await hashOf(program))
    const { page } = watched
    expect(await errorsOf(page)).toBe('3')
    const remarks = await page.locator('#remarks').innerText()
    expect(remarks).toContain(`Type 'string' is not assignable to type 'number'`)
    expect(remarks).toMatch(/line 3/)
    expect(remarks).toContain(`Cannot find name 'document'`)
    await page.screenshot({ path: join(SHOTS, 'play-errors.png') })
    await page.click('#run')
    await expect.poll(() => statusOf(page), { timeout: 30_000 }).toBe('It threw.')
    expect(await printed(page)).toMatch(/matmul.*\n/)
    await page.evaluate(`location.hash = ${JSON.stringify(await hashOf(`import 'left-pad'`))}`)
    await page.waitForFunction(`document.querySelector('.view-lines').textContent.includes('left-pad')`)
    await page.click('#run')
    await expect.poll(() => printed(page), { timeout: 30_000 }).toContain(`there is no module 'left-pad' here`)
    await leave(watched)
  })

  test('what is thrown names the lines as they were written, from where it was thrown outwards', async () => {
    const program = [
      `interface Shape {`,
      `  readonly rows: number`,
      `}`,
      ``,
      `type Rows = Shape['rows']`,
      `import { matmul, ones, type Tensor } from '@adjoint/tensor'`,
      ``,
      `const product = (rows: Rows): Tensor =>`,
      `  // rows of three, which do not fit`,
      `  matmul(ones([rows, 3]) as Tensor, ones([2, 3]) as Tensor)`,
      `const twice = (): readonly Tensor[] => {`,
      `  const first = product(2)`,
      `  return [first, first]`,
      `}`,
      `await Promise.resolve()`,
      `console.log(twice())`,
    ]
    const watched = await visit(await hashOf(program.join('\n')))
    const { page } = watched
    expect(await errorsOf(page), await page.locator('#remarks').innerText()).toBe('0')
    await page.click('#run')
    await expect.poll(() => statusOf(page), { timeout: 30_000 }).toBe('It threw.')
    const said = await printed(page)
    expect(said).toMatch(/^\w*Error: matmul/)
    expect(said.match(/at line \d+/g)).toEqual(['at line 10', 'at line 12', 'at line 16'])
    await leave(watched)
  })

  test('completion knows the packages', async () => {
    const watched = await visit(await hashOf(`import * as t from '@adjoint/tensor'\nt.matm`))
    const { page } = watched
    await errorsOf(page)
    await page.locator('.view-lines').click()
    await page.keyboard.press('Control+End')
    await page.keyboard.press('Control+Space')
    await page.locator('.suggest-widget').getByText('matmul').first().waitFor({ timeout: 30_000 })
    await page.screenshot({ path: join(SHOTS, 'play-completion.png') })
    await leave(watched)
  })

  test('a link carries the program, and a broken one is said', async () => {
    const program = `const grüße = 'π ≈ 3'\nconsole.log(grüße)\nexport {}\n`
    const watched = await visit(await hashOf(program))
    const { page } = watched
    await page.click('#link')
    await expect.poll(() => statusOf(page)).toMatch(/address/)
    const url = page.url()
    expect(new URL(url).hash).toMatch(/^#code=[\w-]+$/)
    await leave(watched)
    const again = await open(browser, url)
    await expect.poll(() => again.page.locator('#run').isEnabled(), { timeout: 60_000 }).toBe(true)
    await again.page.click('#run')
    await ran(again.page)
    expect(await printed(again.page)).toBe('π ≈ 3')
    await leave(again)
    for (const [hash, said] of [
      ['#code=AAAA', 'cut or damaged'],
      ['#code=AAAA%%', 'cut or damaged'],
      ['#garbage%%', 'asks for nothing that this page has'],
      ['#example=nope', `no example 'nope'`],
    ] as const) {
      const broken = await visit(hash)
      expect(await statusOf(broken.page)).toContain(said)
      expect(await broken.page.locator('#example').inputValue()).toBe('curve')
      await leave(broken)
    }
  })

  test('it is usable on a telephone, in the dark', async () => {
    const watched = await visit('#example=curve', { width: 360, dark: true })
    const { page } = watched
    await page.click('#run')
    await ran(page)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    await page.screenshot({ path: join(SHOTS, 'play-dark-360.png'), fullPage: true })
    await leave(watched)
  })
})
