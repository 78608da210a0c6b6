/** The devices in a page: the bits of Node, threads that are Web Workers, and memory that stays as it is. */
import { add, matmul, ones, random, readAsync, realizeAsync, requestDeviceAsync, wasmDevice } from '@adjoint/tensor'
import { describe, expect, inject, it } from 'vitest'
import { sharedThreads } from '../../packages/tensor/src/backends/wasm/threads.ts'
import { bitsOfPrograms, learn, type Learnt } from './learning.ts'

const host = globalThis as {
  readonly crossOriginIsolated?: boolean
  readonly process?: unknown
  readonly setImmediate?: unknown
}
const expected = inject('node')
const finite = ({ steps }: Learnt): boolean =>
  steps.every(({ metrics }) => Object.values(metrics).every(Number.isFinite))

it('is a page: isolated from others, with nothing of Node', () => {
  expect(host.crossOriginIsolated).toBe(true)
  expect(host.process).toBeUndefined()
  expect(host.setImmediate).toBeUndefined()
})

describe('wasm in a page', () => {
  it('computes the bits of Node, in random programs', async () => {
    expect(await bitsOfPrograms(wasmDevice(), expected.programs)).toBe(expected.bits)
  })

  it.each([1, 2, 4])('makes the steps of GRPO that Node makes, bit for bit, with %i threads', async (threads) => {
    const learnt = await learn(wasmDevice({ threads }), expected.steps)
    expect(learnt.bits).toBe(expected.learnt.bits)
    expect(learnt.steps.map(({ metrics }) => metrics)).toEqual(expected.learnt.steps.map(({ metrics }) => metrics))
  })

  it('shares large kernels among Web Workers, and changes no bit', async () => {
    const threads = sharedThreads()!
    const product = async (device: ReturnType<typeof wasmDevice>): Promise<Float32Array> => {
      const [x, y] = [1, 2].map((seed) => random.normal()(random.key(seed), [700, 700]))
      return readAsync(matmul(x!, y!), device)
    }
    const alone = await product(wasmDevice({ threads: 1 }))
    const shared = wasmDevice({ threads: 3 })
    const before = threads.stats().joined
    for (let i = 0; i < 400 && threads.stats().joined < before + 5; i++) {
      expect(await product(shared)).toEqual(alone)
      await new Promise((resolve) => void setTimeout(resolve, 1))
    }
    expect(threads.stats().joined).toBeGreaterThanOrEqual(before + 5)
    expect(threads.stats().workers).toBeGreaterThan(0)
  })
})

describe('memory that is dropped comes back in a loop that awaits', () => {
  it.each(['wasm', 'webgpu'] as const)('on %s: 2 GiB are taken, 4 MiB at a time', async (kind) => {
    const device = await requestDeviceAsync({ kind })
    for (let i = 0; i < 512; i++) {
      const x = await realizeAsync(add(ones([2 ** 20]), i), device)
      if (i % 64 === 0) expect((await readAsync(x))[1]).toBe(i + 1)
    }
    const { peakBytes } = device.stats()
    console.log(`${kind}: at most ${peakBytes} bytes of 2 GiB`)
    expect(peakBytes).toBeLessThan(2 ** 30)
    await device.destroy()
  })
})

describe('a step of GRPO', () => {
  it('runs on WebGPU', async () => {
    const device = await requestDeviceAsync({ kind: 'webgpu' })
    const learnt = await learn(device, 3)
    expect(finite(learnt)).toBe(true)
    // The devices round differently, so that their draws part: but the same policy is asked the same.
    expect(learnt.steps[0]!.metrics['entropy']).toBeCloseTo(expected.learnt.steps[0]!.metrics['entropy']!, 1)
    await device.destroy()
  })

  // A software adapter takes its time: half as many there.
  it.each([
    ['wasm', 200],
    ['webgpu', 100],
  ] as const)('on %s, made %i times, holds no more than at first', async (kind, count) => {
    const device = await requestDeviceAsync({ kind })
    const live = (await learn(device, count)).steps.map(({ liveBytes }) => liveBytes)
    const fifth = count / 5
    const most = (from: number): number => Math.max(...live.slice(from, from + fifth))
    console.log(
      `${kind}: live bytes at most ${most(fifth)} in the second fifth of the steps, ${most(4 * fifth)} in the last`,
    )
    expect(most(4 * fifth)).toBeLessThanOrEqual(1.1 * most(fifth) + 2 ** 16)
    await device.destroy()
  })
})
