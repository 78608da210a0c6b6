// Training and sampling as compiled programs, on every device: the losses and completions of the reference, in a steady
// state that neither grows nor creates.
import { valueAndGrad } from '@adjoint/autograd'
import { type Device, jit, random, readAsync, realizeAsync, requestDeviceAsync, tensor } from '@adjoint/tensor'
import { describe, expect, inject, test } from 'vitest'
import { generatorAsync } from './generate.ts'
import type { Integers } from './layer.ts'
import { crossEntropy } from './loss.ts'
import { gpt2 } from './models/gpt2.ts'
import { llama } from './models/llama.ts'
import { adamW } from './optim/adam.ts'
import { clipByGlobalNorm } from './optim/clip.ts'
import { warmupCosineSchedule } from './optim/schedule.ts'
import { applyUpdates, chain } from './optim/transformation.ts'
import { leftPad } from './text/pad.ts'
import { transformer, type TransformerConfig, type TransformerParams } from './transformer.ts'

const sizes = { vocab: 11, width: 16, layers: 1, heads: 2, context: 12 }
const configs: Readonly<Record<string, TransformerConfig>> = {
  gpt2: gpt2(sizes),
  llama: llama({ ...sizes, kvHeads: 1, hidden: 24 }),
}
// Rows that count upwards from different digits.
const rows = Array.from({ length: 4 * 9 }, (_, i) => (3 * Math.floor(i / 9) + (i % 9)) % 11)
const columns = (from: number): Integers =>
  tensor(Int32Array.from(rows.filter((_, i) => i % 9 >= from && i % 9 < from + 8)), [4, 8])

const train = async (config: TransformerConfig, device: Device, steps: number) => {
  const model = transformer(config)
  const schedule = warmupCosineSchedule({ peak: 0.02, warmupSteps: 4, steps: 12 })
  const optimizer = chain(clipByGlobalNorm(1), adamW({ learningRate: schedule, weightDecay: 0.1 }))
  type State = ReturnType<typeof optimizer.init>
  const step = jit(
    (params: TransformerParams, state: State, inputs: Integers, targets: Integers) => {
      const [loss, grads] = valueAndGrad((p: TransformerParams) => crossEntropy(model.apply(p)(inputs), targets))(
        params,
      )
      const [updates, next] = optimizer.update(grads, state, params)
      return [applyUpdates(params, updates), next, loss] as const
    },
    { donate: [0, 1], device },
  )
  const drawn = model.init(random.key(0))
  let [params, state] = await realizeAsync([drawn, optimizer.init(drawn)] as const, device)
  const [inputs, targets] = await realizeAsync([columns(0), columns(1)] as const, device)
  const losses: number[] = []
  const stats = []
  for (let i = 0; i < steps; i++) {
    const [stepped, advanced, loss] = step(params, state, inputs, targets)
    ;[params, state] = [stepped, advanced]
    losses.push((await readAsync(loss))[0]!)
    stats.push(device.stats())
  }
  return { model, params, losses, stats }
}

const STEPS = 12

describe.each(Object.entries(configs))('%s', (name, config) => {
  const expected = requestDeviceAsync({ kind: 'reference' }).then(
    async (device) => (await train(config, device, STEPS)).losses,
  )

  // A software GPU takes half a second for each of a hundred pipelines: there, one model and a few steps.
  const runs = [
    { kind: 'reference', steps: STEPS, here: true },
    { kind: 'wasm', steps: STEPS, here: true },
    { kind: 'webgpu', steps: 4, here: name === 'gpt2' },
  ] as const

  test.each(runs.filter(({ kind, here }) => here && inject('devices').includes(kind)))(
    'learns to count on $kind, and samples what it learned',
    async ({ kind, steps }) => {
      const device = await requestDeviceAsync({ kind })
      const { model, params, losses, stats } = await train(config, device, steps)
      const reference = await expected
      losses.forEach((loss, i) => expect(loss).toBeCloseTo(reference[i]!, 3))
      if (steps === STEPS) expect(losses.at(-1)).toBeLessThan(losses[0]! * 0.6)
      if (kind !== 'reference') {
        expect(stats.at(-1)!.liveBytes).toBe(stats[2]!.liveBytes)
        expect(stats.at(-1)!.pipelines).toBe(stats[2]!.pipelines)
        expect(stats.at(-1)!.submits - stats.at(-2)!.submits).toBe(1)
      }
      const generate = generatorAsync(model, { maxTokens: 6, temperature: 0, device })
      const drawn = async (): Promise<readonly number[]> => {
        const { tokens } = await generate(
          params,
          leftPad({ pad: 0 })([
            [3, 4],
            [9, 10, 0, 1],
          ]),
          random.key(0),
        )
        return [...(await readAsync(tokens))]
      }
      const first = await drawn()
      const live = device.stats().liveBytes
      expect(await drawn()).toEqual(first)
      // what is left of a call is its results, not its cache
      if (kind !== 'reference') expect(device.stats().liveBytes - live).toBeLessThan(2000)
      await device.destroy()
    },
    300_000,
  )
})
