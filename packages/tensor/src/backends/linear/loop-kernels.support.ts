/** For tests: loop kernels of every form, at random and by hand, for printers to agree with the interpreter on. */
import fc from 'fast-check'
import type { DType } from '../../base/dtype.ts'
import * as I from '../../loops/ix.ts'
import type { Axis, Ix } from '../../loops/ix.ts'
import type { KernelBuffer, LoopKernel, Reduction, Store } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import type { Scalar } from '../../loops/scalar.ts'

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

export const extent = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 17, 23, 31, 32, 40))

/** Kernels of one or two rows axes and up to two column axes, with loads in any order of the axes, sliced or broadcast. */
export const kernels: fc.Arbitrary<LoopKernel> = fc
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
          const reductions: Reduction[] = values.map(([op, value]) => ({ op, dtype: 'f32', value, running: false }))
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

const R = (extent: number): Axis => ({ id: 0, extent })
const C = (extent: number): Axis => ({ id: 1, extent })
const plain = (kernel: Partial<LoopKernel> & Pick<LoopKernel, 'buffers' | 'rows' | 'stores'>): LoopKernel => ({
  kind: 'loop',
  name: 'case',
  cols: [],
  reductions: [],
  ...kernel,
})

/** A kernel, a seed for what is in its buffers, and how far a result may be off where it is not the usual. */
export interface Case {
  readonly kernel: LoopKernel
  readonly seed: number
  readonly tolerance?: number
}
/** One kernel, and the same with other extents. */
const family = (make: (rows: number, cols: number) => LoopKernel, seed: number): readonly Case[] =>
  fc
    .sample(fc.tuple(extent, extent, fc.integer()), { seed, numRuns: 40 })
    .map(([r, c, data]) => ({ kernel: make(r, c), seed: data }))

