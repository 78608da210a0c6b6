/** The workloads that the peers run too: products, convolutions, a fused chain, row kernels, a training step, generation. */
import { valueAndGrad, vjp } from '@adjoint/autograd'
import { generatorAsync, leftPad } from '@adjoint/nn'
import {
  conv,
  type Device,
  jit,
  matmul,
  random,
  readAsync,
  realizeAsync,
  type Shape,
  softmax,
  type Tensor,
} from '@adjoint/tensor'
import { beside } from './beside.ts'
import { controlFlow } from './control-flow.ts'
import { BATCH, LAYERS, LENGTH, modelOf, tokens } from './model.ts'
import { chain, layerNorm, operation } from './operation.ts'
import { round, time, type Workload } from './row.ts'
import { initState, lossOf, stepOf } from './training.ts'

/** A convolution of padding 'same', and for a cotangent of its shape both of its gradients: as many products each. */
const convolutions = (name: string, x: Shape, kernel: Shape): Readonly<Record<string, Workload>> => {
  const y = x.with(1, kernel[0]!)
  const product = (shape: Shape): number => shape.reduce((p, d) => p * d, 1)
  const flops = 2 * product(y) * product(kernel.slice(1))
  const f = conv({ padding: 'same' })
  const of: Readonly<Record<string, readonly [readonly Shape[], (...xs: Tensor[]) => Tensor]>> = {
    [name]: [[x, kernel], f],
    [`${name}_dx`]: [[x, kernel, y], (x, kernel, ct) => vjp((x: Tensor): Tensor => f(x, kernel))(x)[1](ct)],
    [`${name}_dk`]: [[x, kernel, y], (x, kernel, ct) => vjp((k: Tensor): Tensor => f(x, k))(kernel)[1](ct)],
  }
  return Object.fromEntries(Object.entries(of).map(([n, [shapes, g]]) => [n, operation(n, shapes, g, flops)]))
}

const model = modelOf(LAYERS)

/** The training step of the benchmark, compiled, and what it begins with; parameters and state are overwritten. */
export const trainingStep = async (device: Device) => {
  const params = await realizeAsync(model.init(random.key(0)), device)
  const state = await realizeAsync(initState(params), device)
  const [x, y] = [await realizeAsync(tokens(1), device), await realizeAsync(tokens(2), device)]
  return { step: jit(stepOf(model), { donate: [0, 1], device }), params, state, x, y }
}

const train: Workload = async (device, { steps }) => {
  const { step, x, y, ...start } = await trainingStep(device)
  let { params, state } = start
  const gradient = jit(valueAndGrad(lossOf(model)), { device })
  const losses: number[] = []
  const once = async (): Promise<void> => {
    const [value, p, s] = step(params, state, x, y)
    params = p
    state = s
    losses.push((await readAsync(value))[0]!)
  }
  await once()
  await once()
  const before = device.stats()
  await once()
  const after = device.stats()
  const timing = await time('train', once, 5)
  const timed = device.stats()
  for (let i = 0; i < steps; i++) await once()
  const end = device.stats()
  // Compiled last, since its slots count as live memory.
  const forwardBackward = gradient.program(params, x, y)
  const count = forwardBackward?.steps.filter((s) => s.kind === 'kernel').length ?? 0
  return {
    workload: 'train',
    ...timing,
    first_loss: round(losses[0]!),
    last_loss: round(losses.at(-1)!),
    kernels: after.kernels - before.kernels,
    kernels_per_layer: round(count / LAYERS),
    submits: after.submits - before.submits,
    created: end.created - before.created,
    live_bytes: end.liveBytes,
    live_growth: end.liveBytes - timed.liveBytes,
    peak_bytes: end.peakBytes,
    steps: losses.length,
  }
}

const generation: Workload = async (device) => {
  const params = await realizeAsync(model.init(random.key(0)), device)
  const sample = generatorAsync(model, { maxTokens: LENGTH - 1, temperature: 0, device })
  const prompt = leftPad({ pad: 0 })(Array.from({ length: BATCH }, () => [0]))
  const timing = await time(
    'gen_kv',
    async () => {
      await readAsync((await sample(params, prompt, random.key(1))).lengths)
    },
    5,
  )
  return { workload: 'gen_kv', ...timing, tok_s: Math.round((BATCH * LENGTH) / (timing.ms / 1e3)) }
}

export const workloads: Readonly<Record<string, Workload>> = {
  ...Object.fromEntries(
    [256, 512, 1024].map((n) => [
      `matmul${n}`,
      operation(
        `matmul${n}`,
        [
          [n, n],
          [n, n],
        ],
        matmul,
        2 * n ** 3,
      ),
    ]),
  ),
  ...convolutions('conv1d', [16, 64, 256], [64, 64, 5]),
  ...convolutions('conv2d', [8, 32, 16, 16], [64, 32, 3, 3]),
  chain4M: operation('chain4M', [[1 << 22], [1 << 22]], chain),
  softmax: operation('softmax', [[4096, 1024]], softmax(-1)),
  layernorm: operation('layernorm', [[4096, 1024], [1024], [1024]], layerNorm),
  ...beside,
  train,
  gen_kv: generation,
  ...controlFlow,
}
