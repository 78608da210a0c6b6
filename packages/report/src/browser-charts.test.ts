// The charts in a real browser: they are read, zoomed, pinned, found, enlarged and saved, and the address says all of it.
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { count, drag, figureOf, middleOf, type Opened, openRuns, path, seen } from './browser.support.ts'

describe.skipIf(path === null)('the charts in Chromium', () => {
  let runs: Opened
  beforeAll(async () => {
    runs = await openRuns()
  })
  afterAll(() => runs.close())

  test('its charts say their values to the pointer and to the keyboard, and hide a setting', async () => {
    const { page, heard } = await runs.open(runs.url)
    const figure = figureOf(page, /^Reward$/)
    await figure.scrollIntoViewIfNeeded()
    await figure.focus()
    await page.keyboard.press('ArrowRight')
    expect(await figure.locator('.at').textContent()).toBe('step 0')
    expect(await figure.locator('.value').first().textContent()).toBe('0.1 (0–0.2)')
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
    await page.locator('[data-setting]').nth(1).uncheck()
    expect(await figure.locator('.keys li').count()).toBe(1)
    expect(heard).toEqual([])
    await page.close()
  })

  test('what is dragged over is seen in all charts of the phase, and 0 or two clicks go back', async () => {
    const { page, heard } = await runs.open(runs.url)
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
    // What is too short to be a drag is not marked, either, and zooms to nothing.
    const [x, y] = await middleOf(reward)
    for (const by of [1, 4, -4]) {
      await page.mouse.move(x, y)
      await page.mouse.down()
      await page.mouse.move(x + by, y)
      await page.mouse.up()
      const marked = 'Math.max(...[...document.querySelectorAll(".u-select")].map((e) => e.offsetWidth))'
      expect(await page.evaluate<number>(marked)).toBe(0)
      expect(await page.evaluate<string>('location.hash')).not.toContain('zoom=')
    }
    // Zoomed in by keys, it is read at the same place.
    await reward.focus()
    for (const key of ['Home', ...Array<string>(3).fill('ArrowRight')]) await page.keyboard.press(key)
    for (let i = 0; i < 70; i++) await page.keyboard.press('+')
    await expect.poll(() => reward.locator('.at').textContent()).toBe('step 3')
    for (const key of ['ArrowLeft', 'ArrowRight', 'ArrowRight']) await page.keyboard.press(key)
    expect(await reward.locator('.at').textContent()).toBe('step 4')
    await page.keyboard.press('0')
    await page.keyboard.press('Escape')
    await page.keyboard.press('+')
    expect(await seen(page, entropy)).toEqual(['step 8', 'step 21'])
    await page.mouse.dblclick(...(await middleOf(entropy)))
    expect(await seen(page, reward)).toEqual(['step 0', 'step 29'])
    expect(page.url()).not.toContain('zoom=')
    expect(heard).toEqual([])
    await page.close()
  })
  test('charts are pinned, found, enlarged and saved', async () => {
    const { page, heard } = await runs.open(runs.url)
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
    const { page, heard } = await runs.open(runs.url)
    const figure = figureOf(page, /^Reward$/)
    const last = (): Promise<string | null> => figure.locator('.value').first().textContent()
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
    const { page, heard } = await runs.open(runs.url)
    await page.locator('[name=smooth]').fill('0.6')
    await page.locator('[name=logarithmic]').check()
    await figureOf(page, /^Entropy$/)
      .getByRole('button', { name: /^Pin/ })
      .click()
    await drag(page, figureOf(page, /^Reward$/), 0.25, 0.5)
    await page.locator('[data-setting]').nth(1).uncheck()
    await page.locator('nav a[href="#samples"]').click()
    await page.locator('[name=text]').fill('carry 1')
    await page.locator('[name=tint]').selectOption('entropy')
    await page.getByRole('button', { name: 'Next' }).click()
    expect(page.url()).toContain('#samples?')

    const other = await runs.open(page.url())
    const stateOf = (each: Page) =>
      each.evaluate<readonly unknown[]>(`[
        document.querySelector('[name=smooth]').value, document.querySelector('[name=logarithmic]').checked,
        [...document.querySelectorAll('#pinned h3')].map((h) => h.textContent),
        document.querySelectorAll('[data-setting]')[1].checked, document.querySelector('[name=text]').value,
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
    const odd = await runs.open(
      `${runs.url}#nowhere?smooth=moon&zoom=9~1~x&pin=none&large=none&page=99&compare.left=a&compare.right=b&compare.problem=c`,
    )
    expect(await count(odd.page)).toMatch(/^91–93 of 93 groups/)
    expect(odd.heard).toEqual([])
    for (const each of [page, other.page, odd.page]) await each.close()
  })

  test('every control is reached by the keyboard, and has a name', async () => {
    const { page } = await runs.open(runs.url)
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
})
