// Losses by chunks of the vocabulary are those of the logits: values and derivatives of any order, in little memory.
import { checkpoint, grad, hvp, jvp, valueAndGrad, vmap } from '@adjoint/autograd'
import {
  add,
  argmax,
  concat,
  div,
  full,
  jit,
  mul,
  random,
  readAsync,
  type Scalar,
  slice,
  squeeze,
  stack,
  sum,
  tensor,
  transpose,
  wasmDevice,
  zeros,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { labelCrossEntropy, type LabelConfig } from './classification.ts'
import { normalInit } from './init.ts'
import type { Floats, Integers } from './layer.ts'
import { linearCrossEntropy, linearScores, logitsOf, type Unembedding } from './linear-loss.ts'
import { crossEntropy, entropy, tokenLogp } from './loss.ts'
import { vocabularyChunks } from './vocabulary-chunks.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const [ROWS, C, V] = [[2, 3] as const, 4, 11]
const drawn = (seed: number, shape: readonly number[]): Floats => normalInit(1)(random.key(seed), shape)
type Params = { readonly x: Floats; readonly weight: Floats; readonly bias: Floats; readonly classes: Floats }
const params = (seed: number): Params => ({
  x: drawn(seed, [...ROWS, C]),
  weight: drawn(seed + 1, [C, V]),
  bias: drawn(seed + 2, [V]),
  classes: add(2, drawn(seed + 3, [V])),
})
const names = ['x', 'weight', 'bias', 'classes'] as const
const numbers = (xs: readonly Floats[]): readonly number[] => evaluate(xs).flatMap((v) => [...v.data])
const alike = (found: readonly number[], expected: readonly number[], digits: number): void => {
  expect(found).toHaveLength(expected.length)
  found.forEach((x, i) => expect(x).toBeCloseTo(expected[i]!, digits))
}
const targets: Integers = tensor([3, 0, 10, 9, -100, 7], ROWS, 'i32')
const valid: Integers = tensor([3, 0, 10, 9, 1, 7], ROWS, 'i32')
const counted = tensor([1, 0, 0.5, 2, 1, 1], ROWS)

const heads: Readonly<Record<string, (p: Params) => Unembedding>> = {
  'a layer': ({ weight, bias }) => ({ weight, bias }),
  'a layer without bias': ({ weight }) => ({ weight, bias: null }),
  'a table': ({ weight }) => transpose([1, 0])(weight),
}
type Loss = (p: Params, chunk: number | null) => Scalar
/** Each by chunks, and, where the chunk is null, as the present functions of logits. */
const losses: Readonly<Record<string, (head: (p: Params) => Unembedding) => Loss>> = {
  'cross-entropy': (head) => (p, chunk) =>
    chunk === null ? crossEntropy(logitsOf(head(p))(p.x), valid) : linearCrossEntropy({ chunk })(head(p))(p.x, valid),
  'with a mask': (head) => (p, chunk) =>
    chunk === null
      ? crossEntropy(logitsOf(head(p))(p.x), valid, counted)
      : linearCrossEntropy({ chunk })(head(p))(p.x, valid, counted),
  'smoothed, ignored and weighted': (head) => (p, chunk) => {
    const config: LabelConfig = { smoothing: 0.2, ignore: -100, classWeights: p.classes }
    return chunk === null
      ? labelCrossEntropy(config)(logitsOf(head(p))(p.x), targets, counted)
      : linearCrossEntropy({ ...config, chunk })(head(p))(p.x, targets, counted)
  },
  smoothed: (head) => (p, chunk) =>
    chunk === null
      ? labelCrossEntropy({ smoothing: 0.1 })(logitsOf(head(p))(p.x), valid)
      : linearCrossEntropy({ smoothing: 0.1, chunk })(head(p))(p.x, valid),
  scores: (head) => (p, chunk) => {
    const scaled: Floats = div(logitsOf(head(p))(p.x), 0.7)
    const { logp, entropy: h } =
      chunk === null
        ? { logp: tokenLogp(scaled, valid), entropy: entropy(scaled) }
        : linearScores({ temperature: 0.7, chunk })(head(p))(p.x, valid)
    return sum()(add(mul(logp, counted), mul(h, h)))
  },
}

describe.each(Object.entries(losses))('%s', (name, make) => {
  describe.each(Object.entries(heads))('of %s', (of, head) => {
    const loss = make(head)
    const p = params(0)
    const all = (chunk: number | null): readonly number[] => {
      const [value, g] = valueAndGrad((q: Params) => loss(q, chunk))(p)
      return numbers([value, ...names.map((n) => g[n])])
    }
    test.each([1, 3, 4, 8, 11])('chunks of %d: value and gradients', (chunk) => {
      alike(all(chunk), all(null), 6) // constants are f32
    })
    test('forward mode, and second derivatives both ways', () => {
      const both = [null, 4].map((chunk) => {
        const f = (q: Params): Scalar => loss(q, chunk)
        const again = grad((q: Params): Scalar => {
          const g = grad(f)(q)
          return names.map((n): Scalar => sum()(mul(g[n], g[n]))).reduce((a, b) => add(a, b))
        })(p)
        const product = hvp(f)(p, params(10))
        return numbers([jvp(f)(p, params(10))[1], ...names.map((n) => product[n]), ...names.map((n) => again[n])])
      })
      alike(both[1]!, both[0]!, 7)
    })
    test('checkpoint changes nothing', () => {
      const f = (q: Params): Scalar => loss(q, 4)
      const [a, b] = [f, checkpoint(f)].map((g) => names.map((n) => grad(g)(p)[n]))
      alike(numbers(b!), numbers(a!), 12)
    })
    // A software GPU takes long for each new kernel.
    const everywhere = of === 'a layer' && (name === 'scores' || name.startsWith('smoothed,'))
    test('compiled, on every device', async () => {
      for (const device of devices.filter(({ kind }) => everywhere || kind !== 'webgpu')) {
        const step = jit(
          (q: Params) => {
            const [value, g] = valueAndGrad((r: Params) => loss(r, 4))(q)
            return [value, ...names.map((n) => g[n])] as readonly Floats[]
          },
          { device },
        )
        const found = await Promise.all(step(p).map((x) => readAsync(x, device)))
        alike(
          found.flatMap((x) => [...x]),
          all(null),
          4,
        )
      }
    }, 300_000)
  })
})

describe('corners', () => {
  const p = params(0)
  const head = { weight: p.weight, bias: p.bias }
  test('vmap is one after another', () => {
    const f = (x: Floats): Floats => grad((y: Floats) => linearCrossEntropy({ chunk: 4 })(head)(y, valid))(x)
    const xs: Floats = stack(0)([p.x, drawn(30, p.x.shape)])
    const rows = [0, 1].map((i): Floats => f(squeeze(0)(slice([i], [i + 1])(xs))))
    alike(numbers([vmap(f)(xs)]), numbers(rows), 9)
  })
  test('the likeliest token is the first of the largest logit', () => {
    for (const bias of [p.bias, zeros([V])]) {
      const tied: Unembedding = { weight: bias === p.bias ? p.weight : zeros([C, V]), bias }
      const { likeliest } = linearScores({ chunk: 4 })(tied)(p.x, valid)
      expect(numbers([likeliest as never])).toEqual(numbers([argmax(-1)(logitsOf(tied)(p.x)) as never]))
    }
  })
  test('what does not count may be anything', () => {
    const bad: Floats = concat(1)([full([2, 1, C], NaN), slice([0, 1], [2, 3])(p.x)])
    const mask = tensor([0, 1, 1, 0, 1, 1], ROWS)
    const loss = (q: Floats) => (w: Floats) =>
      linearCrossEntropy({ chunk: 4 })({ weight: w, bias: null })(q, valid, mask)
    alike(numbers([grad(loss(bad))(p.weight)]), numbers([grad(loss(p.x))(p.weight)]), 12)
  })
  test('a token outside the vocabulary is an error where the host knows it, and NaN where it does not', async () => {
    const outside = tensor([3, 0, V, 9, 1, 7], ROWS, 'i32')
    expect(() => linearScores({ chunk: 4 })(head)(p.x, outside)).toThrow(/linearScores: id 11 at \[0, 2\]/)
    expect(() => linearCrossEntropy({ chunk: 4 })(head)(p.x, outside)).toThrow(/linearCrossEntropy: id 11 at \[0, 2\]/)
    const device = wasmDevice()
    const logp = jit((y: Integers) => linearScores({ chunk: 4 })(head)(p.x, y).logp, { device })(outside)
    expect([...(await readAsync(logp, device))].map(Number.isNaN)).toEqual([false, false, true, false, false, false])
  })
  test('a token that the bias rules out has no probability, and every gradient is a number', () => {
    const bias = tensor(Float32Array.from({ length: V }, (_, i) => (i < 5 ? -Infinity : 0)))
    const f = (w: Floats): Scalar => {
      const { logp, entropy: h } = linearScores({ chunk: 4 })({ weight: w, bias })(
        p.x,
        tensor([5, 6, 10, 9, 8, 7], ROWS, 'i32'),
      )
      return sum()(add(logp, h))
    }
    const g = numbers([f(p.weight), grad(f)(p.weight)])
    expect(g.every(Number.isFinite)).toBe(true)
    expect(g.slice(1).every((x, i) => i % V >= 5 || x === 0)).toBe(true)
    expect(numbers([linearScores({ chunk: 4 })({ weight: p.weight, bias })(p.x, zeros(ROWS, 'i32')).logp])[0]).toBe(
      -Infinity,
    )
  })
  test('logits of any size', () => {
    const far = { weight: mul(p.weight, 1e3), bias: null }
    const [a, b] = [4, V].map((chunk) => {
      const { logp, entropy: h } = linearScores({ chunk })(far)(p.x, valid)
      return numbers([logp, h])
    })
    alike(a!, b!, 6)
  })
  test('parts that do not fit are refused', () => {
    expect(() => linearScores()(p.weight)(p.x, valid)).toThrow(/hidden rows are \[..., C\]/)
    expect(() => linearCrossEntropy()(head)(p.x, tensor([1], 'i32'))).toThrow(/targets are not of the shape \[2, 3\]/)
    expect(() => linearScores({ chunk: 0 })(head)).toThrow(/chunk is 0/)
  })
})

test('chunks cover the vocabulary, and are about equally full', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 70_000 }), fc.integer({ min: 1, max: 300_000 }), (rows, vocab) => {
      const chunks = vocabularyChunks(rows, vocab)
      if (rows * vocab <= 2 ** 24) expect(chunks).toBeNull()
      if (chunks === null) return
      const { size, count } = chunks
      expect(size * count).toBeGreaterThanOrEqual(vocab)
      expect(size * (count - 1)).toBeLessThan(vocab)
      expect(rows * size).toBeLessThanOrEqual(Math.max(2 ** 24, 256 * rows) + 16 * rows)
    }),
    { seed: 11, numRuns: 200 },
  )
})

test('a vocabulary of 151,936 over 8 x 512 rows takes at most 1.2 times the memory of its operands and their gradients', () => {
  const [rows, width, vocab] = [8 * 512, 896, 151_936]
  const device = wasmDevice()
  const y = zeros([8, 512], 'i32')
  const step = jit(
    valueAndGrad((q: { readonly x: Floats; readonly table: Floats }) => linearCrossEntropy()(q.table)(q.x, y)),
    { device },
  )
  const program = step.program({ x: zeros([8, 512, width]), table: zeros([vocab, width]) })!
  const without = 2 * 4 * (rows * width + vocab * width)
  const bytes = program.buffers.reduce((n, b) => n + (b.source.kind === 'slot' ? 0 : b.bytes), 0)
  expect(bytes + program.slabs.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(1.2 * without)
  // and its rounds copy nothing large
  const copied = (steps: typeof program.steps): number =>
    steps.reduce((n, s) => n + (s.kind === 'copy' ? s.bytes : s.kind === 'loop' ? copied(s.steps) : 0), 0)
  expect(copied(program.steps)).toBeLessThanOrEqual(8 * 4 * rows)
})
