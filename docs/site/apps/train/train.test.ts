/** The page that trains, in Chromium: it learns, pauses without a trace, repeats itself, and computes what the main job computes in Node. */
import { mkdtemp, mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Device, random, realizeAsync, wasmDevice } from '@adjoint/tensor'
import { foldIn, hostKey } from '@adjoint/rl'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type Learning, phasesOf } from '../../../../examples/r1-mini/job.ts'
import { model, sftOptimizer } from '../../../../examples/r1-mini/setting.ts'
import { open, openBrowser, serve, type Served, SHOTS, type Watched } from '../serve.support.ts'

const path = inject('chromium')
/** A script without types, which the site uses too. */
const { train } = (await import(new URL('../build.mjs', import.meta.url).href)) as {
  readonly train: (outdir: string) => Promise<string>
}

interface Visit {
  readonly of?: Served
  readonly width?: number
  readonly dark?: boolean
  /** A device that the worker does not report. */
  readonly without?: string
}

/** What the worker said of each step, as text with all digits. */
type Log = readonly {
  readonly run: string
  readonly step: number
  readonly metrics: Readonly<Record<string, number>>
}[]

/** Hears what the worker says, besides the page. */
const LISTEN = `
const Real = Worker
globalThis.log = []
globalThis.live = []
globalThis.Worker = class extends Real {
  constructor(...given) {
    super(...given)
    this.addEventListener('message', ({ data }) => {
      if (data.type === 'devices') data.devices = data.devices.filter(({ kind }) => kind !== globalThis.without)
      if (data.type !== 'event' || data.event.type !== 'step') return
      const { run, step, metrics, liveBytes } = data.event
      globalThis.log.push({ run, step, metrics })
      globalThis.live.push(liveBytes)
    })
  }
}`
const logOf = (page: Page): Promise<Log> => page.evaluate<Log>('globalThis.log')
const statusOf = (page: Page): Promise<string | null> => page.locator('#status').textContent()
const over = async (page: Page): Promise<void> => {
  await page.waitForFunction(`document.body.dataset.phase === 'over'`, null, { timeout: 240_000 })
  expect(await page.locator('#problem').isHidden()).toBe(true)
}

