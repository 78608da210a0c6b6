// A loop whose numbers change from step to step computes what they say, and compiles nothing for them.
import { close, presentDevices, tolerances } from '@adjoint/testing'
import fc from 'fast-check'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { evaluate } from '../graph/evaluate.ts'
import {
  add,
  arange,
  cast,
  cond,
  type Device,
  foriLoop,
  full,
  gt,
  jit,
  lt,
  mul,
  readAsync,
  realizeAsync,
  requestDeviceAsync,
  reshape,
  scalar,
  type Scalar,
  scan,
  slice,
  sub,
  sum,
  type Tensor,
  where,
  whileLoop,
} from '../index.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

interface Numbers {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly i: number
  readonly u: number
  readonly yes: boolean
  /** Where a block begins. */
  readonly row: number
  readonly column: number
}
/** Some that change what there is to compute, and twice as many that do not. */
const real = fc.oneof(fc.constantFrom(0, -0, 1, -1), {
  arbitrary: fc.integer({ min: -800, max: 800 }).map((n) => n / 8),
  weight: 2,
})
const numbers: fc.Arbitrary<Numbers> = fc.record({
  a: real,
  b: real,
  c: real,
  i: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  u: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  yes: fc.boolean(),
  row: fc.integer({ min: 0, max: 3 }),
  column: fc.constantFrom(0, 0, 2),
})
/** Numbers of every dtype, some twice, alone and among operands, and with nothing to hold them. */
const valuesOf = ({ a, b, c, i, u, yes, row, column }: Numbers): readonly Tensor[] => {
  const x = reshape([2, 3])(arange(0, 3, 0.5, 'f32'))
  const table = reshape([6, 5])(arange(30))
  return [
    slice([row, 0], [row + 3, null])(table),
    add(slice([row, column], [row + 2, column + 3])(table), slice([2, row], [4, row + 1])(table)),
    slice([row, 0], [row, null])(table),
    sub(mul(add(x, a), b), a),
    sum({ axis: 0 })(mul(x, b)),
    where(full([2, 3], Number(yes), 'bool'), x, a),
    full([2], Number(yes), 'bool'),
    add(arange(5), i % 2 ** 20),
    full([], i, 'i32'),
    add(full([2], u, 'u32'), full([2], 7, 'u32')),
    full([4, 1], b),
    full([3], c),
    full([0, 3], a),
    ...inGraphs({ a, b, c, i, u, yes, row, column }, x, cast('f32')(table)),
  ] as readonly Tensor[]
}

type F32 = Tensor<readonly number[], 'f32'>
/** Numbers in the bodies of loops, in loops in them, in branches, tests and compiled functions; some of which never change. */
const inGraphs = ({ a, b, c, i, yes, row, column }: Numbers, x: F32, table: F32): readonly Tensor[] => {
  const [p, q] = [a / 128, b / 128]
  const inner = (v: F32): F32 => foriLoop(2, (_, w: F32) => add(mul(w, 0.5), q))(v)
  const scaled = jit((v: F32): F32 => sub(mul(v, p), 0.25))
  const [last, all] = scan((v: F32, r: F32): readonly [F32, F32] => [add(mul(v, p), r), mul(inner(r), c)])(
    slice([0, 0], [1, null])(x),
    reshape([2, 1, 3])(x),
  ) as readonly [F32, F32]
  return [
    foriLoop(3, (k, v: F32) => add(mul(v, p), mul(cast('f32')(k), q)))(x),
    foriLoop(2, (_, v: F32) => add(v, slice([row, column], [row + 2, column + 3])(table)))(x),
    last,
    all,
    cond(
      full([], Number(yes), 'bool') as Scalar<'bool'>,
      (v: F32): F32 => mul(v, a),
      (v: F32): F32 => add(inner(v), b),
    )(x),
    whileLoop(
      ([k]: readonly [Scalar<'i32'>, F32]) => lt(k, Math.abs(i % 4)),
      ([k, v]): readonly [Scalar<'i32'>, F32] => [add(k, 1), mul(add(v, q), 0.5)],
    )([scalar(0, 'i32'), x])[1],
    foriLoop(2, (_, v: F32) => scaled(add(v, p)))(x),
  ] as readonly Tensor[]
}

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (kind, device) => {
  it('what is computed again with other numbers is what those give', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(numbers, { minLength: 2, maxLength: 5 }), async (calls) => {
        for (const call of calls) {
          const computed = await realizeAsync(valuesOf(call), device)
          for (const [k, wanted] of valuesOf(call).entries()) {
            const [got, expected] = [await readAsync(computed[k]!), evaluate([wanted])[0]!.data]
            expect(got.length).toBe(expected.length)
            const tolerance = wanted.dtype === 'f32' ? tolerances.f32 : tolerances.exact
            for (let j = 0; j < expected.length; j++)
              if (!close(Number(got[j]), expected[j]!, tolerance))
                expect.fail(`value ${k}, element ${j}: ${Number(got[j])} instead of ${expected[j]!}`)
          }
        }
      }),
      { seed: 5, numRuns: kind === 'webgpu' ? 8 : 40 },
    )
  }, 60_000)
})

