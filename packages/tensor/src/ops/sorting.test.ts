/** Sorting on every device: the order of a stable sort that puts NaN last, for all results of one node, and its derivatives. */
import { grad, hvp, jvp, vmap } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import { toposort } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import {
  argsort,
  type Device,
  isnan,
  jit,
  mul,
  not,
  readAsync,
  reshape,
  sort,
  sortBy,
  square,
  stopGradient,
  sum,
  takeAlongAxis,
  tensor,
  type Tensor,
  topK,
  where,
} from '../index.ts'

type Vector = Tensor<readonly [number], 'f32'>
const vector = (xs: readonly number[]): Vector => tensor([...xs])
const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))
const read = async (x: Tensor, device: Device): Promise<readonly number[]> => [...(await readAsync(x, device))]

/** The positions of a stable sort with NaN last. */
const orderOf = (xs: readonly number[], descending: boolean): readonly number[] =>
  xs
    .map((_, i) => i)
    .sort((i, j) => {
      const [x, y] = [xs[i]!, xs[j]!]
      const nan = Number(Number.isNaN(x)) - Number(Number.isNaN(y))
      return nan !== 0 ? nan : (x < y ? -1 : x > y ? 1 : 0) * (descending ? -1 : 1)
    })
/** Elements with many equal ones, and the special ones. */
const repeated = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: -9, max: 9 }).map((v) => v / 4) },
  { weight: 1, arbitrary: fc.constantFrom(NaN, Infinity, -Infinity, -0) },
)
/** Below, at and above blocks and runs; odd, and a run that has no partner. */
const lengths = [1, 3, 64, 65, 130, 257, 1000]

describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (_, device) => {
  it.each(lengths)('%i elements in order, what rides along, and their positions', async (n) => {
    const compiled = [false, true].map((descending) =>
      jit(
        (x: Tensor, y: Tensor<readonly number[], 'i32'>) => [
          ...sortBy(0, { descending })(x, y),
          argsort(0, { descending })(x),
          sort(0, { descending })(x),
        ],
        { device },
      ),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(repeated, { minLength: n, maxLength: n }),
        fc.array(fc.integer({ min: -99, max: 99 }), { minLength: n, maxLength: n }),
        async (xs, ys) => {
          for (const [i, f] of compiled.entries()) {
            const order = orderOf(xs, i === 1)
            const [key, other, positions, alone] = f(tensor(xs), tensor(ys, 'i32'))
            const expected = order.map((p) => xs[p]!)
            expect(await read(positions!, device)).toEqual(order)
            expect(await read(key!, device)).toEqual(expected)
            expect(await read(alone!, device)).toEqual(expected)
            expect(await read(other!, device)).toEqual(order.map((p) => ys[p]!))
          }
        },
      ),
      { seed: 31, numRuns: 4, endOnFailure: true },
    )
  })

  it.each([0, 1, 2])('along axis %i of three', async (axis) => {
    const shape = [3, 70, 2].with(axis, 130)
    const size = shape.reduce((x, y) => x * y)
    const xs = Array.from({ length: size }, (_, i) => Math.round(7 * Math.sin(i * i)))
    const stride = shape.slice(axis + 1).reduce((x, y) => x * y, 1)
    const n = shape[axis]!
    const expected = new Array<number>(size)
    for (let first = 0; first < size; first++) {
      if (Math.floor(first / stride) % n !== 0) continue
      const line = Array.from({ length: n }, (_, i) => xs[first + i * stride]!)
      orderOf(line, true).forEach((p, i) => (expected[first + i * stride] = p))
    }
    const { indices, values } = topK(n, axis)(tensor(xs, shape) as Tensor)
    expect(await read(indices, device)).toEqual(expected)
    const along = takeAlongAxis(axis)(tensor(xs, shape) as Tensor, indices)
    expect(await read(values, device)).toEqual(await read(along, device))
  })

  it('the cotangent of each element goes back to where it came from, of any number of operands', async () => {
    const n = 300
    const xs = Array.from({ length: n }, (_, i) => Math.sin(i * i))
    const ys = Array.from({ length: n }, (_, i) => i % 7)
    const weights = Array.from({ length: n }, (_, i) => i - 20)
    const loss = (p: { readonly x: Vector; readonly y: Vector }) => {
      const [x, y] = sortBy(0)(p.x, p.y)
      return sum()(mul(mul(square(x), y), tensor(weights)))
    }
    const g = jit(grad(loss), { device })({ x: tensor(xs), y: tensor(ys) })
    const rank = orderOf(xs, false).reduce<number[]>((ranks, p, i) => ranks.with(p, i), xs.slice())
    const [dx, dy] = [await read(g.x, device), await read(g.y, device)]
    rank.forEach((r, i) => {
      expect(dx[i]).toBeCloseTo(2 * xs[i]! * ys[i]! * weights[r]!, 3)
      expect(dy[i]).toBeCloseTo(xs[i]! ** 2 * weights[r]!, 3)
    })
  })

  it('topK passes what of the gradient is its own, along any axis; a NaN in last place gets none', async () => {
    const x = tensor([3, NaN, 9, 4, 4, 1], [3, 2])
    const loss = (x: Tensor<readonly [3, 2], 'f32'>) =>
      sum()(mul(topK(2, 0)(x).values, tensor([1, 10, 100, 1000], [2, 2])))
    // columns 3 9 4 and NaN 4 1
    expect(await read(grad(loss)(x), device)).toEqual([0, 0, 1, 10, 100, 1000])
    const { values, indices } = topK(1, 0)(x)
    expect([await read(values, device), await read(indices, device)]).toEqual([
      [9, 4],
      [1, 1],
    ])
  })

  it('derivatives of derivatives, forwards and backwards, and of many at once', async () => {
    const xs = Array.from({ length: 70 }, (_, i) => Math.cos(3 * i * i) + 2)
    const w = vector(xs.map((_, i) => i / 10))
    const f = (x: Vector) => sum()(mul(mul(square(sort(0)(x)), sort(0)(x)), w)) // sum_r w_r x_(r)^3
    const rank = orderOf(xs, false).reduce<number[]>((ranks, p, i) => ranks.with(p, i), xs.slice())
    const v = xs.map((_, i) => (i % 5) - 2)
    const x = vector(xs)
    const forward = await read(jvp((x: Vector) => sort(0)(x))(x, vector(v))[1], device)
    expect(forward).toEqual(orderOf(xs, false).map((p) => v[p]!))
    const twice = await read(hvp(f)(x, vector(v)), device)
    twice.forEach((d, i) => expect(d).toBeCloseTo(6 * xs[i]! * (rank[i]! / 10) * v[i]!, 3))
    const rows = reshape([2, 70])(vector([...xs, ...xs.toReversed()]))
    const many = await read(vmap(grad(f))(rows), device)
    xs.forEach((z, i) => {
      expect(many[i]).toBeCloseTo(3 * z ** 2 * (rank[i]! / 10), 3)
      expect(many[70 + 69 - i]).toBeCloseTo(3 * z ** 2 * (rank[i]! / 10), 3)
    })
  })
})

