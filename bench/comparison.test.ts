import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compare, comparisonText, type Measured, median, readLine } from './comparison.ts'

const row = (peer: string, workload: string, ms: number): Measured => ({ peer, backend: 'cpu', workload, ms })

describe('a line of output', () => {
  it('is a measurement, a failure, or something else; nothing throws', () => {
    const measured = row('a', 'train', 3)
    expect(readLine(JSON.stringify({ ...measured, gflops: 2 }))).toEqual({ kind: 'measured', row: measured })
    expect(readLine('{"peer":"a","backend":"cpu","workload":"train","error":"no room"}')).toEqual({
      kind: 'failed',
      who: 'a cpu, train',
      why: 'no room',
    })
    for (const other of [
      '',
      'Warning: slow',
      '{',
      '[]',
      'null',
      '3',
      '{"peer":"a"}',
      JSON.stringify({ ...measured, ms: 0 }),
    ])
      expect(readLine(other)).toEqual({ kind: 'other' })
    fc.assert(
      fc.property(fc.string(), (text) => readLine(text).kind === 'other'),
      { seed: 1 },
    )
  })
})

describe('a comparison', () => {
  it('takes ratios within a round: a machine that slows down changes none', () => {
    const slowness = fc.array(fc.double({ min: 0.1, max: 10, noNaN: true }), { minLength: 1, maxLength: 7 })
    fc.assert(
      fc.property(slowness, (rounds) => {
        const [train] = compare(rounds.map((by) => [row('us', 'train', 2 * by), row('them', 'train', 5 * by)]))
        expect(train!.columns[0]!.ratio).toBe(1)
        expect(train!.columns[1]!.ratio).toBeCloseTo(0.4, 12)
        expect(train!.columns[1]!.ms).toBeCloseTo(5 * median(rounds), 12)
      }),
      { seed: 2 },
    )
  })

  it('has the workloads of the first program, and a dash where another lacks one', () => {
    const compared = compare([[row('us', 'a', 1), row('us', 'b', 2), row('them', 'b', 4), row('them', 'c', 9)]])
    expect(compared.map(({ workload }) => workload)).toEqual(['a', 'b'])
    expect(comparisonText(compared)).toBe(
      [
        'workload  us cpu ms  them cpu ms  ours / its',
        'a              1.00            -           -',
        'b              2.00         4.00       0.500',
      ].join('\n'),
    )
    expect(compare([])).toEqual([])
  })
})
