import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  add,
  type Axis,
  clamp,
  constant,
  div,
  flatten,
  type Ix,
  mod,
  ofAxis,
  offset,
  scale,
  sub,
  unflatten,
} from './ix.ts'

/** The meaning of an index at given axis values. */
const at = (ix: Ix, env: ReadonlyMap<number, number>): number => {
  let sum = ix.constant
  for (const { coef, atom } of ix.terms) {
    switch (atom.kind) {
      case 'axis':
        sum += coef * env.get(atom.axis.id)!
        break
      case 'div':
        sum += coef * Math.floor(at(atom.of, env) / atom.by)
        break
      case 'mod': {
        const v = at(atom.of, env)
        sum += coef * (v - Math.floor(v / atom.by) * atom.by)
        break
      }
      case 'clamp':
        sum += coef * Math.min(Math.max(at(atom.of, env), atom.lo), atom.hi)
        break
      case 'value':
        throw new Error('no data here')
    }
  }
  return sum
}

interface Case {
  readonly ix: Ix
  readonly direct: (env: ReadonlyMap<number, number>) => number
}
const axes: readonly Axis[] = [2, 3, 4, 5, 6, 12].map((extent, i) => ({ id: i + 1, extent }))
const leaf: fc.Arbitrary<Case> = fc.oneof(
  fc.constantFrom(...axes).map((a): Case => ({ ix: ofAxis(a), direct: (env) => env.get(a.id)! })),
  fc.integer({ min: -20, max: 20 }).map((c): Case => ({ ix: constant(c), direct: () => c })),
)
const divisor = fc.constantFrom(1, 2, 3, 4, 5, 6, 8, 12, 24, 30)
const expression: fc.Arbitrary<Case> = fc.letrec<{ e: Case }>((tie) => ({
  e: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    leaf,
    fc
      .tuple(tie('e'), tie('e'))
      .map(([p, q]): Case => ({ ix: add(p.ix, q.ix), direct: (v) => p.direct(v) + q.direct(v) })),
    fc
      .tuple(tie('e'), tie('e'))
      .map(([p, q]): Case => ({ ix: sub(p.ix, q.ix), direct: (v) => p.direct(v) - q.direct(v) })),
    fc.tuple(tie('e'), divisor).map(([p, n]): Case => ({ ix: scale(p.ix, n), direct: (v) => p.direct(v) * n })),
    fc
      .tuple(tie('e'), divisor)
      .map(([p, n]): Case => ({ ix: div(p.ix, n), direct: (v) => Math.floor(p.direct(v) / n) })),
    fc
      .tuple(tie('e'), divisor)
      .map(([p, n]): Case => ({ ix: mod(p.ix, n), direct: (v) => p.direct(v) - Math.floor(p.direct(v) / n) * n })),
    fc
      .tuple(tie('e'), divisor)
      .map(([p, n]): Case => ({ ix: clamp(p.ix, -n, n), direct: (v) => Math.min(Math.max(p.direct(v), -n), n) })),
  ),
})).e
const environment = fc
  .tuple(...axes.map((a) => fc.integer({ min: 0, max: a.extent - 1 })))
  .map((values) => new Map(axes.map((a, i) => [a.id, values[i]!])))

describe('index algebra', () => {
  it('canonical forms mean what was written, and stay within their range', () => {
    fc.assert(
      fc.property(expression, environment, ({ ix, direct }, env) => {
        const value = at(ix, env)
        return value === direct(env) && ix.lo <= value && value <= ix.hi
      }),
      { seed: 1, numRuns: 3000 },
    )
  })

  it('unflatten . flatten = id, for any shape and any row-major re-reading of it', () => {
    const shape = fc.array(fc.constantFrom(1, 2, 3, 4, 6), { minLength: 0, maxLength: 4 })
    fc.assert(
      fc.property(shape, (dims) => {
        const own = dims.map((extent, i) => ofAxis({ id: 100 + i, extent }))
        const again = unflatten(flatten(own, dims), dims)
        expect(again.map((ix) => ix.key)).toEqual(own.map((ix) => ix.key))
      }),
      { seed: 2, numRuns: 300 },
    )
  })

  it('a split and re-joined axis cancels: heads of a width', () => {
    const c = ofAxis({ id: 7, extent: 64 })
    const [h, d] = unflatten(c, [4, 16]) as [Ix, Ix]
    expect(flatten([h, d], [4, 16]).key).toBe(c.key)
    const [three, head, dim] = unflatten(ofAxis({ id: 8, extent: 192 }), [3, 4, 16]) as [Ix, Ix, Ix]
    expect(flatten([three, head, dim], [3, 4, 16]).terms).toHaveLength(1)
  })

  it('subtracting an index from itself leaves nothing', () => {
    const e = add(mod(ofAxis(axes[5]!), 5), offset(div(ofAxis(axes[4]!), 4), 3))
    expect(sub(e, e).key).toBe('0')
  })
})
