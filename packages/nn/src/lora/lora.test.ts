// Laws of adapters over small transformers of any shape, in double precision; what a gradient by the adapter computes.
import { grad, valueAndGrad } from '@adjoint/autograd'
import {
  isTensor,
  jit,
  matmul,
  mul,
  random,
  readAsync,
  realizeAsync,
  tensor,
  transpose,
  tree,
  type Tree,
  wasmDevice,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Adapter,
  castFloats,
  dense,
  generatorAsync,
  type Integers,
  leftPad,
  linearCrossEntropy,
  llama,
  lora,
  type LoraConfig,
  normalInit,
  projections,
  scanLayers,
  stackLayers,
  linear,
  initLinear,
  type LinearParams,
  transformer,
  type TransformerParams,
} from '../index.ts'
import type { Key } from '../layer.ts'

const values = (t: Tree): readonly (readonly number[])[] => evaluate(tree.leaves(t)).map((v) => [...v.data])
const near = (x: Tree, y: Tree, tol: number): void => {
  const [xs, ys] = [values(x), values(y)]
  expect(xs.map((v) => v.length)).toEqual(ys.map((v) => v.length))
  xs.forEach((v, i) =>
    v.forEach((a, j) => {
      expect(Math.abs(a - ys[i]![j]!)).toBeLessThanOrEqual(tol * (1 + Math.abs(a)))
    }),
  )
}

const NAMES = ['q', 'k', 'v', 'out', 'gate', 'up', 'down']
const V = 13
const modelOf = (kvHeads: number, layers: number) =>
  transformer(llama({ vocab: V, width: 8, layers, heads: 4, kvHeads, hidden: 12, context: 8 }))
/** An adapter that has learnt something: nothing of it is 0. */
const trained = (adapter: Adapter, seed = 5): Adapter => {
  let at = 0
  return tree.map((x) => normalInit(0.3)(random.foldIn(random.key(seed), at++), x.shape), adapter)
}
const tokens: Integers = tensor([1, 5, 2, 7, 3, 3, 12, 0, 4, 6], [2, 5], 'i32')
const labels: Integers = tensor([5, 2, 7, 3, 3, 12, 0, 4, 6, 1], [2, 5], 'i32')

const scenes = fc.record({
  kvHeads: fc.constantFrom(1, 2, 4),
  layers: fc.integer({ min: 1, max: 2 }),
  rank: fc.integer({ min: 1, max: 3 }),
  alpha: fc.constantFrom(0.5, 4, 16),
  rankStabilized: fc.boolean(),
  targets: fc.subarray(NAMES, { minLength: 1 }),
  seed: fc.integer({ min: 0, max: 99 }),
})
type Drawn = typeof scenes extends fc.Arbitrary<infer S> ? S : never
const sceneOf = ({ kvHeads, layers, seed, ...config }: Drawn) => {
  const model = modelOf(kvHeads, layers)
  const base = model.init(random.key(seed))
  const own: LoraConfig = { ...config, split: projections(model.config) }
  const fresh = lora(own).init(base)(random.key(seed + 1))
  return { model, base, config, fresh, adapter: trained(fresh, seed), ...lora(own) }
}
type Scene = ReturnType<typeof sceneOf>
const law = (name: string, holds: (scene: Scene) => void, numRuns = 15): void => {
  test(name, () => {
    fc.assert(
      fc.property(scenes, (drawn) => {
        holds(sceneOf(drawn))
      }),
      { seed: 1, numRuns },
    )
  })
}
const lossOf =
  ({ model }: Pick<Scene, 'model'>) =>
  (params: TransformerParams) =>
    linearCrossEntropy()(model.unembedding(params))(model.hidden(params)(tokens), labels)

