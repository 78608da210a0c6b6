import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeStageError } from '../recipe/errors.ts'
import { describeTeacherError } from '../teacher/errors.ts'
import { describeError, type RunError } from './errors.ts'
import { printable, printableLine } from './printable.ts'

/** Texts with what a terminal obeys: escape sequences of both kinds, \r, bells, marks of direction, halves of pairs. */
const hostile = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary', maxLength: 5 }),
      fc.constantFrom(
        '\u001b[31m',
        '\u009b2J',
        '\u001b]0;title\u0007',
        '\r',
        '\b',
        '\u007f',
        '\u202e',
        '\u2066',
        '\u200f',
      ),
      fc.constantFrom('\u061c', '\u2028', '\u2029', '\ud800', 'é', '👩‍🔬', '\n', '\t'),
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

// Written apart from the code: ranges of the Unicode tables.
const obeyed = (text: string): boolean =>
  // eslint-disable-next-line no-control-regex -- they are what is looked for
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/.test(text)

describe('text of others', () => {
  test('has nothing left that a terminal obeys, and is written the same when it is written again', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(obeyed(printable(text))).toBe(false)
        expect(() => encodeURIComponent(printable(text))).not.toThrow()
        expect(printable(printable(text))).toBe(printable(text))
        expect(printableLine(text)).not.toMatch(/[\n\t]/)
      }),
      { seed: 1, numRuns: 500 },
    )
  })

  test('of ordinary characters is as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom('a', 'é', 'ß', '数', '👩‍🔬', '"', '\\', '\n', '│') }), (text) => {
        expect(printable(text)).toBe(text)
      }),
      { seed: 1 },
    )
  })

  test('that is JSON stays JSON of the same value', () => {
    fc.assert(
      fc.property(fc.dictionary(hostile, hostile), (value) => {
        expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value)
      }),
      { seed: 1, numRuns: 300 },
    )
  })

  test('in what is said of a failure has no control sequences, wherever it stands', () => {
    const errors = (text: string): readonly RunError[] => [
      { _tag: 'NonFinite', phase: text, step: 1, metric: text, value: NaN },
      { _tag: 'EmptyDataset', name: text },
      { _tag: 'UnknownToken', text, position: 0 },
      { _tag: 'CorruptCheckpoint', path: text, reason: text },
      { _tag: 'OtherSettings', path: text, name: text, found: text, wanted: text },
      { _tag: 'Locked', folder: text, pid: 1, host: text, file: text },
      { _tag: 'FileFailure', path: text, code: text, reason: text },
      { _tag: 'SinkFailed', sink: text, reason: text },
      { _tag: 'NoDistribution', rows: [], message: text },
      { _tag: 'DeviceFailed', error: { _tag: 'Unavailable', message: text } as never },
    ]
    fc.assert(
      fc.property(hostile, (text) => {
        const said = [
          ...errors(text).map(describeError),
          ...errors(text).map((error) => describeStageError({ stage: text, error })),
          describeStageError({ stage: text, error: { _tag: 'Occupied', folder: text, found: text } }),
          describeTeacherError({ _tag: 'Refused', status: 400, url: text, message: text }),
          describeTeacherError({
            _tag: 'GaveUp',
            attempts: 2,
            last: { _tag: 'ServerFailed', status: 500, wait: null, message: text },
          }),
          describeTeacherError({
            _tag: 'GaveUp',
            attempts: 1,
            last: { _tag: 'Garbage', reason: text, excerpt: text },
          }),
          describeTeacherError({ _tag: 'CacheFailure', path: text, code: text, reason: text }),
        ]
        expect(said.filter(obeyed)).toEqual([])
      }),
      { seed: 1, numRuns: 200 },
    )
  })
})
