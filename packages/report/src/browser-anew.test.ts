// A live page in a real browser whose runs come, go and begin anew: what the reader has set goes on being of the same runs.
import { rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
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

  test('trouble that is told while a page is on its way is said on once it has come, until the next version', async () => {
    const folder = join(runs.folder, 'late', 's0')
    await writeRun(folder, { ...some, seed: 0 })
    const { page, live, close } = await follow(folder)
    const text = await (await fetch(live.url)).text()
    // Answers itself: the first page at once, later ones when they are let go.
    let tell: (event: string, data: string) => void = () => undefined
    let letGo: () => void = () => undefined
    let asked = 0
    const server = createServer(({ url }, response) => {
      if (url === '/events') {
        response.writeHead(200, { 'content-type': 'text/event-stream' })
        tell = (event, data) => void response.write(`event: ${event}\ndata: ${data}\n\n`)
        tell('version', '0')
        return
      }
      const number = asked++
      response.setHeader('content-type', 'text/html; charset=utf-8')
      const answer = (): void => void response.end(text.replace('data-live="0"', `data-live="${number}"`))
      if (number === 0) answer()
      else letGo = answer
    })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
    const state = page.locator('.live')
    const heading = page.locator('h1')
    await page.evaluate("document.querySelector('h1').textContent = 'old'")
    tell('version', '1')
    await expect.poll(() => asked).toBe(2)
    tell('trouble', 'no page today')
    await expect.poll(() => state.textContent()).toBe('no page today')
    letGo()
    // The page has come.
    await expect.poll(() => heading.textContent()).not.toBe('old')
    expect(await state.textContent()).toBe('no page today')
    expect(await state.getAttribute('data-state')).toBe('lost')
    tell('version', '1')
    await expect.poll(() => state.textContent()).toBe('live')
    server.closeAllConnections()
    server.close()
    await close()
  })

  test('HEAD is answered as GET is, without a body, and at once', async () => {
    const folder = join(runs.folder, 'head', 's0')
    await writeRun(folder, { ...some, seed: 0 })
    const { live, close } = await follow(folder)
    for (const [at, type] of [
      ['', 'text/html; charset=utf-8'],
      ['events', 'text/event-stream'],
    ] as const) {
      const answer = await fetch(`${live.url}${at}`, { method: 'HEAD', signal: AbortSignal.timeout(5000) })
      expect([answer.status, answer.headers.get('content-type'), await answer.text()]).toEqual([200, type, ''])
    }
    await close()
  })
})