describe('an adapter', () => {
  law('that is new changes no bit', ({ model, base, fresh, adapt }) => {
    expect(values(model.apply(adapt(base, fresh))(tokens))).toEqual(values(model.apply(base)(tokens)))
  })

  law('of nothing is the base, leaf for leaf', ({ base, adapt }) => {
    const leaves = tree.leaves(base)
    tree.leaves(adapt(base, {})).forEach((leaf, i) => expect(leaf).toBe(leaves[i]))
  })

  law('reads the base where it is: every leaf of it, and none that is made of one', ({ base, adapter, adapt }) => {
    const leaves = new Set(tree.leaves(adapt(base, adapter)))
    for (const leaf of tree.leaves(base)) expect(leaves.has(leaf)).toBe(true)
    const small = [...leaves].filter((leaf) => !new Set(tree.leaves(base)).has(leaf))
    const count = small.reduce((n, x) => n + x.shape.reduce((p, d) => p * d, 1), 0)
    const parts = Object.keys(adapter).length
    // beside the adapter, a number a part; parts of rank 0 have one too
    expect(count).toBeLessThanOrEqual(tree.size(adapter) + 3 * parts)
  })

  law('merged is the adapter applied', ({ model, base, adapter, adapt, merge }) => {
    near(model.apply(merge(base, adapter))(tokens), model.apply(adapt(base, adapter))(tokens), 1e-9)
  })

  law('unmerged is the base', ({ base, adapter, merge, unmerge }) => {
    near(unmerge(merge(base, adapter), adapter), base, 1e-12)
  })

  law(
    'has the gradients that follow from those of the merged matrices',
    (scene) => {
      const { base, adapter, adapt, merge, config } = scene
      const { alpha, rank, rankStabilized } = config
      const s = alpha / (rankStabilized ? Math.sqrt(rank) : rank)
      const found = grad((of: Adapter) => lossOf(scene)(adapt(base, of)))(adapter)
      const whole = grad(lossOf(scene))(merge(base, adapter))
      // the gradient of W, in the columns of the target
      const wanted = lora({ rank, targets: config.targets, split: projections(scene.model.config) })
      const columns = gradients(whole, scene)
      for (const path of Object.keys(wanted.init(base)(random.key(0)))) {
        const { a, b } = adapter[path]!
        const dW = columns(path)
        near(found[path]!, { a: mul(matmul(dW, transpose()(b)), s), b: mul(matmul(transpose()(a), dW), s) }, 1e-6)
      }
    },
    8,
  )

  law(
    'has as many numbers as r (in + columns) of its targets',
    ({ model: { config }, config: { rank, targets }, adapter }) => {
      const { heads, kvHeads, headDim, width, hidden, layers } = config
      const sizes: Readonly<Record<string, number>> = {
        ...{ q: width + heads * headDim, k: width + kvHeads * headDim, v: width + kvHeads * headDim },
        ...{ out: heads * headDim + width, gate: width + hidden, up: width + hidden, down: hidden + width },
      }
      expect(tree.size(adapter)).toBe(layers * rank * targets.reduce((n, t) => n + sizes[t]!, 0))
    },
  )
})

/** The gradient of the columns of a target, from that of all parameters. */
const gradients =
  (whole: TransformerParams, { model: { config } }: Pick<Scene, 'model'>) =>
  (path: string) => {
    const [, i, part, name] = path.split('.') as [string, string, 'attention' | 'mlp', string]
    const block = whole.blocks[Number(i)]!
    const { heads, kvHeads, headDim } = config
    const q = heads * headDim
    const kv = kvHeads * headDim
    const cuts: Readonly<Record<string, readonly [number, number]>> = {
      q: [0, q],
      k: [q, q + kv],
      v: [q + kv, q + 2 * kv],
    }
    const weight = dense(
      part === 'attention'
        ? name === 'out'
          ? block.attention.out.weight
          : block.attention.qkv.weight
        : name === 'gate'
          ? block.mlp.gate!.weight
          : block.mlp[name as 'up' | 'down'].weight,
    )
    const [from, to] = cuts[name] ?? [0, weight.shape[1]!]
    const { data } = evaluate([weight])[0]!
    const [rows, all] = weight.shape as readonly [number, number]
    const cut = Array.from({ length: rows }, (_, r) => [...data.slice(r * all + from, r * all + to)]).flat()
    return tensor(cut, [rows, to - from])
  }

