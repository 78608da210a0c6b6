// Attention by chunks of queries is attention: values and derivatives of any order, whatever is hidden, and in little memory.
import { checkpoint, grad, hvp, jvp, vmap } from '@adjoint/autograd'
import {
  add,
  jit,
  mul,
  random,
  readAsync,
  type Scalar,
  scalar,
  stack,
  slice,
  squeeze,
  sum,
  tensor,
  wasmDevice,
  where,
  eq,
  zeros,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import { afterAll, describe, expect, test } from 'vitest'
import { attend, type AttendConfig } from './attend.ts'
import { normalInit } from './init.ts'
import type { Floats, Integers } from './layer.ts'
import { place } from './placement.ts'
import { maskOf, type Visible } from './visibility.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const [B, KV, G, T, S, D, E] = [2, 2, 3, 10, 11, 4, 3]
const drawn = (seed: number, shape: readonly number[]): Floats => normalInit(1)(random.key(seed), shape)
type Parts = { readonly q: Floats; readonly k: Floats; readonly v: Floats; readonly bias: Floats }
const parts = (bias: readonly number[]): Parts => ({
  q: drawn(0, [B, KV, G, T, D]),
  k: drawn(1, [B, KV, S, D]),
  v: drawn(2, [B, KV, S, E]),
  bias: drawn(3, bias),
})
const weights = drawn(4, [B, KV, G, T, E])

const starts: Integers = tensor([0, 7], [2], 'i32')
const segments = {
  queries: tensor(
    Int32Array.from({ length: B * T }, (_, i) => Math.floor((i % T) / 4) + (i < T ? 0 : 1)),
    [B, T],
    'i32',
  ),
  keys: tensor(
    Int32Array.from({ length: B * S }, (_, i) => Math.floor((i % S) / 4)),
    [B, S],
    'i32',
  ),
}
const placed = (of: Partial<Parameters<typeof place>[0]> = {}) => place({ queries: T, keys: S, ...of }).visible
const sprinkled = tensor(
  Array.from({ length: T * S }, (_, i) => i % 3 === 0 && i >= 2 * S),
  [T, S],
  'bool',
)
const hides = tensor(
  Float32Array.from({ length: T * S }, (_, i) => (i % 4 === 1 || i < S ? 1 : 0)),
  [T, S],
)

interface Case {
  readonly visible: Visible
  readonly bias: readonly number[] | null
  readonly scale?: number
  /** Where the bias is -Infinity. */
  readonly ruled?: boolean
}
const cases: Readonly<Record<string, Case>> = {
  'nothing hidden': { visible: null, bias: null },
  causal: { visible: placed(), bias: null },
  'causal, padded, rows that see nothing': { visible: placed({ starts }), bias: null, scale: -0.7 },
  'causal from a column known only on the device': { visible: placed({ first: scalar(1, 'i32'), starts }), bias: null },
  'segments, rows that see nothing': { visible: { ...placed(), causal: false, segments }, bias: null },
  'causal segments': { visible: { ...placed(), segments }, bias: [T, 1] },
  'a mask of its own, rows that see nothing': { visible: sprinkled, bias: null },
  'a mask of keys alone': { visible: slice([3], [4])(sprinkled), bias: [KV, G, 1, S] },
  'a bias of queries and keys': { visible: placed(), bias: [KV, 1, T, S], scale: 2 },
  'a bias of keys': { visible: null, bias: [S] },
  'a bias of -Infinity': { visible: null, bias: [T, S], ruled: true },
  'a bias of -Infinity over a mask of its own': { visible: sprinkled, bias: [T, S], ruled: true },
}
/** Attention of a case, all queries at once or `chunk` of them. */
const of =
  ({ visible, bias, scale, ruled = false }: Case, chunk: number) =>
  (p: Parts): Floats => {
    const added: Floats = ruled ? where(eq(hides, 0), p.bias, -Infinity) : p.bias
    const config: AttendConfig = { chunk, ...(bias !== null && { bias: added }), ...(scale !== undefined && { scale }) }
    return attend(visible, config)(p.q, { keys: p.k, values: p.v })
  }
const lossOf =
  (f: (p: Parts) => Floats) =>
  (p: Parts): Scalar =>
    sum()(mul(f(p), weights))
const names = ['q', 'k', 'v', 'bias'] as const
const numbers = (xs: readonly Floats[]): readonly number[] => evaluate(xs).flatMap((v) => [...v.data])
const alike = (found: readonly number[], expected: readonly number[], digits: number): void => {
  expect(found).toHaveLength(expected.length)
  expect(found.every(Number.isFinite)).toBe(true)
  found.forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, digits))
}

