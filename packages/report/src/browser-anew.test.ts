// A live page in a real browser whose runs come, go and begin anew: what the reader has set goes on being of the same runs.
import { appendFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { isRight } from 'fp-ts/lib/Either.js'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { count, figureOf, type Opened, openRuns, path } from './browser.support.ts'
import { type Live, serveLive } from './live.ts'
import { groupLine, lines, writeRun } from './made-up.ts'

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

  test('a hidden setting is hidden, and no other, when others come and go, when it comes back, and for whoever opens the address', async () => {
    const folder = join(runs.folder, 'hidden')
    const write = (name: string, clip: number): Promise<string> =>
      writeRun(join(folder, name, 's0'), { seed: 0, steps: 5, settings: { clip } })
    await write('b', 1)
    await write('c', 2)
    const { page, live, close } = await follow(folder)
    /** What the boxes say, and which curves there are. */
    const stateOf = async (of: Page): Promise<readonly unknown[]> => [
      await of.evaluate(`[...document.querySelectorAll('[data-setting]')].map((box) =>
        (box.checked ? '+' : '-') + box.parentElement.textContent.trim())`),
      await figureOf(of, /^Reward$/)
        .locator('.keys li span:not(.value)')
        .allTextContents(),
    ]
    const becomes = (...state: readonly unknown[]) =>
      expect.poll(() => stateOf(page), { timeout: 10_000 }).toEqual(state)
    await becomes(['+clip 1', '+clip 2'], ['clip 1', 'clip 2'])
    const box = page.getByRole('checkbox', { name: 'clip 1' })
    await box.focus()
    await page.keyboard.press('Space')
    await becomes(['-clip 1', '+clip 2'], ['clip 2'])
    // It comes before the others.
    await write('a', 0)
    await becomes(['+clip 0', '-clip 1', '+clip 2'], ['clip 0', 'clip 2'])
    expect(await page.evaluate<string>('document.activeElement.parentElement.textContent.trim()')).toBe('clip 1')
    const other = await runs.open(page.url())
    expect(await stateOf(other.page)).toEqual([
      ['+clip 0', '-clip 1', '+clip 2'],
      ['clip 0', 'clip 2'],
    ])
    // Addresses of before had places.
    await other.page.goto(`${live.url}#?hide=s0&hide=s1`)
    await other.page.reload()
    expect((await stateOf(other.page))[0]).toEqual(['+clip 0', '+clip 1', '+clip 2'])
    expect(other.heard.filter((what) => what.startsWith('error'))).toEqual([])
    await other.page.close()
    await rm(join(folder, 'b'), { recursive: true })
    await becomes(['+clip 0', '+clip 2'], ['clip 0', 'clip 2'])
    await write('b', 1)
    await becomes(['+clip 0', '-clip 1', '+clip 2'], ['clip 0', 'clip 2'])
    // Alone it has no box, and is shown.
    await rm(join(folder, 'a'), { recursive: true })
    await rm(join(folder, 'c'), { recursive: true })
    await expect.poll(() => page.locator('[data-setting]').count(), { timeout: 10_000 }).toBe(0)
    expect(
      await figureOf(page, /^Reward$/)
        .locator('.keys li')
        .count(),
    ).toBe(1)
    await close()
  })

  test('a run that is chosen, compared or read goes on being so under another name', async () => {
    const folder = join(runs.folder, 'named')
    const write = (name: string, seed: number, clip: number): Promise<string> =>
      writeRun(join(folder, name, `s${seed}`), { seed, steps: 5, settings: { clip }, samples: [groupLine(seed, 20)] })
    for (const seed of [0, 1]) await write('plain', seed, 1)
    const { page, close } = await follow(folder)
    await page.locator('.compare > summary').click()
    await page.selectOption('[name=run]', { label: 'seed 1' })
    await page.locator('.groups details summary').click()
    await expect.poll(() => page.locator('.groups .completion').count()).toBe(20)
    await page.evaluate("void (globalThis.marked = document.querySelector('.groups details'))")
    const said = (): Promise<unknown> =>
      page.evaluate(`[...['run', 'left', 'right'].map((name) => document.querySelector('[name=' + name + ']').selectedOptions[0].text),
        ...[...document.querySelectorAll('.sides h3')].map((h) => h.textContent),
        document.querySelector('.groups article .facts span').textContent, document.querySelector('.count').textContent]`)
    const found = '1–1 of 1 group, 20 of 40 completions found'
    const pair = ['seed 0: grpo', 'seed 1: grpo']
    expect(await said()).toEqual(['seed 1', ...pair, ...pair, 'seed 1', found])
    // Of another setting, and read first.
    await write('other', 0, 2)
    const renamed = pair.map((name) => `clip 1, ${name}`)
    await expect
      .poll(said, { timeout: 10_000 })
      .toEqual(['clip 1, seed 1', ...renamed, ...renamed, 'clip 1, seed 1', found.replace('40', '60')])
    const marked =
      "globalThis.marked.isConnected && globalThis.marked === document.querySelector('.groups details[open]')"
    expect(await page.evaluate(marked)).toBe(true)
    // A run that an address names and the page has not is none that is chosen.
    const other = await runs.open(page.url().replace(/samples.run=[^&]+/, 'samples.run=seed+1'))
    expect(await other.page.evaluate("document.querySelector('[name=run]').selectedOptions[0].text")).toBe('all')
    expect(await count(other.page)).toBe('1–3 of 3 groups')
    await other.page.close()
    await close()
  })

  test('what is read stays, where it is, when a long run has its page full; and goes when the run is begun anew', async () => {
    const folder = join(runs.folder, 'full', 's0')
    const thought = Array.from({ length: 200 }, (_, i) => ` word${i}`)
    const group = (step: number) => ({ ...groupLine(step, 16, step > 290 ? thought : ['7']), prompt: `p${step}` })
    const groups = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => group(from + i))
    await writeRun(folder, { ...some, seed: 0, samples: groups(0, 300) })
    const { page, close } = await follow(folder)
    await page.evaluate(`{
      const cards = [...document.querySelectorAll('.groups > article')]
      for (const card of cards) card.querySelector('.think').scrollTop = 40
      getSelection().selectAllChildren(cards[3].querySelector('.prompt'))
      cards[3].scrollIntoView()
      globalThis.marked = cards
    }`)
    const read = (): Promise<unknown> =>
      page.evaluate(`[String(getSelection()), ...globalThis.marked.map((card) =>
        card.isConnected && [card.querySelector('.prompt').textContent, card.querySelector('.think').scrollTop])]`)
    const top = (): Promise<number> => page.evaluate<number>('globalThis.marked[3].getBoundingClientRect().top')
    const [before, at] = [await read(), await top()]
    const shown = 'promptp299 promptp298 promptp297 promptp296 promptp295 promptp294'
    const prompts = async () => (await page.locator('.groups .prompt').allTextContents()).join(' ')
    expect(await prompts()).toBe(shown)
    for (const to of [330, 400, 1000]) {
      await appendFile(join(folder, 'log.jsonl'), lines(groups(to === 330 ? 300 : to === 400 ? 330 : 400, to)))
      await expect.poll(prompts, { timeout: 20_000 }).toContain(`promptp${to - 1} `)
      expect(await read()).toEqual(before)
      expect(await prompts()).toContain(shown)
      expect(Math.abs((await top()) - at)).toBeLessThan(60)
    }
    expect(await page.locator('#samples > p').textContent()).toMatch(/of 16\u202f000 logged completions/)
    // The same groups by number, of another policy.
    await writeRun(folder, { ...some, seed: 1, samples: groups(0, 4).map((each) => ({ ...each, prompt: 'anew' })) })
    await expect.poll(prompts, { timeout: 20_000 }).toBe('promptanew promptanew promptanew promptanew')
    expect(await count(page)).toBe('1–4 of 4 groups')
    await close()
  })

  test('the groups of a run that is deleted go, though they are unfolded, from beside those of one that is begun in its place', async () => {
    const folder = join(runs.folder, 'anew', 's0')
    await writeRun(folder, { ...some, seed: 0, samples: [{ ...groupLine(7, 20), prompt: 'old' }] })
    const { page, close } = await follow(folder)
    const prompts = () => page.locator('.groups .prompt').allTextContents()
    await page.locator('.groups details summary').click()
    expect(await prompts()).toEqual(['promptold'])
    await rm(folder, { recursive: true })
    await writeRun(folder, { ...some, seed: 1, samples: [{ ...groupLine(9, 4), prompt: 'new' }] })
    await expect.poll(prompts, { timeout: 10_000 }).toEqual(['promptnew'])
    expect(await count(page)).toBe('1–1 of 1 group')
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
