// Writing at positions and selecting by conditions, against loops over numbers, on every device.
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as T from '../index.ts'

type Shape = readonly number[]
type F32 = T.Tensor<Shape, 'f32'>
const devices = await presentDevices()

/** x [p, n, q] at positions [c] with updates [p, c, q]; some positions are outside. */
const writes = fc
  .record({
    p: fc.constantFrom(1, 2),
    n: fc.constantFrom(1, 2, 5, 9),
    q: fc.constantFrom(1, 3),
    c: fc.constantFrom(0, 1, 4, 70),
  })
  .chain(({ p, n, q, c }) => {
    const values = (size: number) =>
      fc.array(
        fc.oneof(
          { weight: 19, arbitrary: fc.integer({ min: -5, max: 5 }) },
          { weight: 1, arbitrary: fc.constant(NaN) },
        ),
        {
          minLength: size,
          maxLength: size,
        },
      )
    return fc.record({
      shape: fc.constant([p, n, q] as const),
      x: values(p * n * q),
      at: fc.array(fc.integer({ min: -n - 1, max: n + 1 }), { minLength: c, maxLength: c }),
      updates: values(p * c * q),
    })
  })
const combine = {
  scatterSet: (_: number, u: number) => u,
  scatterMax: Math.max,
  scatterMin: Math.min,
  scatterMul: (x: number, u: number) => x * u,
  scatterAdd: (x: number, u: number) => x + u,
} as const
type Name = keyof typeof combine

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (_kind, device) => {
  const read = async (x: T.Tensor): Promise<readonly number[]> => Array.from(await T.readAsync(x, device))

  it.each(Object.keys(combine) as Name[])(
    '%s is the loop over its updates',
    async (name) => {
      await fc.assert(
        fc.asyncProperty(writes, async ({ shape: [p, n, q], x, at, updates }) => {
          const want = [...x]
          at.forEach((position, i) => {
            const j = position < 0 ? position + n : position
            if (j < 0 || j >= n) return
            for (let a = 0; a < p; a++)
              for (let b = 0; b < q; b++) {
                const place = (a * n + j) * q + b
                want[place] = combine[name](want[place]!, updates[(a * at.length + i) * q + b]!)
              }
          })
          // positions that the host does not know
          const indices = T.add(T.tensor(Int32Array.from(at), [at.length]), 0)
          const write = T[name](1) as (x: F32, i: T.Tensor<Shape, 'i32'>, u: F32) => F32
          const got = await read(write(T.tensor(x, [p, n, q]), indices, T.tensor(updates, [p, at.length, q])))
          want.forEach((v, i) => expect(got[i]! + 0, String(i)).toBe(Math.fround(v) + 0))
        }),
        { seed: 20261126, numRuns: 25 },
      )
    },
    60_000,
  )

  it('integers, and positions of two axes', async () => {
    const x = T.tensor([5, -7, 2 ** 31 - 1], 'i32')
    const at = T.tensor(
      [
        [0, 2],
        [0, 1],
      ],
      'i32',
    )
    const updates = T.tensor(
      [
        [-9, 3],
        [-(2 ** 31), 4],
      ],
      'i32',
    )
    expect(await read(T.scatterMin(0)(x, at, updates))).toEqual([-(2 ** 31), -7, 3])
    expect(await read(T.scatterMax(0)(x, at, updates))).toEqual([5, 4, 2 ** 31 - 1])
    expect(await read(T.scatterSet(0)(x, at, updates))).toEqual([-(2 ** 31), 4, 3])
    const flags = T.scatterSet(0)(T.tensor([true, false]), T.tensor([1], 'i32'), T.tensor([true]))
    expect(await read(flags)).toEqual([1, 1])
  })

  it('segments', async () => {
    const x = T.tensor([
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ])
    const ids = T.tensor([2, 0, 2, -1], 'i32')
    expect(await read(T.segmentSum(3)(x, ids))).toEqual([3, 4, 0, 0, 6, 8])
    expect(await read(T.segmentMax(3)(x, ids))).toEqual([3, 4, -Infinity, -Infinity, 5, 6])
    expect(await read(T.segmentMin(3)(x, ids))).toEqual([3, 4, Infinity, Infinity, 1, 2])
    expect(await read(T.segmentMean(3)(x, ids))).toEqual([3, 4, 0, 0, 3, 4])
    expect(await read(T.segmentSum(1)(T.tensor([1, 2]), T.tensor([0, 9], 'u32')))).toEqual([1])
  })

  const conditions = fc.array(fc.boolean(), { maxLength: 70 }).chain((flags) => fc.tuple(fc.constant(flags), fc.nat(8)))
  it('nonzero and compress select the first that hold', async () => {
    await fc.assert(
      fc.asyncProperty(conditions, async ([flags, size]) => {
        const at = flags.flatMap((f, i) => (f ? [i] : []))
        const want = Array.from({ length: size }, (_, i) => at[i] ?? -1)
        const condition = T.ne(T.tensor(flags.map(Number), [flags.length]), 0)
        expect(await read(T.nonzero({ size, fill: -1 })(condition)[0]!)).toEqual(want)
        const x = T.tensor(
          flags.map((_, i) => i + 10),
          [flags.length],
        )
        const chosen = await read(T.compress({ size, fill: -1 })(condition as never, x))
        expect(chosen).toEqual(want.map((i) => (i < 0 ? -1 : i + 10)))
      }),
      { seed: 20261126, numRuns: 25 },
    )
  }, 60_000)
  it('nonzero of two axes, compress of columns', async () => {
    const x = T.tensor([
      [0, 3, 0],
      [5, 0, 7],
    ])
    const [row, column] = T.nonzero({ size: 3 })(T.ne(x, 0))
    expect([await read(row!), await read(column!)]).toEqual([
      [0, 1, 1],
      [1, 0, 2],
    ])
    expect(await read(T.compress({ size: 2, axis: 1 })(T.tensor([false, true, true]) as never, x))).toEqual([
      3, 0, 0, 7,
    ])
  })

  it('pad with the elements of an axis, as NumPy', async () => {
    const x = T.tensor([1, 2, 3])
    expect(await read(T.pad([[2, 1]], 'edge')(x))).toEqual([1, 1, 1, 2, 3, 3])
    expect(await read(T.pad([[5, 3]], 'reflect')(x))).toEqual([2, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2])
    expect(await read(T.pad([[4, 4]], 'symmetric')(x))).toEqual([3, 3, 2, 1, 1, 2, 3, 3, 2, 1, 1])
    expect(await read(T.pad([[4, 1]], 'wrap')(x))).toEqual([3, 1, 2, 3, 1, 2, 3, 1])
    expect(await read(T.pad([[2, 0]], 'reflect')(T.tensor([7])))).toEqual([7, 7, 7])
    const square = T.tensor([
      [1, 2],
      [3, 4],
    ])
    expect(
      await read(
        T.pad(
          [
            [0, 1],
            [1, 0],
          ],
          'edge',
        )(square),
      ),
    ).toEqual([1, 1, 2, 3, 3, 4, 3, 3, 4])
  })
})

describe('what does not fit is named', () => {
  const x = T.tensor([1, 2, 3])
  it.each([
    ['a position outside', () => T.scatterSet(0)(x, T.tensor([3], 'i32'), T.tensor([1])), 'position 3 is outside'],
    ['updates', () => T.scatterMax(0)(x, T.tensor([1], 'i32'), T.tensor([1, 2])), 'updates have shape [2], not [1]'],
    ['ids', () => T.segmentSum(2)(x, T.tensor([0], 'i32')), 'one id for each'],
    ['a condition', () => T.compress({ size: 1 })(T.tensor([true]) as never, x), 'a vector of the 3 elements'],
    ['a mode', () => T.pad(1, 'mirror' as never)(x), 'mode is the string mirror'],
    ['an empty axis', () => T.pad(1, 'edge')(T.zeros([0])), 'axis 0 is empty'],
  ])('%s', (_, f, message) => {
    expect(f).toThrow(message)
  })
})
