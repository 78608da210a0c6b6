// Matrices kept as codes: how far they are from what they were made of, what memory they take, and what products with them store.
import { grad } from '@adjoint/autograd'
import {
  cast,
  foriLoop,
  isTensor,
  jit,
  matmul,
  type Program,
  random,
  readAsync,
  realizeAsync,
  square,
  sub,
  sum,
  tanh,
  tensor,
  tree,
  type Tree,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Adapter,
  crossEntropy,
  dense,
  type Floats,
  initLinear,
  type Int4Matrix,
  type Int8Matrix,
  type Integers,
  linear,
  llama,
  lora,
  normalInit,
  projections,
  quantize,
  sizesOf,
  times,
  transformer,
  type Weight,
} from '../index.ts'

const values = (x: Floats): Float64Array => evaluate([x])[0]!.data
const bytesIn = (t: Tree): number =>
  tree.leaves(t).reduce((n, x) => n + x.shape.reduce((p, d) => p * d, x.dtype === 'f16' ? 2 : 4), 0)
const of = (bits: 4 | 8, matrix: Floats, block = 32): Weight =>
  quantize({ bits, block })({ weight: matrix, bias: null }).weight

/** Elements of all sizes, of both signs, and blocks of zeros. */
const matrices = fc
  .record({
    rows: fc.integer({ min: 1, max: 3 }),
    columns: fc.integer({ min: 1, max: 5 }),
    seed: fc.integer({ min: 0, max: 999 }),
    size: fc.constantFrom(0, 1e-3, 1, 50),
  })
  .map(({ rows, columns, seed, size }) => ({
    block: 8 * rows,
    columns,
    matrix: tensor(
      Float32Array.from({ length: 16 * rows * columns }, (_, i) => {
        const x = Math.sin(seed + 12.9898 * (i + 1)) * 43758.5453
        return size * (2 * (x - Math.floor(x)) - 1) ** 3
      }),
      [16 * rows, columns],
    ),
  }))
const law = (name: string, holds: (m: { matrix: Floats; block: number; columns: number }) => void): void => {
  test(name, () => {
    fc.assert(fc.property(matrices, holds), { seed: 1, numRuns: 40 })
  })
}
/** The scale of each element of a matrix. */
const scaleAt = (scale: Float64Array, columns: number, block: number) => (i: number) =>
  Math.abs(scale[Math.floor(i / columns / block) * columns + (i % columns)]!)

describe('codes', () => {
  law('of 8 bits are off by no more than half a scale of their column', ({ matrix, columns }) => {
    const q = of(8, matrix) as Int8Matrix
    const [w, found, scale] = [values(matrix), values(dense(q)), values(q.scale)]
    const at = scaleAt(scale, columns, Infinity)
    w.forEach((x, i) => {
      expect(Math.abs(x - found[i]!)).toBeLessThanOrEqual(at(i) * 0.5001)
      expect(at(i)).toBeLessThanOrEqual(Math.max(...w.map(Math.abs)) / 126.9)
    })
  })

  law(
    'of 4 bits by half a scale of their block, or by one where they are larger than 7.5 with the other sign',
    ({ matrix, columns, block }) => {
      const q = of(4, matrix, block) as Int4Matrix
      const [w, found, scale] = [values(matrix), values(dense(q)), values(cast('f32')(q.scale))]
      const at = scaleAt(scale, columns, block)
      w.forEach((x, i) => {
        const beyond = Math.abs(x) > 7.5 * at(i)
        // the scale is a rounding, of 11 bits: 8 of it may be off by 2^-8 of it
        expect(Math.abs(x - found[i]!)).toBeLessThanOrEqual(at(i) * ((beyond ? 1 : 0.5) + 2 ** -7))
      })
    },
  )

  law('of what they stand for are the same codes', ({ matrix, block }) => {
    for (const bits of [4, 8] as const) {
      const once = of(bits, matrix, block)
      const twice = of(bits, dense(once), block)
      // but for the rounding of scales
      const [x, y] = [values(dense(once)), values(dense(twice))]
      x.forEach((v, i) => expect(Math.abs(v - y[i]!)).toBeLessThanOrEqual(1e-6 * Math.abs(v)))
    }
  })

  law('multiply as the matrix that they stand for', ({ matrix, block }) => {
    const x = normalInit(1)(random.key(1), [2, 3, matrix.shape[0]!])
    for (const bits of [4, 8] as const) {
      const q = of(bits, matrix, block)
      expect(sizesOf(q)).toEqual(matrix.shape)
      const [found, wanted] = [values(times(q)(x)), values(times(dense(q))(x))]
      found.forEach((y, i) => expect(Math.abs(y - wanted[i]!)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(y))))
    }
  })

  test('have the values of the formats they are of', () => {
    // -8 is the largest, 7.6 of the other sign is 7, 0.5 rounds to an even code
    const column = [-8, 7.6, 0.5, 1.4, 3, -3, 0, 7]
    const found = values(dense(of(4, tensor(column, [8, 1]), 8)))
    expect([...found]).toEqual([-8, 7, 0, 1, 3, -3, 0, 7])
    expect([...values(dense(of(8, tensor([127, -127, 1.4, 63.6], [4, 1]))))]).toEqual([127, -127, 1, 64])
  })

  test('take a quarter of the memory, or a seventh', () => {
    const matrix = normalInit(1)(random.key(0), [1024, 512])
    expect(bytesIn(of(8, matrix)) / bytesIn(matrix)).toBeCloseTo(1 / 4 + 1 / 1024, 10)
    expect(bytesIn(of(4, matrix)) / bytesIn(matrix)).toBeCloseTo(1 / 8 + 1 / 64, 10) // 4.5 of 32 bits: 1 / 7.1
    expect(bytesIn(of(4, matrix, 64)) / bytesIn(matrix)).toBeCloseTo(1 / 8 + 1 / 128, 10)
  })
})

