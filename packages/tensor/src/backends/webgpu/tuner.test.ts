import * as E from 'fp-ts/lib/Either.js'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, it, vi } from 'vitest'
import { type Choice, kernelOf } from '../linear/dot-kernels.support.ts'
import { openWebgpu, tryKernel } from './kernel-trial.support.ts'
import { host } from '../../compile/capabilities.support.ts'
import { schedule } from '../../compile/schedule.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import { kernelSteps } from '../../loops/program.ts'
import * as p from '../../primitives/index.ts'
import type { WebgpuDevice } from './face.ts'
import { webgpuDevice } from './open.ts'
import type { Pipelines } from './pipelines.ts'
import { placesOf } from './places.ts'
import { dotTiles, hardwareTuning, softwareTuning } from './printer/index.ts'
import { prepare } from './steps.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'adjoint-test-'))
  vi.stubEnv('ADJOINT_CACHE', join(folder, 'cache'))
  vi.stubEnv('ADJOINT_TUNE', '')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

const choice = (parts: Partial<Choice>): Choice => ({
  ...{ batch: 2, m: 19, n: 21, k: 23, orders: [false, false, false], prologues: [false, false] },
  ...{ epilogue: false, shared: false },
  ...parts,
})

/** The product of [m, 40] and [40, 24], twice. */
const product = async (device: WebgpuDevice, m = 20): Promise<readonly number[]> => {
  const inputs = [p.parameter({ shape: [m, 40], dtype: 'f32' }), p.parameter({ shape: [40, 24], dtype: 'f32' })]
  const data = inputs.map(({ shape, dtype }, i) =>
    device.upload(
      Float32Array.from({ length: shape[0]! * shape[1]! }, (_, j) => Math.sin(i + 0.7 * j)),
      {
        shape,
        dtype,
      },
    ),
  )
  const read: number[] = []
  for (const factor of [1, 2]) {
    const c = p.mul(p.dot(inputs[0]!, inputs[1]!), p.fill([m, 24], 'f32', factor))
    const { run } = device.compile({ inputs, outputs: [c], donated: [false, false] })
    const values = await device.download(run(data)[0]!)()
    if (E.isLeft(values)) throw new Error(values.left.message)
    read.push(...values.right)
  }
  return read
}
const once = async (tune?: boolean, m?: number): Promise<{ values: readonly number[]; measured: number }> => {
  const device = await openWebgpu(tune === undefined ? {} : { tune })
  const values = await product(device, m)
  const measured = device.measured()
  await device.destroy()
  return { values, measured }
}

