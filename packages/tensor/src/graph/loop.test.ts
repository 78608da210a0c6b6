import { describe, expect, it } from 'vitest'
import { evaluate } from './evaluate.ts'
import type { Expr } from './expr.ts'
import { trace } from './graph.ts'
import * as p from '../primitives/index.ts'
import { loop, loopP } from './loop.ts'

const scalar = (v: number, dtype: 'f32' | 'i32' | 'bool' = 'f32'): Expr => p.fill([], dtype, v)
const values = (xs: readonly Expr[]): readonly (readonly number[])[] => evaluate(xs).map((v) => Array.from(v.data))
/** x, i -> x a, i + 1 (and whether i + 1 < n). */
const powers = trace('test', ([a, x, i]) => [p.mul(x!, a!), p.add(i!, scalar(1, 'i32'))], [
  scalar(0),
  scalar(0),
  scalar(0, 'i32'),
]).graph
const powersUpTo = trace(
  'test',
  ([n, x, i]) => {
    const next = p.add(i!, scalar(1, 'i32'))
    return [p.mul(x!, scalar(3)), next, p.lt(next, n!)]
  },
  [scalar(0, 'i32'), scalar(0), scalar(0, 'i32'), scalar(0, 'bool')],
).graph

describe('a loop', () => {
  it('is its rounds one after another', () => {
    expect(values(loop(powers, 1, 5, [scalar(2), scalar(3), scalar(0, 'i32')]))).toEqual([[96], [5]])
    expect(values(loop(powers, 1, 0, [scalar(2), scalar(3), scalar(7, 'i32')]))).toEqual([[3], [7]])
  })

  it('goes on while its last carry is true, which may be never', () => {
    const up = (go: number): readonly Expr[] =>
      loop(powersUpTo, 1, null, [scalar(4, 'i32'), scalar(1), scalar(0, 'i32'), scalar(go, 'bool')])
    expect(values(up(1))).toEqual([[81], [4], [0]])
    expect(values(up(0))).toEqual([[1], [0], [0]])
    const atMost = (n: number): readonly Expr[] =>
      loop(powersUpTo, 1, { atMost: n }, [scalar(4, 'i32'), scalar(1), scalar(0, 'i32'), scalar(1, 'bool')])
    expect(values(atMost(2))).toEqual([[9], [2], [1]])
    expect(values(atMost(9))).toEqual([[81], [4], [0]])
  })

  it('carries nothing: it is nothing', () => {
    expect(loop(trace('test', () => [], [scalar(0)]).graph, 1, 3, [scalar(2)])).toEqual([])
  })

  it('refuses a body that does not fit', () => {
    const args = [scalar(2), scalar(3), scalar(0, 'i32')]
    expect(() => loop(powers, 1, 5, args.slice(1))).toThrow(/3 inputs was given 2/)
    expect(() => loop(powers, 1, 5, args.toReversed())).toThrow(/input 0 of the body is a f32\[\], and was given a i32/)
    expect(() => loop(powers, 0, 5, args)).toThrow(/3 carries become 2/)
    expect(() => loop(powers, 1, null, args)).toThrow(/should say whether it goes on/)
    expect(() => loop(powers, 1, 1.5, args)).toThrow(/1.5 rounds/)
    const grows = trace('test', ([x]) => [p.concat([x!, x!], 0)], [p.fill([2], 'f32', 0)]).graph
    expect(() => loop(grows, 0, 1, [p.fill([2], 'f32', 0)])).toThrow(/carry 0 is a f32\[2\], and becomes a f32\[4\]/)
    expect(() => loopP.vjp([], [], args, { body: powers, operands: 1, trips: 1, flagged: false }, [])).toThrow(
      /differentiated/,
    )
    expect(() => loopP.batch(args, [true], 1, { body: powers, operands: 1, trips: 1, flagged: false })).toThrow(
      /batched/,
    )
  })
})
