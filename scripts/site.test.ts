// `npm run site` takes care of folders that it did not make.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const PAGE = '<html><head><link rel="icon" type="image/svg+xml" href="/adjoint/mark.svg"></head></html>'
const OTHER = '<html><title>a page of somebody</title></html>'

let folder: string
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'adjoint-site-')), 'out')
  mkdirSync(folder)
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true, force: true }))

const put = (name: string, text: string): void => writeFileSync(join(folder, name), text)
/** What is in the folder. */
const held = () =>
  Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
/** A build takes longer than it is given here. */
const site = (out: string, ...args: readonly string[]) => {
  const flags = ['scripts/site.mjs', '--out', out, ...args]
  const { status, stdout, stderr } = spawnSync(process.execPath, flags, { encoding: 'utf8', timeout: 20_000 })
  return { status, stdout, stderr }
}

describe('a folder that is no site of ours', () => {
  test.each([
    [
      'a page of another',
      'index.html',
      OTHER,
      ['--serve'],
      /index\.html is no page of this project's site: give --out/,
    ],
    ['a page of another, and a build', 'index.html', OTHER, [], /holds files that are no site of this project.*empty/],
    ['no page', 'letter.txt', 'dear', ['--serve'], /holds files that are no site of this project.*empty/],
    ['no page, and a build', 'letter.txt', 'dear', [], /holds files that are no site of this project.*empty/],
  ] as const)('is left as it is: %s', (_, name, text, flags, words) => {
    put(name, text)
    expect(site(folder, ...flags)).toEqual({ status: 1, stdout: '', stderr: expect.stringMatching(words) as string })
    expect(held()).toEqual({ [name]: text })
  })

  test('a file in the place of the folder is left as it is', () => {
    put('letter.txt', 'dear')
    const given = join(folder, 'letter.txt')
    const { status, stderr } = site(given)
    expect([status, stderr]).toEqual([1, `site: ${given} is no folder: give another --out\n`])
    expect(held()).toEqual({ 'letter.txt': 'dear' })
  })
})

describe('--serve, of a site that is built', () => {
  test('for another --base says so, and builds nothing', () => {
    put('index.html', PAGE)
    const { status, stderr } = site(folder, '--serve', '--base', '/other/')
    expect(status).toBe(1)
    expect(stderr).toMatch(/was built for --base \/adjoint\/: leave --base out, or build it for \/other\/ first/)
    expect(held()).toEqual({ 'index.html': PAGE })
  })

  test.each([[[]], [['--base', '/adjoint/']]])('serves it, at the base that it was built for: %j', async (flags) => {
    put('index.html', PAGE)
    const args = ['scripts/site.mjs', '--out', folder, '--port', '0', '--serve', ...flags]
    const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const said = await new Promise<string>((resolve, reject) => {
        server.stdout.once('data', (text) => resolve(String(text)))
        server.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
      })
      const url = /^(http:\S+\/adjoint\/) \(ctrl-c ends it\)\n$/.exec(said)?.[1] ?? ''
      expect(await (await fetch(url)).text()).toBe(PAGE)
    } finally {
      server.kill()
    }
  })
})
