// A short run under faults, as a process; the full one is `npm run -s example -- faults --steps 1000`.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hostKey, type LogRecord, readLog } from '@adjoint/rl'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exampleOf, testFolder } from '../cli/child.support.ts'
import { type Audit, audit } from './audit.ts'
import { judgement } from './judge.ts'
import { killsOf } from './kill.ts'
import { ENDPOINT_FAULTS, endpointFault, isOutage, rewardAbsent, rewardFault } from './schedule.ts'

const STEPS = 100
const example = exampleOf('faults')
const root = await testFolder('faults')

describe('the faults', () => {
  const texts = fc.sample(fc.tuple(fc.string(), fc.string()), { seed: 1, numRuns: 20_000 })
  test('of the reward are 5 % failures and 1 % hangs, and half of them pass', () => {
    for (const attempt of [0, 1]) {
      const met = texts.map(([a, b], i) => rewardFault(`${a}${i}`, b, attempt))
      expect(met.filter((f) => f === 'fails').length / texts.length).toBeCloseTo(0.05, 2)
      expect(met.filter((f) => f === 'hangs').length / texts.length).toBeCloseTo(0.01, 2)
    }
    const absent = texts.filter(([a, b], i) => rewardAbsent(`${a}${i}`, b)).length
    expect(absent / texts.length).toBeCloseTo(0.03, 2)
  })

  test('of the endpoint are a quarter of its requests, of every kind', () => {
    const met = texts.map((_, i) => endpointFault(i))
    expect(met.filter((f) => f !== null).length / met.length).toBeCloseTo(0.25, 1)
    for (const fault of ENDPOINT_FAULTS)
      expect(met.filter((f) => f === fault).length / met.length).toBeCloseTo(0.042, 2)
    expect(texts.filter(([a], i) => isOutage(`${a}${i}`)).length / texts.length).toBeCloseTo(0.01, 2)
  })

  test('of the power come one after the other, early enough to matter', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.nat(), (count, seed) => {
        const kills = killsOf(count, hostKey(seed))
        expect(kills).toHaveLength(count)
        kills.forEach(({ done, delay }, i) => {
          expect(done).toBeGreaterThanOrEqual(kills[i - 1]?.done ?? 0)
          expect(done).toBeLessThan(0.95)
          expect(delay).toBeLessThan(60)
        })
      }),
      { seed: 1, numRuns: 50 },
    )
  })
})

test('the judge counts the running values that are right', () => {
  expect(judgement('3+8*2-9*5=', '<think>1235</think><answer>5</answer>')).toBe(1)
  expect(judgement('3+8*2-9*5=', '<think>1335</think><answer>5</answer>')).toBe(0.75)
  expect(judgement('3+8*2-9*5=', '1235')).toBe(0)
})

describe('a run under faults', () => {
  test('ends with the groups asked for, none learnt from twice, and the log of a run that nobody killed', async () => {
    const out = join(root, 'run')
    const ended = await example('--steps', String(STEPS), '--device', 'wasm', '--json', '--out', out)
    expect(ended.stderr).not.toContain('faults:')
    expect(ended.code).toBe(0)
    const outcome = JSON.parse(ended.stdout) as Readonly<Record<string, unknown>> & {
      readonly audit: Audit
      readonly killed: readonly unknown[]
      readonly served: Readonly<Record<string, number>>
    }
    expect(outcome).toMatchObject({ device: 'wasm', sameLog: true })
    expect(outcome.audit).toMatchObject({ steps: STEPS, groups: 2 * STEPS, distinct: 2 * STEPS, wrong: [] })
    expect(outcome.audit.absent).toBeGreaterThan(0)
    expect(outcome.audit.replaced).toBeGreaterThan(0)
    expect(outcome.killed).toHaveLength(3)
    for (const fault of [...ENDPOINT_FAULTS, 'outage']) expect(outcome.served[fault]).toBeGreaterThan(0)

    // The audit sees what it is there to see: break the log in each way.
    const records = await readLog(join(out, 'killed', 'log.jsonl'))()
    if (E.isLeft(records)) throw new Error('no log')
    const wrongOf = (f: (records: readonly LogRecord[]) => readonly LogRecord[]) => audit(f(records.right), STEPS).wrong
    const groups = records.right.filter((r) => r.kind === 'sample')
    const [first, second] = [groups[0]!, groups[1]!]
    const swap =
      (from: LogRecord, to: LogRecord) =>
      (all: readonly LogRecord[]): readonly LogRecord[] =>
        all.map((r) => (r === from ? to : r))
    expect(wrongOf((all) => all)).toEqual([])
    expect(wrongOf((all) => all.filter((r) => r !== first))[0]).toContain('199 groups were learnt from')
    expect(wrongOf(swap(second, { ...second, id: first['id']! }))[0]).toContain('1 groups were learnt from twice')
    expect(wrongOf(swap(second, { ...second, id: 3 }))[0]).toBe('a record of a group is none: record.id is not a text')
    expect(wrongOf((all) => all.filter((r) => r.kind !== 'step' || r.step !== 5 || r.phase !== 'grpo'))[0]).toContain(
      'steps',
    )
    const holed = groups.find((r) => (r['totals'] as readonly unknown[]).includes(null))!
    const filled = (holed['totals'] as readonly (number | null)[]).map((r) => r ?? 0)
    expect(wrongOf(swap(holed, { ...holed, totals: filled })).join()).toContain('made 0')
    const credited = (holed['totals'] as readonly (number | null)[]).map((r) => (r === null ? 0.5 : -0.5 / 3))
    expect(wrongOf(swap(holed, { ...holed, advantages: credited })).join()).toContain('absent, with advantage 0.5')
  }, 240_000)

  test('refuses to run over another one', async () => {
    const out = join(root, 'run')
    const log = await readFile(join(out, 'whole', 'log.jsonl'), 'utf8')
    const { code, stderr } = await example('--steps', '5', '--device', 'wasm', '--json', '--out', out)
    expect(code).toBe(1)
    expect(stderr).toContain('resume that run, or choose another folder')
    expect(await readFile(join(out, 'whole', 'log.jsonl'), 'utf8')).toBe(log)
  }, 60_000)
})