describe.each(Object.entries(cases))('%s', (name, of_) => {
  const p = parts(of_.bias ?? [1])
  const whole = of(of_, T)
  test.each([3, 4, 1])('chunks of %d: values and gradients, in doubles', (size) => {
    const both = [whole, of(of_, size)].map((f) => {
      const g = grad(lossOf(f))(p)
      return numbers([f(p), ...names.map((n) => g[n])])
    })
    alike(both[1]!, both[0]!, 9)
  })

  // A software GPU takes long for each new kernel: it runs the case that has most of them in one body.
  const heavy = name === 'a bias of -Infinity over a mask of its own'
  test('and compiled, on every device', async () => {
    const expected = numbers([whole(p), ...names.map((n) => grad(lossOf(whole))(p)[n])])
    for (const device of devices.filter(({ kind }) => heavy || kind !== 'webgpu')) {
      const step = jit(
        (q: Parts) => {
          const g = grad(lossOf(of(of_, 3)))(q)
          return [of(of_, 3)(q), ...names.map((n) => g[n])]
        },
        { device },
      )
      const found = await Promise.all(step(p).map((x) => readAsync(x, device)))
      alike(
        found.flatMap((x) => [...x]),
        expected,
        4,
      )
    }
  }, 300_000)

  test('forward mode, and second derivatives both ways', () => {
    const direction = {
      ...parts(of_.bias ?? [1]),
      q: drawn(10, p.q.shape),
      k: drawn(11, p.k.shape),
      v: drawn(12, p.v.shape),
    }
    const both = [whole, of(of_, 4)].map((f) => {
      const [, tangent] = jvp(f)(p, direction)
      const product = hvp(lossOf(f))(p, direction)
      const again = grad((q: Parts) => {
        const g = grad(lossOf(f))(q)
        return names.map((n): Scalar => sum()(mul(g[n], g[n]))).reduce((a, b) => add(a, b))
      })(p)
      return numbers([tangent, ...names.map((n) => product[n]), ...names.map((n) => again[n])])
    })
    alike(both[1]!, both[0]!, 7)
  })
})

describe('under other transformations', () => {
  const p = parts([1])
  const f = of(cases['causal, padded, rows that see nothing']!, 4)
  const q3: Floats = stack(0)([p.q, drawn(20, p.q.shape), drawn(21, p.q.shape)])
  const rowOf = (i: number): Floats => squeeze(0)(slice([i], [i + 1])(q3))
  test('vmap is one after another, gradients too', () => {
    const each = (q: Floats): readonly Floats[] => [f({ ...p, q }), grad((x: Floats) => lossOf(f)({ ...p, q: x }))(q)]
    const [values, gradients] = vmap(each)(q3) as readonly [Floats, Floats]
    const one = [0, 1, 2].map((i) => each(rowOf(i)))
    alike(numbers([values]), numbers(one.map((x) => x[0]!)), 9)
    alike(numbers([gradients]), numbers(one.map((x) => x[1]!)), 9)
  })
  test('checkpoint changes nothing', () => {
    const [a, b] = [f, checkpoint(f)].map((h) => names.slice(0, 3).map((n) => grad(lossOf(h))(p)[n]))
    alike(numbers(b!), numbers(a!), 12)
  })
})

test('sizes that do not fit, and a chunk that is no size, are refused', () => {
  const p = parts([1])
  const memory = { keys: p.k, values: p.v }
  expect(() => attend(place({ queries: T }).visible)(p.q, memory)).toThrow(
    /of 10 queries and 10 keys, and there are 10 and 11/,
  )
  expect(() => attend(placed({ starts: tensor([0], [1], 'i32') }))(p.q, memory)).toThrow(/starts are \[2\]/)
  expect(() => attend({ ...placed(), segments: { ...segments, keys: segments.queries } })(p.q, memory)).toThrow(
    /segments are/,
  )
  expect(() => attend(null, { chunk: 0 })(p.q, memory)).toThrow(/chunk is 0/)
  expect(() => attend(null, { chunk: 4, bias: zeros([3, 1]) })(p.q, memory)).toThrow(/broadcast/)
})

test('the mask is what the parts of it say', () => {
  expect(numbers([maskOf(place({ queries: 2, keys: 3 }).visible) as never])).toEqual([1, 0, 0, 1, 1, 0])
})

describe('memory', () => {
  const device = wasmDevice()
  const program = (length: number, config: AttendConfig) => {
    const rows = (seed: number, shape: readonly number[]): Floats => zeros([...shape, seed])
    const step = jit(
      (q: Floats, k: Floats, v: Floats) =>
        grad((r: { readonly q: Floats; readonly k: Floats; readonly v: Floats }) =>
          sum()(attend(place({ queries: length }).visible, config)(r.q, { keys: r.k, values: r.v })),
        )({ q, k, v }),
      { device },
    )
    return step.program(rows(64, [1, 4, 1, length]), rows(64, [1, 4, length]), rows(64, [1, 4, length]))!
  }
  const bytes = (length: number, config: AttendConfig = {}): number =>
    program(length, config).slabs.reduce((a, b) => a + b, 0)
  test('grows with the length, not with its square', () => {
    const [short, middle, long] = [512, 1024, 2048].map((length) => bytes(length))
    expect(middle! / short!).toBeLessThan(2.5)
    expect(long! / middle!).toBeLessThan(2.1)
    // less than one array of scores, of which all at once takes two or more
    expect(long!).toBeLessThan(4 * 2048 * 2048 * 4)
    expect(bytes(2048, { chunk: 2048 })).toBeGreaterThan(2 * 4 * 2048 * 2048 * 4)
  })
  test('short sequences are looked at at once', () => {
    expect(program(256, {}).steps).toHaveLength(program(256, { chunk: 256 }).steps.length)
    expect(program(1024, {}).steps.some((s) => s.kind === 'loop')).toBe(true)
  })
})
