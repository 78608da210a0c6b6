import * as fc from 'fast-check'
import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { interpret } from '../../codegen/interpret.ts'
import * as I from '../../codegen/ix.ts'
import type { DotKernel, Kernel, KernelBuffer, LoopKernel, Reduction, Store } from '../../codegen/kernel.ts'
import * as S from '../../codegen/scalar.ts'
import { type DotTile, hardwareTuning, softwareTuning, type Tuning } from '../../codegen/wgsl/index.ts'
import { type DType, dtypes, type HostArray } from '../../dtype.ts'
import { webgpuDevice, type WebgpuDevice, type WebgpuOptions } from './device.ts'
import { singleKernel } from './single-kernel.ts'

const open = async (options: WebgpuOptions = {}): Promise<WebgpuDevice> => {
  const opened = await webgpuDevice(options)()
  if (E.isLeft(opened)) throw new Error(opened.left.message)
  return opened.right
}

const hostOf = (dtype: DType, values: readonly number[]): HostArray => {
  const host = dtypes[dtype].allocate(values.length)
  host.set(values)
  return host
}

type Values = readonly (readonly number[])[]

/** What the kernel makes of its inputs, on the device and by the interpreter: one list a written buffer. */
const both = async (
  device: WebgpuDevice,
  kernel: Kernel,
  inputs: Values,
): Promise<{ actual: Values; expected: Values }> => {
  const program = singleKernel(kernel)
  const hosts = program.inputs.map((aval, i) => hostOf(aval.dtype, inputs[i]!))
  let next = 0
  const arrays = kernel.buffers.map((b) => (b.read ? Float64Array.from(hosts[next++]!) : new Float64Array(b.size)))
  interpret(kernel, arrays)
  const expected = kernel.buffers.flatMap((b, i) => (b.write ? [Array.from(arrays[i]!)] : []))
  const results = device.load(program).run(program.inputs.map((aval, i) => device.upload(hosts[i]!, aval)))
  const actual: number[][] = []
  for (const r of results) {
    const read = await device.download(r)()
    if (E.isLeft(read)) throw new Error(read.left.message)
    actual.push(Array.from(read.right))
  }
  return { actual, expected }
}

const near = (x: number, y: number, relative = 1e-5, absolute = 1e-5): boolean =>
  Object.is(x, y) || x === y || x === Math.fround(y) || Math.abs(x - y) <= absolute + relative * Math.abs(y)

const expectNear = (actual: Values, expected: Values): void => {
  const bad = expected.flatMap((e, b) =>
    e.flatMap((v, i) => (near(actual[b]![i]!, v) ? [] : [`buffer ${b} [${i}] is ${actual[b]![i]}, not ${v}`])),
  )
  expect(bad.slice(0, 8)).toEqual([])
}

const into = (dtype: DType, size: number): KernelBuffer => ({ dtype, size, read: true, write: false })
const out = (dtype: DType, size: number): KernelBuffer => ({ dtype, size, read: false, write: true })
let axes = 0
const axis = (extent: number): I.Axis => ({ id: axes++, extent })
const store = (buffer: number, at: I.Ix, value: S.Scalar, scope: Store['scope'] = 'row'): Store => ({
  buffer,
  at,
  value,
  scope,
  mode: 'set',
})
const loop = (parts: Partial<LoopKernel> & Pick<LoopKernel, 'buffers' | 'rows' | 'stores'>): LoopKernel => ({
  kind: 'loop',
  name: 'loop',
  cols: [],
  reductions: [],
  ...parts,
})
const sequence = (n: number, f: (i: number) => number = (i) => Math.sin(i * 1.7) * 2): number[] =>
  Array.from({ length: n }, (_, i) => f(i))

const floats = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1e-3,
  -1e-4,
  3,
  10,
  -7.25,
  20,
  80,
  -80,
  100,
  1e10,
  -1e10,
  2147483648,
  4294967296,
  -2147483649,
  Infinity,
  -Infinity,
  NaN,
  0.999,
  1.001,
  1.4,
  0.7,
  6.2831855,
  1000.5,
  1e-30,
]
const signed = [0, 1, -1, 2, -2, 3, 7, -7, 31, 32, 33, 1000000, 2147483647, -2147483648, -2147483647]
const unsigned = [0, 1, 2, 3, 7, 31, 32, 33, 65536, 2147483647, 2147483648, 4294967295]
const truths = [0, 1]
const edges: Readonly<Record<DType, readonly number[]>> = { f32: floats, i32: signed, u32: unsigned, bool: truths }

