import type { Floats } from '@adjoint/nn'
import { checkGrads, grad } from '@adjoint/autograd'
import { jit, log, readAsync, type Scalar, sum, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { testDevice } from '../run/device.support.ts'
import { law, near, values } from '../policy/rollouts.support.ts'
import { at, klOf, logits, row, softmax } from './divergence.support.ts'
import { atTemperature, type Divergence, forwardKl, generalizedJsd, reverseKl } from './divergence.ts'
import { tailBucket, truncated } from './top-k.ts'

const device = await testDevice()

// -- logits, and what the formulas say of them in plain arithmetic ---------------------------------
const pairs = fc.integer({ min: 1, max: 7 }).chain((n) => fc.record({ t: logits(n), s: logits(n) }))
const jsdOf = (beta: number, p: readonly number[], q: readonly number[]): number => {
  const m = p.map((v, i) => beta * v + (1 - beta) * q[i]!)
  return beta * klOf(p, m) + (1 - beta) * klOf(q, m)
}
const weight = fc.double({ min: 0.02, max: 0.98, noNaN: true })
const all: readonly (readonly [string, Divergence])[] = [
  ['forward KL', forwardKl],
  ['reverse KL', reverseKl],
  ['JSD(0.5)', generalizedJsd(0.5)],
  ['JSD(0.1)', generalizedJsd(0.1)],
  ['JSD(0.9)', generalizedJsd(0.9)],
]
const logOf = (p: readonly number[]): readonly number[] => values(log(tensor(p)))

describe('known values', () => {
  const [T, S] = [logOf([0.9, 0.1]), logOf([0.1, 0.9])]
  test('T = (.9,.1), S = (.1,.9): KL 1.75778, JSD(1/2) 0.36806', () => {
    expect(at(forwardKl, T, S)).toBeCloseTo(1.75778, 5)
    expect(at(reverseKl, T, S)).toBeCloseTo(1.75778, 5)
    expect(at(generalizedJsd(0.5), T, S)).toBeCloseTo(0.36806, 5)
  })
  test('the directions: T = (.9,.1), S = (.5,.5)', () => {
    const even = logOf([0.5, 0.5])
    expect(at(forwardKl, T, even)).toBeCloseTo(0.9 * Math.log(1.8) + 0.1 * Math.log(0.2), 6)
    expect(at(reverseKl, T, even)).toBeCloseTo(-0.5 * (Math.log(1.8) + Math.log(0.2)), 6)
    expect(at(generalizedJsd(0), T, even)).toBe(at(forwardKl, T, even))
    expect(at(generalizedJsd(1), T, even)).toBe(at(reverseKl, T, even))
  })
  test('weights and temperatures that are none are refused', () => {
    for (const beta of [-0.1, 1.1, NaN]) expect(() => generalizedJsd(beta)).toThrow(/forward KL/)
    for (const t of [0, -1, NaN, Infinity]) expect(() => atTemperature(t)).toThrow(/positive/)
  })
})

describe('divergences', () => {
  law('are what the formulas say', fc.tuple(pairs, weight), ([{ t, s }, beta]) => {
    const [p, q] = [softmax(t), softmax(s)]
    return (
      near(at(forwardKl, t, s), klOf(p, q)) &&
      near(at(reverseKl, t, s), klOf(q, p)) &&
      near(at(generalizedJsd(beta), t, s), jsdOf(beta, p, q))
    )
  })

  law('are never negative, 0 from a distribution to itself, and blind to a constant in the logits', pairs, ({ t, s }) =>
    all.every(([, d]) => {
      const shifted = at(
        d,
        t.map((x) => x + 5),
        s.map((x) => x - 7),
      )
      return at(d, t, s) > -1e-7 && Math.abs(at(d, t, t)) < 1e-7 && near(shifted, at(d, t, s), 1e-5)
    }),
  )

  law('JSD is symmetric at 1/2, at most ln 2, and swaps with its weight', fc.tuple(pairs, weight), ([{ t, s }, b]) => {
    const half = at(generalizedJsd(0.5), t, s)
    const coin = -(b * Math.log(b) + (1 - b) * Math.log(1 - b))
    return (
      near(half, at(generalizedJsd(0.5), s, t)) &&
      half <= Math.LN2 + 1e-7 &&
      near(at(generalizedJsd(b), t, s), at(generalizedJsd(1 - b), s, t)) &&
      at(generalizedJsd(b), t, s) <= coin + 1e-7
    )
  })

  test('JSD reaches ln 2 between distributions that share nothing', () => {
    expect(at(generalizedJsd(0.5), [200, 0], [0, 200])).toBeCloseTo(Math.LN2, 7)
  })

  law('JSD / beta -> KL(T || S), JSD / (1 - beta) -> KL(S || T)', pairs, ({ t, s }) => {
    const tiny = 1e-4
    const [p, q] = [t.map((x) => x / 2), s.map((x) => x / 2)]
    return (
      near(at(generalizedJsd(tiny), p, q) / tiny, at(forwardKl, p, q), 3e-3) &&
      near(at(generalizedJsd(1 - tiny), p, q) / tiny, at(reverseKl, p, q), 3e-3)
    )
  })

  law('at a temperature are those of the divided logits', pairs, ({ t, s }) => {
    const [p, q] = [softmax(t.map((x) => x / 2)), softmax(s.map((x) => x / 2))]
    return (
      near(at(atTemperature(2)(forwardKl), t, s), klOf(p, q)) &&
      near(at(atTemperature(2)(generalizedJsd(0.3)), t, s), jsdOf(0.3, p, q)) &&
      at(atTemperature(1)(forwardKl), t, s) === at(forwardKl, t, s)
    )
  })

  law(
    'act on each row alone',
    fc.array(
      pairs.filter(({ t }) => t.length === 3),
      { minLength: 1, maxLength: 4 },
    ),
    (rows) =>
      all.every(([, d]) => {
        const of = (side: 't' | 's'): Floats =>
          tensor(
            rows.flatMap((r) => r[side]),
            [rows.length, 1, 3],
          )
        const together = d(of('t'), of('s'))
        return (
          together.shape.join() === `${rows.length},1` &&
          values(together).every((x, i) => near(x, at(d, rows[i]!.t, rows[i]!.s)))
        )
      }),
  )
})

describe('gradients', () => {
  law(
    'of both arguments are those of differences',
    pairs,
    ({ t, s }) => {
      for (const [, d] of all) checkGrads((x: Floats, y: Floats) => sum()(d(x, y)), { order: 1 })(row(t), row(s))
      return true
    },
    15,
  )

  law('of the forward KL in the student is S - T', pairs, ({ t, s }) => {
    const g = values(grad((x: Floats) => sum()(forwardKl(row(t), x)))(row(s)))
    const [p, q] = [softmax(t), softmax(s)]
    return g.every((v, i) => near(v, q[i]! - p[i]!))
  })

  law('are 0 where the two agree, 1/2 included', pairs, ({ t }) =>
    all.every(([, d]) => values(grad((x: Floats) => sum()(d(row(t), x)))(row(t))).every((v) => Math.abs(v) < 1e-9)),
  )

  const extreme = fc.array(fc.constantFrom(-1e4, 0, 1e4, 3, -3), { minLength: 2, maxLength: 5 })
  law(
    'and values are finite at logits of +-1e4, on both sides',
    extreme.chain((t) => fc.record({ t: fc.constant(t), s: fc.shuffledSubarray(t, { minLength: t.length }) })),
    ({ t, s }) =>
      all.every(([, d]) => {
        const total = (x: Floats, y: Floats): Scalar => sum()(d(x, y))
        return [
          ...values(d(row(t), row(s))),
          ...values(grad((x: Floats) => total(x, row(s)))(row(t))),
          ...values(grad((y: Floats) => total(row(t), y))(row(s))),
        ].every(Number.isFinite)
      }),
  )

  test('a teacher may rule tokens out: forward KL and JSD stay finite, and the reverse KL is infinite', () => {
    const [t, s] = [
      [1, -Infinity, 0],
      [0.5, 0.2, -1],
    ]
    for (const d of [forwardKl, generalizedJsd(0.5), generalizedJsd(0.1)]) {
      const g = values(grad((x: Floats) => sum()(d(row(t), x)))(row(s)))
      expect([at(d, t, s), ...g].every(Number.isFinite)).toBe(true)
      // What the teacher rules out is pushed down.
      expect(g[1]).toBeGreaterThan(0)
    }
    expect(at(reverseKl, t, s)).toBe(Infinity)
  })
})

test('in single precision on a device: finite and as in double precision, extreme logits included', async () => {
  const rows: readonly (readonly (readonly number[])[])[] = [
    [
      [1e4, -1e4, 0, 3],
      [-1e4, 1e4, 2, 0],
    ],
    [
      [1e4, 1e4, -1e4, 1e4],
      [1e4, 9999, -1e4, 1e4],
    ],
    [
      [0.3, -0.2, 1, 0],
      [0.1, 0.4, -1, 0.5],
    ],
    [
      [0.3, -0.2, 1, 0],
      [0.3, -0.2, 1, 0],
    ],
  ]
  const side = (i: 0 | 1): Floats =>
    tensor(
      rows.flatMap((r) => r[i]!),
      [rows.length, 4],
    )
  const kinds = [...all.map(([, d]) => d), truncated({ k: 2, tail: tailBucket })(forwardKl)]
  for (const d of kinds) {
    const both = (t: Floats, s: Floats) => [d(t, s), grad((x: Floats) => sum()(d(t, x)))(s)] as const
    const exact = both(side(0), side(1)).map(values)
    for (const [i, x] of jit(both, { device })(side(0), side(1)).entries()) {
      const single = Array.from(await readAsync(x, device))
      single.forEach((v, j) => expect(near(v, exact[i]![j]!, 1e-3)).toBe(true))
    }
  }
})
