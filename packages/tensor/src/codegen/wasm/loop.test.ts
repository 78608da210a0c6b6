import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { DType } from '../../dtype.ts'
import * as I from '../ix.ts'
import type { Axis, Ix } from '../ix.ts'
import type { KernelBuffer, LoopKernel, Reduction, Store } from '../kernel.ts'
import * as S from '../scalar.ts'
import type { Scalar } from '../scalar.ts'
import { agrees } from './running.ts'
import { printLoop } from './loop.ts'

const buffer = (dtype: DType, size: number, write = false): KernelBuffer => ({ dtype, size, read: !write, write })
const axesOf = (extents: readonly number[], from = 0): Axis[] => extents.map((extent, i) => ({ id: from + i, extent }))
const dense = (axes: readonly Axis[], order = axes): Ix => {
  const strides = new Map<Axis, number>()
  let stride = 1
  for (const a of [...order].reverse()) {
    strides.set(a, stride)
    stride *= a.extent
  }
  return axes.reduce((ix, a) => I.add(ix, I.scale(I.ofAxis(a), strides.get(a)!)), I.constant(0))
}
const sizeOf = (axes: readonly Axis[]): number => axes.reduce((n, a) => n * a.extent, 1)

/** Expressions over f32, i32 and bool loads, closed under the operators that keep values tame. */
const expression = (leaf: (dtype: DType) => fc.Arbitrary<Scalar>): fc.Arbitrary<Scalar> => {
  const { f } = fc.letrec<{ f: Scalar; i: Scalar; b: Scalar }>((tie) => ({
    f: fc.oneof(
      { depthSize: 'small' },
      leaf('f32'),
      fc.double({ min: -2, max: 2, noNaN: true }).map((v) => S.constant('f32', Math.fround(v))),
      fc
        .tuple(
          fc.constantFrom(
            'neg',
            'abs',
            'sign',
            'floor',
            'ceil',
            'tanh',
            'sigmoid',
            'erf',
            'sin',
            'cos',
          ) as fc.Arbitrary<S.UnaryOp>,
          tie('f'),
        )
        .map(([op, x]) => S.unary(op, x)),
      fc
        .tuple(fc.constantFrom('add', 'sub', 'mul', 'max', 'min') as fc.Arbitrary<S.BinaryOp>, tie('f'), tie('f'))
        .map(([op, x, y]) => S.binary(op, S.unary('tanh', x), S.unary('sin', y))),
      fc.tuple(tie('b'), tie('f'), tie('f')).map(([c, x, y]) => S.select(c, x, y)),
      tie('i').map((x) => S.unary('sin', S.cast('f32', S.binary('mod', x, S.constant('i32', 101))))),
    ),
    i: fc.oneof(
      { depthSize: 'small' },
      leaf('i32'),
      fc.integer({ min: -9, max: 9 }).map((v) => S.constant('i32', v)),
      fc
        .tuple(
          fc.constantFrom(
            'add',
            'sub',
            'mul',
            'div',
            'mod',
            'max',
            'min',
            'and',
            'or',
            'xor',
          ) as fc.Arbitrary<S.BinaryOp>,
          tie('i'),
          tie('i'),
        )
        .map(([op, x, y]) => S.binary(op, x, y)),
      tie('b').map((x) => S.cast('i32', x)),
    ),
    b: fc.oneof(
      { depthSize: 'small' },
      leaf('bool'),
      fc
        .tuple(fc.constantFrom('lt', 'le', 'eq', 'ne', 'ge', 'gt') as fc.Arbitrary<S.BinaryOp>, tie('i'), tie('i'))
        .map(([op, x, y]) => S.binary(op, x, y)),
      tie('b').map((x) => S.unary('not', x)),
      fc
        .tuple(fc.constantFrom('and', 'or', 'xor') as fc.Arbitrary<S.BinaryOp>, tie('b'), tie('b'))
        .map(([op, x, y]) => S.binary(op, x, y)),
    ),
  }))
  return f
}

