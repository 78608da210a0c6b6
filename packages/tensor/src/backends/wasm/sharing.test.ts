/** Devices whose threads share kernels: the same as one thread, in bits, in memory and in what they throw. */
import { buildLoops, loopPrograms, programs } from '@adjoint/testing'
import * as E from 'fp-ts/lib/Either.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { HostArray } from '../../base/dtype.ts'
import type { Device } from '../../graph/device.ts'
import type { Expr } from '../../graph/expr.ts'
import { typed } from '../../graph/tensor.ts'
import * as p from '../../primitives/index.ts'
import { readAsync, realizeAsync } from '../../run/realize.ts'
import { capabilities } from '../linear/capabilities.ts'
import { linearDevice } from '../linear/device.ts'
import { wasmDevice } from './device.ts'
import { createKernels } from './kernels.ts'
import { createMemory } from './memory.ts'
import { spawner } from './spawn.ts'
import { createThreads } from './pool.ts'
import { sharedThreads } from './threads.ts'

const f32 = (...shape: number[]) => ({ shape, dtype: 'f32' as const })
const wave = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 0.7) + i / n)
const turn = (): Promise<void> => new Promise((resolve) => void setTimeout(resolve, 1))
const read = async (device: Device, storage: Parameters<Device['download']>[0]): Promise<HostArray> => {
  const got = await device.download(storage)()
  if (E.isLeft(got)) throw new Error(got.left.message)
  return got.right
}
const bits = (x: HostArray): string => Buffer.from(x.buffer).toString('base64')

const rows = (x: Expr): Expr => {
  const wide = (y: Expr): Expr => p.broadcastTo(p.reshape(y, [x.shape[0]!, 1]), x.shape)
  const z = p.exp(p.sub(x, wide(p.reduceMax(x, [1]))))
  return p.div(z, wide(p.reduceSum(z, [1])))
}
/** Products, rows, columns and elements of matrices that are work for many. */
const large = (device: Device) => {
  const [x, y] = [p.parameter(f32(301, 517)), p.parameter(f32(517, 409))]
  const product = p.dot(x, y)
  const compiled = device.compile({
    inputs: [x, y],
    outputs: [product, rows(x), p.reduceSum(p.tanh(x), [0]), p.sin(product), p.reduceSum(product, [0, 1])],
    donated: [false, false],
  })
  const given = [device.upload(wave(301 * 517), f32(301, 517)), device.upload(wave(517 * 409), f32(517, 409))]
  return () => compiled.run(given)
}

describe('threads of a device', () => {
  it('change no bit of any program', { timeout: 120_000 }, async () => {
    const threads = createThreads(spawner()!, { starts: 0 })
    /** Every kernel of more than one unit is shared. */
    const device = (most: number): Device => {
      const memory = createMemory({ shared: true })
      const kernels = createKernels(memory.memory, most === 1 ? null : { threads, most, repays: 0 })
      return linearDevice({
        kind: 'wasm',
        label: 'threads',
        room: 'enough',
        capabilities,
        memory,
        kernels,
        measured: () => 0,
      })
    }
    const [alone, two, three] = [wasmDevice({ threads: 1 }), device(2), device(3)]
    const results = async (on: Device, outputs: readonly Expr[]): Promise<readonly string[]> => {
      const found: string[] = []
      for (const x of await realizeAsync(
        outputs.map((y) => typed(y)),
        on,
      ))
        found.push(bits(await readAsync(x)))
      return found
    }
    const constants = (inputs: readonly { readonly data: ArrayLike<number>; readonly shape: readonly number[] }[]) =>
      inputs.map(({ data, shape }) => p.constant(Float32Array.from(data), shape, 'f32'))
    const straight = programs().map(({ inputs, build }) => build(constants(inputs)))
    const loops = loopPrograms().map((program) =>
      buildLoops(program)(
        program.inputs.map((data) => typed(p.constant(Float32Array.from(data), program.shape, 'f32'))),
        typed(p.constant(Int32Array.of(program.row), [], 'i32')),
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(straight, loops), async (outputs) => {
        const wanted = await results(alone, outputs)
        for (const on of [two, three]) expect(await results(on, outputs)).toEqual(wanted)
      }),
      { seed: 11, numRuns: 60 },
    )
    expect(threads.stats().joined).toBeGreaterThan(20)
    expect(two.stats().kernels).toBe(alone.stats().kernels)
  })

  it('start by themselves at a program that repays them, and then make nothing and keep nothing', async () => {
    const wanted = await Promise.all(large(wasmDevice({ threads: 1 }))().map((s) => read(s.device, s)))
    const device = wasmDevice({ threads: 3 })
    const run = large(device)
    const threads = sharedThreads()!
    const { joined } = threads.stats()
    for (let calls = 0; calls < 2000 && threads.stats().joined < joined + 20; calls++) {
      run().forEach(device.release)
      await turn()
    }
    expect(threads.stats().joined).toBeGreaterThanOrEqual(joined + 20)
    const before = device.stats()
    for (let calls = 0; calls < 20; calls++) {
      const results = run()
      const found = await Promise.all(results.map((s) => read(device, s)))
      expect(found.map((x) => x.buffer instanceof ArrayBuffer)).toEqual(found.map(() => true))
      expect(found.map(bits)).toEqual(wanted.map(bits))
      results.forEach(device.release)
    }
    const after = device.stats()
    expect([after.created, after.liveBytes, after.peakBytes]).toEqual([
      before.created,
      before.liveBytes,
      before.peakBytes,
    ])
    await device.destroy()
    await device.destroy()
    expect(threads.stats().workers).toBe(0)
  })

  it('are as many as asked for', () => {
    for (const threads of [0, -1, 1.5, NaN])
      expect(() => wasmDevice({ threads })).toThrow(
        new RangeError(`threads is ${threads}; give the number of threads that a kernel may use, 1 or more`),
      )
  })
})
