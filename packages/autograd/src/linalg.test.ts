// The derivatives of linear algebra: against finite differences in double precision, forward against reverse, of second order,
// and under vmap; and that devices have them.
import {
  add,
  eye,
  jit,
  linalg,
  matmul,
  mul,
  random,
  readAsync,
  stack,
  sum,
  tensor,
  transpose,
  type Scalar,
  type Tensor,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { close, presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import { checkGrads } from './check.ts'
import { grad } from './grad.ts'
import { vmap } from './vmap.ts'

type Shape = readonly number[]
type F32 = Tensor<Shape, 'f32'>
const normal = (seed: number, shape: Shape): F32 => random.normal()(random.key(seed), shape)
const flipped = (x: F32): F32 => {
  const rank = x.shape.length
  return transpose([...Array.from({ length: rank - 2 }, (_, i) => i), rank - 1, rank - 2])(x)
}
const square = (seed: number, n: number, lead: Shape = []): F32 => add(mul(normal(seed, [...lead, n, n]), 0.4), eye(n))
const positive = (seed: number, n: number): F32 => {
  const x = normal(seed, [n, n])
  return add(matmul(x, flipped(x)), mul(eye(n), n))
}
/** Its rows are pivots in the order 1, 2, 0, which is not its own inverse. */
const circular: F32 = tensor([
  [0.3, 0.2, 3],
  [2, 0.1, 0.4],
  [0.1, 1, 0.2],
])
/** A scalar that weighs every element of f differently. */
const weighed =
  (f: (...xs: readonly F32[]) => Tensor) =>
  (...xs: readonly F32[]): Scalar => {
    const y = f(...xs) as F32
    return sum()(mul(y, normal(77, y.shape)) as F32)
  }

type Rule = readonly [name: string, f: (...xs: readonly F32[]) => Tensor, at: readonly F32[]]
const rules: readonly Rule[] = [
  ['cholesky', (a) => linalg.cholesky(a), [positive(1, 4)]],
  ['cholesky of one', (a) => linalg.cholesky(a), [positive(1, 1)]],
  ['solve', (a, b) => linalg.solve(a, b), [square(2, 4), normal(3, [4, 2])]],
  ['solve a stack', (a, b) => linalg.solve(a, b), [square(4, 3, [2]), normal(5, [3, 2])]],
  ['solve, rows exchanged in a circle', (a, b) => linalg.solve(a, b), [circular, normal(18, [3, 2])]],
  ['inv', (a) => linalg.inv(a), [square(6, 3)]],
  ['det', (a) => linalg.det(a), [square(7, 4)]],
  ['det of one', (a) => linalg.det(a), [tensor([[2]])]],
  ['det of a stack', (a) => linalg.det(a), [square(8, 3, [2])]],
  ['slogdet', (a) => linalg.slogdet(a).logabsdet, [square(9, 4)]],
  ['q of a square', (a) => linalg.qr(a).q, [square(10, 3)]],
  ['r of a square', (a) => linalg.qr(a).r, [square(11, 3)]],
  ['q of a tall', (a) => linalg.qr(a).q, [normal(12, [5, 3])]],
  ['r of a tall', (a) => linalg.qr(a).r, [normal(13, [5, 3])]],
  ['q of a wide', (a) => linalg.qr(a).q, [normal(14, [2, 4])]],
  ['r of a wide', (a) => linalg.qr(a).r, [normal(15, [2, 4])]],
  ...[false, true].flatMap((lower) =>
    [false, true].flatMap((transposing) =>
      [false, true].map((unitDiagonal): Rule => [
        `triangularSolve ${lower ? 'lower' : 'upper'}${transposing ? ' transposed' : ''}${unitDiagonal ? ' unit' : ''}`,
        (a, b) => linalg.triangularSolve({ lower, transpose: transposing, unitDiagonal })(a, b),
        [square(16, 3), normal(17, [3, 2])],
      ]),
    ),
  ),
]

describe('both modes and finite differences agree, in first and second order', () => {
  it.each(rules)('%s', (_, f, at) => {
    checkGrads(weighed(f), { order: 2 })(...at)
  })
})

describe('vmap is the loop', () => {
  it.each(rules)('%s', (_, f, at) => {
    const rows = [0, 1, 2].map((i) => at.map((x): F32 => mul(x, 1 + i / 10)))
    const many = at.map((_x, i): F32 => stack(0)(rows.map((r) => r[i]!)))
    const slope = (...xs: readonly F32[]): F32 => grad(weighed(f))(...(xs as [F32]))
    const mapped = evaluate([vmap<readonly F32[], Tensor>(slope)(...many)])[0]!
    const looped = evaluate([stack(0)(rows.map((r) => slope(...r)))])[0]!
    mapped.data.forEach((v, i) =>
      expect(close(v, looped.data[i]!, { relative: 1e-9, absolute: 1e-9 }), String(i)).toBe(true),
    )
  })
})

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('on %s', (_kind, device) => {
  it.each(rules)(
    '%s',
    async (_, f, at) => {
      const slope = grad(weighed(f))
      const got = await readAsync(jit((...xs: readonly F32[]) => slope(...(xs as [F32])), { device })(...at))
      const want = evaluate([slope(...(at as [F32]))])[0]!
      want.data.forEach((v, i) => expect(close(got[i]!, v, { relative: 1e-3, absolute: 1e-3 }), String(i)).toBe(true))
    },
    30_000,
  )
  it.each([
    [
      'of rank n - 1',
      [
        [1, 2],
        [2, 4],
      ],
      [4, -2, -2, 1],
    ],
    [
      'of rank n - 2',
      [
        [1, 2, 3],
        [2, 4, 6],
        [3, 6, 9],
      ],
      [0, 0, 0, 0, 0, 0, 0, 0, 0],
    ],
    [
      'of zeros',
      [
        [0, 0],
        [0, 0],
      ],
      [0, 0, 0, 0],
    ],
    [
      'whose last column is 0',
      [
        [1, 2, 0],
        [3, 4, 0],
        [5, 6, 0],
      ],
      [0, 0, -2, 0, 0, 4, 0, 0, -2],
    ],
  ])('the gradient of a determinant %s is the transposed adjugate', async (_, a, want) => {
    const got = await readAsync(grad((x: F32) => linalg.det(x) as Scalar)(tensor(a) as F32), device)
    want.forEach((v, i) => expect(got[i]).toBeCloseTo(v, 4))
  })
})
