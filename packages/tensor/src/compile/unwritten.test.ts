/** Stacked results, and those of branches, start from memory that holds anything: none of it is ever read. */
import { mismatch } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluateWith } from '../graph/evaluate.ts'
import type { Expr, Graph } from '../graph/expr.ts'
import { trace } from '../graph/graph.ts'
import { loop, type Trips, unwritten } from '../graph/loop.ts'
import { typed } from '../graph/tensor.ts'
import { add, cond, gt, mul, scan, sin, sum, type Scalar, type Tensor } from '../index.ts'
import { kernelSteps } from '../loops/program.ts'
import * as p from '../primitives/index.ts'
import { host, kinds } from './capabilities.support.ts'
import { playProgram } from './playing.support.ts'
import { schedule } from './schedule.ts'
import { verifyUnwritten } from './unwritten.ts'

type F32 = Tensor<readonly number[], 'f32'>

/** A scan in a scan, from either end, with branches: each kind of stacked result. */
interface Case {
  readonly rows: number
  readonly columns: number
  readonly reverse: readonly [boolean, boolean]
  readonly both: boolean
}
const cases: fc.Arbitrary<Case> = fc.record({
  rows: fc.integer({ min: 0, max: 5 }),
  columns: fc.integer({ min: 1, max: 4 }),
  reverse: fc.tuple(fc.boolean(), fc.boolean()),
  both: fc.boolean(),
})
const stacks =
  ({ reverse: [outer, inner], both }: Case) =>
  (c: F32, xs: F32): readonly F32[] => {
    const element = (s: F32, x: F32): readonly [F32, F32] => [sin(add(s, x)), mul(s, x)]
    const [last, [made, chosen]] = scan(
      (s: F32, row: F32): readonly [F32, readonly [F32, F32]] => {
        const [next, all] = scan(element, { reverse: inner })(s, row) as readonly [F32, F32]
        const large: Scalar<'bool'> = gt(sum()(row) as Scalar, 0)
        const branch = cond(
          large,
          (): F32 => mul(all, 2),
          (): F32 => add(all, 1),
        )()
        return [next, [both ? all : branch, branch]]
      },
      { reverse: outer },
    )(c, xs) as readonly [F32, readonly [F32, F32]]
    return [last, made, chosen]
  }

describe.each(Object.entries(kinds))('as %s would schedule them', (_, capabilities) => {
  it('scans and branches read nothing that was not written, and write no zeros', () => {
    fc.assert(
      fc.property(cases, (of) => {
        const [c, xs] = [
          p.parameter({ shape: [], dtype: 'f32' }),
          p.parameter({ shape: [of.rows, of.columns], dtype: 'f32' }),
        ]
        const outputs = stacks(of)(typed<readonly number[], 'f32'>(c), typed<readonly number[], 'f32'>(xs))
        const program = schedule(capabilities)({ inputs: [c, xs], outputs, donated: [false, false] })
        const large = kernelSteps(program.steps).filter(
          ({ kernel }) => kernel.name === 'fill' && kernel.buffers[0]!.size > 1,
        )
        if (of.rows > 0) expect(large).toEqual([])
        const data = [[0.3], Array.from({ length: of.rows * of.columns }, (__, i) => Math.sin(1.7 * i))].map((x) =>
          Float64Array.from(x),
        )
        const given = new Map([c, xs].map((x, i) => [x, { shape: x.shape, dtype: x.dtype, data: data[i]! }]))
        const wanted = evaluateWith(outputs, given).map((v) => v.data)
        // The player's memory is full of NaN before it is written to.
        playProgram(program, data).forEach((got, i) => {
          expect(mismatch(got, wanted[i]!, { relative: 1e-9, absolute: 1e-9 })).toBeNull()
        })
      }),
      { seed: 3, numRuns: 60 },
    )
  })
})

describe('a loop that starts from memory nothing was written to', () => {
  const zero = p.fill([], 'i32', 0)
  const next = (i: Expr): Expr => p.add(i, p.fillLike(i, 1))
  const x = p.parameter({ shape: [2], dtype: 'f32' })
  const stack = unwritten({ shape: [3, 2], dtype: 'f32' })
  const write = (ys: Expr, at: Expr, value: Expr): Expr =>
    p.dynamicUpdateSlice(ys, p.reshape(value, [1, 2]), [at, zero])
  type Body = (x: Expr, i: Expr, ys: Expr) => readonly [next: Expr, stack: Expr]
  const rounds = (trips: Trips, body: Body, begin: Expr = zero): readonly Expr[] => {
    const { graph: of }: { readonly graph: Graph } = trace('loop', ([v, i, ys]) => body(v!, i!, ys!), [x, begin, stack])
    return loop(of, 1, trips, [x, begin, stack])
  }

  it('passes where each row is written once, in any order, or more than once', () => {
    verifyUnwritten(rounds(3, (v, i, ys) => [next(i), write(ys, i, v)]))
    verifyUnwritten(rounds(3, (v, i, ys) => [next(i), write(ys, p.sub(p.fillLike(i, 2), i), v)]))
    verifyUnwritten(rounds(7, (v, i, ys) => [next(i), write(ys, i, v)]))
    expect(
      kernelSteps(
        schedule(host)({
          inputs: [x],
          outputs: [rounds(3, (v, i, ys) => [next(i), write(ys, i, v)])[1]!],
          donated: [false],
        }).steps,
      ),
    ).toHaveLength(3)
  })

  it.each<readonly [string, RegExp, () => readonly Expr[]]>([
    [
      'a row is left out',
      /2 elements of a carry are written by no round/,
      () => rounds(2, (v, i, ys) => [next(i), write(ys, i, v)]),
    ],
    [
      'a counter starts elsewhere',
      /written by no round/,
      () => rounds(3, (v, i, ys) => [next(i), write(ys, i, v)], p.fill([], 'i32', 1)),
    ],
    [
      'only data says where rows go',
      /written by no round/,
      () => rounds(3, (v, i, ys) => [next(i), write(ys, p.cast('i32', p.reduceSum(v, [0])), v)]),
    ],
    [
      'a round reads a row',
      /reads what nothing was written to/,
      () => rounds(3, (_, i, ys) => [next(i), write(ys, i, p.reduceSum(ys, [0]))]),
    ],
    [
      'a round computes with all of it',
      /reads what nothing was written to/,
      () => rounds(3, (_, i, ys) => [next(i), p.add(ys, ys)]),
    ],
    ['a round leaves it', /becomes one that nothing was written to/, () => rounds(3, (_, i, ys) => [next(i), ys])],
    ['something else reads it', /add reads what nothing was written to/, () => [p.add(stack, stack)]],
    ['it is a result', /result was never written/, () => [stack]],
  ])('is refused where %s', (_, message, made) => {
    expect(() => verifyUnwritten(made())).toThrow(message)
  })
})
