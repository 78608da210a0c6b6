// How many kernels layers and losses compile to: what the scheduler's fusion is for. Counts do not vary from run to run.
import { grad, valueAndGrad } from '@adjoint/autograd'
import {
  type Device,
  jit,
  logSoftmax,
  mul,
  random,
  scalar,
  softmax,
  sum,
  tensor,
  wasmDevice,
  zeros,
} from '@adjoint/tensor'
import { describe, expect, it } from 'vitest'
import {
  crossEntropy,
  extend,
  type Floats,
  gpt2,
  initCache,
  initLayerNorm,
  initRmsNorm,
  type Integers,
  type Layer,
  layerNorm,
  rmsNorm,
  transformer,
} from './index.ts'

const device: Device = wasmDevice()
const kernels = (program: { readonly steps: readonly { readonly kind: string }[] } | null): number =>
  program?.steps.filter((s) => s.kind === 'kernel').length ?? NaN

const rows: Floats = zeros([32, 64])
const targets: Integers = tensor(new Int32Array(32), [32], 'i32')
const weights: Floats = tensor(Float32Array.from({ length: 64 }, (_, i) => i))

describe('row kernels', () => {
  const layers: Readonly<Record<string, Layer>> = {
    softmax: softmax(-1),
    logSoftmax: logSoftmax(-1),
    rmsNorm: rmsNorm({})(initRmsNorm({ width: 64 })),
    layerNorm: layerNorm({})(initLayerNorm({ width: 64 })),
  }
  it.each(Object.entries(layers))('%s is one kernel each way', (_, layer) => {
    const loss = (x: Floats) => sum()(mul(layer(x), weights))
    expect(kernels(jit(layer, { device }).program(rows))).toBe(1)
    expect(kernels(jit(grad(loss), { device }).program(rows))).toBe(1)
  })

  it('cross-entropy is one kernel over the rows and one that sums them; its gradient is one', () => {
    const loss = (x: Floats) => crossEntropy(x, targets)
    expect(kernels(jit(loss, { device }).program(rows))).toBe(2)
    expect(kernels(jit(grad(loss), { device }).program(rows))).toBe(1)
  })
})

describe('the transformer of the benchmark', () => {
  const of = (layers: number) => transformer(gpt2({ vocab: 64, width: 128, layers, heads: 4, context: 64 }))
  const model = of(2)
  const params = model.init(random.key(0))

  it('takes at most 22 kernels a layer, forward and backward, and 9 for all else', () => {
    const x: Integers = tensor(new Int32Array(8 * 64), [8, 64], 'i32')
    const count = (layers: number): number => {
      const { init, apply } = of(layers)
      const start = init(random.key(0))
      return kernels(
        jit(
          valueAndGrad((p: typeof start) => crossEntropy(apply(p)(x), x)),
          { device },
        ).program(start),
      )
    }
    const [two, three] = [count(2), count(3)]
    expect(three - two).toBeLessThanOrEqual(22)
    expect(two).toBeLessThanOrEqual(2 * 22 + 9)
  })

  it('appends to its cache in place', () => {
    const cache = initCache(model.config)({ batch: 4, length: 64 })
    const decode = jit(
      (p: typeof params, memory: typeof cache, token: Integers) =>
        extend(model)(p, memory, { first: scalar(3, 'i32') })(token),
      { donate: [1], device },
    )
    const program = decode.program(params, cache, tensor([1, 2, 3, 4], [4, 1], 'i32'))
    expect(program?.steps.filter((s) => s.kind === 'copy')).toEqual([])
  })
})
