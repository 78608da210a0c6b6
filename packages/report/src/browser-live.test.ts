// A live page in a real browser: what the reader is at stays while the run brings more, what goes wrong is said, and nothing is left behind.
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { LogRecord } from '@adjoint/rl'
import { loudIn } from '@adjoint/testing/page'
import { isRight } from 'fp-ts/lib/Either.js'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { count, figureOf, middleOf, type Opened, openRuns, path } from './browser.support.ts'
import { type Live, serveLive } from './live.ts'
import { groupLine, lines, stepLine, writeRun } from './made-up.ts'
import type { About } from './viewer.ts'

/** A group whose rewards are this large, to problem number `step % 3`. */
const paid = (step: number, size: number, reward: number, thought: readonly string[] = ['7']): LogRecord => {
  const line = groupLine(step, size, thought)
  const rewards = Array.from({ length: size }, (_, i) => (i === 0 ? reward : 0))
  return { ...line, prompt: `${step % 3}-1=`, rewards: { correct: rewards }, totals: rewards }
}

/** A run that is served, and a page that follows it. */
interface Followed {
  readonly page: Page
  readonly heard: readonly string[]
  readonly live: Live
  /** Appends lines to the log, and waits until the page has them. */
  readonly bring: (...lines: readonly LogRecord[]) => Promise<void>
  readonly close: () => Promise<void>
}

