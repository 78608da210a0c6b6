import { describe, expect, test } from 'vitest'
import { lamb, scaleByTrustRatio } from './lamb.ts'
import { isPlain, leavesOf, values } from './steps.support.ts'
import { opaque } from './transformation.ts'

const norm = (xs: readonly number[]): number => Math.sqrt(xs.reduce((s, x) => s + x * x, 0))

describe('lamb', () => {
  test('is algorithm 2 written out, leaf by leaf', () => {
    isPlain(opaque(lamb({ learningRate: 0.25, weightDecay: 0.125, b1: 0.5, b2: 0.75 })), (p, gradients) => {
      const [m, v] = [p.map(() => 0), p.map(() => 0)]
      gradients.forEach((g, t) => {
        const u = g.map((gj, j) => {
          m[j] = 0.5 * m[j]! + 0.5 * gj
          v[j] = 0.75 * v[j]! + 0.25 * gj * gj
          return m[j] / (1 - 0.5 ** (t + 1)) / (Math.sqrt(v[j] / (1 - 0.75 ** (t + 1))) + 1e-6) + 0.125 * p[j]!
        })
        const ratio = norm(p) === 0 || norm(u) === 0 ? 1 : norm(p) / norm(u)
        u.forEach((uj, j) => {
          p[j] = p[j]! - 0.25 * ratio * uj
        })
      })
    })
  })
})

describe('scaleByTrustRatio', () => {
  const scaled = (p: readonly number[], u: readonly number[]) => {
    const at = (data: readonly number[]) => leavesOf({ w: { shape: [data.length], data } })
    return values(scaleByTrustRatio({}).update(at(u), null, at(p))[0])
  }
  test('parameters of 0 and updates of 0 keep a ratio of 1', () => {
    expect(scaled([0, 0], [1, 2])).toEqual([1, 2])
    expect(scaled([1, 2], [0, 0])).toEqual([0, 0])
    expect(scaled([0, 0], [0, 0])).toEqual([0, 0])
  })
  test('norms that single precision cannot square do not matter', () => {
    const [a, b] = scaled([3e25, 4e25], [0, 1e30])
    expect(a).toBe(0)
    expect(b! / 5e25).toBeCloseTo(1, 5)
    expect(scaled([3e-30, 4e-30], [0, 1e-25])[1]! / 5e-30).toBeCloseTo(1, 5)
  })
})
