import { checkGrads, grad } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import {
  add,
  broadcastTo,
  concat,
  eq,
  expandDims,
  isTensor,
  jit,
  matmul,
  mul,
  random,
  readAsync,
  reshape,
  scalar,
  slice,
  softmax,
  square,
  squeeze,
  sum,
  tensor,
  transpose,
  where,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { afterAll, describe, expect, test } from 'vitest'
import { attend } from './attend.ts'
import { attention, type AttentionConfig, type AttentionParams, initAttention } from './attention.ts'
import { normalInit } from './init.ts'
import type { Booleans, Floats, Integers } from './layer.ts'
import { place } from './placement.ts'
import { maskOf, type Visible } from './visibility.ts'
import { dense } from './weight.ts'

const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const close = (x: readonly number[], y: readonly number[]): void => {
  expect(x).toHaveLength(y.length)
  x.forEach((v, i) => expect(v).toBeCloseTo(y[i]!, 6))
}
const at = (queries: number, starts?: Integers) => ({
  rotate: (x: Floats): Floats => x,
  visible: place({ queries, ...(starts && { starts }) }).visible,
})
const config: AttentionConfig = { width: 12, heads: 6, kvHeads: 2, headDim: 4 }
const params = initAttention(config)(random.key(0))
const x = normalInit(1)(random.key(1), [2, 5, 12])
const changed = (from: number, to: number): Floats =>
  concat(1)([slice([0, 0], [2, from])(x), normalInit(9)(random.key(2), [2, to - from, 12]), slice([0, to], [2, 5])(x)])

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

describe('a row that sees nothing', () => {
  const [T, S, D] = [3, 4, 2]
  const [queries, keys, memory] = [0, 1, 2].map((i) =>
    normalInit(3)(random.key(i), i === 0 ? [2, 1, 1, T, D] : [2, 1, S, D]),
  )
  const masks: Readonly<
    Record<string, { readonly visible: Visible; readonly blind: (b: number, t: number) => boolean }>
  > = {
    'by a mask of its own': {
      visible: tensor([true, false, true, false, false, false, false, false, true, true, true, true], [T, S], 'bool'),
      blind: (_, t) => t === 1,
    },
    'by its start': {
      visible: place({ queries: T, keys: S, starts: tensor([2, 4], [2], 'i32') }).visible,
      blind: (b, t) => t < (b === 0 ? 2 : 4),
    },
    'by its start, at a column known only on the device': {
      visible: place({ queries: T, keys: S, first: scalar(1, 'i32'), starts: tensor([2, 4], [2], 'i32') }).visible,
      blind: (b, t) => t + 1 < (b === 0 ? 2 : 4),
    },
    'by segments': {
      visible: eq(tensor([0, 1, 2], [T, 1], 'i32'), tensor([0, 0, 2, 2], [1, S], 'i32')),
      blind: (_, t) => t === 1,
    },
  }
  const five = (visible: Visible): Booleans => {
    const mask = isTensor(visible) ? visible : maskOf(visible!)
    return mask.shape.length === 5 ? mask : reshape([1, 1, 1, T, S])(mask)
  }
  test.each(Object.entries(masks))(
    '%s gives 0 and has no gradient; the others are softmax',
    async (_, { visible, blind }) => {
      const attended = (q: Floats, k: Floats, v: Floats): Floats => attend(visible)(q, { keys: k, values: v })
      const plain = (q: Floats, k: Floats, v: Floats): Floats => {
        const scores = mul(matmul(squeeze(2)(q), transpose([0, 1, 3, 2])(k)), 1 / Math.sqrt(D))
        const mask = five(visible)
        const hidden = where(reshape([-1, 1, T, S])(broadcastTo([mask.shape[0]!, 1, 1, T, S])(mask)), scores, -1e9)
        return expandDims(2)(matmul(softmax(-1)(hidden), v))
      }
      for (const device of devices) {
        const results = jit(
          (q: Floats, k: Floats, v: Floats) => {
            const g = grad((p: { readonly q: Floats; readonly k: Floats; readonly v: Floats }) =>
              sum()(square(attended(p.q, p.k, p.v))),
            )({ q, k, v })
            return [attended(q, k, v), g.q, g.k, g.v]
          },
          { device },
        )(queries!, keys!, memory!)
        const [found, dq, dk, dv] = await Promise.all(results.map((z) => readAsync(z, device)))
        const expected = values(plain(queries!, keys!, memory!))
        found!.forEach((z, i) => {
          const [b, t] = [Math.floor(i / (T * D)), Math.floor(i / D) % T]
          if (blind(b, t)) expect([z, dq![i]]).toEqual([0, 0])
          else expect(z).toBeCloseTo(expected[i]!, 4)
        })
        for (const g of [dk!, dv!]) expect(g.every(Number.isFinite)).toBe(true)
      }
    },
  )

  test('and reaches no parameter: a padded batch has the gradients of its rows without padding', () => {
    const rows = (starts?: Integers) => (p: AttentionParams, tokens: Floats) =>
      attention(config)(p, at(tokens.shape[1]!, starts))(tokens)
    const whole = grad((p: AttentionParams) => sum()(square(rows(tensor([5, 5], [2], 'i32'))(p, x))))(params)
    // rows without any visible column are the bias alone, whatever the columns hold
    for (const g of [dense(whole.qkv.weight), whole.qkv.bias!, dense(whole.out.weight)])
      expect(values(g).every((z) => z === 0)).toBe(true)
  })

  test('scores of any size', async () => {
    const [q, k] = [tensor([1e15, -1e15, 0, 0, 1, 1], [1, 1, 1, 3, 2]), tensor([1e15, 1, -1e15, 1], [1, 1, 2, 2])]
    const v = tensor([1, 2, 3, 4], [1, 1, 2, 2])
    const visible = tensor([true, true, true, false, false, false], [3, 2], 'bool')
    for (const device of devices) {
      const y = await readAsync(attend(visible)(q, { keys: k, values: v }), device)
      ;[1, 2, 1, 2, 0, 0].forEach((z, i) => expect(y[i]).toBeCloseTo(z, 5))
    }
  })
})

describe('attend', () => {
  const [B, KV, G, T, S, D, E] = [2, 2, 3, 3, 4, 5, 2]
  const [q, k, v, bias] = [
    [B, KV, G, T, D],
    [B, KV, S, D],
    [B, KV, S, E],
    [KV, G, 1, S],
  ].map((shape, i) => normalInit(1)(random.key(40 + i), shape)) as [Floats, Floats, Floats, Floats]
  const visible = tensor([true, true, false, true, true, true, true, false, false, true, true, true], [T, S], 'bool')
  /** A key and a value of its own for every query head, and a softmax of scores of which the hidden ones are far below. */
  const naive = (q: Floats, k: Floats, v: Floats, bias: Floats, scale: number, mask: Booleans): Floats => {
    const each = (x: Floats): Floats => broadcastTo([B, KV, G, S, x.shape[3]!])(expandDims(2)(x))
    const scores = add(mul(matmul(q, transpose([0, 1, 2, 4, 3])(each(k))), scale), bias)
    return matmul(softmax(-1)(where(mask, scores, -1e9)), each(v))
  }
  const everything = broadcastTo([T, S])(tensor([true], 'bool')) as Booleans
  const table: readonly (readonly [string, Booleans | null, number | undefined])[] = [
    ['a mask, a scale', visible, 0.7],
    ['a mask', visible, undefined],
    ['a scale', null, -2],
    ['neither', null, undefined],
  ]
  const gradients = (f: (q: Floats, k: Floats, v: Floats, bias: Floats) => Floats) =>
    grad((p: { readonly q: Floats; readonly k: Floats; readonly v: Floats; readonly bias: Floats }) =>
      sum()(mul(f(p.q, p.k, p.v, p.bias), normalInit(1)(random.key(50), [B, KV, G, T, E]))),
    )
  test.each(table)('with values of another width, a bias and %s: values and gradients', async (_, mask, scale) => {
    const ours = (q: Floats, k: Floats, v: Floats, bias: Floats): Floats =>
      attend(mask, { bias, ...(scale !== undefined && { scale }) })(q, { keys: k, values: v })
    const theirs = (q: Floats, k: Floats, v: Floats, bias: Floats): Floats =>
      naive(q, k, v, bias, scale ?? 1 / Math.sqrt(D), mask ?? everything)
    for (const device of devices) {
      const both = jit(
        (q: Floats, k: Floats, v: Floats, bias: Floats) =>
          [ours, theirs].map((f) => ({ y: f(q, k, v, bias), ...gradients(f)({ q, k, v, bias }) })),
        { device },
      )(q, k, v, bias)
      for (const name of ['y', 'q', 'k', 'v', 'bias'] as const) {
        const [found, expected] = await Promise.all(both.map((z) => readAsync(z[name], device)))
        found!.forEach((z, i) => expect(z, name).toBeCloseTo(expected![i]!, 4))
      }
    }
  })
  test('a bias of -Infinity hides: as the boolean mask does, gradients too, rows that see nothing too', async () => {
    const hides = tensor([0, 1, 0, 0, 1, 1, 1, 1, 0, 0, 0, 1], [T, S])
    const masked = (q: Floats, k: Floats, v: Floats, bias: Floats): Floats =>
      attend(eq(hides, 0), { bias })(q, { keys: k, values: v })
    const added = (q: Floats, k: Floats, v: Floats, bias: Floats): Floats =>
      attend(null, { bias: where(eq(hides, 0), bias, -Infinity) })(q, { keys: k, values: v })
    for (const device of devices) {
      const both = jit(
        (q: Floats, k: Floats, v: Floats, bias: Floats) =>
          [masked, added].map((f) => ({ y: f(q, k, v, bias), ...gradients(f)({ q, k, v, bias }) })),
        { device },
      )(q, k, v, bias)
      for (const name of ['y', 'q', 'k', 'v', 'bias'] as const) {
        const [expected, found] = await Promise.all(both.map((z) => readAsync(z[name], device)))
        found!.forEach((z, i) => expect(z, name).toBeCloseTo(expected![i]!, 4))
        for (const z of both) expect((await readAsync(z[name], device)).every(Number.isFinite), name).toBe(true)
      }
    }
  })
  test('parts that do not fit together are refused', () => {
    expect(() => attend(null)(q, { keys: v, values: v })).toThrow(
      'attend(f32[2, 2, 3, 3, 5], f32[2, 2, 4, 2], f32[2, 2, 4, 2]): queries are [B, KV, G, T, D], keys [B, KV, S, D]',
    )
    expect(() =>
      attend(null, { bias: normalInit(1)(random.key(0), [3, 2, 2, 3, 3, 4]) })(q, { keys: k, values: v }),
    ).toThrow(/broadcast/)
  })
})

describe('attention', () => {
  test('a later column changes nothing before it', () => {
    const layer = attention(config)(params, at(5))
    const [before, after] = [x, changed(3, 5)].map((rows) => values(slice([0, 0], [2, 3])(layer(rows))))
    expect(after).toEqual(before)
    expect(values(layer(changed(3, 5)))).not.toEqual(values(layer(x)))
  })

  test('padding columns change nothing after them', () => {
    const layer = attention(config)(params, at(5, tensor([2, 2], [2], 'i32')))
    const [before, after] = [x, changed(0, 2)].map((rows) => values(slice([0, 2], [2, 5])(layer(rows))))
    expect(after).toEqual(before)
    // and a row is what it is without its padding
    close(before!, values(attention(config)(params, at(3))(slice([0, 2], [2, 5])(x))))
  })

  test('with equal scores it averages the values seen so far', () => {
    // queries and keys 0, values = x, output = values
    const identity: AttentionParams = {
      qkv: { weight: tensor([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1], [2, 6]), bias: null },
      qkNorm: null,
      out: { weight: tensor([1, 0, 0, 1], [2, 2]), bias: null },
    }
    const rows = tensor([3, 0, 5, 6, 1, 0], [1, 3, 2])
    close(values(attention({ width: 2, heads: 1, kvHeads: 1 })(identity, at(3))(rows)), [3, 0, 4, 3, 3, 2])
  })

  test('grouped heads are heads whose keys and values are repeated', () => {
    const { qkv, out } = params
    // [C, (H + 2 KV) D] -> each key and value head three times
    const widen = (axis: number, p: Floats): Floats => {
      const cut = (from: number, to: number): Floats =>
        axis === 0 ? slice([from * 4], [to * 4])(p) : slice([0, from * 4], [12, to * 4])(p)
      const heads = (from: number): readonly Floats[] => [0, 0, 0, 1, 1, 1].map((h) => cut(from + h, from + h + 1))
      return concat(axis)([cut(0, 6), ...heads(6), ...heads(8)])
    }
    const wide = { qkv: { weight: widen(1, dense(qkv.weight)), bias: widen(0, qkv.bias!) }, out, qkNorm: null }
    close(values(attention({ ...config, kvHeads: 6 })(wide, at(5))(x)), values(attention(config)(params, at(5))(x)))
  })

  test('heads that cannot be grouped or divided are refused', () => {
    expect(() => initAttention({ width: 12, heads: 6, kvHeads: 4 })).toThrow(/6 heads and 4 key-value heads/)
    expect(() => initAttention({ width: 10, heads: 4, kvHeads: 4 })).toThrow(/heads must divide the width/)
  })

  test('gradients agree with differences', () => {
    const small = { width: 4, heads: 2, kvHeads: 1 }
    const starts = tensor([0, 1], [2], 'i32')
    checkGrads((p: AttentionParams, rows: Floats) => attention(small)(p, at(3, starts))(rows), { order: 1 })(
      initAttention(small)(random.key(3)),
      normalInit(1)(random.key(4), [2, 3, 4]),
    )
  })
})