const WARM = 5
/** How much a device has made after a few steps, and after many more. */
const madeBy = async (device: Device, step: (i: number) => Promise<void>) => {
  for (let i = 0; i < WARM; i++) await step(i)
  const { pipelines, created } = device.stats()
  for (let i = WARM; i < 40; i++) await step(i)
  const after = device.stats()
  return { pipelines: after.pipelines - pipelines, created: after.created - created }
}
const compiled = devices.map(({ kind }) => kind).filter((kind) => kind !== 'reference')
const nothing = { pipelines: 0, created: 0 }
const SIZE = 20_000 // too large to be copied out of scratch memory: the caller's own buffer is bound

describe.each(compiled)('on %s nothing is made', (kind) => {
  let device: Device
  beforeEach(async () => {
    device = await requestDeviceAsync({ kind }) // its own: what other tests dropped is collected at any time
  })
  afterEach(() => device.destroy())

  const rate = (i: number): number => 0.01 / (1 + i)

  it('by a step built anew with a decaying rate, over weights of several shapes', async () => {
    const start: readonly Tensor[] = [full([SIZE], 1), full([3, 4], 2), full([], 3)]
    const w = await realizeAsync(start, device)
    const losses = (i: number): Tensor =>
      w.map((x) => sum()(sub(x, mul(x, rate(i)))) as Tensor).reduce((total, x) => add(total, x))
    const steady = await madeBy(device, async (i) => {
      const [loss] = await readAsync(losses(i), device)
      expect(loss).toBeCloseTo((SIZE + 27) * (1 - rate(i)), 1)
    })
    expect(steady).toEqual(nothing)
  })

  it('by a compiled step that is called with numbers and with what follows from them', async () => {
    const step = jit((w: Tensor, x: Tensor, r: Tensor, s: Tensor) => sub(w, mul(mul(x, r), s)), { device, donate: [0] })
    let w: Tensor = await realizeAsync(full([SIZE], 1), device)
    let expected = 1
    const steady = await madeBy(device, async (i) => {
      w = await realizeAsync(step(w, full([SIZE], 1), scalar(rate(i)), add(scalar(1), i * 0.5)), device)
      expected -= rate(i) * (1 + i * 0.5)
    })
    expect((await readAsync(w))[SIZE - 1]).toBeCloseTo(expected, 5)
    expect(steady).toEqual(nothing)
  })

  it('by a step over the next rows of its data', async () => {
    const rows = await realizeAsync(reshape([100, 500])(arange(0, 50_000, 1, 'f32')), device)
    const steady = await madeBy(device, async (i) => {
      const batch = slice([2 * i, 0], [2 * i + 2, null])(rows)
      expect(await readAsync(add(slice([1, 3], [2, 4])(batch), 1))).toEqual(Float32Array.of(1000 * i + 504))
      expect((await readAsync(batch))[0]).toBe(1000 * i)
    })
    expect(steady).toEqual(nothing)
  })

  it('by loops in loops and branches whose bodies have a number of the step, and others', async () => {
    const x: F32 = await realizeAsync(full([4], 1), device)
    const law = (r: number): F32 => {
      const round = (v: F32): F32 => foriLoop(2, (_, w: F32) => add(mul(w, r), 0.5))(v)
      const [y] = scan((v: F32, k: F32): readonly [F32, null] => [add(round(v), mul(k, r)), null])(x, full([3], 2))
      return cond(
        gt(sum()(y) as Scalar, 0),
        (v: F32): F32 => sub(v, r),
        (v: F32): F32 => v,
      )(y)
    }
    const meant = (r: number): number => {
      let v = 1
      for (let k = 0; k < 3; k++) v = (v * r + 0.5) * r + 0.5 + 2 * r
      return v - r
    }
    const before = device.stats().pipelines
    for (let i = 0; i < 3; i++) await readAsync(law(rate(i)), device)
    // the program with its numbers built in, and the one whose number is an argument
    const few = device.stats()
    for (let i = 3; i < 100; i++) {
      const [y] = await readAsync(law(rate(i)), device)
      expect(y).toBeCloseTo(meant(rate(i)), 5)
    }
    const after = device.stats()
    expect(few.pipelines).toBeGreaterThan(before)
    expect({ pipelines: after.pipelines - few.pipelines, created: after.created - few.created }).toEqual(nothing)
  })

  it('by numbers that change in turn', async () => {
    const x = await realizeAsync(full([5], 1), device)
    const at = (i: number, k: number): number => 2 + Math.floor((i + k) / 3)
    const steady = await madeBy(device, async (i) => {
      const y = await readAsync(mul(add(mul(x, at(i, 0)), at(i, 1) / 8), at(i, 2) / 16), device)
      expect(y[4]).toBe(((at(i, 0) + at(i, 1) / 8) * at(i, 2)) / 16)
    })
    expect(steady).toEqual(nothing)
  })
})
