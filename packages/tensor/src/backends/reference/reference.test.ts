import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import { dtypes } from '../../base/dtype.ts'
import { evaluate } from '../../graph/evaluate.ts'
import { div, mul, readAsync, realizeAsync, sub, tensor } from '../../index.ts'
import * as p from '../../primitives/index.ts'
import type { Storage } from '../../graph/device.ts'
import { referenceDevice } from './reference.ts'
import { breathe } from '../engine/turns.ts'

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
  it('keeps elements as their dtype stores them, and f32 in doubles', async () => {
    const device = referenceDevice()
    const shape = [4]
    for (const [dtype, bytes, data] of [
      ['f32', 32, [1, -0, 0.1, Infinity]],
      ['f16', 8, [1, -0, NaN, 2 ** -24]],
      ['bf16', 8, [1, -0, NaN, -Infinity]],
      ['i32', 16, [1, -1, 2147483647, -2147483648]],
      ['u32', 16, [1, 0, 4294967295, 7]],
      ['bool', 4, [1, 0, 0, 1]],
    ] as const) {
      const x = device.upload(
        dtypes[dtype].allocate(4).map((_, i) => data[i]!),
        { shape, dtype },
      )
      expect(device.stats().liveBytes, dtype).toBe(bytes)
      const stand = p.parameter({ shape, dtype })
      const [y] = device.compile({ inputs: [stand], outputs: [p.flip(stand, [0])], donated: [true] }).run([x])
      expect(device.stats().liveBytes, dtype).toBe(bytes)
      expect((await host(y!)).toReversed()).toEqual(data.map((v) => (dtype === 'f32' ? Math.fround(v) : v)))
      device.release(y!)
      expect(device.stats().liveBytes).toBe(0)
    }
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
  it('counts bytes of what is dropped, too', async () => {
    const device = referenceDevice()
    const { run } = device.compile(graph(false))
    const wide = { shape: [2 ** 17], dtype: 'f32' } as const
    let peak = 0
    for (let i = 0; i < 1000; i++) {
      device.upload(new Float32Array(2 ** 17), wide)
      await breathe()
      peak = Math.max(peak, device.stats().liveBytes)
    }
    expect(peak).toBeLessThan(900 * 2 ** 20) // of 1,000 MiB
    expect(run([device.upload(Float32Array.of(1, 2, 3), aval)])).toHaveLength(2)
  })
  it('says what is too much before memory ends, and stays usable', async () => {
    const device = referenceDevice({ budget: 2 ** 20 })
    const x = device.upload(new Float32Array(2 ** 16), { shape: [2 ** 16], dtype: 'f32' })
    const stand = p.parameter({ shape: [2 ** 16], dtype: 'f32' })
    const held: Storage[] = []
    const program = device.compile({ inputs: [stand], outputs: [p.neg(stand)], donated: [false] })
    const fill = (): void => {
      for (let i = 0; i < 2; i++) held.push(...program.run([x]))
    }
    expect(fill).toThrow(
      /^neg \(asked for at .*reference\.test\.ts.*\): no room for 524288 bytes on the reference device: tensors hold 1048576 bytes of at most 1048576.*never awaits/,
    )
    expect(() => device.upload(new Float32Array(4), { shape: [4], dtype: 'f32' })).toThrow(
      /upload of f32\[4\]: no room for 32 bytes/,
    )
    held.forEach(device.release)
    expect(program.run([x])).toHaveLength(1)
    expect(await host(x)).toHaveLength(2 ** 16)
  })
  it('computes with what it had, not with what was read of it', async () => {
    const device = referenceDevice()
    const third = div(tensor([1, 1, 1]), tensor([3, 3, 3]))
    const realized = await realizeAsync(third, device)
    await readAsync(third, device)
    await readAsync(realized)
    const f64 = 1 / 3
    for (const x of [third, realized]) {
      const [difference] = await readAsync(mul(sub(mul(x, 3), 1), 2 ** 40), device)
      expect(difference).toBe(Math.fround((f64 * 3 - 1) * 2 ** 40))
    }
  })
})