test('what cannot be kept so is named', () => {
  const layers = { up: initLinear({ in: 12, out: 4 })(random.key(0)) }
  expect(() => quantize({ bits: 4 })(layers)).toThrow(
    /the matrix of up has 12 rows, no multiple of 32\..* or give a block/,
  )
  expect(isTensor(quantize({ bits: 4, targets: ['down'] })(layers).up.weight)).toBe(true)
  expect(() => quantize({ bits: 8 })(quantize({ bits: 8 })(layers))).toThrow(/the weight of up is no matrix/)
  expect(() => quantize({ bits: 5 as 4 })).toThrow(/bits is 5/)
  expect(() => quantize({ bits: 4, block: 12 })).toThrow(/block is 12/)
})

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('on %s', (kind, device) => {
  const [ROWS, IN, OUT] = [24, 64, 96]
  const matrix = normalInit(1)(random.key(0), [IN, OUT])
  const whole = 4 * IN * OUT
  /** Bytes of what a program keeps between its kernels that are as many as those of the matrix. */
  const large = (program: Program | null): readonly number[] =>
    program!.buffers.flatMap(({ source, bytes }) => (source.kind === 'slot' && bytes >= whole ? [bytes] : []))
  const x = normalInit(1)(random.key(1), [ROWS, IN])

  describe.each([8, 4] as const)('%s bits', (bits) => {
    const q = of(bits, matrix)
    const product = (x: Floats, w: Weight): Floats => times(w)(x)
    // 2 (x W) W^T, which reads the codes both ways
    const back = (x: Floats, w: Weight): Floats => grad((x: Floats) => sum()(square(times(w)(x))))(x)
    const rounds = (x: Floats, w: Weight): Floats =>
      foriLoop(3, (_, { y, w }: { y: Floats; w: Weight }) => ({ y: back(y, w), w }))({ y: x, w }).y

    test('a product is what it is in double precision, and so is its gradient', { timeout: 60_000 }, async () => {
      for (const f of [product, back]) {
        for (const rows of [1, 3, ROWS]) {
          const some = normalInit(1)(random.key(2), [rows, IN])
          const wanted = values(f(some, q))
          const got = await readAsync(jit(f, { device })(some, await realizeAsync(q, device)))
          wanted.forEach((y, i) => expect(Math.abs(y - got[i]!)).toBeLessThan(1e-5 * (100 + Math.abs(y))))
        }
      }
    })

    test.runIf(kind !== 'reference')(
      'no f32 matrix is stored, forward, backward, closed over, or in a loop',
      async () => {
        const held = await realizeAsync(q, device)
        for (const f of [product, back]) {
          expect(large(jit(f, { device }).program(x, held))).toEqual([])
          expect(large(jit((x: Floats) => f(x, held), { device }).program(x))).toEqual([])
        }
        expect(large(jit(rounds, { device }).program(x, held))).toEqual([])
        // and the same count sees a matrix that is stored
        const costly = (x: Floats, w: Weight): Floats => matmul(x, tanh(tanh(dense(w))))
        expect(large(jit(costly, { device }).program(x, held))).toEqual([whole])
      },
    )
  })
})

test('an adapter learns on a base of codes, which is read and not differentiated', () => {
  const model = transformer(llama({ vocab: 11, width: 32, layers: 1, heads: 4, kvHeads: 2, hidden: 64, context: 8 }))
  const base = quantize({ bits: 4 })(model.init(random.key(0)))
  const { init, adapt, merge } = lora({ rank: 2, targets: ['q', 'down'], split: projections(model.config) })
  const adapter = init(base)(random.key(1))
  const [x, y] = [
    tensor([1, 5, 2], [1, 3], 'i32'),
    tensor([5, 2, 7], [1, 3], 'i32'),
  ] as readonly Integers[] as readonly [Integers, Integers]
  const loss = (of: Adapter) => crossEntropy(model.apply(adapt(base, of))(x), y)
  const found = grad(loss)(adapter)
  expect(values(found['blocks.0.mlp.down']!.b).some((g) => g !== 0)).toBe(true)
  const moved: Adapter = tree.map((p, g) => sub(p, g), adapter, found)
  const [adapted, merged] = [values(model.apply(adapt(base, moved))(x)), values(model.apply(merge(base, moved))(x))]
  adapted.forEach((v, i) => expect(Math.abs(v - merged[i]!)).toBeLessThan(1e-6))
  expect(linear(base.blocks[0]!.mlp.down)(normalInit(1)(random.key(2), [2, 64])).shape).toEqual([2, 32])
})