const floatUnary = [
  'neg',
  'abs',
  'sign',
  'floor',
  'ceil',
  'round',
  'exp',
  'exp2',
  'expm1',
  'log',
  'log2',
  'log1p',
  'sqrt',
  'rsqrt',
  'reciprocal',
  'sin',
  'cos',
  'tan',
  'tanh',
  'sinh',
  'cosh',
  'sigmoid',
  'erf',
  'isnan',
  'isinf',
] as const
const comparisons = ['eq', 'ne', 'lt', 'le', 'gt', 'ge'] as const
const integerBinary = [
  'add',
  'sub',
  'mul',
  'div',
  'mod',
  'pow',
  'max',
  'min',
  'and',
  'or',
  'xor',
  'shl',
  'shr',
  ...comparisons,
] as const
const unaryOf: Readonly<Record<DType, readonly S.UnaryOp[]>> = {
  f32: floatUnary,
  i32: ['neg', 'abs', 'sign'],
  u32: [],
  bool: ['not'],
}
const binaryOf: Readonly<Record<DType, readonly S.BinaryOp[]>> = {
  f32: ['add', 'sub', 'mul', 'div', 'mod', 'pow', 'max', 'min', ...comparisons],
  i32: integerBinary,
  u32: integerBinary,
  bool: ['and', 'or', 'xor', 'eq', 'ne', 'lt'],
}

