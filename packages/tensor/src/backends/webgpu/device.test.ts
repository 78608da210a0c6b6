import * as E from 'fp-ts/lib/Either.js'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import type { LoopKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import type { HostArray } from '../../base/dtype.ts'
import type { Program, Step } from '../../loops/program.ts'
import { captureSite } from '../../base/site.ts'
import { type DeviceError, DeviceFailure, type Storage } from '../../graph/device.ts'
import type { WebgpuDevice } from './face.ts'
import { openWebgpu as open, singleKernel } from './kernel-trial.support.ts'
import { affine, at, f32, load, store, trainingStep } from './programs.support.ts'

const read = async (device: WebgpuDevice, s: Storage): Promise<HostArray> => {
  const result = await device.download(s)()
  if (E.isLeft(result)) throw new DeviceFailure(result.left)
  return result.right
}
const failure = (f: () => unknown): DeviceError => {
  try {
    f()
  } catch (error) {
    if (error instanceof DeviceFailure) return error.error
    throw error
  }
  throw new Error('nothing failed')
}
const failed = async (device: WebgpuDevice, s: Storage): Promise<DeviceError> => {
  const result = await device.download(s)()
  if (E.isRight(result)) throw new Error('nothing failed')
  return result.left
}

describe.runIf(inject('devices').includes('webgpu'))('webgpu device', () => {
  let device: WebgpuDevice
  beforeAll(async () => {
    device = await open()
  })
  afterAll(() => device.destroy())

  it('uploads and reads back every dtype, empty and odd sizes, without sharing memory with the caller', async () => {
    for (const [data, dtype] of [
      [Float32Array.of(1.5, -0, NaN), 'f32'],
      [Int32Array.of(-2147483648, 7), 'i32'],
      [Uint32Array.of(4294967295), 'u32'],
      [Uint8Array.of(1, 0, 1, 1, 0), 'bool'],
      [new Float32Array(0), 'f32'],
    ] as const) {
      const storage = device.upload(data, { shape: [data.length], dtype })
      const copy = data.slice()
      data.fill(0)
      expect(await read(device, storage)).toEqual(copy)
    }
    const shared = new Float32Array(new SharedArrayBuffer(8))
    shared.set([3, 4])
    expect(await read(device, device.upload(shared, f32(2)))).toEqual(Float32Array.of(3, 4))
  })

  it('runs before its pipelines are compiled: calls, uploads and reads keep their order', async () => {
    const n = 1001 // sizes of this test's own, so that its pipelines are new
    const program = device.load(singleKernel(affine(n)))
    const inPlace = device.load(singleKernel(affine(n, true)))
    const x = device.upload(new Float32Array(n).fill(1), f32(n))
    const [y] = program.run([x])
    const [z] = program.run([y!])
    device.release(y!)
    const [w] = inPlace.run([z!])
    device.release(x)
    const late = device.upload(new Float32Array(n).fill(9), f32(n)) // must not overwrite what the calls still read
    expect((await read(device, w!))[n - 1]).toBe(15)
    expect((await read(device, late))[0]).toBe(9)
  })

  it('donates: the result takes the memory, the argument is gone, and says why', async () => {
    const n = 64
    const inPlace = device.load(singleKernel(affine(n, true)))
    const x = device.upload(new Float32Array(n).fill(2), f32(n))
    const before = device.stats().liveBytes
    const [y] = inPlace.run([x])
    expect(device.stats().liveBytes).toBe(before)
    expect(x.gone()).toMatch(/donated/)
    expect(() => inPlace.run([x])).toThrow(/donated/)
    expect((await read(device, y!))[0]).toBe(5)
    const twice = device.load(trainingStep(n))
    expect(() => twice.run([y!, y!])).toThrow(/argument 0 is donated and is also another argument/)
    expect(y!.gone()).toBeNull()
  })

  it('creates nothing in a steady loop of a thousand steps, one submit a call, and lets nothing grow', async () => {
    const device = await open() // its own: tensors that other tests dropped are collected at any time
    const n = 20_000 // large enough that the second output is the caller's own buffer
    const step = device.load(trainingStep(n))
    let w = device.upload(new Float32Array(n).fill(1), f32(n))
    let loss = 0
    const once = async (readLoss: boolean): Promise<void> => {
      const x = device.upload(new Float32Array(n).fill(3), f32(n))
      const [next, scalar, copy] = step.run([w, x])
      device.release(x)
      w = next!
      if (readLoss) loss = (await read(device, scalar!))[0]!
      device.release(scalar!)
      device.release(copy!)
    }
    await once(true)
    await once(true)
    const start = device.stats()
    for (let i = 0; i < 1000; i++) await once(i % 10 === 0)
    const end = device.stats()
    expect(end.created).toBe(start.created)
    expect(end.pipelines).toBe(start.pipelines)
    expect(end.liveBytes).toBe(start.liveBytes)
    expect(end.peakBytes).toBe(start.peakBytes)
    expect(end.submits - start.submits).toBe(1000)
    expect(end.kernels - start.kernels).toBe(3000)
    expect(loss).toBeCloseTo(0, 6)
    expect((await read(device, w))[n - 1]).toBeCloseTo(3, 5)
    await device.destroy()
  })

  it('shares one pipeline between programs of the same source', async () => {
    const n = 777
    device.load(singleKernel(affine(n)))
    const before = device.stats().pipelines
    device.load(singleKernel(affine(n)))
    expect(device.stats().pipelines).toBe(before)
  })

  it('says what has no memory, and that the device goes on', async () => {
    const bytes = 2 ** 40
    const program = singleKernel(affine(4))
    const huge: Program = { ...program, buffers: program.buffers.map((b) => ({ ...b, bytes })) }
    const executable = (): unknown => device.load(huge).run([device.upload(new Float32Array(4), f32(4))])
    const before = device.stats().liveBytes
    const error = failure(executable)
    expect(device.stats().liveBytes).toBeLessThanOrEqual(before + 256) // what was taken on the way is given back
    expect(error._tag).toBe('OutOfMemory')
    expect(error.message).toMatch(/^affine \(made at .*\): no memory for 1099511627776 bytes/)
    expect((await read(device, device.upload(Float32Array.of(1), f32(1))))[0]).toBe(1)
  })

  it('reports a kernel that does not compile by its name and place, at the read and from then on at once', async () => {
    const wrong = S.binary('xor', load(0, 5), load(0, 5)) // not for floats
    const bad: LoopKernel = { ...affine(5), name: 'broken', stores: [store(1, at(5), wrong)] }
    const program = singleKernel(affine(5))
    const step: Step = { kind: 'kernel', kernel: bad, buffers: [0, 1], site: captureSite() }
    const executable = device.load({ ...program, steps: [step] })
    const [y] = executable.run([device.upload(new Float32Array(5), f32(5))])
    const error = await failed(device, y!)
    expect(error).toMatchObject({ _tag: 'Validation', op: 'broken' })
    expect(error.message).toMatch(/device\.test\.ts/)
    expect(failure(() => executable.run([device.upload(new Float32Array(5), f32(5))]))._tag).toBe('Validation')
    expect(failure(() => device.load(singleKernel(affine(5))).run([y!]))).toEqual(error)
  })

  it('finds the kernel that WebGPU rejects in a submission', async () => {
    const [fine] = singleKernel(affine(6)).steps
    const program = singleKernel(affine(6))
    // One buffer read and written by one dispatch, as two bindings.
    const clash: Step = {
      kind: 'kernel',
      kernel: { ...affine(6), name: 'clash' },
      buffers: [1, 1],
      site: captureSite(),
    }
    const executable = device.load({ ...program, steps: [fine!, clash] })
    const [y] = executable.run([device.upload(new Float32Array(6), f32(6))])
    const error = await failed(device, y!)
    expect(error).toMatchObject({ _tag: 'Validation', op: 'clash' })
    expect(error.message).toMatch(/device\.test\.ts/)
  })

  it('tells that it is lost: in every later call and read, those under way too', async () => {
    const doomed = await open()
    const program = doomed.load(singleKernel(affine(8)))
    const x = doomed.upload(new Float32Array(8), f32(8))
    const pending = doomed.download(x)()
    const [y] = program.run([x])
    await doomed.destroy()
    expect((await failed(doomed, y!))._tag).toBe('DeviceLost')
    expect(failure(() => program.run([x]))._tag).toBe('DeviceLost')
    expect(failure(() => doomed.upload(new Float32Array(8), f32(8)))._tag).toBe('DeviceLost')
    expect(failure(() => doomed.load(singleKernel(affine(8))))._tag).toBe('DeviceLost')
    const under = await pending
    if (E.isLeft(under)) expect(under.left._tag).toBe('DeviceLost')
  })

  it('refuses tensors of another device', async () => {
    const other = await open()
    const foreign = other.upload(new Float32Array(9), f32(9))
    expect(() => device.load(singleKernel(affine(9))).run([foreign])).toThrow(/another device/)
    await other.destroy()
  })
})
