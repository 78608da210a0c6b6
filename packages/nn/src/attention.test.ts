import { checkGrads } from '@adjoint/autograd'
import { concat, random, slice, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { attention, type AttentionConfig, type AttentionParams, initAttention } from './attention.ts'
import { normalInit } from './init.ts'
import type { Floats, Integers } from './layer.ts'
import { place } from './placement.ts'

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

  test('padding rows are finite', () => {
    const layer = attention(config)(params, at(5, tensor([5, 0], [2], 'i32')))
    expect(values(layer(x)).every(Number.isFinite)).toBe(true)
  })

  test('with equal scores it averages the values seen so far', () => {
    // queries and keys 0, values = x, output = values
    const identity: AttentionParams = {
      qkv: { weight: tensor([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1], [2, 6]), bias: null },
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
    const wide = { qkv: { weight: widen(1, qkv.weight), bias: widen(0, qkv.bias!) }, out }
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
