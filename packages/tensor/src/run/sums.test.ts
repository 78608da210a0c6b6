/** Sums of any length are as exact on every device as NumPy's pairwise summation in f32. */
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  broadcastTo,
  cumsum,
  full,
  jit,
  matmul,
  mean,
  readAsync,
  realizeAsync,
  reshape,
  square,
  sum,
  tensor,
  type Shape,
  type Tensor,
} from '../index.ts'

const devices = await presentDevices()
const TENTH = Math.fround(0.1)
/** What one rounding of an f32 may be off by, relatively. */
const U = 2 ** -24

describe.each(devices.map((device) => [device.kind, device] as const))('sums on %s', (kind, device) => {
  const read = async (x: Tensor): Promise<Float32Array> => Float32Array.from(await readAsync(x, device))
  const only = async (x: Tensor): Promise<number> => (await read(x))[0]!
  const relative = (got: number, want: number): number => Math.abs(got / want - 1)

  it(
    'of 2^24 times 0.1 are within 1e-6, all together, by row, by column, and their mean',
    { timeout: 60_000 },
    async () => {
      const n = 2 ** 24
      const tenth = await realizeAsync(full([1], 0.1), device)
      expect(relative(await only(sum()(broadcastTo([n])(tenth))), n * TENTH)).toBeLessThan(1e-6)
      for (const [shape, axis] of [
        [[3, 2 ** 18], 1],
        [[2 ** 18, 3], 0],
        [
          [2 ** 12, 2, 2 ** 6],
          [0, 2],
        ],
      ] as readonly (readonly [Shape, number | readonly number[]])[]) {
        const x = await realizeAsync(full(shape, 0.1), device)
        const sums = await read(sum({ axis })(x))
        const terms = shape.reduce((p, d) => p * d, 1) / sums.length
        for (const s of sums) expect(relative(s, terms * TENTH)).toBeLessThan(1e-6)
        for (const m of await read(mean({ axis })(x))) expect(relative(m, TENTH)).toBeLessThan(1e-6)
      }
    },
  )

  it('of numbers of one sign are off by no more than pairwise summation may be', async () => {
    const n = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 300, max: 9000 }))
    await fc.assert(
      fc.asyncProperty(n, fc.integer({ min: 1, max: 3 }), fc.integer(), async (n, rows, seed) => {
        const data = Float32Array.from({ length: rows * n }, (_, i) => 1 + Math.sin(i * 12.9898 + (seed % 1000)))
        const byRow = await read(sum({ axis: 1 })(tensor(data, [rows, n])))
        byRow.forEach((s, r) => {
          const want = data.subarray(r * n, (r + 1) * n).reduce((t, x) => t + x, 0)
          expect(Math.abs(s - want)).toBeLessThanOrEqual((16 + Math.log2(n)) * U * want)
        })
      }),
      { seed: 2, numRuns: kind === 'webgpu' ? 8 : 40 },
    )
  })

  it('that run along an axis stay exact to the end, whether lanes are rows or not', { timeout: 60_000 }, async () => {
    for (const [shape, axis] of [
      [[2 ** 18], 0],
      [[2 ** 16, 5], 0],
      [[3, 50_001], 1],
    ] as readonly (readonly [Shape, number])[]) {
      const n = shape[axis]!
      const inner = shape.slice(axis + 1).reduce((p, d) => p * d, 1)
      const x = await realizeAsync(full(shape, 0.1), device)
      const running = await read(cumsum(axis)(x))
      for (const i of [1, 16, 17, 255, 256, 257, 4095, 4097, 30_000, n].map((count) => count - 1))
        for (const at of [i * inner, i * inner + inner - 1])
          expect(relative(running[at]!, (i + 1) * TENTH)).toBeLessThan(1e-6)
    }
  })

  it('of products do not lose terms of long k', { timeout: 60_000 }, async () => {
    const product = jit((a: Tensor, b: Tensor) => matmul(a, b), { device })
    for (const [m, n, k] of [
      [1, 1, 2 ** 17 + 5],
      [2, 3, 140_000],
      [9, 17, 3001],
    ] as const) {
      // Positive, and different from place to place.
      const data = (rows: number, columns: number, seed: number): Float32Array =>
        Float32Array.from({ length: rows * columns }, (_, i) => 0.1 + ((i * seed) % 1009) / 1009)
      const [a, b] = [data(m, k, 7), data(k, n, 11)]
      const got = await read(product(tensor(a, [m, k]), tensor(b, [k, n])))
      for (let i = 0; i < m; i++)
        for (let j = 0; j < n; j++) {
          let want = 0
          for (let q = 0; q < k; q++) want += a[i * k + q]! * b[q * n + j]!
          expect(relative(got[i * n + j]!, want)).toBeLessThan(1e-5)
        }
    }
    // Equal terms round the same way each time.
    const k = 2 ** 17
    const tenths = await realizeAsync(full([1, k], 0.1), device)
    const [s] = await read(product(tenths, reshape([k, 1])(tenths)))
    expect(relative(s!, k * TENTH * TENTH)).toBeLessThan(1e-5)
  })

  it('of squares, as in norms, are of the same kind', async () => {
    const x = await realizeAsync(full([300_000], 0.1), device)
    expect(relative(await only(sum()(square(x))), 300_000 * TENTH * TENTH)).toBeLessThan(1e-6)
  })
})

// Half a billion terms, which the reference would hold in memory.
const kernelDevices = devices.filter((device) => device.kind !== 'reference')
describe.each(kernelDevices.map((device) => [device.kind, device] as const))('long sums on %s', (_, device) => {
  it('do not stand still at 2^24 a lane', { timeout: 60_000 }, async () => {
    const one = await realizeAsync(full([1, 1], 1), device)
    const total = await readAsync(sum()(broadcastTo([2 ** 14, 2 ** 15])(one)), device)
    expect(total[0]).toBe(2 ** 29)
  })
})
