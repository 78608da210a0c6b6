// Factorizations by what defines them, on random stacks of matrices of every size from nothing on, on every device.
import { close, presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  eye,
  explain,
  gt,
  jit,
  linalg,
  matmul,
  mul,
  random,
  readAsync,
  reshape,
  sub,
  tensor,
  transpose,
  add,
  where,
  type Tensor,
} from '../../index.ts'

type Shape = readonly number[]
type F32 = Tensor<Shape, 'f32'>
const devices = await presentDevices()

const normal = (seed: number, shape: Shape): F32 => random.normal()(random.key(seed), shape)
const flipped = (x: F32): F32 => {
  const rank = x.shape.length
  return transpose([...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2])(x)
}
const times = (x: Tensor, y: Tensor): F32 => matmul(x as F32, y as F32)
const identity = (n: number): F32 => eye(n)
/** Random matrices with singular values from 1 to a few: I + a small random one. */
const regular = (seed: number, lead: Shape, n: number): F32 =>
  add(mul(normal(seed, [...lead, n, n]), 0.3 / Math.sqrt(Math.max(1, n))), identity(n))
const positive = (seed: number, lead: Shape, n: number): F32 => {
  const x = normal(seed, [...lead, n, n])
  return add(times(x, flipped(x)), identity(n))
}

