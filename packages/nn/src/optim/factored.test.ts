import { describe, expect, test } from 'vitest'
import { tree, zeros } from '@adjoint/tensor'
import { adafactor } from './adafactor.ts'
import { scaleByFactoredRms } from './factored.ts'
import { isPlain, leavesOf, near, values } from './steps.support.ts'
import { chain, opaque, type GradientTransformation } from './transformation.ts'
import { scale } from './scale.ts'

/** Algorithm 4 for matrices with two axes of 2 or more, algorithm 5's whole moment for other leaves; 1 matrix or several. */
const plainFactored = (g: readonly number[], shape: readonly number[]) => {
  const axes = shape.map((_, i) => i).sort((a, b) => shape[a]! - shape[b]!)
  const factored = shape.length >= 2 && shape[axes.at(-2)!]! >= 2
  const [row, column] = [axes.at(-2)!, axes.at(-1)!]
  // The position of an element with one axis left out.
  const key = (flat: number, without: number): number => {
    let [rest, stride, out] = [flat, 1, 0]
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const i = rest % shape[axis]!
      rest = (rest - i) / shape[axis]!
      if (axis === without) continue
      out += i * stride
      stride *= shape[axis]!
    }
    return out
  }
  const [r, c] = [new Map<number, number>(), new Map<number, number>()]
  const v = g.map(() => 0)
  return (now: readonly number[], t: number): readonly number[] => {
    const b = 1 - t ** -0.8
    const s = now.map((x) => x * x + 1e-30)
    if (!factored)
      return now.map((x, j) => {
        v[j] = b * v[j]! + (1 - b) * s[j]!
        return x / Math.sqrt(v[j])
      })
    const mean = (without: number, at: number): number => {
      const of = s.filter((_, j) => key(j, without) === at)
      return of.reduce((a, x) => a + x, 0) / of.length
    }
    for (const [held, axis] of [
      [r, column],
      [c, row],
    ] as const)
      for (const at of new Set(now.map((_, j) => key(j, axis))))
        held.set(at, b * (held.get(at) ?? 0) + (1 - b) * mean(axis, at))
    return now.map((x, j) => {
      // The mean of the rows' moments over the row axis, in the matrix of this element.
      const mine = now
        .map((_, k) => k)
        .filter((k) => {
          const strip = (flat: number): string => {
            let rest = flat
            const index = shape.map(() => 0)
            for (let axis = shape.length - 1; axis >= 0; axis--) {
              index[axis] = rest % shape[axis]!
              rest = (rest - index[axis]!) / shape[axis]!
            }
            return index.filter((_, axis) => axis !== row && axis !== column).join()
          }
          return strip(k) === strip(j)
        })
      const rows = new Set(mine.map((k) => key(k, column)))
      const whole = [...rows].reduce((a, at) => a + r.get(at)!, 0) / rows.size
      return x / Math.sqrt((r.get(key(j, column))! * c.get(key(j, row))!) / whole)
    })
  }
}
const rms = (xs: readonly number[]): number => Math.sqrt(xs.reduce((s, x) => s + x * x, 0) / Math.max(1, xs.length))

describe('scaleByFactoredRms', () => {
  test('is algorithms 4 and 5 written out', () => {
    const optimizer: GradientTransformation = opaque(chain(scaleByFactoredRms({ minFactored: 2 }), scale(-0.125)))
    isPlain(
      optimizer,
      (p, gradients, shape) => {
        const step = plainFactored(p, shape)
        gradients.forEach((g, i) => {
          step(g, i + 1).forEach((u, j) => {
            p[j] = p[j]! - 0.125 * u
          })
        })
      },
      4,
    )
  })

  test('the state of a matrix is its rows and columns', () => {
    const state = scaleByFactoredRms({}).init({ w: zeros([256, 512]), b: zeros([256]) })
    expect(tree.size(state)).toBe(256 + 512 + 256 + 2)
    expect(state.full.nu).toEqual({ w: null, b: expect.objectContaining({ shape: [256] }) as unknown })
  })
})

describe('adafactor', () => {
  test('is algorithm 6 written out, with its relative step', () => {
    isPlain(adafactor({ minFactored: 2, momentum: 0.5, weightDecay: 0.125 }), (p, gradients, shape) => {
      const step = plainFactored(p, shape)
      const m = p.map(() => 0)
      gradients.forEach((g, i) => {
        const u = step(g, i + 1)
        const size = Math.max(rms(p), 1e-3) * Math.min(1e-2, 1 / Math.sqrt(i + 1))
        const clipped = Math.max(1, rms(u))
        u.forEach((uj, j) => {
          m[j] = 0.5 * m[j]! + 0.5 * ((size * uj) / clipped)
        })
        m.forEach((mj, j) => {
          p[j] = p[j]! - (mj + 0.125 * p[j]!)
        })
      })
    })
  })

  test('another learning rate, no clipping, steps of one size', () => {
    const optimizer = adafactor({ learningRate: 0.5, relative: false, clip: null })
    const g = leavesOf({ w: { shape: [2], data: [3, -0.5] } })
    near(values(optimizer.update(g, optimizer.init(g), g)[0]), [-0.5, 0.5])
  })
})