describe.skipIf(path === null)('the live page', { timeout: 120_000 }, () => {
  let runs: Opened
  beforeAll(async () => {
    runs = await openRuns()
  })
  afterAll(() => runs.close())

  let last = 100
  const follow = async (name: string, samples: readonly LogRecord[], about: About = {}): Promise<Followed> => {
    const folder = join(runs.folder, name)
    const places = await Promise.all(
      [0, 1].map((seed) => writeRun(join(folder, `s${seed}`), { seed, steps: 5, settings: { clip: seed }, samples })),
    )
    const started = await serveLive({ runs: places, port: 0, every: 50, about })
    if (!isRight(started)) throw new Error(started.left)
    const live = started.right
    const { page, heard } = await runs.open(live.url)
    await page.setViewportSize({ width: 1280, height: 900 })
    return {
      ...{ page, heard, live },
      bring: async (...added) => {
        const step = (last += 10)
        await appendFile(join(places[0]!, 'log.jsonl'), lines([...added, stepLine('grpo', step, { reward: 0.5 })]))
        const newest = `JSON.parse(document.getElementById('charts-data').textContent).cards.flatMap((card) => card.curves.map(({ x }) => x.at(-1)))`
        await expect
          .poll(() => page.evaluate<readonly number[]>(newest), { timeout: 20_000 })
          .toEqual(expect.arrayContaining([step]))
      },
      close: async () => {
        await page.close()
        await live.close()
      },
    }
  }
  /** What an expression says of the first element `e` of a selector. */
  const of = <T>(page: Page, selector: string, expression: string): Promise<T> =>
    page.evaluate<T>(`((e) => ${expression})(document.querySelector(${JSON.stringify(selector)}))`)
  /** Marks what has the focus, and asks later whether it is the same element. */
  const mark = (page: Page, expression = 'document.activeElement'): Promise<unknown> =>
    page.evaluate(`void (globalThis.marked = ${expression})`)
  const isMarked = (page: Page, expression = 'document.activeElement'): Promise<boolean> =>
    page.evaluate<boolean>(`globalThis.marked.isConnected && globalThis.marked === (${expression})`)

  test('a text that has the focus in the comparison keeps it, and its place, when larger rewards come', async () => {
    const thought = Array.from({ length: 300 }, () => ' carried')
    const { page, bring, close } = await follow('compared', [paid(1, 4, 1, thought), paid(2, 4, 1, thought)])
    await page.locator('.compare > summary').press('Enter')
    const text = '.sides .text.think'
    const scroll = (): Promise<number> => of(page, text, 'e.scrollTop')
    await page.locator(text).first().focus()
    await of(page, text, 'void (e.scrollTop = 100)')
    await mark(page)
    const width = (): Promise<string> => of(page, '.sides .track i', 'e.style.width')
    expect(await width()).toBe('100%')
    await bring(paid(3, 4, 4))
    expect(await isMarked(page)).toBe(true)
    expect(await scroll()).toBe(100)
    expect(await width()).toBe('25%')
    // So do the choices of what is compared.
    await page.locator('[name=right]').focus()
    await mark(page, "document.querySelector('[name=right]').selectedOptions[0]")
    await bring(paid(4, 4, 5))
    expect(await isMarked(page, "document.querySelector('[name=right]').selectedOptions[0]")).toBe(true)
    await close()
  })

  test('what is focused, unfolded, scrolled or selected in a group outlives larger rewards and newer groups; a turn of the page ends that', async () => {
    const { page, bring, close } = await follow('pushed', [paid(1, 20, 1), paid(2, 20, 1)])
    const first = page.locator('article', { hasText: 'step 120 completions' }).first()
    await first.locator('summary').press('Enter')
    await expect.poll(() => first.locator('.completion').count()).toBe(20)
    await mark(page)
    await bring(paid(3, 4, 7))
    expect(await isMarked(page)).toBe(true)
    expect(await first.locator('details').getAttribute('open')).toBe('')
    expect(await first.locator('.completion').count()).toBe(20)
    // Far more than a page holds; what is merely seen is not held here.
    await page.evaluate('scrollTo(0, 0)')
    await bring(...Array.from({ length: 14 }, (_, i) => paid(5 + i, 2, 1)))
    expect(await isMarked(page)).toBe(true)
    expect(await page.locator('article').count()).toBe(7)
    expect(await count(page)).toMatch(/, and 1 more where you read$/)
    // It is not the focus alone.
    await page.locator('[name=text]').focus()
    await bring(paid(30, 2, 1))
    expect(await first.locator('details').getAttribute('open')).toBe('')
    expect(await of<string>(page, 'article', 'e.textContent')).toContain('step 30')
    await of(page, 'article .text.prompt', 'void getSelection().selectAllChildren(e)')
    const selected = await page.evaluate<string>('String(getSelection())')
    await bring(...Array.from({ length: 8 }, (_, i) => paid(31 + i, 2, 1)))
    expect(await page.evaluate<string>('String(getSelection())')).toBe(selected)
    expect(await page.locator('article').count()).toBe(8)
    await page.getByRole('button', { name: 'Next' }).press('Enter')
    expect(await page.locator('article').count()).toBe(6)
    await close()
  })

  test('who has scrolled into the list goes on reading what is seen there', async () => {
    const { page, bring, close } = await follow(
      'read',
      Array.from({ length: 6 }, (_, i) => paid(i, 6, 1)),
    )
    await page.evaluate("document.querySelectorAll('article')[3].scrollIntoView()")
    const top = "document.querySelectorAll('article')[3]"
    await mark(page, top)
    const before = await page.evaluate<number>('globalThis.marked.getBoundingClientRect().top')
    await bring(...Array.from({ length: 12 }, (_, i) => paid(6 + i, 6, 1)))
    expect(await page.evaluate<boolean>('globalThis.marked.isConnected')).toBe(true)
    const after = await page.evaluate<number>('globalThis.marked.getBoundingClientRect().top')
    expect(Math.abs(after - before)).toBeLessThan(60)
    await close()
  })

  test('a chart is drawn on, not anew: the crosshair and what is being dragged over stay', async () => {
    const { page, bring, close } = await follow('dragged', [paid(1, 2, 1)])
    const figure = figureOf(page, /^Reward$/)
    const [x, y] = await middleOf(figure)
    await mark(page, `document.getElementById('${(await figure.getAttribute('id'))!}').querySelector('canvas')`)
    await page.mouse.move(x, y)
    await expect.poll(() => figure.locator('.at').textContent()).toMatch(/^step /)
    await page.mouse.down()
    await page.mouse.move(x + 60, y)
    await bring(paid(2, 2, 1))
    expect(await page.evaluate<boolean>('globalThis.marked.isConnected')).toBe(true)
    expect(await figure.locator('.at').textContent()).toMatch(/^step /)
    await page.mouse.move(x + 90, y)
    await page.mouse.up()
    await expect.poll(() => page.url()).toContain('zoom=')
    await close()
  })

  test('one place speaks: of what the reader asks for and of the server, and of nothing that the run brings', async () => {
    const { page, bring, live, close } = await follow('heard', [paid(1, 2, 1)])
    expect(await loudIn(page)).toEqual(['said'])
    await page.evaluate(`
      globalThis.said = []
      new MutationObserver(() => globalThis.said.push(document.querySelector('[data-client=said]').textContent))
        .observe(document.querySelector('[data-client=said]'), { childList: true, characterData: true, subtree: true })`)
    const said = (): Promise<readonly string[]> => page.evaluate<readonly string[]>('globalThis.said')
    for (let i = 2; i < 6; i++) await bring(paid(i, 2, i))
    expect(await said()).toEqual([])
    expect(await loudIn(page)).toEqual(['said'])
    await page.locator('[name=from]').fill('4')
    await expect.poll(said).toEqual([(await count(page))!])
    await live.close()
    await expect.poll(async () => (await said()).at(-1), { timeout: 10_000 }).toMatch(/^the server has stopped/)
    await close()
  })

  test('what was shown before leaves no elements and no listeners behind', async () => {
    const { page, bring, close } = await follow(
      'kept',
      Array.from({ length: 8 }, (_, i) => paid(i, 4, 1)),
    )
    const session = await page.context().newCDPSession(page)
    const kept = async (): Promise<readonly [nodes: number, listeners: number]> => {
      await session.send('HeapProfiler.collectGarbage')
      const { nodes, jsEventListeners } = await session.send('Memory.getDOMCounters')
      return [nodes, jsEventListeners]
    }
    await page.locator('.compare > summary').press('Enter')
    await bring(paid(10, 4, 1))
    const [, listeners] = await kept()
    for (let i = 0; i < 12; i++) await bring(paid(11 + i, 4, i))
    // A page that was just taken may not be given up at once.
    const shown = "document.querySelectorAll('*').length"
    await expect.poll(async () => (await kept())[0]).toBeLessThan(3 * (await page.evaluate<number>(shown)))
    await expect.poll(async () => (await kept())[1]).toBe(listeners)
    await close()
  })

  test('a page that cannot be read is asked for again, and says so', async () => {
    const { page, heard, live, bring, close } = await follow('unread', [paid(1, 2, 1)])
    const state = page.locator('.live')
    let answers = 0
    await page.route(live.url, async (route) => {
      answers++
      if (answers === 1) await route.fulfill({ status: 500, body: 'no' })
      else if (answers === 2) await route.abort()
      else await route.continue()
    })
    const brought = bring(paid(2, 2, 1))
    await expect
      .poll(() => state.textContent())
      .toMatch(/could not be read \(the server answers 500\); it is asked for again/)
    await expect.poll(() => state.textContent()).toMatch(/could not be read \(Failed to fetch\)/)
    await brought
    await expect.poll(() => state.textContent()).toBe('live')
    expect(await state.getAttribute('data-state')).toBe('live')
    expect(heard.filter((what) => what.startsWith('error:') && !what.includes('Failed to load resource'))).toEqual([])
    await close()
  })

  test("an error of the page's own is the reader's and the console's", async () => {
    const { page, heard, live, bring, close } = await follow('failed', [paid(1, 2, 1)])
    await page.route(live.url, async (route) => {
      const answer = await route.fetch()
      await route.fulfill({ response: answer, body: (await answer.text()).replace('"groups":[', '"nothing":[') })
    })
    await bring(paid(2, 2, 1))
    await expect.poll(() => page.locator('.live').textContent()).toMatch(/^this page failed at what is new.*TypeError/)
    await expect.poll(() => heard.filter((what) => what.startsWith('error:')).length).toBe(1)
    await close()
  })

  test('a server that can make no page of what is new says why, until it can', async () => {
    let broken = false
    const about: About = {
      get title() {
        if (broken) throw new Error('no title\ntoday')
        return 'a run'
      },
    }
    const { page, bring, close } = await follow('trouble', [paid(1, 2, 1)], about)
    broken = true
    const brought = bring(paid(2, 2, 1))
    const state = page.locator('.live')
    await expect.poll(() => state.textContent()).toBe('no page could be made of what is new: Error: no title today')
    expect(await state.getAttribute('data-state')).toBe('lost')
    // Who comes now is told as well.
    const other = await runs.open(page.url())
    await expect.poll(() => other.page.locator('.live').textContent()).toContain('no title today')
    broken = false
    await brought
    await expect.poll(() => state.textContent()).toBe('live')
    await expect.poll(() => other.page.locator('.live').textContent()).toBe('live')
    await other.page.close()
    await close()
  })
})
