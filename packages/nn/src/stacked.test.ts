// A transformer that scans its layers is the one that is written out: in its loss, its gradients, and what a step makes.
import { valueAndGrad } from '@adjoint/autograd'
import { add, gelu, jit, random, readAsync, realizeAsync, type Scalar, sum, tensor, tree } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { mismatch, presentDevices } from '@adjoint/testing'
import { describe, expect, it } from 'vitest'
import {
  applyUpdates,
  block,
  type BlockParams,
  crossEntropy,
  embedding,
  type Floats,
  gpt2,
  initLayerNorm,
  initLinear,
  type Integers,
  layerNorm,
  linear,
  place,
  scanLayers,
  sgd,
  stackLayers,
  transformer,
  type TransformerParams,
  unembed,
} from './index.ts'

const [WIDTH, HEADS, LENGTH, LAYERS] = [16, 2, 9, 3]
const model = transformer(gpt2({ vocab: 11, width: WIDTH, layers: LAYERS, heads: HEADS, context: LENGTH }))
const params = model.init(random.key(0))
const x: Integers = tensor(
  Int32Array.from({ length: 4 * LENGTH }, (_, i) => (i * i + 3) % 11),
  [4, LENGTH],
  'i32',
)
const stackedOf = ({ blocks, ...rest }: TransformerParams) => ({ ...rest, blocks: stackLayers(blocks) })

const scanned =
  (keep: 'values' | 'carries') =>
  (p: ReturnType<typeof stackedOf>): Scalar => {
    const norm = layerNorm({ eps: 1e-5 })
    const at = place({ queries: LENGTH })
    const layer = block({
      norm: { init: () => initLayerNorm({ width: WIDTH }), apply: norm },
      attention: { width: WIDTH, heads: HEADS, kvHeads: HEADS },
      mlp: { width: WIDTH, hidden: 4 * WIDTH, gated: false },
      activation: gelu,
    })
    const layers = scanLayers((of: BlockParams) => layer(of, { rotate: (q) => q, visible: at.visible }), { keep })
    const stream: Floats = add(embedding(p.embedding)(x), at.rows(p.positions!))
    return crossEntropy(unembed(p.embedding)(norm(p.norm)(layers(p.blocks)(stream))), x)
  }
const written = (p: TransformerParams): Scalar => crossEntropy(model.apply(p)(x), x)

const wanted = (() => {
  const [loss, grads] = valueAndGrad(written)(params)
  return evaluate(tree.leaves([loss, stackedOf(grads)])).map((v) => v.data)
})()

describe.each((await presentDevices()).map((device) => [device.kind, device] as const))('on %s', (kind, device) => {
  // Shaders are slow to compile on a software adapter, and a step below has most of them again.
  const kept = kind === 'webgpu' ? (['values'] as const) : (['values', 'carries'] as const)
  it.each(kept)('layers scanned, which keep %s, are layers written out', { timeout: 180_000 }, async (keep) => {
    const leaves = tree.leaves(jit(valueAndGrad(scanned(keep)), { device })(stackedOf(params)))
    expect(leaves).toHaveLength(wanted.length)
    for (const [i, got] of leaves.entries())
      expect(mismatch(await readAsync(got), wanted[i]!, { relative: 1e-4, absolute: 2e-6 })).toBeNull()
  })

  it.runIf(kind !== 'reference')(
    'a step makes nothing anew, in one submission, over two loops',
    { timeout: 180_000 },
    async () => {
      const optimizer = sgd({ learningRate: 0.1 })
      const step = jit(
        (p: ReturnType<typeof stackedOf>, state: ReturnType<typeof optimizer.init>) => {
          const [loss, grads] = valueAndGrad(scanned('values'))(p)
          const [updates, next] = optimizer.update(grads, state, p)
          return [loss, applyUpdates(p, updates), next] as const
        },
        { donate: [0, 1], device },
      )
      let now = await realizeAsync(stackedOf(params), device)
      let state = await realizeAsync(optimizer.init(now), device)
      expect(step.program(now, state)!.steps.filter((s) => s.kind === 'loop')).toHaveLength(2)
      const losses: number[] = []
      const once = async (): Promise<void> => {
        const [loss, p, s] = step(now, state)
        now = p
        state = s
        losses.push((await readAsync(loss))[0]!)
      }
      for (let i = 0; i < 3; i++) await once()
      const before = device.stats()
      for (let i = 0; i < 5; i++) await once()
      const after = device.stats()
      expect(after.created - before.created).toBe(0)
      expect(after.submits - before.submits).toBe(5)
      // what went before may be collected meanwhile
      expect(after.liveBytes).toBeLessThanOrEqual(before.liveBytes)
      expect(losses.at(-1)).toBeLessThan(losses[0]!)
    },
  )
})

it('as many kernels and as much memory, or less, where layers are more', () => {
  const count = (n: number): number => {
    const deep = scanLayers((p: ReturnType<ReturnType<typeof initLinear>>) => linear(p))
    const stacked = stackLayers(random.split(random.key(0), n).map(initLinear({ in: 8, out: 8 })))
    const run = jit(valueAndGrad((p: typeof stacked) => sum()(deep(p)(tensor(new Float32Array(16), [2, 8]))) as Scalar))
    const kinds = (steps: NonNullable<ReturnType<typeof run.program>>['steps']): number =>
      steps.reduce((total, s) => total + (s.kind === 'loop' ? kinds(s.steps) : 1), 0)
    return kinds(run.program(stacked)!.steps)
  }
  expect(count(40)).toBe(count(4))
})

it('no layers are none', () => {
  expect(() => stackLayers([])).toThrow(/no layers/)
})
