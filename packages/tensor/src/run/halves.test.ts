/** f16 and bf16: what is stored is rounded once, what is computed is f32, on every device. */
import { presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import {
  add,
  atan2,
  cast,
  concat,
  cummax,
  dynamicUpdateSlice,
  erfc,
  exp,
  flip,
  jit,
  linalg,
  matmul,
  mul,
  norm,
  pad,
  readAsync,
  realizeAsync,
  scan,
  scatterAdd,
  scatterMax,
  scatterSet,
  slice,
  softmax,
  sort,
  stack,
  sum,
  take,
  tensor,
  type Tensor,
  transpose,
  where,
  zeros,
} from '../index.ts'
import { dtypes } from '../base/dtype.ts'
import { bytesOf } from '../base/aval.ts'
import { type Half, unpackHalves } from '../base/rounding.ts'

const halves: readonly Half[] = ['f16', 'bf16']
const every = (dtype: Half): Float32Array =>
  unpackHalves(
    dtype,
    Uint16Array.from({ length: 65536 }, (_, i) => i),
  )
const wave = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => 3 * Math.sin(1.7 * i * i + 0.3))
/** Subnormal f32, among which those of bf16 are, may be flushed by a GPU. */
const same = (got: ArrayLike<number>, wanted: ArrayLike<number>): void => {
  expect(got.length).toBe(wanted.length)
  for (let i = 0; i < wanted.length; i++) {
    const [x, y] = [got[i]!, wanted[i]!]
    const flushed = Math.abs(y) < 2 ** -126 && x === 0
    if (!Object.is(x, y) && x !== y && !flushed) expect(`${i}: ${x}`).toBe(`${i}: ${y}`)
  }
}

/** Sums in another order, of terms that are not all finite. */
const close = (got: ArrayLike<number>, wanted: ArrayLike<number>): void => {
  expect(got.length).toBe(wanted.length)
  for (let i = 0; i < wanted.length; i++) {
    const [x, y] = [got[i]!, wanted[i]!]
    const near = Math.abs(x - y) <= 1e-5 * Math.abs(y) + 1e-3
    if (!Object.is(x, y) && !near) expect(`${i}: ${x}`).toBe(`${i}: ${y}`)
  }
}

