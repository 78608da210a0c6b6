import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../evaluate.ts'
import * as p from '../primitives/index.ts'
import type { Storage } from './device.ts'
import { referenceDevice } from './reference.ts'

const aval = { shape: [3], dtype: 'f32' } as const
const graph = (donated: boolean) => {
  const x = p.parameter(aval)
  return { inputs: [x], outputs: [p.mul(x, x), p.neg(x)], donated: [donated] }
}
const host = async (storage: Storage): Promise<readonly number[]> => {
  const result = await storage.device.download(storage)()
  return E.isRight(result) ? [...result.right] : expect.fail(result.left.message)
}

describe('the reference device', () => {
  it('runs graphs, in the order of the outputs', async () => {
    const device = referenceDevice()
    const [square, minus] = device.compile(graph(false)).run([device.upload(Float32Array.of(1, 2, 3), aval)])
    expect(await host(square!)).toEqual([1, 4, 9])
    expect(await host(minus!)).toEqual([-1, -2, -3])
  })
  it('gives arrays of the dtype', async () => {
    const device = referenceDevice()
    const outputs = [p.fill([1], 'u32', 4294967295), p.fill([1], 'bool', 1), p.fill([1], 'i32', -1)]
    const values = device.compile({ inputs: [], outputs, donated: [] }).run([])
    const arrays = await Promise.all(values.map((v) => device.download(v)()))
    expect(arrays).toEqual([Uint32Array.of(4294967295), Uint8Array.of(1), Int32Array.of(-1)].map((a) => E.right(a)))
  })
  it('forgets what was donated, and says so', async () => {
    const device = referenceDevice()
    const x = device.upload(Float32Array.of(1, 2, 3), aval)
    const executable = device.compile(graph(true))
    executable.run([x])
    expect(x.gone()).toMatch(/donated/)
    expect(() => executable.run([x])).toThrow(/donated/)
    expect(await device.download(x)()).toMatchObject({
      _tag: 'Left',
      left: { message: expect.stringMatching(/donated/) as string },
    })
  })
  it('counts bytes, and gives them back', () => {
    const device = referenceDevice()
    const x = device.upload(Float32Array.of(1, 2, 3), aval)
    const executable = device.compile(graph(false))
    for (let i = 0; i < 10; i++) for (const y of executable.run([x])) device.release(y)
    expect(device.stats()).toMatchObject({ liveBytes: 24, peakBytes: 72, kernels: 20, submits: 10 })
    device.release(x)
    device.release(x)
    expect(device.stats().liveBytes).toBe(0)
  })
  it('reads its own buffers as leaves, and refuses those of others', () => {
    const device = referenceDevice()
    const x = device.upload(Float32Array.of(1, 2, 3), aval)
    expect([...evaluate([p.neg(p.buffer(x))])[0]!.data]).toEqual([-1, -2, -3])
    const elsewhere: Storage = { device: { ...device, kind: 'wasm', label: 'another' }, aval, gone: () => null }
    expect(() => evaluate([p.buffer(elsewhere)])).toThrow(/lives on the wasm device/)
    expect(() => device.compile(graph(false)).run([elsewhere])).toThrow(/another device/)
    device.release(x)
    expect(() => evaluate([p.buffer(x)])).toThrow(/released/)
  })
})