const stacks = fc.record({
  lead: fc.constantFrom<Shape>([], [1], [3], [2, 2], [0]),
  n: fc.constantFrom(0, 1, 2, 3, 5, 7, 17),
  k: fc.constantFrom(0, 1, 2, 5),
  m: fc.constantFrom(0, 1, 2, 4, 9),
  seed: fc.nat(1000),
})
const NUM_RUNS = 12

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (_kind, device) => {
  const read = async (x: Tensor): Promise<readonly number[]> => Array.from(await readAsync(x, device))
  const expectClose = async (x: Tensor, y: Tensor, absolute = 1e-4): Promise<void> => {
    expect(x.shape).toEqual(y.shape)
    const [a, b] = [await read(x), await read(y)]
    const off = a.findIndex((v, i) => !close(v, b[i]!, { relative: 1e-4, absolute }))
    expect(off === -1 ? null : `${off}: ${a[off]!}, not ${b[off]!}`).toBeNull()
  }
  const law = (
    name: string,
    holds: (sample: { lead: Shape; n: number; k: number; m: number; seed: number }) => Promise<void>,
  ): void => {
    it(name, () => fc.assert(fc.asyncProperty(stacks, holds), { seed: 20261126, numRuns: NUM_RUNS }), 60_000)
  }

  law('cholesky: A = L L^T, L lower with a positive diagonal', async ({ lead, n, seed }) => {
    const a = positive(seed, lead, n)
    const l = linalg.cholesky(a)
    await expectClose(times(l, flipped(l)), a, 1e-3)
    ;(await read(l)).forEach((v, i) => {
      const [row, column] = [Math.floor(i / n) % n, i % n]
      expect(row > column || (row === column ? v > 0 : v === 0)).toBe(true)
    })
    // of a matrix that is not symmetric, that of its symmetric part
    const w = normal(seed + 1, a.shape)
    await expectClose(linalg.cholesky(add(a, sub(w, flipped(w)))), l, 1e-3)
  })
  law('qr: A = Q R, Q^T Q = I, R upper', async ({ lead, m, n, seed }) => {
    const a = normal(seed, [...lead, m, n])
    const { q, r } = linalg.qr(a)
    const k = Math.min(m, n)
    await expectClose(times(q, r), a)
    await expectClose(times(flipped(q), q), add(mul(times(flipped(q as F32), q), 0), identity(k)))
    ;(await read(r)).forEach((v, i) => {
      if (Math.floor(i / n) % k > i % n) expect(v).toBe(0)
    })
  })
  law('solve and inv: A x = b, A A^-1 = I', async ({ lead, n, k, seed }) => {
    const a = regular(seed, lead, n)
    const b = normal(seed + 1, [...lead, n, k])
    await expectClose(times(a, linalg.solve(a, b)), b, 1e-3)
    await expectClose(times(a, linalg.inv(a)), add(mul(a, 0), identity(n)), 1e-3)
    await expectClose(linalg.inv(linalg.inv(a)), a, 1e-3)
  })
  law('triangularSolve: of the one triangle, straight and transposed', async ({ lead, n, k, seed }) => {
    const a = regular(seed, lead, n)
    const b = normal(seed + 1, [...lead, n, k])
    const index = Array.from({ length: n * n }, (_, i) => [Math.floor(i / n), i % n] as const)
    for (const lower of [false, true])
      for (const transpose of [false, true])
        for (const unitDiagonal of [false, true]) {
          const kept = tensor(
            index.map(([i, j]) => Number(lower ? i > j : i < j)),
            [n, n],
          )
          const diagonal = unitDiagonal ? identity(n) : mul(a, identity(n))
          const t = add(mul(a, kept), diagonal) as F32
          // what is not read may be anything
          const counted = unitDiagonal ? kept : add(kept, eye(n))
          const given = where(gt(counted, 0), a, NaN) as F32
          const x = linalg.triangularSolve({ lower, transpose, unitDiagonal })(given, b)
          await expectClose(times(transpose ? flipped(t) : t, x), b, 1e-3)
        }
  })
  law('det and slogdet: of a product, of a transposed, of an inverse', async ({ lead, n, seed }) => {
    const [a, b] = [normal(seed, [...lead, n, n]), regular(seed + 1, lead, n)]
    const [x, y] = [await read(linalg.det(a)), await read(linalg.det(b))]
    const scale = Math.max(1, ...x.map(Math.abs)) * Math.max(1, ...y.map(Math.abs))
    await expectClose(linalg.det(times(a, b)), mul(linalg.det(a), linalg.det(b)), 1e-3 * scale)
    await expectClose(linalg.det(flipped(a)), linalg.det(a), 1e-3 * scale)
    await expectClose(mul(linalg.det(linalg.inv(b)), linalg.det(b)), add(mul(linalg.det(b), 0), 1))
    const { sign, logabsdet } = linalg.slogdet(a)
    const [s, l] = [await read(sign), await read(logabsdet)]
    x.forEach((v, i) => expect(close(s[i]! * Math.exp(l[i]!), v, { relative: 1e-3, absolute: 1e-5 })).toBe(true))
  })

  it('known values, with the signs of LAPACK', async () => {
    const a = tensor([
      [12, -51, 4],
      [6, 167, -68],
      [-4, 24, -41],
    ])
    const { q, r } = linalg.qr(a)
    await expectClose(
      r,
      tensor([
        [-14, -21, 14],
        [0, -175, 70],
        [0, 0, -35],
      ]),
      1e-3,
    )
    await expectClose(
      mul(q, 175),
      tensor([
        [-150, 69, 58],
        [-75, -158, -6],
        [50, -30, 165],
      ]),
      1e-2,
    )
    expect((await read(linalg.det(a)))[0]).toBeCloseTo(-85750, -1)
    // what is triangular already is left as it is
    await expectClose(
      linalg.qr(
        tensor([
          [-2, 1],
          [0, -3],
        ]),
      ).r,
      tensor([
        [-2, 1],
        [0, -3],
      ]),
    )
    await expectClose(
      linalg.cholesky(
        tensor([
          [25, 15, -5],
          [15, 18, 0],
          [-5, 0, 11],
        ]),
      ),
      tensor([
        [5, 0, 0],
        [3, 3, 0],
        [-1, 1, 3],
      ]),
    )
  })
  it('a vector on the right, and leading axes that broadcast', async () => {
    const a = tensor([
      [2, 0],
      [0, 4],
    ])
    expect(await read(linalg.solve(a, tensor([2, 4])))).toEqual([1, 1])
    const many = reshape([2, 1, 2, 2])(tensor([2, 0, 0, 4, 1, 0, 0, 1]))
    const b = reshape([3, 2, 1])(tensor([2, 4, 4, 8, 6, 12]))
    expect(linalg.solve(many, b).shape).toEqual([2, 3, 2, 1])
    expect(await read(linalg.solve(many, b))).toEqual([1, 1, 2, 2, 3, 3, 2, 4, 4, 8, 6, 12])
  })
  it('where there is nothing to find the result says so', async () => {
    const singular = tensor([
      [1, 2],
      [2, 4],
    ])
    expect(Math.abs((await read(linalg.det(singular)))[0]!)).toBe(0)
    const { sign, logabsdet } = linalg.slogdet(singular)
    expect([Math.abs((await read(sign))[0]!), ...(await read(logabsdet))]).toEqual([0, -Infinity])
    expect((await read(linalg.inv(singular))).some(Number.isFinite)).toBe(false)
    expect(await read(linalg.triangularSolve()(tensor([[0]]), tensor([3])))).toEqual([Infinity])
    expect(
      await read(
        linalg.cholesky(
          tensor([
            [1, 2],
            [2, 1],
          ]),
        ),
      ),
    ).toEqual([NaN, 0, NaN, NaN])
    expect(
      await read(
        linalg.cholesky(
          tensor([
            [0, 0],
            [0, 1],
          ]),
        ),
      ),
    ).toEqual([NaN, 0, NaN, NaN])
    expect(
      await read(
        linalg.det(
          tensor([
            [NaN, 1],
            [1, 2],
          ]),
        ),
      ),
    ).toEqual([NaN])
    expect(
      (
        await read(
          linalg.solve(
            tensor([
              [NaN, 1],
              [1, 2],
            ]),
            tensor([1, 1]),
          ),
        )
      ).every(Number.isNaN),
    ).toBe(true)
    expect(
      await read(
        linalg.qr(
          tensor([
            [0, 0],
            [0, 0],
          ]),
        ).r,
      ),
    ).toEqual([0, 0, 0, 0])
  })
  it('squares of columns do not leave the range', async () => {
    const { q, r } = linalg.qr(
      tensor([
        [3e30, 0],
        [4e30, 1e30],
      ]),
    )
    await expectClose(
      mul(r, 1e-30),
      tensor([
        [-5, -0.8],
        [0, 0.6],
      ]),
    )
    await expectClose(
      q,
      tensor([
        [-0.6, -0.8],
        [-0.8, 0.6],
      ]),
    )
  })
})

it('programs do not grow with the matrices', () => {
  const kernels = (n: number): number =>
    explain(jit((x: F32) => linalg.inv(x)).program(normal(1, [n, n]))).split('\n').length
  expect(kernels(64)).toBe(kernels(8))
})

describe('what does not fit is named', () => {
  it.each([
    ['no square', () => linalg.cholesky(normal(1, [2, 3])), 'takes square matrices, not [2, 3]'],
    ['no matrix', () => linalg.det(normal(1, [2])), 'takes matrices [.., m, n]'],
    ['integers', () => linalg.inv(tensor([[1]], 'i32')), 'i32'],
    ['rows', () => linalg.solve(normal(1, [2, 2]), normal(1, [3, 1])), 'right-hand sides [.., 2, k]'],
    ['a scalar', () => linalg.solve(normal(1, [2, 2]), tensor([1], [])), 'right-hand sides [.., 2, k]'],
    ['leading axes', () => linalg.triangularSolve()(normal(1, [2, 2, 2]), normal(1, [3, 2, 1])), 'broadcast'],
  ])('%s', (_, f, message) => {
    expect(f).toThrow(message)
  })
})
