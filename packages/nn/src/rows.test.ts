// Rows that a cache keeps in one byte an element: how far they are from what was written, and what reads them.
import {
  type Expr,
  jit,
  type Program,
  random,
  readAsync,
  scalar,
  slice,
  tensor,
  tree,
  type Tree,
  wasmDevice,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { attend } from './attend.ts'
import { type Cache, type CacheDType, extend, initCache, prefill } from './cache.ts'
import type { Floats, Integers } from './layer.ts'
import { llama } from './models/llama.ts'
import { place } from './placement.ts'
import { emptyRows, floatRows, int8Rows, type Rows, rowCount, writeRows } from './rows.ts'
import { transformer } from './transformer.ts'

const values = (x: Expr): Float64Array => evaluate([x])[0]!.data
const bytesIn = (t: Tree): number =>
  tree
    .leaves(t)
    .reduce((n, x) => n + x.shape.reduce((p, d) => p * d, x.dtype === 'f16' || x.dtype === 'bf16' ? 2 : 4), 0)

/** Rows of elements of all sizes and both signs, [2, 1, rows, features], each row of a size of its own; among them rows of zeros. */
const written = fc
  .record({
    rows: fc.integer({ min: 1, max: 4 }),
    features: fc.constantFrom(4, 8, 20),
    seed: fc.integer({ min: 0, max: 999 }),
    size: fc.constantFrom(0, 1e-30, 1e-3, 1, 1e20),
  })
  .map(({ rows, features, seed, size }) => ({
    features,
    x: tensor(
      Float32Array.from({ length: 2 * rows * features }, (_, i) => {
        const noise = Math.sin(seed + 12.9898 * (i + 1)) * 43758.5453
        return size * (1 + (Math.floor(i / features) % 3)) * (2 * (noise - Math.floor(noise)) - 1) ** 3
      }),
      [2, 1, rows, features],
    ),
  }))
const law = (name: string, holds: (of: { readonly x: Floats; readonly features: number }) => void): void => {
  test(name, () => {
    fc.assert(fc.property(written, holds), { seed: 1, numRuns: 60 })
  })
}
const largestOf = (row: Float64Array): number => row.reduce((most, v) => Math.max(most, Math.abs(v)), 0)

describe('rows of one byte an element', () => {
  law('are off by half a scale of their row at most, 1 / 254 of its largest element', ({ x, features }) => {
    const [given, kept] = [values(x), values(floatRows(int8Rows(x)))]
    for (let at = 0; at < given.length; at += features) {
      const most = largestOf(given.subarray(at, at + features))
      for (let i = at; i < at + features; i++)
        expect(Math.abs(given[i]! - kept[i]!)).toBeLessThanOrEqual((most / 254) * (1 + 1e-6))
      // and the largest is off by a rounding alone
      expect(Math.abs(most - largestOf(kept.subarray(at, at + features)))).toBeLessThanOrEqual(1e-6 * most)
    }
  })

  law('written again are the same codes', ({ x }) => {
    const once = int8Rows(x)
    expect([...values(int8Rows(floatRows(once)).int8)]).toEqual([...values(once.int8)])
  })

  law('stand where they are written, and change no other', ({ x, features }) => {
    const rows = x.shape[2]!
    const before = writeRows(
      emptyRows('test', [2, 1, rows + 3, features], 'i8'),
      scalar(0, 'i32'),
      random.normal()(random.key(3), [2, 1, rows + 3, features]),
    )
    const after = writeRows(before, scalar(2, 'i32'), x)
    const part = (of: Rows, from: number, to: number): readonly number[] => [
      ...values(slice([0, 0, from], [2, 1, to])(floatRows(of))),
    ]
    expect(part(after, 2, rows + 2)).toEqual([...values(floatRows(int8Rows(x)))])
    expect(part(after, 0, 2)).toEqual(part(before, 0, 2))
    expect(part(after, rows + 2, rows + 3)).toEqual(part(before, rows + 2, rows + 3))
    expect(rowCount(after)).toBe(rows + 3)
  })

  test('have the codes of absmax, four to a word', () => {
    const { int8, scale } = int8Rows(tensor([127, -127, 1.4, 63.6, -2, 0, 1, 0.5], [1, 1, 2, 4]))
    expect([...values(floatRows({ int8, scale }))].slice(0, 4)).toEqual([127, -127, 1, 64])
    expect([...values(scale)]).toEqual([1, 2 / 127])
    expect(values(int8)[0]! >>> 0).toBe(0x4001817f)
  })

  test('so small that their scale is no exact number keep their signs', async () => {
    // 190 of the smallest f32: a scale of 1.5 of them is one or two
    const least = 2 ** -149
    const x = tensor([190 * least, -190 * least, 3 * least, 0], [1, 1, 1, 4])
    const kept = await readAsync(jit((x: Floats) => floatRows(int8Rows(x)), { device: wasmDevice() })(x))
    expect([...kept].map(Math.sign).slice(0, 2)).toEqual([1, -1])
  })

  test('of numbers that are none are none', () => {
    const [row] = [values(floatRows(int8Rows(tensor([NaN, 1, 2, 3], [1, 1, 1, 4]))))]
    expect(row.every(Number.isNaN)).toBe(true)
  })
})

const sizes = { vocab: 11, width: 32, layers: 2, heads: 4, kvHeads: 2, hidden: 48, context: 12 }
const model = transformer(llama(sizes))
const params = model.init(random.key(0))
const prompt: Integers = tensor([1, 2, 3, 4, 5, 6], [2, 3], 'i32')
const one: Integers = tensor([7, 8], [2, 1], 'i32')
const begun = (dtype: CacheDType): Cache => prefill(model)(params, { length: 9, dtype })(prompt)[1]

describe('a cache of them', () => {
  test('is read as the floats that its codes stand for', () => {
    const queries: Floats = random.normal()(random.key(4), [2, 2, 2, 3, 8])
    const at = place({ queries: 3, keys: 9, first: scalar(2, 'i32') }).visible
    for (const { keys, values: rows } of begun('i8')) {
      const mixed = values(attend(at)(queries, { keys, values: rows }))
      expect(mixed).toEqual(values(attend(at)(queries, { keys: floatRows(keys), values: floatRows(rows) })))
      expect(largestOf(mixed)).toBeGreaterThan(0)
    }
  })

  test('says nearly what one of floats says', () => {
    const [codes, floats] = (['i8', 'f32'] as const).map((dtype) =>
      values(extend(model)(params, begun(dtype), { first: scalar(3, 'i32') })(one)[0]),
    )
    codes!.forEach((v, i) => expect(Math.abs(v - floats![i]!)).toBeLessThan(0.02))
    expect(codes).not.toEqual(floats)
  })

  test('takes a quarter of the memory and a scale a row; of two bytes, half', () => {
    const bytes = (dtype: CacheDType): number => bytesIn(initCache(model.config)({ batch: 2, length: 9, dtype }))
    const D = model.config.headDim
    expect(bytes('f16') / bytes('f32')).toBe(1 / 2)
    expect(bytes('i8') / bytes('f32')).toBe((1 + 4 / D) / 4)
    expect(bytesIn(begun('i8'))).toBe(bytes('i8'))
  })

  test('of heads that four do not divide is refused', () => {
    const odd = transformer(llama({ ...sizes, width: 24 }))
    expect(odd.config.headDim).toBe(6)
    expect(() => initCache(odd.config)({ batch: 1, length: 4, dtype: 'i8' })).toThrow(
      /initCache.*4 features in a word, and a head has 6/,
    )
  })
})

const devices = (await presentDevices()).filter(({ kind }) => kind !== 'reference')
describe.each(devices.map((device) => [device.kind, device] as const))('on %s', (_, device) => {
  const cache = initCache(model.config)({ batch: 2, length: 9, dtype: 'i8' })
  const step = jit(
    (p: typeof params, memory: Cache, tokens: Integers) =>
      extend(model)(p, memory, { first: scalar(3, 'i32') })(tokens),
    { donate: [1], device },
  )
  const program: Program = step.program(params, cache, one)!

  test('it is written in place', () => {
    expect(program.steps.filter(({ kind }) => kind === 'copy')).toEqual([])
  })

  test('and its floats are stored nowhere', () => {
    const whole = 4 * 2 * 2 * 9 * model.config.headDim
    expect(
      program.buffers.flatMap(({ source, bytes }) => (source.kind === 'slot' && bytes >= whole ? [bytes] : [])),
    ).toEqual([])
  })
})