describe('targets', () => {
  const model = modelOf(2, 2)
  const base = model.init(random.key(0))
  const split = projections(model.config)
  const paths = (targets: LoraConfig['targets']): readonly string[] =>
    Object.keys(lora({ rank: 2, targets, split }).init(base)(random.key(1)))

  test('are words at the end, patterns or functions of paths', () => {
    expect(paths(['q', 'mlp.down'])).toEqual([
      'blocks.0.attention.q',
      'blocks.0.mlp.down',
      'blocks.1.attention.q',
      'blocks.1.mlp.down',
    ])
    expect(paths(/^blocks\.1\..*(k|gate)$/)).toEqual(['blocks.1.attention.k', 'blocks.1.mlp.gate'])
    // a pattern with a memory is asked as one without
    expect(paths(/up/g)).toEqual(['blocks.0.mlp.up', 'blocks.1.mlp.up'])
    expect(paths((path) => path === 'head')).toEqual(['head'])
    expect(paths(() => true)).toHaveLength(15)
  })

  test('of one choice begin as they do in another', () => {
    const begun = (targets: readonly string[]) => lora({ rank: 2, targets, split }).init(base)(random.key(1))
    near(begun(['v'])['blocks.1.attention.v']!, begun(NAMES)['blocks.1.attention.v']!, 0)
    const { a, b } = begun(['down'])['blocks.0.mlp.down']!
    const [drawn, zero] = values([a, b])
    const bound = 1 / Math.sqrt(12)
    expect(drawn!.every((x) => Math.abs(x) <= bound)).toBe(true)
    expect(Math.max(...drawn!.map(Math.abs))).toBeGreaterThan(bound / 2)
    expect(zero!.every((x) => x === 0)).toBe(true)
  })

  test('that are none, and an adapter of another model, are named', () => {
    const { init, adapt, merge } = lora({ rank: 2, targets: ['q'], split })
    const adapter = init(base)(random.key(1))
    expect(() => paths(['nowhere'])).toThrow(
      /no matrix of the model is a target\. Its matrices are blocks\.0\.attention\.out, blocks/,
    )
    const shorter = modelOf(2, 1).init(random.key(0))
    expect(() => adapt(shorter, adapter)).toThrow(
      /lora\.adapt: the adapter is of another model: it has blocks\.1\.attention\.q/,
    )
    const wider = transformer(llama({ vocab: V, width: 16, layers: 2, heads: 4, kvHeads: 2, context: 8 }))
    const params = wider.init(random.key(0))
    expect(() => merge(params, adapter)).toThrow(
      /blocks\.0\.attention\.qkv has 32 columns, and is split into 8 \+ 4 \+ 4/,
    )
    const asWide = lora({ rank: 2, targets: ['q'], split: projections(wider.config) })
    expect(() => asWide.merge(params, adapter)).toThrow(
      /lora\.merge.*: .*a and b at blocks\.0\.attention\.q are to be \[16, r\] and \[r, 16\]/,
    )
    const unsplit = lora({ rank: 2, targets: ['q'] })
    expect(() => unsplit.adapt(base, adapter)).toThrow(/with the split it was made with/)
  })

  test('numbers that are none are refused', () => {
    const made = (over: Partial<LoraConfig>) => () => lora({ rank: 2, targets: ['q'], ...over })
    expect(made({ rank: 0 })).toThrow(/lora: rank is 0/)
    expect(made({ alpha: 0 })).toThrow(/lora: alpha is 0/)
    expect(made({ dropout: 1 })).toThrow(/a dropout of 1/)
  })
})

describe('dropout', () => {
  const config = { rank: 2, targets: ['up'], dropout: 0.5 }
  const layers = { up: initLinear({ in: 64, out: 4, bias: false })(random.key(0)) }
  const { init, adapt } = lora(config)
  const adapter = trained(init(layers)(random.key(1)))
  const x = normalInit(1)(random.key(2), [3, 64])
  const run = (seed: number | null): readonly number[] =>
    values(linear(adapt(layers, adapter, seed === null ? {} : { key: random.key(seed) }).up)(x))[0]!

  test('is off without a key, follows from the key, and drops nothing on the mean', () => {
    near(
      [tensor(run(null))],
      [tensor(values(linear(lora({ ...config, dropout: 0 }).adapt(layers, adapter).up)(x))[0]!)],
      0,
    )
    expect(run(3)).toEqual(run(3))
    expect(run(3)).not.toEqual(run(4))
    const draws = Array.from({ length: 200 }, (_, seed) => run(seed))
    const off = run(null)
    off.forEach((y, i) => {
      const mean = draws.reduce((s, d) => s + d[i]!, 0) / draws.length
      const spread = Math.sqrt(draws.reduce((s, d) => s + (d[i]! - mean) ** 2, 0) / draws.length)
      expect(Math.abs(mean - y)).toBeLessThan((4 * spread) / Math.sqrt(draws.length))
    })
  })

  test('drops other elements for each matrix, though they read the same input', () => {
    const twins = { up: layers.up, gate: layers.up }
    const both = { up: adapter['up']!, gate: adapter['up']! }
    const of = (key: Key): readonly (readonly number[])[] => {
      const { up, gate } = lora({ ...config, targets: ['up', 'gate'] }).adapt(twins, both, { key })
      return [up, gate].map((layer) => values(linear(layer)(x))[0]!)
    }
    const [up, gate] = of(random.key(3))
    expect(up).not.toEqual(gate)
  })

  test('is of the input of the adapter, and not of the base', () => {
    const fresh = init(layers)(random.key(1))
    expect(values(linear(adapt(layers, fresh, { key: random.key(3) }).up)(x))).toEqual(values(linear(layers.up)(x)))
  })
})

