import { describe, expect, test } from 'vitest'
import { duration, grouped, percent, ranged, short } from './format.ts'

describe('numbers in few characters', () => {
  test.each([
    [0, '0'],
    [0.94238, '0.942'],
    [1.02549, '1.025'],
    [9.8476, '9.848'],
    [2517, '2517'],
    [-0.5, '-0.5'],
    [2.13e-5, '2.13e-5'],
    [12345678.5, '1.23e7'],
    [null, '–'],
  ])('%s is %s', (x, text) => expect(short(x)).toBe(text))

  test('ranges are there where the seeds differ to the eye', () => {
    expect(ranged(0.94, 0.93, 0.951)).toBe('0.94 (0.93–0.951)')
    expect(ranged(1, 1.0000001, 1.0000002)).toBe('1')
    expect(ranged(-1, -2, 0)).toBe('-1 (-2 to 0)')
    expect(ranged(null, null, null)).toBe('–')
  })

  test('times, shares, thousands', () => {
    expect([duration(870), duration(12_340), duration(245_000), duration(3_720_000)]).toEqual([
      '870 ms',
      '12.3 s',
      '4 min 5 s',
      '1 h 2 min',
    ])
    expect([percent(0), percent(0.004), percent(0.0999), percent(0.73), percent(1)]).toEqual([
      '0 %',
      '0.4 %',
      '10 %',
      '73 %',
      '100 %',
    ])
    expect(grouped(12345)).toBe('12\u202f345')
  })
})