/** Kernels by hand, by what they show. */
export const cases: Readonly<Record<string, () => readonly Case[]>> = {
  'runs sums along rows and down columns': () => {
    const found: Case[] = []
    for (const op of ['sum', 'max', 'prod'] as const)
      for (const order of ['rows', 'cols'] as const)
        found.push(
          ...family((m, n) => {
            const [i, j] = [R(m), C(n)]
            const at = dense([i, j], order === 'rows' ? [i, j] : [j, i])
            const value = S.unary('tanh', S.load(0, at, 'f32'))
            return plain({
              buffers: [buffer('f32', m * n), buffer('f32', m * n, true)],
              rows: [i],
              cols: [j],
              reductions: [{ op, dtype: 'f32', value, running: true }],
              stores: [
                { buffer: 1, at, value: S.binary('add', S.reduced(0, 'f32'), value), scope: 'full', mode: 'set' },
              ],
            })
          }, 21),
        )
    return found
  },
  'reduce in every dtype, with extents of zero': () => {
    const found: Case[] = []
    const cases = [
      ['i32', 'sum'],
      ['i32', 'prod'],
      ['i32', 'max'],
      ['u32', 'sum'],
      ['u32', 'max'],
      ['u32', 'min'],
      ['bool', 'max'],
      ['bool', 'min'],
      ['f32', 'prod'],
      ['f32', 'min'],
    ] as const
    for (const [dtype, op] of cases)
      for (const [m, n] of [
        [3, 0],
        [0, 3],
        [5, 1],
        [1, 37],
        [37, 5],
        [18, 18],
      ] as const)
        for (const order of ['rows', 'cols'] as const) {
          const [i, j] = [R(m), C(n)]
          const at = dense([i, j], order === 'rows' ? [i, j] : [j, i])
          const kernel = plain({
            buffers: [buffer(dtype, m * n), buffer(dtype, m, true)],
            rows: [i],
            cols: [j],
            reductions: [{ op, dtype, value: S.load(0, at, dtype), running: false }],
            stores: [{ buffer: 1, at: I.ofAxis(i), value: S.reduced(0, dtype), scope: 'row', mode: 'set' }],
          })
          found.push({ kernel, seed: m + n, tolerance: 1e-3 })
        }
    return found
  },
  'gather by data, clamped into range, and add where positions collide': () => {
    const found: Case[] = []
    found.push(
      ...family((m, n) => {
        const [i, j] = [R(m), C(n)]
        const token = S.load(0, I.ofAxis(i), 'i32')
        const at = I.add(I.scale(I.dynamic(token, 7), n), I.ofAxis(j))
        const column = I.dynamic(S.load(0, I.mod(I.ofAxis(j), m), 'i32'), n)
        return plain({
          buffers: [
            buffer('i32', m),
            buffer('f32', 7 * n),
            buffer('f32', m * n, true),
            { ...buffer('f32', 7 * n), write: true },
          ],
          rows: [i, j],
          stores: [
            {
              buffer: 2,
              at: dense([i, j]),
              value: S.binary('add', S.load(1, at, 'f32'), S.load(1, column, 'f32')),
              scope: 'row',
              mode: 'set',
            },
            { buffer: 3, at, value: S.cast('f32', S.index(I.ofAxis(j))), scope: 'row', mode: 'add' },
            { buffer: 3, at: I.dynamic(token, 7), value: S.constant('f32', 0.5), scope: 'row', mode: 'add' },
          ],
        })
      }, 22),
    )
    return found
  },
  'write in place what they read, row by row and element by element': () => {
    const found: Case[] = []
    found.push(
      ...family((m, n) => {
        const [i, j] = [R(m), C(n)]
        const at = dense([i, j])
        const x = S.load(0, at, 'f32')
        const z = S.unary('exp', S.binary('sub', x, S.reduced(0, 'f32')))
        return plain({
          buffers: [{ ...buffer('f32', m * n), write: true }, buffer('f32', m * n, true)],
          rows: [i],
          cols: [j],
          reductions: [
            { op: 'max', dtype: 'f32', value: x, running: false },
            { op: 'sum', dtype: 'f32', value: z, running: false },
          ],
          stores: [
            { buffer: 0, at, value: S.binary('div', z, S.reduced(1, 'f32')), scope: 'full', mode: 'set' },
            { buffer: 1, at, value: S.unary('neg', x), scope: 'full', mode: 'set' },
          ],
        })
      }, 23),
    )
    found.push(
      ...family((m, n) => {
        const [i, j] = [R(m), C(n)]
        const at = dense([i, j])
        return plain({
          buffers: [{ ...buffer('f32', m * n), write: true }],
          rows: [i, j],
          stores: [{ buffer: 0, at, value: S.unary('sigmoid', S.load(0, at, 'f32')), scope: 'row', mode: 'set' }],
        })
      }, 24),
    )
    return found
  },
  'compute with u32 as threefry does, and with shifts that differ from lane to lane': () => {
    const found: Case[] = []
    found.push(
      ...family((m, n) => {
        const [i, j] = [R(m), C(n)]
        const at = dense([i, j])
        const u = (v: number) => S.constant('u32', v)
        const x = S.load(0, at, 'u32')
        const mixed = S.binary('xor', S.binary('mul', x, u(0x9e3779b9)), S.cast('u32', S.index(at)))
        const rotated = S.binary('or', S.binary('shl', mixed, u(13)), S.binary('shr', mixed, u(19)))
        const own = S.binary('shr', rotated, S.binary('and', x, u(31)))
        const powers = S.binary('pow', S.binary('add', x, u(1)), S.binary('and', x, u(7)))
        return plain({
          buffers: [
            buffer('u32', m * n),
            buffer('u32', m * n, true),
            buffer('f32', m * n, true),
            buffer('u32', m * n, true),
          ],
          rows: [i, j],
          stores: [
            {
              buffer: 1,
              at,
              value: S.binary('add', own, S.binary('mod', rotated, u(1000003))),
              scope: 'row',
              mode: 'set',
            },
            {
              buffer: 2,
              at,
              value: S.binary('div', S.cast('f32', rotated), S.constant('f32', 65536)),
              scope: 'row',
              mode: 'set',
            },
            {
              buffer: 3,
              at,
              value: S.binary('max', powers, S.binary('div', rotated, S.binary('add', x, u(0)))),
              scope: 'row',
              mode: 'set',
            },
          ],
        })
      }, 25),
    )
    return found
  },
  'join and pad along any axis': () => {
    const found: Case[] = []
    found.push(
      ...family((m, n) => {
        const [i, j] = [R(m + 3), C(n + 5)]
        const [y, x] = [I.offset(I.ofAxis(i), -2), I.offset(I.ofAxis(j), -3)]
        const inside = S.binary('and', S.within(y, 0, m), S.within(x, 0, n))
        const at = I.flatten([I.clamp(y, 0, m - 1), I.clamp(x, 0, n - 1)], [m, n])
        return plain({
          buffers: [buffer('f32', m * n), buffer('f32', (m + 3) * (n + 5), true)],
          rows: [i, j],
          stores: [
            {
              buffer: 1,
              at: dense([i, j]),
              value: S.select(inside, S.load(0, at, 'f32'), S.constant('f32', -1)),
              scope: 'row',
              mode: 'set',
            },
          ],
        })
      }, 26),
    )
    return found
  },
}