describe('what it costs', () => {
  const elements = Array.from({ length: 1000 }, (_, i) => Math.sin(i * i))
  it('the gradient sorts once: it goes back by the order that the sort gave', () => {
    const f = (x: Vector) => sum()(mul(square(sort(0)(x)), tensor(elements)))
    for (const gradient of [grad(f), (x: Vector) => hvp(f)(x, x)])
      expect(
        toposort([gradient(tensor(elements))]).filter(({ prim }) => ['sort', 'argsort'].includes(prim.name)),
      ).toHaveLength(1)
  })
  it.each(devices.filter(({ kind }) => kind !== 'reference').map((device) => [device.kind, device] as const))(
    'on %s the gradient is a kernel or two more than the sort, which is one more where n doubles',
    (_, device) => {
      const kernels = (n: number, f: (x: Vector) => Tensor): number =>
        jit(f, { device }).program(tensor(new Array<number>(n).fill(0)))!.steps.length
      const sorted = (x: Vector): Tensor => sort(0)(x)
      const gradient = grad((x: Vector) => sum()(mul(sort(0)(x), stopGradient(square(x)))))
      expect(kernels(1000, gradient)).toBeLessThanOrEqual(kernels(1000, sorted) + 2)
      expect(kernels(4000, sorted)).toBe(kernels(1000, sorted) + 2)
    },
  )
})

it('operands that cannot share an order are refused, and axes that are none', () => {
  const [x, y] = [tensor([1, 2, 3]), tensor([1, 2])]
  expect(() => sortBy(0)(x, y)).toThrow('sortBy(f32[3], f32[2]): [2] cannot take the order of [3]: the shapes differ')
  expect(() => sortBy(1)(x as Tensor)).toThrow('axis 1 is out of range')
  expect(() => topK(3, 1)(tensor([1, 2, 3, 4], [2, 2]) as Tensor)).toThrow('topK(f32[2, 2]): 3 of 2 elements')
  expect(() => sortBy(0)(x, where(not(isnan(x)), x, 0), 3 as never)).toThrow('sortBy')
})