describe.runIf(inject('devices').includes('webgpu'))('kernels on the adapter', () => {
  let device: WebgpuDevice
  beforeAll(async () => {
    device = await open()
  })
  afterAll(() => device.destroy())

  for (const dtype of ['f32', 'i32', 'u32', 'bool'] as const)
    it(`computes every operation on ${dtype} as the interpreter does, at the edges of its range too`, async () => {
      const values = edges[dtype]
      const n = values.length
      const [i, j] = [axis(n), axis(n)]
      const x = S.load(0, I.ofAxis(i), dtype)
      const y = S.load(0, I.ofAxis(j), dtype)
      const cases: readonly (readonly [string, S.Scalar])[] = [
        ...unaryOf[dtype].map((op) => [op, S.unary(op, x)] as const),
        ...binaryOf[dtype].map((op) => [op, S.binary(op, x, y)] as const),
        ...(['f32', 'i32', 'u32', 'bool'] as const)
          .filter((t) => t !== dtype)
          .map((t) => [`to ${t}`, S.cast(t, x)] as const),
        ['select', S.select(S.binary('lt', x, y), x, y)],
      ]
      // One buffer a dtype of the results; every case fills its own stretch of it.
      const used = [...new Set(cases.map(([, s]) => s.dtype))]
      const counts = used.map((t) => cases.filter(([, s]) => s.dtype === t).length)
      const filled = used.map(() => 0)
      const places = cases.map(([, s]) => {
        const b = used.indexOf(s.dtype)
        return { b, from: filled[b]!++ * n * n }
      })
      const kernel = loop({
        buffers: [into(dtype, n), ...used.map((t, b) => out(t, counts[b]! * n * n))],
        rows: [i, j],
        stores: cases.map(([, s], c) => {
          const at = I.offset(I.flatten([I.ofAxis(i), I.ofAxis(j)], [n, n]), places[c]!.from)
          return store(places[c]!.b + 1, at, s)
        }),
      })
      const { actual, expected } = await both(device, kernel, [[...values]])
      const bad: string[] = []
      cases.forEach(([name], c) => {
        const { b, from } = places[c]!
        values.forEach((p, u) =>
          values.forEach((q, v) => {
            const [a, e] = [actual[b]![from + u * n + v]!, expected[b]![from + u * n + v]!]
            // Angles of huge numbers are arbitrary (see prelude.ts), and so is x mod y where x / y has no fraction left.
            if (['sin', 'cos', 'tan'].includes(name) && Math.abs(p) > 1e5) return
            if (dtype === 'f32' && name === 'mod' && !(Math.abs(p / q) < 1e6)) return
            const overflow = Math.abs(e) > 3.4e38 && Math.abs(a) > 3.3e38 && Math.sign(a) === Math.sign(e)
            if (!overflow && !near(a, e, name === 'pow' ? 2e-5 : 2e-6, 2e-7))
              bad.push(`${name}(${p}, ${q}) = ${a}, not ${e}`)
          }),
        )
      })
      expect(bad).toEqual([])
    })

  it('computes constants alone as at run time: nothing is folded, or rejected, by the compiler', async () => {
    const c = (t: DType, v: number): S.Scalar => S.constant(t, v)
    const [zero, one, inf] = [c('f32', 0), c('f32', 1), c('f32', Infinity)]
    const fs = [
      S.binary('div', one, zero),
      S.unary('log', c('f32', -1)),
      S.unary('exp', c('f32', 1000)),
      S.unary('sqrt', c('f32', -2)),
      S.binary('sub', inf, inf),
      c('f32', NaN),
      c('f32', -Infinity),
      c('f32', -0),
      c('f32', 1e-45),
      c('f32', 3.4028234663852886e38),
      c('f32', 1e-7),
      c('f32', -2.5),
      S.binary('mul', c('f32', 3e38), c('f32', 10)),
    ]
    const is = [
      S.binary('div', c('i32', 5), c('i32', 0)),
      S.binary('mul', c('i32', 2147483647), c('i32', 3)),
      S.binary('shl', c('i32', 1), c('i32', 33)),
      c('i32', -2147483648),
      S.unary('neg', c('i32', -2147483648)),
      S.unary('abs', c('i32', -2147483648)),
      S.cast('i32', c('f32', 1e20)),
      S.cast('i32', c('f32', NaN)),
    ]
    const kernel = loop({
      buffers: [out('f32', fs.length), out('i32', is.length)],
      rows: [],
      stores: [...fs.map((s, k) => store(0, I.constant(k), s)), ...is.map((s, k) => store(1, I.constant(k), s))],
    })
    const { actual, expected } = await both(device, kernel, [])
    expectNear(actual, [expected[0]!.map(Math.fround), expected[1]!])
  })

  const tunings: readonly (readonly [string, Tuning])[] = [
    ['this adapter', softwareTuning],
    ['a GPU', hardwareTuning],
  ]
  describe.each(tunings)('tuned for %s', (_, tuning) => {
    let tuned: WebgpuDevice
    beforeAll(async () => {
      tuned = await open({ tuning })
    })
    afterAll(() => tuned.destroy())

    it('runs random kernels as the interpreter does', { timeout: 60_000 }, () =>
      fc.assert(
        fc.asyncProperty(randomKernel, async ({ kernel, inputs }) => {
          const { actual, expected } = await both(tuned, kernel, inputs)
          expectNear(actual, expected)
        }),
        { seed: 7, numRuns: 40, endOnFailure: true },
      ),
    )

    it('runs dots of odd sizes with any operands and epilogue', { timeout: 60_000 }, async () => {
      for (const [b, m, k, n] of [
        [3, 5, 7, 3],
        [1, 67, 33, 65],
        [1, 4, 0, 5],
        [2, 0, 3, 4],
        [1, 1, 50, 131],
      ] as const) {
        const { actual, expected } = await both(tuned, dotKernel(b, m, k, n), [
          sequence(b * k * m),
          sequence(n * k, (i) => Math.cos(i * 0.7)),
          sequence(n),
        ])
        expectNear(actual, expected)
      }
    })
  })

  it('runs every dot tile', { timeout: 60_000 }, async () => {
    const tiles: readonly DotTile[] = [
      { lanesM: 4, lanesN: 2, perM: 3, perN: 5, depth: 4 },
      { lanesM: 2, lanesN: 4, perM: 1, perN: 1, depth: 0 },
      { lanesM: 1, lanesN: 8, perM: 16, perN: 8, depth: 0 },
      { lanesM: 8, lanesN: 8, perM: 8, perN: 4, depth: 8 },
    ]
    for (const tile of tiles) {
      const tuned = await open({ tuning: { ...softwareTuning, dot: () => tile } })
      const { actual, expected } = await both(tuned, dotKernel(2, 19, 21, 23), [
        sequence(2 * 21 * 19),
        sequence(23 * 21),
        sequence(23),
      ])
      expectNear(actual, expected)
      await tuned.destroy()
    }
  })

  it('covers more than 65,535 workgroups: rows, elements, dots', { timeout: 60_000 }, async () => {
    const [r, c] = [axis(70_001), axis(3)]
    const [e] = [axis(65_535 * 64 + 77)]
    const at = I.flatten([I.ofAxis(r), I.ofAxis(c)], [r.extent, c.extent])
    const rows = await open({ tuning: { ...softwareTuning, serialColumns: 0 } })
    const sums = loop({
      buffers: [into('f32', r.extent * 3), out('f32', r.extent)],
      rows: [r],
      cols: [c],
      reductions: [{ op: 'sum', dtype: 'f32', value: S.load(0, at, 'f32'), scan: false }],
      stores: [store(1, I.ofAxis(r), S.reduced(0, 'f32'))],
    })
    const summed = await both(rows, sums, [sequence(r.extent * 3)])
    expectNear(summed.actual, summed.expected)
    await rows.destroy()

    const counting = loop({
      buffers: [out('i32', e.extent)],
      rows: [e],
      stores: [store(0, I.ofAxis(e), S.index(I.ofAxis(e)))],
    })
    const counted = await device.download(device.load(singleKernel(counting)).run([])[0]!)()
    expect(E.isRight(counted) && counted.right.every((v, i) => v === i)).toBe(true)

    const small = await both(device, dotKernel(66_000, 1, 2, 1), [sequence(66_000 * 2), sequence(2), sequence(1)])
    expectNear(small.actual, small.expected)
  })

  it('gives the same bits each time', async () => {
    const [r, c] = [axis(3), axis(1000)]
    const at = I.flatten([I.ofAxis(r), I.ofAxis(c)], [3, 1000])
    const sums = loop({
      buffers: [into('f32', 3000), out('f32', 3)],
      rows: [r],
      cols: [c],
      reductions: [{ op: 'sum', dtype: 'f32', value: S.load(0, at, 'f32'), scan: false }],
      stores: [store(1, I.ofAxis(r), S.reduced(0, 'f32'))],
    })
    const first = await both(device, sums, [sequence(3000)])
    const second = await both(device, sums, [sequence(3000)])
    expect(second.actual).toEqual(first.actual)
  })
})

