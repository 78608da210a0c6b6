import { add, cast, type Expr, mul, random, scalar, slice, sum, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { extend, initCache, prefill } from './cache.ts'
import type { Integers } from './layer.ts'
import { gpt2 } from './models/gpt2.ts'
import { llama } from './models/llama.ts'
import { leftPad } from './text/pad.ts'
import { transformer } from './transformer.ts'

const values = (x: Expr): readonly number[] => [...evaluate([x])[0]!.data]
const close = (x: readonly number[], y: readonly number[]): void => {
  expect(x).toHaveLength(y.length)
  x.forEach((v, i) => expect(v).toBeCloseTo(y[i]!, 6))
}
const sizes = { vocab: 11, width: 8, layers: 2, heads: 4, context: 12 }
const columns = (tokens: Integers, from: number, to: number): Integers => slice([0, from], [2, to])(tokens)

describe.each([
  ['gpt2', gpt2(sizes)],
  ['llama', llama({ ...sizes, kvHeads: 2, hidden: 12 })],
])('the cache of a %s', (_, config) => {
  const model = transformer(config)
  const params = model.init(random.key(0))

  test.each([
    ['equal rows', tensor(Int32Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 1, 2, 3]), [2, 7]), undefined],
    [
      'padded rows',
      ...(Object.values(
        leftPad({ pad: 0 })([
          [1, 2, 3, 4, 5, 6, 7],
          [8, 9, 10, 0],
        ]),
      ) as [Integers, Integers]),
    ],
  ])('prefill, then tokens one by one and two by two, is a full forward: %s', (_name, tokens, starts) => {
    const padding = starts === undefined ? {} : { starts }
    const full = model.hidden(params, padding)(tokens)
    let [hidden, cache] = prefill(model)(params, { length: 9, ...padding })(columns(tokens, 0, 4))
    close(values(hidden).slice(3 * 8, 4 * 8), values(slice([0, 3], [1, 4])(full)))
    for (const [from, to] of [
      [4, 5],
      [5, 7],
    ] as const) {
      ;[hidden, cache] = extend(model)(params, cache, { first: scalar(from, 'i32'), ...padding })(
        columns(tokens, from, to),
      )
      close(values(hidden), values(slice([0, from], [2, to])(full)))
    }
    expect(cache[0]!.keys.shape).toEqual([2, model.config.kvHeads, 9, 2])
  })

  test('reading it all through the cache is the same', () => {
    const tokens = tensor(Int32Array.from([1, 2, 3, 4, 5, 6]), [2, 3])
    const empty = initCache(model.config)({ batch: 2, length: 5 })
    const [hidden] = extend(model)(params, empty, { first: scalar(0, 'i32') })(tokens)
    close(values(hidden), values(model.hidden(params)(tokens)))
  })
})

describe('columns beyond the cache', () => {
  const model = transformer(gpt2(sizes))
  const params = model.init(random.key(0))
  const one = tensor([1], [1, 1], 'i32')
  const [, cache] = prefill(model)(params, { length: 4 })(tensor([1, 2, 3], [1, 3], 'i32'))

  test.each([
    [3, true],
    [4, false],
    [11, false],
    [-1, false],
  ])('a position that only a program knows, %d: numbers or NaN, never another column', (first, fits) => {
    // computed, so that no host knows it
    const at = add(scalar(first, 'i32'), cast('i32')(sum()(mul(params.embedding, 0))))
    const hidden = values(extend(model)(params, cache, { first: at })(one)[0])
    expect(hidden.every((x) => (fits ? Number.isFinite(x) : Number.isNaN(x)))).toBe(true)
  })

  test('more columns than it has are refused', () => {
    const five = tensor([1, 2, 3, 4, 0], [1, 5], 'i32')
    expect(() => prefill(model)(params, { length: 4 })(five)).toThrow(
      /prefill.*5 columns of tokens do not fit into a cache of 4/,
    )
    expect(() => extend(model)(params, cache, { first: scalar(0, 'i32') })(five)).toThrow(/extend.*cache of 4/)
  })
})

test('a cache longer than the context is refused', () => {
  const model = transformer(gpt2(sizes))
  expect(() => initCache(model.config)({ batch: 1, length: 13 })).toThrow(/13 columns is longer than the context of 12/)
})
