import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import * as E from 'fp-ts/lib/Either.js'
import * as I from '../../loops/ix.ts'
import * as S from '../../loops/scalar.ts'
import { softwareTuning } from './printer/index.ts'
import type { Register } from '../../base/dtype.ts'
import type { WebgpuDevice } from './face.ts'
import {
  axis,
  differences,
  into,
  loop,
  near,
  openWebgpu,
  out,
  sequence,
  singleKernel,
  store,
  tryKernel,
} from './kernel-trial.support.ts'

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
const edges: Readonly<Record<Register, readonly number[]>> = { f32: floats, i32: signed, u32: unsigned, bool: truths }

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
  'f16',
  'bf16',
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
const unaryOf: Readonly<Record<Register, readonly S.UnaryOp[]>> = {
  f32: floatUnary,
  i32: ['neg', 'abs', 'sign'],
  u32: [],
  bool: ['not'],
}
const binaryOf: Readonly<Record<Register, readonly S.BinaryOp[]>> = {
  f32: ['add', 'sub', 'mul', 'div', 'mod', 'pow', 'max', 'min', ...comparisons],
  i32: integerBinary,
  u32: integerBinary,
  bool: ['and', 'or', 'xor', 'eq', 'ne', 'lt'],
}

describe.runIf(inject('devices').includes('webgpu'))('kernels on the adapter', () => {
  let device: WebgpuDevice
  beforeAll(async () => {
    device = await openWebgpu()
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
      const { actual, expected } = await tryKernel(device, kernel, [[...values]])
      const bad: string[] = []
      cases.forEach(([name], c) => {
        const { b, from } = places[c]!
        values.forEach((p, u) =>
          values.forEach((q, v) => {
            const [a, e] = [actual[b]![from + u * n + v]!, expected[b]![from + u * n + v]!]
            const overflow = Math.abs(e) > 3.4e38 && Math.abs(a) > 3.3e38 && Math.sign(a) === Math.sign(e)
            if (!overflow && !near(a, e, name === 'pow' ? 2e-5 : 2e-6, 2e-7))
              bad.push(`${name}(${p}, ${q}) = ${a}, not ${e}`)
          }),
        )
      })
      expect(bad).toEqual([])
    })

  it('computes constants alone as at run time: nothing is folded, or rejected, by the compiler', async () => {
    const c = (t: Register, v: number): S.Scalar => S.constant(t, v)
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
    const { actual, expected } = await tryKernel(device, kernel, [])
    expect(differences(actual, [expected[0]!.map(Math.fround), expected[1]!])).toEqual([])
  })

  it('divides indices rounding down, whatever their sign', async () => {
    const i = axis(29)
    const forms = [-1, 2, -3].flatMap((coef) => {
      const x = I.offset(I.scale(I.ofAxis(i), coef), 7)
      return [3, 4, 5].flatMap((n) => [I.div(x, n), I.mod(x, n), I.clamp(I.div(x, n), -2, 2)])
    })
    const kernel = loop({
      buffers: [out('i32', 29 * forms.length)],
      rows: [i],
      stores: forms.map((form, f) => store(0, I.offset(I.ofAxis(i), 29 * f), S.index(form))),
    })
    const { actual, expected } = await tryKernel(device, kernel, [])
    expect(differences(actual, expected)).toEqual([])
  })

  it('covers more than 65,535 workgroups: rows and elements', { timeout: 60_000 }, async () => {
    const [r, c] = [axis(70_001), axis(7)]
    const [e] = [axis(65_535 * 64 + 77)]
    const at = I.flatten([I.ofAxis(r), I.ofAxis(c)], [r.extent, c.extent])
    const rows = await openWebgpu({ tuning: { ...softwareTuning, serialColumns: 0 } })
    const sums = loop({
      buffers: [into('f32', r.extent * 7), out('f32', r.extent)],
      rows: [r],
      cols: [c],
      reductions: [{ op: 'sum', dtype: 'f32', value: S.load(0, at, 'f32'), running: false }],
      stores: [store(1, I.ofAxis(r), S.reduced(0, 'f32'))],
    })
    const summed = await tryKernel(rows, sums, [sequence(r.extent * 7)])
    expect(differences(summed.actual, summed.expected)).toEqual([])
    await rows.destroy()

    const counting = loop({
      buffers: [out('i32', e.extent)],
      rows: [e],
      stores: [store(0, I.ofAxis(e), S.index(I.ofAxis(e)))],
    })
    const counted = await device.download(device.load(singleKernel(counting)).run([])[0]!)()
    expect(E.isRight(counted) && counted.right.every((v, i) => v === i)).toBe(true)
  })

  it('gives the same bits each time', async () => {
    const [r, c] = [axis(3), axis(1000)]
    const at = I.flatten([I.ofAxis(r), I.ofAxis(c)], [3, 1000])
    const sums = loop({
      buffers: [into('f32', 3000), out('f32', 3)],
      rows: [r],
      cols: [c],
      reductions: [{ op: 'sum', dtype: 'f32', value: S.load(0, at, 'f32'), running: false }],
      stores: [store(1, I.ofAxis(r), S.reduced(0, 'f32'))],
    })
    const first = await tryKernel(device, sums, [sequence(3000)])
    const second = await tryKernel(device, sums, [sequence(3000)])
    expect(second.actual).toEqual(first.actual)
  })
})