describe.skipIf(path === null)('the page that trains', { timeout: 300_000 }, () => {
  let folder = ''
  let browser: Browser
  let isolated: Served
  let plain: Served
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'adjoint-train-'))
    await mkdir(SHOTS, { recursive: true })
    await train(folder)
    ;[isolated, plain, browser] = await Promise.all([serve(folder, true), serve(folder, false), openBrowser(path!)])
  })
  afterAll(async () => {
    await browser.close()
    await Promise.all([isolated.close(), plain.close()])
    await rm(folder, { recursive: true, force: true })
  })

  const visit = async (query: string, { of = isolated, without, ...options }: Visit = {}): Promise<Watched> => {
    const script = without === undefined ? LISTEN : `globalThis.without = '${without}'${LISTEN}`
    const watched = await open(browser, `${of.url}train/?${query}`, { ...options, script })
    await expect.poll(() => statusOf(watched.page), { timeout: 30_000 }).toBe('Ready.')
    return watched
  }
  const leave = async ({ page, heard }: Watched): Promise<void> => {
    expect(heard).toEqual([])
    await page.context().close()
  }
  const small = 'device=wasm&cold=40&exam=8&prompts=4&group=8'

  test('it learns, the control beside it does not; and it shows whole groups', async () => {
    // The policy has seen the template at times; here it is paid as well as an answer, which is learnt within some steps.
    const watched = await visit('device=wasm&cold=60&steps=40&exam=0&prompts=6&minibatches=6&format=1&control=shuffled')
    const { page } = watched
    await page.click('#go')
    await over(page)
    const log = await logOf(page)
    const rewards = (run: string): readonly number[] =>
      log.filter((l) => l.run === run).map(({ metrics }) => metrics['reward']!)
    const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / xs.length
    const [learns, control] = [rewards('trained'), rewards('control')].map((xs) => [
      mean(xs.slice(0, 10)),
      mean(xs.slice(-10)),
    ])
    console.log(`reward: ${learns!.join(' to ')}, control ${control!.join(' to ')}`)
    expect(learns![1]).toBeGreaterThan(learns![0]! + 0.05)
    expect(control![1]).toBeLessThan(control![0]! + 0.02)
    expect(await page.locator('#samples tbody tr').count()).toBe(16)
    expect(await page.locator('#samples p.mono').textContent()).toMatch(/^step 40: .*=\s+expected \d$/)
    await page.locator('#samples [type=range]').fill('3')
    await expect.poll(() => page.locator('#samples p.mono').textContent()).toMatch(/^step 3:/)
    await page.screenshot({ path: join(SHOTS, 'train-light.png'), fullPage: true })
    await leave(watched)
  })

  test('with the settings of the main job its steps are those of the job in Node, bit for bit, with threads and without', async () => {
    const query = 'device=wasm&cold=10&steps=2&exam=0&seed=4'
    const logs: Log[] = []
    for (const of of [isolated, plain]) {
      const watched = await visit(query, { of })
      await watched.page.click('#go')
      await over(watched.page)
      logs.push(await logOf(watched.page))
      await leave(watched)
    }
    const device = wasmDevice()
    const expected = await jobInNode(device, 4, 10, 2)
    await device.destroy()
    expect(logs[0]).toEqual(logs[1])
    expect(logs[0]!.map(({ metrics }) => metrics)).toEqual(expected)
  })

  test('paused and gone on with, reset and started again, it repeats its numbers; settings hold from the next step', async () => {
    const watched = await visit(`${small}&steps=12`)
    const { page } = watched
    await page.click('#go')
    await over(page)
    const whole = await logOf(page)
    expect(whole).toHaveLength(12)

    await page.evaluate('globalThis.log.length = 0')
    await page.click('#go')
    await page.waitForFunction('globalThis.log.length >= 3', null, { timeout: 60_000 })
    await page.click('#go')
    expect(await page.locator('#go').textContent()).toBe('Go on')
    // What was under way when it was asked to pause comes to its end.
    await page.waitForTimeout(300)
    const held = (await logOf(page)).length
    expect(await statusOf(page)).toContain('Paused')
    await page.waitForTimeout(700)
    expect((await logOf(page)).length).toBe(held)
    expect(held).toBeLessThan(12)
    await page.click('#go')
    await over(page)
    expect(await logOf(page)).toEqual(whole)

    await page.click('#reset')
    expect(await statusOf(page)).toBe('Ready.')
    await page.evaluate('globalThis.log.length = 0')
    await page.click('#go')
    await page.waitForFunction('globalThis.log.length >= 2', null, { timeout: 60_000 })
    await page.click('#go')
    await page.waitForTimeout(300)
    await page.locator('[name=group]').fill('4')
    await page.locator('[name=variant]').selectOption('drGrpo')
    await page.locator('[name=beta]').fill('0.1')
    await page.locator('[name=beta]').blur()
    await page.click('#go')
    await over(page)
    expect(await page.locator('#samples tbody tr').count()).toBe(4)
    const changed = await logOf(page)
    expect(changed[0]).toEqual(whole[0])
    expect(changed.at(-1)).not.toEqual(whole.at(-1))
    expect(new URL(page.url()).searchParams.get('variant')).toBe('drGrpo')
    await leave(watched)
  })

  test('every variant makes steps, with a KL term, from one cold start', async () => {
    const watched = await visit(
      'device=wasm&cold=20&exam=0&steps=2&prompts=2&group=4&minibatches=2&beta=0.05&variant=grpo',
    )
    const { page } = watched
    const variants = await page.evaluate<readonly string[]>(
      `[...document.querySelectorAll('[name=variant] option')].map((option) => option.value)`,
    )
    expect(variants).toHaveLength(11)
    for (const variant of variants) {
      await page.evaluate('globalThis.log.length = 0')
      await page.locator('[name=variant]').selectOption(variant)
      await page.click('#go')
      await page.waitForFunction('globalThis.log.length === 2', null, { timeout: 60_000 })
      await over(page)
      for (const { metrics } of await logOf(page)) expect(Object.values(metrics).every(Number.isFinite)).toBe(true)
    }
    await leave(watched)
  })

  test('on WebGPU it makes steps as well', async () => {
    const watched = await visit('device=webgpu&cold=2&exam=0&steps=1&prompts=2&group=4')
    expect(await watched.page.locator('[name=device]').inputValue()).toBe('webgpu')
    await watched.page.click('#go')
    await over(watched.page)
    expect(await logOf(watched.page)).toHaveLength(1)
    await leave(watched)
  })

  test('200 steps hold no more than the first ones', async () => {
    const watched = await visit('device=wasm&cold=0&exam=0&steps=200&prompts=2&group=4')
    await watched.page.click('#go')
    await over(watched.page)
    const live = await watched.page.evaluate<readonly number[]>('globalThis.live')
    const most = (from: number): number => Math.max(...live.slice(from, from + 40))
    console.log(`live bytes at most ${most(40)} in steps 41 to 80, ${most(160)} in the last 40`)
    expect(most(160)).toBeLessThanOrEqual(1.1 * most(40) + 2 ** 16)
    await leave(watched)
  })

  test('what is no value is said, and nothing starts', async () => {
    const watched = await visit(`${small}&steps=2`)
    const { page } = watched
    const problem = (): Promise<string | null> => page.locator('#problem').textContent()
    const wrong: readonly (readonly [name: string, value: string, said: string])[] = [
      [
        'minibatches',
        '7',
        'Updates a step must be a number that divides the completions of a step, 4 × 8 = 32, and is 7.',
      ],
      ['minibatches', '17', 'Updates a step must be a whole number from 1 to 16, and is 17.'],
      ['group', '1000000', 'Group size must be a whole number from 2 to 64, and is 1000000.'],
      [
        'seed',
        '99999999999999999999',
        'Seed must be a whole number from 0 to 2147483648, and is 99999999999999999999.',
      ],
      ['seed', '5.5', 'Seed must be a whole number from 0 to 2147483648, and is 5.5.'],
      ['seed', '', 'Seed must be a whole number from 0 to 2147483648.'],
    ]
    for (const [name, value, said] of wrong) {
      const field = page.locator(`[name=${name}]`)
      const before = await field.inputValue()
      await field.fill(value)
      await page.click('#go')
      expect(await problem()).toBe(said)
      expect(await field.getAttribute('aria-invalid')).toBe('true')
      expect(await page.locator('#go').textContent()).toBe('Start')
      await field.fill(before)
    }
    expect(await page.locator('#go').textContent()).toBe('Start')
    await leave(watched)
  })

  test('of a link that cannot be followed it says which parts, and what is taken', async () => {
    const query = 'variant=nonsense&seed=5.5&seed=&group=1000000&nope=3&device=webgpu&steps=7'
    // A browser without WebGPU.
    const watched = await visit(query, { without: 'webgpu' })
    const { page } = watched
    expect((await page.getByRole('alert').innerText()).split('\n')).toEqual([
      'Of this link, not everything could be taken:',
      'nope: there is no such setting.',
      'seed is there more than once: the last one is read.',
      'seed=: it is a whole number from 0 to 2147483648. Taken: 0.',
      expect.stringMatching(/^variant=nonsense: it is one of grpo, .*, gdpo\. Taken: grpo\.$/),
      'group=1000000: it is a whole number from 2 to 64. Taken: 16.',
      'device=webgpu: this browser does not have it. Taken: auto.',
    ])
    expect(await page.locator('[name=steps]').inputValue()).toBe('7')
    expect(await page.locator('[name=seed]').inputValue()).toBe('0')
    await leave(watched)
    const whole = await visit(small)
    expect(await whole.page.locator('#problem').isHidden()).toBe(true)
    await leave(whole)
  })

  test('it is readable on a telephone, in the dark, and answers while it trains', async () => {
    const watched = await visit(`${small}&steps=30`, { width: 360, dark: true })
    const { page } = watched
    await page.click('#go')
    await page.waitForFunction('globalThis.log.length >= 8', null, { timeout: 60_000 })
    // A turn of the page's own loop takes no step of the training.
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360)
    await page.screenshot({ path: join(SHOTS, 'train-dark-360.png'), fullPage: true })
    await over(page)
    await leave(watched)
  })
})

/** The metrics of the main job's steps of GRPO, without files. */
const jobInNode = async (device: Device, seed: number, cold: number, steps: number) => {
  const phases = phasesOf({ device, steps, sftSteps: cold, exam: 16, micro: 1, dtype: 'f32', control: null })
  const params = model.init(random.key(seed))
  const initial: Learning = { params, opt: sftOptimizer('f32').init(params), reference: null }
  let state = await realizeAsync(initial, device)
  const metrics: Readonly<Record<string, number>>[] = []
  for (const [number, count] of [
    [0, cold],
    [2, steps],
  ] as const) {
    const phase = phases[number]!
    state = phase.enter(state)
    for (let step = 0; step < count; step++) {
      const advanced = await phase.advance(state, { step, key: foldIn(foldIn(hostKey(seed), number), step) })()
      if (advanced._tag === 'Left') throw new Error(JSON.stringify(advanced.left))
      state = advanced.right.state
      const { learning_rate: _, ...measured } = advanced.right.metrics
      if (number === 2) metrics.push(measured)
    }
  }
  return metrics
}
