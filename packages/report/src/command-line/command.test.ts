import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { readCommand, usageOf } from './command.ts'
import { choice, choices, count, counts, device, folder, help, real, toggle } from './flags.ts'

const flags = {
  seeds: counts('seeds of the runs', [0, 1, 2]),
  warmSteps: count('steps', 7, { min: 1 }),
  rate: real('learning rate', 0.5, { min: 0 }),
  control: choice('which', ['shuffled', 'random']),
  workload: choices('what to measure', ['a', 'b', 'c']),
  seed: count('seed', 0, { max: 9 }),
  device: device(),
  out: folder('where'),
  json: toggle('as JSON'),
  help,
}
const command = { name: 'r1', call: 'run r1 --', about: 'About it.', flags }
const decode = (args: readonly string[]) =>
  pipe(
    readCommand(command)(args),
    E.map(({ flags: given }) => given),
  )

describe('flags', () => {
  test('have defaults', () => {
    expect(decode([])).toEqual(
      E.right({
        ...{ seeds: [0, 1, 2], warmSteps: 7, rate: 0.5, control: null, workload: null, seed: 0 },
        ...{ device: null, out: null, json: false, help: false },
      }),
    )
  })

  test('give back what was written', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 1e9 }),
        fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
        fc.constantFrom('shuffled' as const, 'random' as const),
        fc.boolean(),
        (seeds, warmSteps, rate, control, json) => {
          const args = ['--seeds', seeds.join(','), '--warm-steps', String(warmSteps), '--rate', String(rate)]
          expect(decode([...args, '--control', control, ...(json ? ['--json'] : [])])).toMatchObject(
            E.right({ seeds, warmSteps, rate: Number(String(rate)), control, json }),
          )
        },
      ),
      { seed: 1, numRuns: 100 },
    )
  })

  test('given again: the last counts', () => {
    expect(decode(['--warm-steps', '3', '--json', '--warm-steps', '4', '--json'])).toMatchObject(
      E.right({ warmSteps: 4, json: true }),
    )
  })

  test.each([
    [['--seeds', '0,0'], '--seeds 0,0: different whole numbers'],
    [['--seeds', '1,,2'], '--seeds 1,,2'],
    [['--warm-steps', '0'], '--warm-steps 0: a whole number, 1 or more'],
    [['--rate', 'fast'], '--rate fast: a number, 0 or more'],
    [['--rate', ''], '--rate'],
    [['--rate=-1'], '--rate -1'],
    [['--control', 'none'], '--control none: choose shuffled or random'],
    [['--device', 'gpu'], '--device gpu'],
    [['--out', ''], '--out needs a folder'],
    [['--nonsense'], '--nonsense: there is no such flag'],
    [['-x'], '-x: there is no such flag'],
    [['stray'], 'stray: not understood'],
    [['--seed'], '--seed needs a value'],
    [['--seed', '10'], '--seed 10: a whole number, from 0 to 9, is needed'],
    [['--out', '--json'], '--out needs a value; one that begins with - is written --out=--json'],
    [['--json=yes'], '--json takes no value'],
    [['--workload', 'a,d'], '--workload d: choose of a, b, c'],
  ])('refuse %j and say why', (args, reason) => {
    expect(decode(args)).toEqual(
      E.left({ code: 2, text: expect.stringMatching(/^r1: .*\nrun r1 -- --help lists the flags\.\n$/) as string }),
    )
    const read = decode(args)
    expect(E.isLeft(read) ? read.left.text : '').toContain(`r1: ${reason}`)
  })

  test('are all in the usage, one line each where they fit, of at most 100 columns', () => {
    const usage = usageOf(command)
    expect(usage).toContain('usage: run r1 -- [flags]\n\nAbout it.\n')
    expect(usage).toMatch(/^ {2}--warm-steps N +steps \(default 7\)$/m)
    expect(usage.match(/^ {2}--/gm)).toHaveLength(Object.keys(flags).length)
    const long = usageOf({ ...command, flags: { ...flags, more: toggle('word '.repeat(60).trim()) } })
    expect(Math.max(...long.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100)
  })

  test.each([40, 60, 80, 100, 250])('fit a terminal of %d columns, and no word is lost', (columns) => {
    const talks = { ...command, about: 'about it '.repeat(40).trim(), notes: `notes ${'and more '.repeat(30)}\n  end` }
    const usage = usageOf({ ...talks, flags: { ...flags, more: toggle('word '.repeat(60).trim()) } }, columns)
    expect(Math.max(...usage.split('\n').map((line) => line.length))).toBeLessThanOrEqual(Math.min(columns, 100))
    expect(usage.match(/\bword\b/g)).toHaveLength(60)
    expect(usage.match(/\babout\s+it\b/g)).toHaveLength(40)
    expect(usage).toMatch(/\n {2}end\n$/)
  })

  test('are as wide as COLUMNS says, where no terminal does', () => {
    vi.stubEnv('COLUMNS', '50')
    const narrow = usageOf(command)
    vi.stubEnv('COLUMNS', 'nonsense')
    const wide = usageOf(command)
    vi.unstubAllEnvs()
    expect(narrow).toBe(usageOf(command, 50))
    expect(wide).toBe(usageOf(command, 100))
  })

  test.each([[['--help']], [['-h']], [['--nonsense', '--help']]])(
    '%j asks for the usage, whatever is beside it',
    (args) => {
      expect(decode(args)).toEqual(E.left({ code: 0, text: usageOf(command) }))
    },
  )
})

describe('words', () => {
  const words = { name: 'RUNS...', least: 1, most: 2, missing: 'name a RUN' }
  const read = readCommand({
    ...{ name: 'report', call: 'run --', about: 'About it.', words, flags: { json: toggle('as JSON'), help } },
    together: ({ json }, runs) => (json && runs.length > 1 ? '--json is for one RUN' : null),
  })
  const said = (args: readonly string[]): string | readonly string[] => {
    const answered = read(args)
    return E.isLeft(answered) ? answered.left.text.split('\n')[0]! : answered.right.words
  }

  test('stand beside the flags in any order, as many as there may be', () => {
    expect(said(['a', '--json'])).toEqual(['a'])
    expect(said(['--json', 'a'])).toEqual(['a'])
    expect(said(['a', '--', '--json'])).toEqual(['a', '--json'])
    expect(said([])).toBe('report: name a RUN')
    expect(said(['a', 'b', 'c'])).toBe('report: c: not understood')
    expect(said(['a', 'b', '--json'])).toBe('report: --json is for one RUN')
  })
})
