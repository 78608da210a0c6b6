import { checkGrads } from '@adjoint/autograd'
import { random, slice, tensor, tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { initAttention } from './attention.ts'
import { initEmbedding } from './embedding.ts'
import { normalInit } from './init.ts'
import type { Floats, Integers } from './layer.ts'
import { initLinear } from './linear.ts'
import { crossEntropy } from './loss.ts'
import { initMlp } from './mlp.ts'
import { initLayerNorm } from './norm.ts'
import { gpt2 } from './models/gpt2.ts'
import { llama } from './models/llama.ts'
import { presets } from './models/presets.ts'
import { qwen2, qwen3 } from './models/qwen.ts'
import { leftPad } from './text/pad.ts'
import { transformer, type TransformerConfig, type TransformerParams } from './transformer.ts'

const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const sizes = { vocab: 11, width: 8, layers: 2, heads: 4, context: 12 }
const configs: readonly (readonly [string, TransformerConfig])[] = [
  ['gpt2', gpt2(sizes)],
  ['llama', llama({ ...sizes, kvHeads: 2, hidden: 12 })],
  ['llama tied', llama({ ...sizes, kvHeads: 1, tiedHead: true })],
  [
    "llama with Llama 3's scaling",
    llama({ ...sizes, ropeScaling: { type: 'llama3', factor: 4, low: 1, high: 2, original: 8 } }),
  ],
  ['qwen2', qwen2({ ...sizes, kvHeads: 2 })],
  ['qwen3', qwen3({ ...sizes, kvHeads: 2, headDim: 6, tiedHead: true })],
  ['layer norm, rope, bias, untied', { ...sizes, positions: 'rope', tiedHead: false, headDim: 4 }],
]
const ids = (rows: readonly (readonly number[])[]): Integers =>
  tensor(Int32Array.from(rows.flat()), [rows.length, rows[0]!.length])
const close = (x: readonly number[], y: readonly number[]): void => {
  expect(x).toHaveLength(y.length)
  x.forEach((v, i) => expect(v).toBeCloseTo(y[i]!, 6))
}

describe.each(configs)('%s', (_, config) => {
  const model = transformer(config)
  const params = model.init(random.key(0))
  const logits = (rows: readonly (readonly number[])[]): Floats => model.apply(params)(ids(rows))

  test('a later token changes nothing before it', () => {
    const before = (row: readonly number[]): readonly number[] => values(slice([0, 0], [1, 3])(logits([row])))
    expect(before([1, 2, 3, 4, 5])).toEqual(before([1, 2, 3, 9, 0]))
    expect(before([1, 2, 3, 4, 5])).not.toEqual(before([1, 7, 3, 4, 5]))
  })

  test('a row of a padded batch is the row alone, whatever fills the padding', () => {
    const rows = [
      [1, 2, 3, 4],
      [5, 6],
    ] as const
    for (const pad of [0, 10]) {
      const { tokens, starts } = leftPad({ pad, width: 5 })(rows)
      const batch = model.apply(params, { starts })(tokens)
      rows.forEach((row, r) => {
        close(values(slice([r, 5 - row.length], [r + 1, 5])(batch)), values(logits([row])))
      })
    }
  })

  test('positions matter', () => {
    const last = (row: readonly number[]): readonly number[] =>
      values(slice([0, row.length - 1], [1, row.length])(logits([row])))
    expect(last([1, 2, 3])).not.toEqual(last([2, 1, 3]))
  })

  test('a sequence longer than the context is refused', () => {
    expect(() => logits([new Array<number>(13).fill(0)])).toThrow(
      /i32\[1, 13\].*13 tokens is longer than the context of 12/,
    )
    expect(() => model.apply(params)(tensor([1, 2], [2], 'i32'))).toThrow(/tokens are \[batch, columns\]/)
  })
})

describe('parameters', () => {
  test("the benchmark's GPT has 809,728", () => {
    const model = transformer(gpt2({ vocab: 64, width: 128, layers: 4, heads: 4, context: 64 }))
    expect(tree.size(model.init(random.key(0)))).toBe(809_728)
  })

  test('published models have as many as their cards say, and none is drawn to count them', () => {
    const counts = Object.values(presets).map((config) => tree.size(transformer(config).init(random.key(0))))
    expect(counts).toEqual([134_515_008, 494_032_768, 1_543_714_304, 596_049_920, 1_235_814_400])
  })

  test('initial logits are small, so that the first loss is about log V', () => {
    const model = transformer(gpt2({ ...sizes, width: 32 }))
    const tokens = ids([[1, 2, 3, 4, 5, 6, 7, 8]])
    const [loss] = values(crossEntropy(model.apply(model.init(random.key(0)))(tokens), tokens))
    expect(loss).toBeCloseTo(Math.log(11), 0)
  })

  test('paths are those of the tree', () => {
    const model = transformer(llama({ ...sizes, layers: 1 }))
    expect(tree.paths(model.init(random.key(0)))).toEqual([
      'blocks.0.attention.out.weight',
      'blocks.0.attention.qkv.weight',
      'blocks.0.mlp.down.weight',
      'blocks.0.mlp.gate.weight',
      'blocks.0.mlp.up.weight',
      'blocks.0.norm1.scale',
      'blocks.0.norm2.scale',
      'embedding',
      'head.weight',
      'norm.scale',
    ])
  })
})

describe('what was forgotten, or belongs to another model, is an error where it is made', () => {
  const config = gpt2({ vocab: 5, width: 8, layers: 2, heads: 2, context: 6 })
  const model = transformer(config)
  const params = model.init(random.key(0))
  const tokens = ids([[1, 2]])
  const other = (change: Partial<TransformerConfig>) => () =>
    transformer({ ...config, ...change }).apply(params)(tokens)

  test.each<readonly [string, () => unknown, RegExp]>([
    ['more layers', other({ layers: 3 }), /have 2 blocks, and the configuration 3 layers/],
    ['fewer layers', other({ layers: 1 }), /have 2 blocks, and the configuration 1 layers/],
    [
      'other positions',
      other({ positions: 'rope' }),
      /a table of positions, and the configuration has positions 'rope'/,
    ],
    ['no positions', () => model.apply({ ...params, positions: null })(tokens), /no table of positions/],
    ['a longer context', other({ context: 7 }), /parameters' positions is not \[7, 8\]/],
    ['a head of its own', other({ tiedHead: false }), /no head of their own, and the configuration has tiedHead false/],
    ['another vocabulary', other({ vocab: 6 }), /parameters' embedding is not \[6, 8\]/],
    ['no parameters', () => model.apply(undefined as never)(tokens), /the parameters are undefined/],
    [
      'starts of another batch',
      () => model.apply(params, { starts: tensor([0, 1], [2], 'i32') })(tokens),
      /starts are \[1\], one for each row/,
    ],
    [
      'parameters without norms of queries and keys',
      () => {
        const normed = transformer(qwen3({ ...sizes, kvHeads: 2 }))
        const drawn = normed.init(random.key(0))
        const blocks = drawn.blocks.map((block) => ({ ...block, attention: { ...block.attention, qkNorm: null } }))
        return normed.apply({ ...drawn, blocks })(tokens)
      },
      /the parameters have no norm of queries and keys, and the configuration one/,
    ],
    ['no key', () => model.init(undefined as never), /transformer: the key is undefined/],
    ['a number for a key', () => model.init(3 as never), /transformer: the key is the number 3/],
    [
      'a size left out',
      () => transformer({ ...config, layers: undefined as never }),
      /transformer: layers is undefined/,
    ],
    ['a size that is none', () => transformer({ ...config, layers: 1.5 }), /transformer: layers is 1.5/],
    [
      'a bias that is none',
      () => transformer({ ...config, bias: 'kv' as never }),
      /bias is kv. Choose one of true, false, qkv/,
    ],
    [
      'a scaling that is none',
      () => transformer({ ...config, positions: 'rope', ropeScaling: { type: 'yarn', factor: 2 } as never }),
      /the scaling is yarn. Choose one of linear, llama3/,
    ],
    [
      'a choice that is none',
      () => transformer({ ...config, norm: 'batch' as never }),
      /norm is batch. Choose one of layer, rms/,
    ],
    ['a linear layer without a size', () => initLinear({ in: 2 } as never), /initLinear: out is undefined/],
    [
      'a linear layer without a key',
      () => initLinear({ in: 2, out: 3 })(undefined as never),
      /initLinear: the key is undefined/,
    ],
    ['an embedding without a size', () => initEmbedding({ width: 3 } as never), /initEmbedding: rows is undefined/],
    ['a norm without its width', () => initLayerNorm({} as never), /initLayerNorm: width is undefined/],
    ['an MLP without a size', () => initMlp({ width: 3, gated: false } as never), /initMlp: hidden is undefined/],
    [
      'attention without heads',
      () => initAttention({ width: 4, kvHeads: 1 } as never),
      /attention: heads is undefined/,
    ],
    [
      'a mask of another shape',
      () => crossEntropy(model.apply(params)(tokens), tokens, tensor([1, 1])),
      /crossEntropy.*\[1, 2\] of what it masks/,
    ],
  ])('%s', (_, f, message) => {
    expect(f).toThrow(message)
  })

  test('a default that is given as undefined is the default', () => {
    expect(transformer({ ...config, kvHeads: undefined as never }).config.kvHeads).toBe(2)
  })
})

describe('gradients of the loss agree with differences', () => {
  test.each([
    ['gpt2', gpt2({ vocab: 5, width: 4, layers: 1, heads: 2, context: 3 })],
    ['llama', llama({ vocab: 5, width: 4, layers: 1, heads: 2, kvHeads: 1, hidden: 3, context: 3 })],
    ['qwen2', qwen2({ vocab: 5, width: 4, layers: 1, heads: 2, kvHeads: 1, hidden: 3, context: 3 })],
    [
      'qwen3',
      qwen3({ vocab: 5, width: 4, layers: 1, heads: 2, kvHeads: 1, headDim: 4, hidden: 3, context: 3, normEps: 1e-2 }),
    ],
  ])('of a %s', (_, config) => {
    const model = transformer(config)
    const tokens = ids([
      [0, 3, 2],
      [1, 4, 4],
    ])
    const targets = ids([
      [3, 2, 1],
      [4, 4, 0],
    ])
    const loss = (p: TransformerParams) => crossEntropy(model.apply(p)(tokens), targets)
    // Embeddings of size 1: normalising rows of size 0.02 bends the loss too sharply for differences.
    const drawn = model.init(random.key(1))
    const [first, second] = random.split(random.key(2))
    const tables = {
      embedding: normalInit(1)(first, drawn.embedding.shape),
      positions: drawn.positions && normalInit(1)(second, drawn.positions.shape),
    }
    checkGrads(loss, { order: 1 })({ ...drawn, ...tables })
  })
})