for (const device of await presentDevices())
  describe.each(halves)(`%s on ${device.kind}`, (dtype) => {
    const { round } = dtypes[dtype]
    const on = <T extends Tensor>(x: T): Promise<T> => realizeAsync(x, device)
    const read = (x: Tensor) => readAsync(x, device)
    const half = (
      data: Float32Array,
      shape: readonly number[] = [data.length],
    ): Promise<Tensor<readonly number[], Half>> => on(tensor(data, shape, dtype))

    it('every element comes back, and is computed with as it is', async () => {
      const values = every(dtype)
      const x = await half(values)
      same(await read(x), values)
      same(await read(cast('f32')(x)), values)
      same(await read(flip(0)(x)), values.slice().reverse())
    })

    it('a cast rounds to nearest, ties to even, and so does one in between', async () => {
      // neighbours, what lies between them, and what is beyond the largest
      const values = every(dtype).filter((v) => Number.isFinite(v) && Math.abs(v) >= 2 ** -100)
      const data = Float32Array.from(
        [...values].flatMap((v) => [v, v * (1 + 2 ** -9), v * (1 + 2 ** -12), v * (1 + 2 ** -11)]),
      )
      const wanted = data.map(round)
      const x = await on(tensor(data))
      same(await read(cast(dtype)(x)), wanted)
      same(await read(cast('f32')(cast(dtype)(x))), wanted)
      same(
        await read(mul(cast(dtype)(x), 0.5)),
        wanted.map((v) => v * 0.5),
      )
      same(await read(cast(dtype)(on1(NaN, Infinity, -Infinity, -0, 1e30, -3e38))), [
        NaN,
        Infinity,
        -Infinity,
        -0,
        round(1e30),
        round(-3e38),
      ])
    })

    it('what computes gives f32, what moves keeps the dtype', async () => {
      const [a, b] = [wave(6).map(round), wave(7).subarray(1).map(round)]
      const [x, y] = [await half(a, [2, 3]), await half(b, [2, 3])]
      expect([add(x, y), exp(x), mul(x, 2), sum()(x), matmul(x, transpose()(y))].map((t) => t.dtype)).toEqual(
        new Array(5).fill('f32'),
      )
      expect(
        [
          flip(0)(x),
          concat(0)([x, y]),
          slice([0, 1], [2, 3])(x),
          stack()([x, y]),
          pad([
            [1, 0],
            [0, 0],
          ])(x),
        ].map((t) => t.dtype),
      ).toEqual(new Array(5).fill(dtype))
      same(
        await read(add(x, y)),
        a.map((v, i) => v + b[i]!),
      )
      same(
        await read(add(x, await on(tensor(b, [2, 3])))),
        a.map((v, i) => v + b[i]!),
      )
      same(await read(concat(0)([x, y])), [...a, ...b])
      same(
        await read(
          pad([
            [1, 0],
            [0, 1],
          ])(x),
        ),
        [0, 0, 0, 0, a[0]!, a[1]!, a[2]!, 0, a[3]!, a[4]!, a[5]!, 0],
      )
      same(await read(take(1)(x, tensor([2, 0, 2], 'i32'))), [a[2]!, a[0]!, a[2]!, a[5]!, a[3]!, a[5]!])
      same(
        await read(
          where(
            tensor([
              [true, false, true],
              [false, true, false],
            ]),
            x,
            y,
          ),
        ),
        a.map((v, i) => (i % 2 === 0 ? v : b[i]!)),
      )
    })

    it('odd and even sizes, with strides, written beside others that stay', async () => {
      for (const n of [1, 2, 3, 7, 64, 129]) {
        const data = wave(3 * n)
        const x = await on(tensor(data, [3, n]))
        const wanted = data.map(round)
        same(await read(cast(dtype)(x)), wanted)
        const turned = await on(transpose()(cast(dtype)(x)))
        same(
          await read(turned),
          wanted.map((_, i) => wanted[(i % 3) * n + Math.floor(i / 3)]!),
        )
        const rows = await on(cast(dtype)(sum({ axis: 0 })(x)))
        same(
          await read(rows),
          wanted.slice(0, n).map((_, i) => round(Math.fround(Math.fround(data[i]! + data[n + i]!) + data[2 * n + i]!))),
        )
        const put = jit(
          (y: Tensor<readonly number[], Half>, v: Tensor<readonly number[], Half>) => dynamicUpdateSlice(y, v, [1, 0]),
          { device, donate: [0] },
        )
        const into = await on(cast(dtype)(x))
        same(
          await read(put(into, await half(new Float32Array(n).fill(2), [1, n]))),
          wanted.map((v, i) => (Math.floor(i / n) === 1 ? 2 : v)),
        )
      }
    })

    it('functions, factorizations and writes compute in f32 too', async () => {
      type Matrix = Tensor<readonly [3, 3], 'f32'>
      const data = Float32Array.of(4, 1, 0.5, 1, 5, 2, 0.5, 2, 6).map(round)
      const at = tensor([2, 0], 'i32')
      const rows = (x: Matrix) => slice([0, 0], [2, 3])(x)
      const functions: readonly ((x: Matrix) => Tensor)[] = [
        (x) => linalg.cholesky(x),
        (x) => linalg.inv(x),
        (x) => linalg.det(x),
        (x) => linalg.solve(x, x),
        (x) => linalg.qr(x).r,
        (x) => norm({ axis: 0 })(x),
        (x) => erfc(x),
        (x) => atan2(x, x),
        (x) => cummax(0)(x),
        (x) => sort(0)(x),
        (x) => softmax(-1)(x),
        (x) => scatterMax(0)(x, at, rows(x)),
        (x) => scatterAdd(0)(x, at, rows(x)),
      ]
      const wide = await on(tensor(data, [3, 3]))
      // its elements where an f32 is expected: types aside, the same numbers
      const x = (await half(data, [3, 3])) as Tensor as Matrix
      for (const f of functions) {
        expect(f(x).dtype).toBe('f32')
        same(await read(f(x)), await read(f(wide)))
      }
      const written = scatterSet(0)(x, at, rows(x))
      expect(written.dtype).toBe(dtype)
      same(await read(written), [...data.slice(3, 6), ...data.slice(3, 6), ...data.slice(0, 3)])
    })

    it('a product of matrices is that of the elements in f32', async () => {
      for (const [m, k, n] of [
        [1, 5, 3],
        [4, 9, 17],
        [33, 64, 20],
      ] as const) {
        const [a, b] = [wave(m * k).map(round), wave(k * n).map((v) => round(v / 3))]
        const [x, y] = [await half(a, [m, k]), await half(b, [k, n])]
        const wanted = Float64Array.from({ length: m * n }, (_, i) => {
          let total = 0
          for (let j = 0; j < k; j++) total += a[Math.floor(i / n) * k + j]! * b[j * n + (i % n)]!
          return total
        })
        const got = await read(matmul(x, y))
        wanted.forEach((v, i) => expect(Math.abs(got[i]! - v)).toBeLessThan(1e-4))
        const stored = await read(cast(dtype)(matmul(x, y)))
        wanted.forEach((v, i) => expect(Math.abs(stored[i]! - v)).toBeLessThanOrEqual(Math.abs(v) * 2 ** -7 + 1e-4))
      }
    })

    it('a few rows with a matrix of any elements give what they give in f32', async () => {
      const all = every(dtype)
      const [x, y] = [await half(Float32Array.of(1, -1), [2, 1]), await half(all, [1, 65536])]
      for (const rows of [1, 2]) {
        // 0 is added to a sum that begins at 0, so that a zero of any sign gives 0
        const signed = Float32Array.from({ length: rows * 65536 }, (_, i) => 0 + (i < 65536 ? 1 : -1) * all[i % 65536]!)
        same(await read(matmul(slice([0, 0], [rows, 1])(x), y)), signed)
      }
      // what is infinite or NaN, of every size of a block of columns, and what overflows with f32 on the other side
      const odd = [Infinity, -Infinity, NaN, dtypes[dtype].round(65504), -(2 ** -24), 0]
      for (const [m, k, n] of [
        [1, 3, 1],
        [1, 7, 37],
        [1, 300, 69],
        [2, 5, 23],
        [3, 260, 12],
        [5, 9, 50],
      ] as const)
        for (const [i, special] of odd.entries()) {
          const [a, b] = [wave(m * k).map(round), wave(k * n).map((v) => round(v / 3))]
          b[(17 * i + 5) % b.length] = special
          a[i % a.length] = i % 2 === 0 ? a[0]! : special
          const [wideA, wideB] = [await on(tensor(a, [m, k])), await on(tensor(b, [k, n]))]
          const [narrowA, narrowB] = [await half(a, [m, k]), await half(b, [k, n])]
          const large = await on(mul(wideA, 2 ** 100))
          const wanted = await read(matmul(wideA, wideB))
          close(await read(matmul(narrowA, narrowB)), wanted)
          close(await read(matmul(wideA, narrowB)), wanted)
          close(await read(matmul(large, narrowB)), await read(matmul(large, wideB)))
        }
    })

    it('takes two bytes an element', async () => {
      const before = device.stats().liveBytes
      const x = await half(wave(8192))
      const y = await on(cast(dtype)(tensor(wave(4097))))
      expect([bytesOf(x), bytesOf(y)]).toEqual([16384, 8196])
      const held = device.stats().liveBytes - before
      expect(held).toBeGreaterThanOrEqual(2 * (8192 + 4097))
      expect(held).toBeLessThan(2 * (16384 + 8196)) // memory comes in classes of size
    })

    it('goes round a loop, and is a row of what a loop stacks', async () => {
      const start = await half(Float32Array.of(1, 2, 3))
      const [last, rows] = scan((x: Tensor<readonly number[], Half>, _: Tensor) => {
        const next = cast(dtype)(mul(x, 1.125))
        return [next, next] as const
      })(start, zeros([4]))
      const wanted: number[] = []
      let now = [1, 2, 3]
      for (let i = 0; i < 4; i++) wanted.push(...(now = now.map((v) => round(v * 1.125))))
      expect([last.dtype, rows.dtype]).toEqual([dtype, dtype])
      same(await read(last), now)
      same(await read(rows), wanted)
    })

    const on1 = (...xs: readonly number[]) => tensor([...xs])
  })
