import { describe, expect, it } from 'vitest'
import * as I from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import { interpret } from '../../../loops/interpret.ts'
import {
  bases,
  cases,
  decades,
  edges,
  functionKernel,
  grid,
  range,
  ulps,
  xs,
  ys,
} from '../../linear/functions.support.ts'
import * as S from '../../../loops/scalar.ts'
import { printLoop } from './loop.ts'
import { run } from './running.support.ts'

/** f(x, y) over arrays, in lanes of four or one by one, with its meaning in doubles. */
const evaluated = (
  f: (x: S.Scalar, y: S.Scalar) => S.Scalar,
  xs: readonly number[],
  ys: readonly number[] = xs,
  lanes = true,
): { readonly got: Float64Array; readonly want: Float64Array } => {
  const kernel = functionKernel(f, xs.length, lanes)
  const data = () => [
    Float64Array.from(xs, Math.fround),
    Float64Array.from(ys, Math.fround),
    new Float64Array(xs.length),
  ]
  const [want, got] = [data(), data()]
  interpret(kernel, want)
  run(kernel, printLoop(kernel), got)
  return { got: got[2]!, want: want[2]! }
}

describe('unary operators in f32', () => {
  for (const [op, bound, xs] of cases)
    it(`${op} is within ${bound} ulp, with the edges of Math`, () => {
      for (const lanes of [true, false]) {
        const some = lanes ? xs : [...xs.filter((_, i) => i % 7 === 0), ...xs.slice(-edges.length)]
        const { got, want } = evaluated((x) => S.unary(op, x), some, some, lanes)
        let worst = 0
        let at = 0
        got.forEach((y, i) => {
          const distance = ulps(y, want[i]!)
          if (distance > worst) [worst, at] = [distance, i]
        })
        expect(worst, `${op}(${some[at]!}) = ${got[at]!}, not ${want[at]!}`).toBeLessThanOrEqual(bound)
      }
    })

  it('exp of an element less the greatest of its row is exp, bit for bit, and NaN where that is', () => {
    const below = [...range(-110, 0), ...decades(-30, 3).filter((x) => x < 0), 0, -0, -Infinity, -87.33654, -87.33655]
    const rows = [
      [0, ...below],
      [3, ...below.map((x) => x + 3)],
      [0, ...below, NaN],
      [-Infinity, -Infinity],
    ]
    for (const row of rows) {
      const xs = row.map(Math.fround)
      const [i, j] = [
        { id: 0, extent: 1 },
        { id: 1, extent: xs.length },
      ]
      const x = S.load(0, I.ofAxis(j), 'f32')
      const kernel: LoopKernel = {
        kind: 'loop',
        name: 'exp(x - max x)',
        buffers: [true, false].map((read) => ({ dtype: 'f32', size: xs.length, read, write: !read })),
        rows: [i],
        cols: [j],
        reductions: [{ op: 'max', dtype: 'f32', value: x, running: false }],
        stores: [
          {
            buffer: 1,
            at: I.ofAxis(j),
            value: S.unary('exp', S.binary('sub', x, S.reduced(0, 'f32'))),
            scope: 'full',
            mode: 'set',
          },
        ],
      }
      const got = [Float64Array.from(xs), new Float64Array(xs.length)]
      run(kernel, printLoop(kernel), got)
      const greatest = Math.max(...xs)
      const differences = xs.map((x) => Math.fround(x - greatest))
      for (const lanes of [true, false])
        expect(evaluated((x) => S.unary('exp', x), differences, undefined, lanes).got).toEqual(got[1])
    }
  })

  it('rises where the function does', () => {
    for (const op of ['exp', 'tanh', 'sigmoid', 'erf', 'expm1'] as const) {
      const { got } = evaluated((x) => S.unary(op, x), range(-8, 8, 2001))
      for (let i = 1; i < got.length; i++)
        expect(got[i]! - got[i - 1]!).toBeGreaterThanOrEqual(-4e-7 * Math.abs(got[i]!))
    }
  })
})

describe('binary operators in f32', () => {
  it('pow is within 1e-6, with the special values of C', () => {
    for (const lanes of [true, false]) {
      const { got, want } = evaluated((x, y) => S.binary('pow', x, y), xs, ys, lanes)
      got.forEach((y, i) =>
        expect(ulps(y, want[i]!), `pow(${xs[i]!}, ${ys[i]!}) = ${y}, not ${want[i]!}`).toBeLessThan(9),
      )
    }
    const powers = bases.map((_, i) => ((i * 37) % 47) - 23.3)
    const { got, want } = evaluated((x, y) => S.binary('pow', x, y), bases, powers)
    got.forEach((y, i) =>
      expect(ulps(y, want[i]!), `pow(${bases[i]!}, ${powers[i]!}) = ${y}, not ${want[i]!}`).toBeLessThan(3),
    )
  })
  it('max and min hand NaN on; mod has the sign of the divisor', () => {
    for (const op of ['max', 'min', 'mod', 'add', 'div'] as const) {
      for (const lanes of [true, false]) {
        const { got, want } = evaluated((x, y) => S.binary(op, x, y), xs, ys, lanes)
        got.forEach((y, i) => {
          expect(ulps(y, want[i]!), `${op}(${xs[i]!}, ${ys[i]!}) = ${y}, not ${want[i]!}`).toBeLessThanOrEqual(1)
        })
      }
    }
    const divisors = bases.map((_, i) => ((i * 37) % 47) - 23.3)
    const { got, want } = evaluated((x, y) => S.binary('mod', x, y), bases, divisors)
    got.forEach((y, i) => expect(Math.abs(y - want[i]!), `mod(${bases[i]!}, ${divisors[i]!})`).toBeLessThan(2e-5))
  })
  it('casts truncate and saturate', () => {
    for (const dtype of ['i32', 'u32', 'bool'] as const)
      for (const lanes of [true, false]) {
        const { got, want } = evaluated((x) => S.cast(dtype, x), [...grid, 3e9, -3e9, 5e9], undefined, lanes)
        expect(Array.from(got)).toEqual(Array.from(want, (v) => v + 0))
      }
  })
})
