import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readCommand } from './command-line/index.ts'
import { commandOf, PACKAGED } from './flags.ts'
import { isOurs } from './live.ts'
import { lines, logLines, sampleLine, writeRun } from './made-up.ts'
import { report } from './main.ts'
import { MARK } from './viewer.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-'))
  for (const seed of [0, 1]) await writeRun(join(folder, 'runs', `s${seed}`), { seed, steps: 5 })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const run = async (
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> => {
  let [out, err] = ['', '']
  const terminal = { out: (text: string) => void (out += text), err: (text: string) => void (err += text) }
  return { code: await report(PACKAGED, args, terminal, AbortSignal.abort()), out, err }
}

describe('the command', () => {
  test.each([
    [[]],
    [['--out', 'x.html']],
    [['run', '--out', '']],
    [['run', '--port', '8000']],
    [['run', '--live', '--port', '70000']],
    [['run', '--live', '--port', 'x']],
    [['run', '--live', '--out', 'x.html']],
    [['run', '--tensorboard', '']],
    [['run', '--tensorboard', 'x', '--live']],
    [['run', '--tensorboard', 'x', '--out', 'x.html']],
    [['run', '--nonsense']],
  ])('%j is refused, and where the usage is, is said', async (args) => {
    const { code, out, err } = await run(...args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(/^adjoint-report: .*\nadjoint-report --help lists the flags\.\n$/)
  })

  test('--help is the usage', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, err: '' })
    expect(readCommand(commandOf(PACKAGED))(['a', 'b', '--live', '--port', '80', '--title', 't'])).toMatchObject({
      right: { words: ['a', 'b'], flags: { live: true, port: 80, title: 't', out: null, force: false } },
    })
  })

  test('several seeds are one page beside them, which asks for nothing from outside', async () => {
    const { code, out, err } = await run(join(folder, 'runs', 's0'), join(folder, 'runs', 's1'))
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/viewer\.html: 2 runs, \d+ KB\n$/)
    const page = await readFile(join(folder, 'runs', 'viewer.html'), 'utf8')
    expect(page).toContain('made-up, 2 seeds')
    expect(page).toContain('default-src &#39;none&#39;')
    expect(page).not.toMatch(/(?:src|href)="(?:http|\/)/)
    expect(page).not.toMatch(/@import|url\((?!#)/)
    expect((await readdir(join(folder, 'runs'))).sort()).toEqual(['s0', 's1', 'viewer.html'])
  })

  test('a folder of runs is all of them, and a page is written again over itself', async () => {
    expect(await run(join(folder, 'runs'))).toMatchObject({ code: 0, err: '' })
    expect(await run(join(folder, 'runs'))).toMatchObject({ code: 0, err: '' })
  })

  test('what is no report is left as it is, but for --force', async () => {
    const path = join(folder, 'mine.html')
    await writeFile(path, 'my thesis')
    const refused = await run(join(folder, 'runs', 's0'), '--out', path)
    expect(refused.code).toBe(1)
    expect(refused.err).toContain('--force')
    expect(await readFile(path, 'utf8')).toBe('my thesis')
    expect((await run(join(folder, 'runs', 's0'), '--out', path, '--force')).code).toBe(0)
    expect(await readFile(path, 'utf8')).toContain(MARK)
  })

  test('what cannot be written is said, and nothing is left behind', async () => {
    await mkdir(join(folder, 'taken'))
    const { code, err } = await run(join(folder, 'runs', 's0'), '--out', join(folder, 'taken'))
    expect(code).toBe(1)
    expect(err).toContain('cannot be written')
    expect(await readdir(folder)).not.toContainEqual(expect.stringContaining('.tmp'))
  })

  test.each([
    ['missing', 'there is no such folder'],
    ['empty', 'holds no run'],
    ['empty/file', 'is not the folder of a run'],
  ])('%s is no run', async (name, words) => {
    await mkdir(join(folder, 'empty'), { recursive: true })
    await writeFile(join(folder, 'empty', 'file'), '')
    const { code, err, out } = await run(join(folder, name), join(folder, 'runs', 's0'))
    expect([code, out]).toEqual([1, ''])
    expect(err).toContain(words)
  })

  test('logs that are empty, broken, torn or without times make a page that says so', async () => {
    const log = lines(logLines({ seed: 3, steps: 4 }))
    const cases: Readonly<Record<string, readonly [log: string, words: string]>> = {
      nothing: ['', 'is empty so far'],
      garbage: ['\u0000\u0001 garbage\n{}\n[]\nnull\n', 'no record of a log'],
      torn: [log.slice(0, -20), 'not whole'],
      settings: [log.slice(0, log.indexOf('\n') + 1), 'times.jsonl is missing'],
      half: [`${log.slice(0, log.length / 2)}\n${log.slice(log.length / 2)}`, 'no record of a log'],
    }
    for (const [name, [text, words]] of Object.entries(cases)) {
      await mkdir(join(folder, 'odd', name), { recursive: true })
      await writeFile(join(folder, 'odd', name, 'log.jsonl'), text)
      const { code, err } = await run(join(folder, 'odd', name))
      expect([name, code]).toEqual([name, 0])
      expect(err).toContain(words)
      expect(await readFile(join(folder, 'odd', name, 'viewer.html'), 'utf8')).toContain(words)
    }
    expect((await run(join(folder, 'odd'))).code).toBe(0)
  })

  test('a file that is there and cannot be read is not said to be missing', async () => {
    const odd = await writeRun(join(folder, 'no-file'), { seed: 0, steps: 2 })
    await rm(join(odd, 'times.jsonl'))
    await mkdir(join(odd, 'times.jsonl'))
    const { code, err } = await run(odd)
    expect(code).toBe(0)
    expect(err).toContain('times.jsonl cannot be read: EISDIR')
    // A folder below a file: no path of a folder at all.
    expect((await run(join(odd, 'log.jsonl', 'below'))).err).toMatch(/below cannot be read: ENOTDIR/)
  })

  test('a recipe shows its stages in the order of their numbers', async () => {
    const recipe = join(folder, 'recipe')
    for (const stage of ['10-last', '2-rl', '1-cold-start']) await writeRun(join(recipe, stage), { seed: 0, steps: 2 })
    expect((await run(recipe)).code).toBe(0)
    const page = await readFile(join(recipe, 'viewer.html'), 'utf8')
    const at = ['1-cold-start, sft', '2-rl, sft', '10-last, sft'].map((title) => page.indexOf(`<h2>${title}</h2>`))
    expect(at.every((place, i) => place > (at[i - 1] ?? 0))).toBe(true)
  })

  test('nothing in a log is markup on the page', async () => {
    const evil = '</script><img src=x onerror=alert(1)>"\'<!--<script>'
    const evilRun = await writeRun(join(folder, 'evil'), {
      seed: 0,
      steps: 3,
      settings: { [evil]: evil, example: evil },
      samples: [{ ...sampleLine(0, evil), phase: evil, prompt: evil, expected: evil, rewards: { [evil]: [1] } }],
    })
    expect((await run(evilRun)).code).toBe(0)
    const page = await readFile(join(evilRun, 'viewer.html'), 'utf8')
    expect(page).not.toContain('<img')
    expect(page.match(/<script/g)).toHaveLength(3)
    expect(page.match(/<\/script>/g)).toHaveLength(3)
  })

  test('a live page that is stopped at once ends with 0', async () => {
    const { code, out } = await run(join(folder, 'runs', 's0'), '--live')
    expect(code).toBe(0)
    expect(out).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/ /)
  })
})

describe('whose requests are answered', () => {
  test.each([
    ['127.0.0.1:8000', true],
    ['localhost:8000', true],
    ['LOCALHOST:8000', true],
    ['127.0.0.1:8001', false],
    ['127.0.0.1', false],
    ['evil.example:8000', false],
    ['127.0.0.1.evil.example:8000', false],
    ['localhost:8000@evil.example', false],
    ['', false],
    [undefined, false],
  ])('Host: %s is %s', (host, answered) => expect(isOurs(host, 8000)).toBe(answered))
})
