import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { lines, stepLine } from './made-up.ts'
import { parseLog, stageOf } from './run.ts'

const good = lines([stepLine('grpo', 0, { reward: 1 }), stepLine('grpo', 1, { reward: null })])

describe('logs as they are found', () => {
  test('any text is read, and every whole line is a record or is counted', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.constant(good.split('\n')[0]!))), (parts) => {
        const text = parts.join('\n')
        const { records, broken, torn } = parseLog(text)
        expect(records.length + broken.length).toBe(text.split('\n').length - 1)
        expect(torn).toBe(text !== '' && !text.endsWith('\n'))
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('a torn last line is left for later, wherever it is torn', () => {
    const whole = parseLog(good)
    expect(whole).toMatchObject({ broken: [], torn: false })
    for (let end = good.indexOf('\n') + 2; end < good.length; end++)
      expect(parseLog(good.slice(0, end))).toEqual({ records: whole.records.slice(0, 1), broken: [], torn: true })
  })

  test('broken lines are named, the others are read', () => {
    expect(parseLog(`{"kind":1}\n${good}nonsense\n`)).toMatchObject({ broken: [1, 4], torn: false })
    expect(parseLog(`${good}{"kind":"step","phase":"x","step":1,"loss":NaN}\n`).broken).toEqual([3])
  })

  test('what is wrong with a stage is said in sentences', () => {
    expect(stageOf('', { wrong: 'is missing' }, { wrong: 'is missing' }).notes).toEqual([
      'log.jsonl is missing.',
      'times.jsonl is missing.',
    ])
    expect(stageOf('2-rl', '', '').notes).toEqual([
      '2-rl/log.jsonl is empty so far.',
      '2-rl/times.jsonl is empty so far.',
    ])
    const { notes, stage } = stageOf('', `${good}x\n{"kin`, good)
    expect(notes).toHaveLength(2)
    expect(notes[0]).toContain('line 3')
    expect(notes[1]).toContain('not whole')
    expect(stage).toMatchObject({ settings: null })
    expect(stage.records).toHaveLength(2)
  })

  test('the line of settings is no record', () => {
    const { stage } = stageOf('', lines([{ kind: 'settings', phase: '', step: 0, seed: 1, lr: 2 }]) + good, good)
    expect(stage.settings).toEqual({ seed: 1, lr: 2 })
    expect(stage.records.map(({ kind }) => kind)).toEqual(['step', 'step'])
  })
})
