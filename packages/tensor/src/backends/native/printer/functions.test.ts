import { beforeAll, describe, expect, it } from 'vitest'
import { interpret } from '../../../loops/interpret.ts'
import * as S from '../../../loops/scalar.ts'
import { bases, cases, edges, functionKernel, grid, ulps, xs, ys } from '../../linear/functions.support.ts'
import { openTrial, type Run } from './running.support.ts'

const trial = await openTrial()

interface Function {
  readonly name: string
  readonly of: (x: S.Scalar, y: S.Scalar) => S.Scalar
  readonly xs: readonly number[]
  readonly ys: readonly number[]
  readonly lanes: boolean
  /** Units in the last place. */
  readonly bound: number
}
const both = (f: Omit<Function, 'lanes'>): readonly Function[] => [
  { ...f, lanes: true },
  { ...f, lanes: false, name: `${f.name}, one by one` },
]
const powers = bases.map((_, i) => ((i * 37) % 47) - 23.3)
const wide = [...grid, 3e9, -3e9, 5e9]
const functions: readonly Function[] = [
  ...cases.flatMap(([op, bound, all]) => {
    const of = (x: S.Scalar): S.Scalar => S.unary(op, x)
    const few = [...all.filter((_, i) => i % 7 === 0), ...all.slice(-edges.length)]
    return [
      { name: op, of, xs: all, ys: all, bound, lanes: true },
      { name: `${op}, one by one`, of, xs: few, ys: few, bound, lanes: false },
    ]
  }),
  ...(['max', 'min', 'mod', 'add', 'div', 'pow'] as const).flatMap((op) =>
    both({ name: op, of: (x, y) => S.binary(op, x, y), xs, ys, bound: op === 'pow' ? 9 : 1 }),
  ),
  ...both({ name: 'powers', of: (x, y) => S.binary('pow', x, y), xs: bases, ys: powers, bound: 3 }),
  ...(['i32', 'u32', 'bool'] as const).flatMap((dtype) =>
    both({ name: `to ${dtype}`, of: (x) => S.cast(dtype, x), xs: wide, ys: wide, bound: 0 }),
  ),
  ...(['f16', 'bf16'] as const).flatMap((dtype) =>
    both({ name: dtype, of: (x) => S.unary(dtype, x), xs: [...xs, ...bases], ys: [...ys, ...bases], bound: 0 }),
  ),
]

describe.runIf(trial !== null)('functions in C, in f32, with the edges of Math', () => {
  let runs: readonly Run[]
  beforeAll(() => {
    runs = trial!.compile(functions.map((f) => functionKernel(f.of, f.xs.length, f.lanes)))
  }, 120_000)

  it.each(functions.map((f, i) => [f.name, f, i] as const))('%s', (_, { of, xs: x, ys: y, lanes, bound }, i) => {
    const data = () => [
      Float64Array.from(x, Math.fround),
      Float64Array.from(y, Math.fround),
      new Float64Array(x.length),
    ]
    const [want, got] = [data(), data()]
    interpret(functionKernel(of, x.length, lanes), want)
    runs[i]!(got)
    let worst = 0
    let at = 0
    got[2]!.forEach((g, j) => {
      const distance = ulps(g, want[2]![j]!)
      if (distance > worst) [worst, at] = [distance, j]
    })
    expect(worst, `f(${x[at]!}, ${y[at]!}) = ${got[2]![at]!}, not ${want[2]![at]!}`).toBeLessThanOrEqual(bound)
  })
})
