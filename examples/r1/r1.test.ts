// The recipe as its users run it: as a process, with flags, killed and resumed. A few steps a stage only.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { exampleOf, killed, testFolder } from '../cli/child.support.ts'

const example = exampleOf('r1')
const root = await testFolder('r1')

const job = (folder: string, ...flags: string[]): readonly string[] => [
  ...['--device', 'wasm', '--scale', '0.04', '--exam', '8', '--seed', '0', '--json', '--out', join(root, folder)],
  ...flags,
]
const logOf = (folder: string, stage: string): string =>
  readFileSync(join(root, folder, 'seed-0', stage, 'log.jsonl'), 'utf8')
const linesOf = (folder: string, stage: string): number =>
  existsSync(join(root, folder, 'seed-0', stage, 'log.jsonl')) ? logOf(folder, stage).split('\n').length - 1 : 0
/** Numbers of the training steps in a stage's log, in order. */
const stepsOf = (folder: string, stage: string): readonly unknown[] =>
  logOf(folder, stage)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
    .filter(({ kind }) => kind === 'step')
    .map(({ step }) => step)

const STAGES = [
  ...['1-cold-start', '2-reasoning-rl', '3-rejection-sampling', '4-unfiltered-traces', '5-supervised'],
  ...['6-all-rewards-rl', '7-student-base', '8-student-distilled', '9-student-rl', '10-student-unfiltered-sft'],
]
const number = expect.any(Number) as number
const row = (model: string, params: number) => ({
  model,
  params,
  seeds: [{ passAt1: number, consAt16: number, meanLength: number }],
})

describe('r1', () => {
  test.each([
    [['--seeds', '0,0'], '--seeds 0,0'],
    [['--scale', '-1'], '--scale'],
    [['--resume'], '--resume needs --out DIR'],
  ])(
    'refuses %j with its usage and code 2, and says nothing on stdout',
    async (flags, reason) => {
      const { code, stdout, stderr } = await example(...flags)
      expect(code).toBe(2)
      expect(stdout).toBe('')
      expect(stderr).toContain(reason)
      expect(stderr).toContain('--help lists the flags')
    },
    240_000,
  )

  test('has nothing to go on with in a folder without a run', async () => {
    const { code, stderr } = await example(...job('nowhere', '--resume'))
    expect(code).toBe(1)
    expect(stderr).toContain('no run of these seeds')
  }, 240_000)

  // That it leaves the bytes of a run that was not killed is a law of recipes; here is one run, in two pieces.
  test('killed by SIGKILL and resumed, it ends with every step done once, and one JSON object', async () => {
    // Past a checkpoint of the distillation, which learns from sampled traces.
    await killed('r1', job('run'), () => linesOf('run', '8-student-distilled') >= 30)
    expect(existsSync(join(root, 'run', 'report.html'))).toBe(false)

    const { code, stdout, stderr } = await example(...job('run', '--resume'))
    expect(stderr).not.toContain('r1:')
    expect(code).toBe(0)
    expect(stdout.trimEnd().split('\n')).toHaveLength(1)
    expect(JSON.parse(stdout)).toEqual({
      device: 'wasm',
      seconds: number,
      table: [
        row('teacher', 103_552),
        row('student-distilled', 53_568),
        row('student-rl', 53_568),
        row('student-unfiltered-sft', 53_568),
      ],
    })
    expect(readdirSync(join(root, 'run', 'seed-0')).sort()).toEqual([...STAGES].sort())
    for (const stage of STAGES) {
      const steps = stepsOf('run', stage)
      expect(steps.length, stage).toBeGreaterThan(0)
      expect(steps, stage).toEqual(steps.map((_, i) => i))
    }
    // A heading goes over the lines of its cell.
    expect(readFileSync(join(root, 'run', 'tables.txt'), 'utf8')).toMatch(/language[^]*consistency[^]*of thoughts/)
    expect(readFileSync(join(root, 'run', 'report.html'), 'utf8')).toContain('student-distilled (53568 parameters)')

    const again = await example(...job('run'))
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('Nothing was overwritten')
  }, 600_000)
})