/** a transposed, b transposed, bias and a second output in the epilogue. */
const dotKernel = (b: number, m: number, k: number, n: number): DotKernel => {
  const [B, M, K, N] = [axis(b), axis(m), axis(k), axis(n)]
  const acc = S.reduced(0, 'f32')
  const at = I.flatten([I.ofAxis(B), I.ofAxis(M), I.ofAxis(N)], [b, m, n])
  const a = S.load(0, I.flatten([I.ofAxis(B), I.ofAxis(K), I.ofAxis(M)], [b, k, m]), 'f32')
  const biased = S.binary('add', acc, S.load(2, I.ofAxis(N), 'f32'))
  return {
    kind: 'dot',
    name: 'dot',
    buffers: [
      into('f32', b * k * m),
      into('f32', n * k),
      into('f32', n),
      out('f32', b * m * n),
      out('bool', b * m * n),
    ],
    batch: [B],
    m: M,
    n: N,
    k: K,
    a: S.binary('mul', a, S.constant('f32', 0.5)),
    b: S.load(1, I.flatten([I.ofAxis(N), I.ofAxis(K)], [n, k]), 'f32'),
    stores: [store(3, at, biased, 'full'), store(4, at, S.binary('gt', biased, S.constant('f32', 0)), 'full')],
  }
}

/**
 * Kernels over one f32 and one i32 input, of any form: elements, rows with up to three reductions that read one another,
 * scans. The numbers of `choices` decide, one after the other.
 */
