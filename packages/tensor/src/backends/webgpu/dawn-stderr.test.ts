// What Dawn writes to standard error reaches it, but for two lines.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { describe, expect, inject, test } from 'vitest'

const script = fileURLToPath(new URL('dawn-stderr.support.mjs', import.meta.url))
const root = fileURLToPath(new URL('../../../../..', import.meta.url))
const child = (how: string, text = '') =>
  spawnSync(process.execPath, [script, how, text], { encoding: 'utf8', cwd: root })

const WARNINGS = ['Uniform', 'Storage'].map(
  (kind) =>
    `Warning: maxDynamic${kind}BuffersPerPipelineLayout artificially reduced from 1000000 to 16 to fit dynamic offset allocation limit.\n`,
)
/** Lines that are nearly those two: each is another one. */
const OTHERS = [
  `Warning: maxBindGroups artificially reduced from 8 to 4.\n`,
  `${WARNINGS[0]!.trimEnd()} And more.\n`,
  ` ${WARNINGS[1]!}`,
  'MESA: error: a driver\n\n',
]

describe.skipIf(process.platform !== 'linux')('standard error while Dawn looks for adapters', () => {
  test('is handed on but for the two lines, in its order, without an end of line as well', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...WARNINGS, ...OTHERS), { maxLength: 8 }), (lines) => {
        const kept = lines.filter((line) => !WARNINGS.includes(line))
        const { stdout, stderr } = child('return', `${lines.join('')}and a rest`)
        expect([stdout, stderr]).toEqual(['7\n', `${kept.join('')}and a rest`])
      }),
      { seed: 3, numRuns: 4 },
    )
  })

  test('is itself again where the call throws', () => {
    const { status, stderr } = child('throw', `${WARNINGS[0]!}said\n`)
    expect(status).toBe(1)
    expect(stderr).toContain('said\n')
    expect(stderr).toContain('Error: thrown inside')
    expect(stderr).not.toContain('Warning')
  })

  test('says a last word where the process dies in that call', () => {
    expect(child('die', `${WARNINGS.join('')}driver: gone\n`).stderr).toBe('driver: gone\n')
  })

  test.each([
    ['in a thread, which shares it with the others', 'worker', ''],
    ['where no process can be started', 'no-spawn', '0 left open\n'],
    ['where no library can be loaded', 'no-koffi', ''],
  ])('is left as it is %s', (_, how, told) => {
    const { stdout, stderr } = child(how, `${WARNINGS.join('')}said\n`)
    expect([stdout, stderr]).toEqual([`${told}7\n`, `${WARNINGS.join('')}said\n`])
  })
})

test.skipIf(!inject('devices').includes('webgpu'))(
  'a first look for an adapter writes nothing to standard error',
  () => {
    const { stdout, stderr } = child('look')
    expect(stdout).toMatch(/\S/)
    expect(stderr).toBe('')
  },
)