const extent = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 17, 23, 31, 32, 40))

/** Kernels of one or two rows axes and up to two column axes, with loads in any order of the axes, sliced or broadcast. */
const kernels: fc.Arbitrary<LoopKernel> = fc
  .record({
    rows: fc.array(extent, { minLength: 0, maxLength: 2 }),
    cols: fc.array(extent, { minLength: 0, maxLength: 2 }),
    reduced: fc.boolean(),
  })
  .chain(({ rows, cols, reduced }) => {
    const R = axesOf(rows)
    const C = reduced ? axesOf(cols, rows.length) : []
    const all = [...R, ...C]
    const size = sizeOf(all)
    const dtypes: readonly DType[] = ['f32', 'i32', 'bool']
    const inputs = dtypes.map((d) => buffer(d, size))
    const place = (axes: readonly Axis[]): fc.Arbitrary<Ix> =>
      fc.tuple(fc.shuffledSubarray([...axes]), fc.integer({ min: 0, max: 3 })).map(([order, how]) => {
        const ix = dense(order)
        const n = sizeOf(order)
        if (how === 1) return I.sub(I.constant(n - 1), ix) // flipped
        if (how === 2 && n > 2) return I.clamp(I.offset(ix, -1), 0, n - 1)
        if (how === 3 && n % 2 === 0) return I.add(I.scale(I.mod(ix, n / 2), 2), I.div(ix, n / 2))
        return ix
      })
    const leaf =
      (axes: readonly Axis[], ready: number) =>
      (dtype: DType): fc.Arbitrary<Scalar> =>
        fc.oneof(
          place(axes).map((at) => S.load(dtypes.indexOf(dtype), at, dtype)),
          dtype === 'i32'
            ? place(axes).map(S.index)
            : place(axes).map((at) => S.load(dtypes.indexOf(dtype), at, dtype)),
          dtype === 'bool'
            ? place(axes).map((ix) => S.within(ix, 2, 5))
            : dtype === 'f32' && ready > 0
              ? fc.nat(ready - 1).map((r) => S.reduced(r, 'f32'))
              : fc.constant(S.constant(dtype, 1)),
        )
    const count = reduced ? fc.integer({ min: 1, max: 3 }) : fc.constant(0)
    return count.chain((n) =>
      fc
        .tuple(
          fc.tuple(
            ...Array.from({ length: n }, (_, r) =>
              fc.tuple(fc.constantFrom('sum', 'max', 'min') as fc.Arbitrary<S.ReduceOp>, expression(leaf(all, r))),
            ),
          ),
          expression(leaf(R, n)),
          expression(leaf(all, n)),
        )
        .map(([values, ofRow, ofAll]): LoopKernel => {
          const reductions: Reduction[] = values.map(([op, value]) => ({ op, dtype: 'f32', value, scan: false }))
          const stores: Store[] = [
            { buffer: 3, at: dense(R), value: ofRow, scope: 'row', mode: 'set' },
            ...(reduced ? [{ buffer: 4, at: dense(all), value: ofAll, scope: 'full', mode: 'set' } as const] : []),
            {
              buffer: 5,
              at: dense(R, [...R].reverse()),
              value: S.binary('gt', ofRow, S.constant('f32', 0.2)),
              scope: 'row',
              mode: 'set',
            },
          ]
          return {
            kind: 'loop',
            name: 'random',
            buffers: [
              ...inputs,
              buffer('f32', sizeOf(R), true),
              buffer('f32', size, true),
              buffer('bool', sizeOf(R), true),
            ],
            rows: R,
            cols: C,
            reductions,
            stores,
          }
        }),
    )
  })

describe('loop kernels', () => {
  it('agree with the interpreter, whole or in parts', () => {
    fc.assert(
      fc.property(kernels, fc.integer(), (kernel, seed) => agrees(kernel, printLoop(kernel), seed)),
      { seed: 7, numRuns: 300 },
    )
  })
  it('exists', () => expect(1).toBe(1))
})
