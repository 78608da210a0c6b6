// The page by keys alone, and read aloud, in a real browser: in each of its states, and while it is live.
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isRight } from 'fp-ts/lib/Either.js'
import { findings, loudIn, spokenOf } from '@adjoint/testing/page'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { count, figureOf, type Opened, openRuns, path, written } from './browser.support.ts'
import { serveLive } from './live.ts'
import { groupLine, lines, stepLine, writeRun } from './made-up.ts'

/** The name of what has the focus. */
const focused = (page: Page): Promise<string> =>
  page.evaluate<string>(`(() => {
    const e = document.activeElement
    return (e.getAttribute('aria-label') || e.textContent || e.name || e.tagName).trim()
  })()`)

describe.skipIf(path === null)('the page by keys', () => {
  let runs: Opened
  beforeAll(async () => {
    runs = await openRuns()
  })
  afterAll(() => runs.close())

  /** By day at a desk, by night on a telephone. */
  const isReadable = async (page: Page, name: string): Promise<void> => {
    await page.setViewportSize({ width: 1280, height: 900 })
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' })
    expect.soft(await findings(page), name).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' })
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBe(360)
    expect.soft(await findings(page), `${name}, dark, 360`).toEqual([])
  }

  test('axe finds nothing wrong: at first, with the large chart, tokens in colours with values, two runs compared, a group unfolded', async () => {
    const { page } = await runs.open(runs.url)
    await isReadable(page, 'at first')
    await figureOf(page, /^Reward$/)
      .getByRole('button', { name: /large/ })
      .click()
    await isReadable(page, 'large')
    await page.keyboard.press('Escape')
    for (const tint of ['logp', 'entropy', 'advantage']) {
      await page.locator('[name=tint]').selectOption(tint)
      await page.locator('[name=told]').check()
      await isReadable(page, tint)
    }
    expect(await page.locator('article .tinted small').first().textContent()).not.toBe('')
    expect(page.url()).toContain('values=1')
    await page.getByRole('button', { name: 'Show all', exact: true }).click()
    expect(await page.locator('article small').count()).toBe(0)
    await page.locator('[name=outcome]').selectOption('wrong')
    await page.locator('article details > summary').first().press('Enter')
    await page.locator('.compare > summary').press('Enter')
    await expect.poll(() => page.locator('.sides article').count()).toBe(2)
    await isReadable(page, 'compared, unfolded')
    await page.close()
  })

  test('tokens with their values stay whole where a search marks some of them, and a long text of them is scrolled by keys', async () => {
    const thought = Array.from({ length: 60 }, (_, i) => (i % 9 === 8 ? ' so:\n' : ' carried'))
    const run = await writeRun(join(runs.folder, 'long'), { seed: 0, steps: 5, samples: [groupLine(4, 2, thought)] })
    const { page } = await runs.open(await written([run], join(runs.folder, 'long.html')))
    await page.locator('[name=tint]').selectOption('logp')
    const text = page.locator('article .tinted').first()
    await expect.poll(() => text.getAttribute('tabindex')).toBe('0')
    await page.locator('[name=told]').check()
    await page.locator('[name=text]').fill('arr')
    await expect.poll(() => text.locator('bdi mark').count()).toBeGreaterThan(10)
    const [rows, breaks] = await page.evaluate<readonly [readonly string[], number]>(`(() => {
      const text = document.querySelector('article .tinted')
      const tokens = [...text.querySelectorAll('b')]
      return [
        [...new Set(tokens.map((b) => [...b.childNodes].map(({ nodeName }) => nodeName).join(' ')))],
        tokens.filter((b) => b.nextSibling?.nodeName === 'BR').length,
      ]
    })()`)
    expect(rows).toEqual(['BDI SMALL'])
    expect(breaks).toBe(6)
    await text.focus()
    await page.keyboard.press('End')
    await expect
      .poll(() => page.evaluate<number>("document.querySelector('article .tinted').scrollTop"))
      .toBeGreaterThan(0)
    await isReadable(page, 'searched')
    await page.close()
  })

  test('a screen reader is told the name of every control, and of every chart what it shows', async () => {
    const { page } = await runs.open(runs.url)
    const isNamed = async (): Promise<readonly string[]> => {
      const spoken = await spokenOf(page)
      expect(spoken.filter(({ name }) => name === '')).toEqual([])
      expect(await loudIn(page)).toEqual(['said'])
      const charts = spoken.filter(({ role }) => role === 'figure').map(({ name }) => name)
      for (const chart of charts)
        expect(chart).toMatch(
          /^.+ over .+: (nothing yet|.+ from \S+ to \S+, lowest \S+, highest \S+.*)\. Left and right arrows .*0 shows all\.$/,
        )
      return charts
    }
    expect((await isNamed()).length).toBeGreaterThan(15)
    expect(await isNamed()).toContainEqual(
      expect.stringMatching(
        /^Reward over grpo step: .+ from 0\.1 to 1\.067, lowest 0\.1, highest 1\.067; .+ from 0 to 0\.967, /,
      ),
    )
    await page.locator('[name=tint]').selectOption('logp')
    await page.locator('.compare > summary').press('Enter')
    await expect.poll(() => page.locator('.sides article').count()).toBe(2)
    await figureOf(page, /^Entropy$/)
      .getByRole('button', { name: /^Pin/ })
      .press('Enter')
    await isNamed()
    await figureOf(page, /^Entropy$/)
      .getByRole('button', { name: /large/ })
      .press('Enter')
    // Behind the dialog nothing is told.
    expect(await isNamed()).toHaveLength(1)
    await page.close()
  })

  test('every stop of the Tab key is seen, by day and by night', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      const { page } = await runs.open(runs.url)
      await page.emulateMedia({ colorScheme })
      const [unseen, stops] = [[] as string[], new Set<string>()]
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab')
        const [name, seen, top] = await page.evaluate<readonly [string, boolean, number]>(`(() => {
          const e = document.activeElement
          const { outlineStyle, outlineWidth } = getComputedStyle(e)
          const { top, bottom } = e.getBoundingClientRect()
          const under = e.closest('nav') === null && !e.matches('.skip') ? document.querySelector('nav').getBoundingClientRect().bottom : 0
          return [e.outerHTML.slice(0, 80), outlineStyle !== 'none' && parseFloat(outlineWidth) > 0 && bottom > under, top]
        })()`)
        stops.add(name)
        if (!seen) unseen.push(`${name} at ${top}`)
      }
      expect(unseen).toEqual([])
      expect(stops.size).toBeGreaterThan(20)
      await page.close()
    }
  })

  test('the large chart has the focus, is read, and gives the focus back', async () => {
    const { page } = await runs.open(runs.url)
    const enlarge = figureOf(page, /^Entropy$/).getByRole('button', { name: /large/ })
    await enlarge.press('Enter')
    const dialog = page.getByRole('dialog', { name: 'Entropy, large' })
    expect(await focused(page)).toMatch(/^Entropy over .*plus and minus zoom/)
    await page.keyboard.press('End')
    expect(await dialog.locator('.at').textContent()).toBe('step 29')
    await page.keyboard.press('Escape')
    expect(await dialog.locator('.at').textContent()).toBe('')
    // What is behind it has no turn.
    const within = new Set<string>()
    for (let i = 0; i < 8; i++) {
      await page.keyboard.press('Tab')
      within.add(await page.evaluate<string>("document.activeElement.closest('dialog, body').tagName"))
    }
    expect([...within].filter((name) => name !== 'DIALOG' && name !== 'BODY')).toEqual([])
    await page.keyboard.press('Escape')
    await expect.poll(() => dialog.isVisible()).toBe(false)
    expect(await focused(page)).toBe('Show this chart large')
    expect(
      await page.evaluate<string>("document.activeElement.closest('figure').querySelector('h3').textContent"),
    ).toBe('Entropy')
    await page.close()
  })

  test('what takes itself away gives the focus to what is next', async () => {
    const { page } = await runs.open(runs.url)
    for (const title of [/^Entropy$/, /^Reward$/])
      await figureOf(page, title).getByRole('button', { name: /^Pin/ }).press('Enter')
    const pinned = page.locator('#pinned figure')
    await pinned.first().getByRole('button', { name: /^Pin/ }).press('Enter')
    expect(await pinned.locator('h3').allTextContents()).toEqual(['Reward'])
    const inPinned = "document.activeElement.closest('#pinned figure')?.querySelector('h3').textContent ?? null"
    expect(await page.evaluate<string | null>(inPinned)).toBe('Reward')
    await page.keyboard.press('Enter')
    expect(await pinned.count()).toBe(0)
    expect(
      await page.evaluate<string>("document.activeElement.closest('figure')?.querySelector('h3').textContent"),
    ).toBe('Reward')
    // In the middle of several it is the one that came into its place; where a search hides the chart, the field of that.
    const three = await page.evaluate<readonly string[]>(
      "[...document.querySelectorAll('main figure h3')].slice(0, 3).map((h) => h.closest('figure').id)",
    )
    for (const id of three) await page.locator(`[id="${id}"]`).getByRole('button', { name: /^Pin/ }).press('Enter')
    const pinnedId = "document.activeElement.closest('#pinned figure')?.id ?? document.activeElement.name"
    await page.locator(`[id="pinned-${three[1]!}"]`).getByRole('button', { name: /^Pin/ }).press('Enter')
    expect(await page.evaluate<string>(pinnedId)).toBe(`pinned-${three[2]!}`)
    await page.keyboard.press('Enter')
    expect(await page.evaluate<string>(pinnedId)).toBe(`pinned-${three[0]!}`)
    await page.locator('[name=find]').fill('no chart has this name')
    await page.locator('#pinned').getByRole('button', { name: /^Pin/ }).press('Enter')
    expect(await page.evaluate<string>(pinnedId)).toBe('find')
    await page.locator('[name=find]').fill('')
    // At the last page, and at the first, the button stays where it is, and does nothing.
    await page.locator('[name=from]').fill('24')
    const [next, back] = ['Next', 'Previous'].map((name) => page.getByRole('button', { name }))
    const [first] = (await count(page))!.split(' of ')
    await next!.focus()
    for (let i = 0; i < 9; i++) await page.keyboard.press('Enter')
    expect(await focused(page)).toBe('Next')
    expect(await next!.getAttribute('aria-disabled')).toBe('true')
    await back!.focus()
    await page.keyboard.press('Enter')
    expect(await next!.getAttribute('aria-disabled')).toBe('false')
    for (let i = 0; i < 9; i++) await page.keyboard.press('Enter')
    expect(await focused(page)).toBe('Previous')
    expect((await count(page))!.split(' of ')[0]).toBe(first)
    // So does the button that shows all of the axis.
    await figureOf(page, /^Reward$/).press('+')
    await page.getByRole('button', { name: 'Show all of the axis' }).press('Enter')
    expect(await focused(page)).toBe('Show all of the axis')
    // A section without controls is gone to as well.
    await page.locator('nav a[href="#timing"]').press('Enter')
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('timing')
    await page.close()
  })

  test('while it is live, a chart that is read keeps the focus, and a group stays unfolded', async () => {
    const run = await writeRun(join(runs.folder, 'live-keys'), { seed: 0, steps: 5, samples: [groupLine(4, 20)] })
    const started = await serveLive({ runs: [run], port: 0, every: 50 })
    if (!isRight(started)) throw new Error(started.left)
    const { page } = await runs.open(started.right.url)
    const more = page.locator('article details').first()
    await more.locator('summary').press('Enter')
    await expect.poll(() => more.locator('.completion').count()).toBe(4)
    const figure = figureOf(page, /^Entropy$/)
    const grow = async (step: number): Promise<void> => {
      await appendFile(join(run, 'log.jsonl'), lines([stepLine('grpo', step, { reward: step / 10 })]))
      await expect
        .poll(() => figureOf(page, /^Reward$/).getAttribute('aria-label'), { timeout: 10_000 })
        .toContain(`to ${step / 10}`)
    }
    await figure.focus()
    await page.keyboard.press('ArrowRight')
    await grow(5)
    expect(await focused(page)).toMatch(/^Entropy over/)
    await expect.poll(() => figure.locator('.at').textContent()).toBe('step 0')
    expect(await figure.locator('.keys').getAttribute('aria-live')).toBe(null)
    await page.keyboard.press('ArrowRight')
    expect(await figure.locator('.at').textContent()).toBe('step 1')
    expect(await figure.locator('.keys').getAttribute('aria-live')).toBe('polite')
    await more.locator('summary').focus()
    await grow(6)
    expect(await focused(page)).toBe('4 more of this group')
    expect(await more.getAttribute('open')).toBe('')
    expect(await figure.locator('.keys').getAttribute('aria-live')).toBe(null)
    // So does a section that was gone to.
    await page.locator('nav a[href="#timing"]').press('Enter')
    await grow(7)
    expect(await page.evaluate<string>('document.activeElement.id')).toBe('timing')
    await page.close()
    await started.right.close()
  })
})
