import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { choice, common, count, counts, decodeFlags, real, usageOf } from './flags.ts'

const flags = {
  seeds: counts('seeds of the runs', [0, 1, 2]),
  warmSteps: count('steps', 7, { min: 1 }),
  rate: real('learning rate', 0.5, { min: 0 }),
  control: choice('which', ['shuffled', 'random']),
  ...common,
}
const decode = decodeFlags(flags)

describe('flags', () => {
  test('have defaults', () => {
    expect(decode([])).toEqual(
      E.right({
        ...{ seeds: [0, 1, 2], warmSteps: 7, rate: 0.5, control: null, seed: 0 },
        ...{ device: null, out: null, resume: false, json: false, help: false },
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
    [['--resume'], '--resume needs --out DIR'],
    [['--nonsense'], '--nonsense'],
    [['stray'], 'stray'],
    [['--seed'], '--seed'],
  ])('refuse %j and say why', (args, reason) => {
    const decoded = decode(args)
    expect(E.isLeft(decoded) ? decoded.left : 'accepted').toContain(reason)
  })

  test('are all in the usage, one line each', () => {
    const usage = usageOf('r1', 'About it.', flags)
    expect(usage).toContain('usage: npm run -s example -- r1 [flags]\n\nAbout it.\n')
    expect(usage).toContain('  --warm-steps N     steps (default 7)\n')
    expect(usage.match(/^ {2}--/gm)).toHaveLength(Object.keys(flags).length)
  })
})