const randomKernel: fc.Arbitrary<{ kernel: LoopKernel; inputs: Values }> = fc
  .record({
    rows: fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 3 }),
    cols: fc.array(
      fc.oneof({ arbitrary: fc.integer({ min: 1, max: 9 }), weight: 9 }, { arbitrary: fc.constant(0), weight: 1 }),
      { maxLength: 2 },
    ),
    wide: fc.boolean(),
    form: fc.constantFrom('elements', 'rows', 'rows', 'scan'),
    choices: fc.array(fc.nat(999), { minLength: 120, maxLength: 120 }),
  })
  .map(({ rows, cols, wide, form, choices }) => {
    let taken = 0
    const pick = (n: number): number => choices[taken++ % choices.length]! % n
    const rowAxes = rows.map(axis)
    const colAxes =
      form === 'elements' ? [] : form === 'scan' ? [axis(cols[0] ?? 4)] : [...cols, ...(wide ? [37] : [])].map(axis)
    const all = [...rowAxes, ...colAxes]
    const size = 97
    /** A position of a buffer of 97 elements, from the axes that may be used. */
    const position = (from: readonly I.Axis[]): I.Ix => {
      let ix = I.constant(pick(20) - 10)
      for (const a of from) ix = I.add(ix, I.scale(I.ofAxis(a), pick(5) - 1))
      if (pick(3) === 0) ix = I.div(ix, 1 + pick(6))
      if (pick(6) === 0) ix = I.add(ix, I.dynamic(S.load(1, I.constant(pick(size)), 'i32'), 40))
      return pick(2) === 0 ? I.mod(ix, size) : I.clamp(ix, 0, size - 1)
    }
    const value = (from: readonly I.Axis[], depth: number, reductions: number): S.Scalar => {
      if (depth === 0) {
        if (reductions > 0 && pick(2) === 0) return S.reduced(pick(reductions), 'f32')
        const kind = pick(5)
        if (kind === 0) return S.constant('f32', pick(7) - 3)
        if (kind === 1) return S.cast('f32', S.load(1, position(from), 'i32'))
        if (kind === 2) return S.cast('f32', S.index(position(from)))
        return S.load(0, position(from), 'f32')
      }
      const sub = (): S.Scalar => value(from, depth - 1, reductions)
      const kind = pick(6)
      if (kind === 0) return S.select(S.within(position(from), 20, 70), sub(), sub())
      if (kind === 1) return S.unary((['neg', 'abs', 'tanh', 'sigmoid', 'sin', 'erf'] as const)[pick(6)]!, sub())
      const x = sub()
      return S.binary((['add', 'sub', 'max', 'min'] as const)[pick(4)]!, x, pick(4) === 0 ? x : sub())
    }
    const count = form === 'elements' ? 0 : form === 'scan' ? 1 : 1 + pick(3)
    const reductions = Array.from({ length: count }, (_, r): Reduction => ({
      op: (['sum', 'max', 'min', 'sum'] as const)[pick(4)]!,
      dtype: 'f32',
      value: value(all, 2, form === 'scan' ? 0 : r),
      scan: form === 'scan',
    }))
    const extents = (of: readonly I.Axis[]): readonly number[] => of.map((a) => a.extent)
    const product = (of: readonly I.Axis[]): number => of.reduce((p, a) => p * a.extent, 1)
    const written: KernelBuffer[] = []
    const stores: Store[] = []
    const write = (over: readonly I.Axis[], scope: Store['scope']): void => {
      written.push(out('f32', product(over)))
      stores.push(store(1 + written.length, I.flatten(over.map(I.ofAxis), extents(over)), value(over, 2, count), scope))
    }
    if (form !== 'scan') write(rowAxes, 'row')
    if (form !== 'elements') write(all, 'full')
    const kernel = loop({
      buffers: [into('f32', size), into('i32', size), ...written],
      rows: rowAxes,
      cols: colAxes,
      reductions,
      stores,
    })
    return { kernel, inputs: [sequence(size), sequence(size, (i) => ((i * 7919) % 61) - 10)] }
  })