describe('what a gradient by the adapter computes', () => {
  const device = wasmDevice()
  // No two matrices are of one size, and none is of the size of activations [10, ..].
  const model = transformer(llama({ vocab: 19, width: 24, layers: 2, heads: 4, kvHeads: 2, hidden: 34, context: 8 }))
  const base = model.init(random.key(0))
  const { init, adapt } = lora({ rank: 3, targets: NAMES, split: projections(model.config) })
  const adapter = init(base)(random.key(1))
  const loss = lossOf({ model })
  const bytesOf = (x: Tree): ReadonlySet<number> =>
    new Set(tree.leaves(x).flatMap(({ shape }) => (shape.length === 2 ? [4 * shape[0]! * shape[1]!] : [])))

  test('is nothing of the size of a matrix of the base, which all parameters need', () => {
    const step = (of: Adapter) => valueAndGrad((p: Adapter) => loss(adapt(base, p)))(of)
    const program = jit(step, { device }).program(adapter)!
    const matrices = bytesOf(base.blocks)
    const made = program.buffers.flatMap(({ source, bytes }) => (source.kind === 'slot' ? [bytes] : []))
    expect(made.filter((bytes) => matrices.has(bytes))).toEqual([])
    const results = program.buffers.flatMap(({ source, bytes }) => (source.kind === 'output' ? [bytes] : []))
    expect(results.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(4 * (tree.size(adapter) + 1))
    // and the same law sees them where all is trained
    const full = jit(valueAndGrad(loss), { device }).program(base)!
    expect(full.buffers.some(({ source, bytes }) => source.kind === 'output' && matrices.has(bytes))).toBe(true)
  })
})

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('on %s', (_, device) => {
  const model = modelOf(2, 2)
  const { init, adapt, merge } = lora({
    rank: 2,
    alpha: 4,
    targets: ['q', 'v', 'down'],
    split: projections(model.config),
  })

  test('adapted parameters generate, as arguments too, what the merged do', { timeout: 180_000 }, async () => {
    const base = await realizeAsync(model.init(random.key(0)), device)
    const adapter = await realizeAsync(trained(init(base)(random.key(1))), device)
    const generate = generatorAsync(model, { maxTokens: 4, temperature: 0, n: 2, device })
    const prompts = leftPad({ pad: 0 })([[1, 5], [7]])
    const of = async (params: TransformerParams) => [
      ...(await readAsync((await generate(params, prompts, random.key(2))).tokens)),
    ]
    const adapted = await of(adapt(base, adapter))
    expect(adapted).toEqual(await of(merge(base, adapter)))
    expect(adapted).not.toEqual(await of(base))
  })

  test('layers with adapters are stacked and scanned', { timeout: 180_000 }, async () => {
    const rows = random.split(random.key(0), 3).map(initLinear({ in: 6, out: 6 }))
    const { init, adapt } = lora({ rank: 2, targets: () => true })
    const low = rows.map((row, i) => trained(init(row)(random.key(i)), i))
    const x = normalInit(1)(random.key(9), [2, 6])
    const stacked = { base: stackLayers(rows), low: stackLayers(low) }
    const deep = scanLayers(({ base, low }: { base: LinearParams; low: Adapter }) => linear(adapt(base, low)))
    const got = await readAsync(jit(deep(stacked), { device })(x))
    const wanted = values(rows.reduce((y, row, i) => linear(adapt(row, low[i]!))(y), x))[0]!
    wanted.forEach((y, i) => expect(Math.abs(y - got[i]!)).toBeLessThan(1e-4))
    // and adapted ones, stacked
    const trees = stackLayers(rows.map((row, i) => adapt(row, low[i]!)))
    const again = await readAsync(jit(scanLayers((p: LinearParams) => linear(p))(trees), { device })(x))
    wanted.forEach((y, i) => expect(Math.abs(y - again[i]!)).toBeLessThan(1e-4))
  })
})

test('a base of two bytes stays so: merged in its dtype, read where it is', () => {
  const layer = castFloats('bf16')(initLinear({ in: 8, out: 4 })(random.key(0)))
  const { init, adapt, merge } = lora({ rank: 2, targets: () => true })
  const adapter = trained(init(layer)(random.key(1)))
  const merged = merge(layer, adapter)
  expect(isTensor(merged.weight) && merged.weight.dtype).toBe('bf16')
  const x = normalInit(1)(random.key(2), [3, 8])
  near([linear(merged)(x)], [linear(adapt(layer, adapter))(x)], 0.05)
})
