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
      expect(parseLog(good.slice(0, end))).toEqual({
        records: whole.records.slice(0, 1),
        broken: [],
        notFinite: 0,
        torn: true,
      })
  })

  test('broken lines are named, the others are read', () => {
    expect(parseLog(`{"kind":1}\n${good}nonsense\n`)).toMatchObject({ broken: [1, 4], torn: false })
  })

  test('numbers that JSON has not are null beside the others, and counted; in texts they stay', () => {
    const value = fc.oneof(fc.double(), fc.string(), fc.constantFrom('NaN', '"-Infinity', ': NaN,', '\\'))
    const field = fc.constantFrom('loss', 'reward', 'a NaN', '"Infinity"')
    fc.assert(
      fc.property(fc.dictionary(field, value), (fields) => {
        const of = { ...fields }
        const head = Object.entries({ kind: 'step', phase: 'x', step: 1, ...of })
        // As json.dumps of Python writes it.
        const text = head
          .map(([name, x]) => `${JSON.stringify(name)}: ${typeof x === 'number' ? String(x) : JSON.stringify(x)}`)
          .join(', ')
        const odd = Object.values(of).filter((x) => typeof x === 'number' && !Number.isFinite(x)).length
        const known = Object.fromEntries(head.map(([name, x]) => [name, Object.is(x, -0) ? 0 : x]))
        const { records, broken, notFinite } = parseLog(`{${text}}\n`)
        expect({ records, broken, notFinite }).toEqual({
          records: [JSON.parse(JSON.stringify(known)) as unknown],
          broken: [],
          notFinite: odd,
        })
      }),
      { seed: 5, numRuns: 300 },
    )
    const line = '{"kind":"step","phase":"x","step":1,"loss":NaN,"reward":2,"kl":-Infinity}\n'
    expect(stageOf('', line + line + good, good).notes).toEqual([
      'log.jsonl: 4 values are NaN or infinite, and shown as gaps.',
    ])
    // Numbers that are above all that are, and what is like them.
    const large = '"a":1e999,"b":-1.5E+400,"c":[1e308,1e-999,1234e306],"d":"1e999","e1234":' + '9'.repeat(400)
    expect(parseLog(`{"kind":"step","phase":"x","step":1,${large}}\n`)).toMatchObject({
      records: [{ a: null, b: null, c: [1e308, 0, null], d: '1e999', e1234: null }],
      notFinite: 4,
      broken: [],
    })
    // A completion of any length, with what looks like a number in it.
    const long = `${'a'.repeat(1 << 24)}\\" 1e999 ${'9'.repeat(1 << 22)}`
    expect(parseLog(`{"kind":"step","phase":"x","step":1,"text":"${long}","loss":1e999}\n`)).toMatchObject({
      records: [{ loss: null }],
      notFinite: 1,
      broken: [],
    })
    // Half of a line, and words that are none of these, are mended into nothing.
    expect(parseLog('{"kind":"step","phase":"x","step":1,"loss":NaN\n{"a":NaNs}\nNaN\n').broken).toEqual([1, 2, 3])
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