describe.runIf(inject('devices').includes('webgpu'))('the tuner of webgpu', () => {
  it('chooses among tiles of which none changes a bit', { timeout: 240_000 }, async () => {
    const choices = [
      choice({}),
      choice({ batch: 1, m: 5, n: 70, k: 530, orders: [true, true, false], epilogue: true }),
      choice({ batch: 1, m: 40, n: 3, k: 16, prologues: [true, true] }),
    ]
    const plain = await openWebgpu()
    for (const tuning of [hardwareTuning, softwareTuning, plain.tuning])
      for (const one of choices) {
        const kernel = kernelOf(one)
        const inputs = kernel.buffers
          .filter((b) => b.read)
          .map(({ size }, b) => Array.from({ length: size }, (_, i) => Math.fround(Math.sin(b + 0.37 * i))))
        const results: (readonly (readonly number[])[])[] = []
        for (const { choice: tile } of dotTiles(tuning, one.m, one.n, one.k, one.batch)) {
          const device = await openWebgpu({ tuning: { ...tuning, dot: () => tile } })
          results.push((await tryKernel(device, kernel, inputs)).actual)
          await device.destroy()
        }
        expect(results.length).toBeGreaterThan(3)
        for (const result of results) expect(result).toEqual(results[0])
      }
    await plain.destroy()
  })

  it('measures a kind of product once, keeps what it found, and changes no bit', { timeout: 120_000 }, async () => {
    const plain = await once(false)
    expect(plain.measured).toBe(0)
    expect(await once(true)).toEqual({ values: plain.values, measured: 1 })
    expect(await once(true)).toEqual({ values: plain.values, measured: 0 })
    expect((await once(undefined, 60)).measured).toBe(0)
    vi.stubEnv('ADJOINT_TUNE', 'on')
    expect((await once(undefined, 60)).measured).toBe(1)
  })

  it('takes no memory that work which waits for it has yet to read', { timeout: 120_000 }, async () => {
    const n = 64
    const x = p.parameter({ shape: [n, n], dtype: 'f32' })
    const y = p.parameter({ shape: [n, n], dtype: 'f32' })
    const resultOf = async (tune: boolean): Promise<readonly number[]> => {
      const device = await openWebgpu({ tune })
      const upload = (seed: number) =>
        device.upload(
          Float32Array.from({ length: n * n }, (_, i) => Math.sin(seed + 0.7 * i)),
          { shape: [n, n], dtype: 'f32' },
        )
      const [a, b] = [upload(1), upload(2)]
      // both arguments are given up as soon as the call returns, which is before anything has run
      const { run } = device.compile({ inputs: [x, y], outputs: [p.dot(x, y)], donated: [true, false] })
      const out = run([a, b])[0]!
      device.release(b)
      const read = await device.download(out)()
      await device.destroy()
      if (E.isLeft(read)) throw new Error(read.left.message)
      return [...read.right]
    }
    expect(await resultOf(true)).toEqual(await resultOf(false))
  })

  it('gives its memory back, and ends where the device goes meanwhile', { timeout: 60_000 }, async () => {
    const device = await openWebgpu({ tune: true })
    const live = device.stats().liveBytes
    const inputs = [p.parameter({ shape: [20, 40], dtype: 'f32' }), p.parameter({ shape: [40, 24], dtype: 'f32' })]
    const data = inputs.map(({ shape, dtype }) =>
      device.upload(new Float32Array(shape[0]! * shape[1]!), { shape, dtype }),
    )
    const compiled = device.compile({ inputs, outputs: [p.dot(inputs[0]!, inputs[1]!)], donated: [false, false] })
    const result = compiled.run(data)[0]!
    await device.download(result)()
    expect(device.measured()).toBe(1)
    for (const storage of [...data, result]) device.release(storage)
    compiled.release()
    await device.pace()
    expect(device.stats().liveBytes).toBe(live)
    await device.destroy()

    const gone = await openWebgpu({ tune: true })
    const work = product(gone, 300)
    await gone.destroy()
    await expect(work).rejects.toThrow(/lost/)
  })

  it('is asked for by on or off', async () => {
    vi.stubEnv('ADJOINT_TUNE', 'maybe')
    expect(await webgpuDevice()()).toMatchObject({
      left: { _tag: 'NoDevice', message: "no WebGPU device: ADJOINT_TUNE is 'maybe'; it takes on or off" },
    })
  })
})

it('is asked for each product, one of intermediates too, by the kernel that it was told of', () => {
  const [x, w] = [p.parameter({ shape: [64, 64], dtype: 'f32' }), p.parameter({ shape: [64, 64], dtype: 'f32' })]
  const outputs = [p.dot(p.dot(p.dot(x, w), w), w)]
  const program = schedule(host)({ inputs: [x, w], outputs, donated: [false, false] })
  const dots = kernelSteps(program.steps).flatMap(({ kernel }) => (kernel.kind === 'dot' ? [kernel] : []))
  const asked: DotKernel[] = []
  const pipeline = { ready: Promise.resolve(), compiled: null }
  const pipelines = { of: () => pipeline } as unknown as Pipelines // of which only this is used
  prepare(program, placesOf(program, 2 ** 28), pipelines, softwareTuning, (dot) => {
    asked.push(dot)
    return null
  })
  expect(dots).toHaveLength(3)
  expect(asked).toEqual(dots)
})
