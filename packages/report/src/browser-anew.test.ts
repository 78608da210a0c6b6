// A live page in a real browser whose runs come, go and begin anew: what the reader has set goes on being of the same runs.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isRight } from 'fp-ts/lib/Either.js'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Opened, openRuns, path } from './browser.support.ts'
import { type Live, serveLive } from './live.ts'
import { writeRun } from './made-up.ts'

describe.skipIf(path === null)('the live page of runs that come and go', { timeout: 120_000 }, () => {
  let runs: Opened
  beforeAll(async () => {
    runs = await openRuns()
  })
  afterAll(() => runs.close())

  /** A page that follows whatever runs lie in a folder. */
  const follow = async (
    folder: string,
  ): Promise<{ readonly page: Page; readonly live: Live; readonly close: () => Promise<void> }> => {
    const started = await serveLive({ runs: [folder], port: 0, every: 50 })
    if (!isRight(started)) throw new Error(started.left)
    const live = started.right
    const { page } = await runs.open(live.url)
    await page.setViewportSize({ width: 1280, height: 900 })
    return {
      ...{ page, live },
      close: async () => {
        await page.close()
        await live.close()
      },
    }
  }
  const some = { steps: 5, settings: { clip: 1 } }

  test('the bar above the charts is there again, and works, when charts are there again', async () => {
    const folder = join(runs.folder, 'bar', 's0')
    await writeRun(folder, { ...some, seed: 0 })
    const { page, close } = await follow(folder)
    const smooth = page.locator('[name=smooth]')
    await smooth.fill('0.5')
    await rm(folder, { recursive: true })
    await expect.poll(() => page.locator('[data-client=tools]').count(), { timeout: 10_000 }).toBe(0)
    await writeRun(folder, { ...some, seed: 1 })
    await expect.poll(() => page.locator('[data-client=tools] [name=smooth]').count(), { timeout: 10_000 }).toBe(1)
    expect(await smooth.inputValue()).toBe('0.5')
    await smooth.fill('0.7')
    await expect.poll(() => page.url()).toContain('smooth=0.7')
    await close()
  })
})
