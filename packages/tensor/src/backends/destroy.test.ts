import { presentDevices } from '@adjoint/testing'
import * as E from 'fp-ts/lib/Either.js'
import { describe, expect, it } from 'vitest'
import {
  DeviceFailure,
  exp,
  full,
  jit,
  mul,
  read,
  readAsync,
  realize,
  realizeAsync,
  requestDeviceAsync,
  tensor,
  type Tensor,
} from '../index.ts'
import * as p from '../primitives/index.ts'
import { storageOfTensor } from '../run/storages.ts'

const kinds = (await presentDevices()).map(({ kind }) => kind)

describe.each(kinds)('a destroyed %s device', (kind) => {
  it('gives up its memory; its tensors, programs and compiled functions say so', async () => {
    const device = await requestDeviceAsync({ kind })
    const x = await realizeAsync(full([100, 100], 2), device)
    const lazy = exp(x)
    const f = jit((y: Tensor) => mul(y, 3), { device })
    const y = f(x)
    expect((await readAsync(y))[0]).toBe(6)
    const stand = p.parameter({ shape: [100, 100], dtype: 'f32' })
    const program = device.compile({ inputs: [stand], outputs: [p.neg(stand)], donated: [false] })
    const storage = storageOfTensor(x)!
    expect(device.lost()).toBeNull()
    expect(storage.gone()).toBeNull()

    await device.destroy()
    await device.destroy()

    expect(device.lost()).toMatchObject({ _tag: 'DeviceLost' })
    expect(device.stats().liveBytes).toBe(0)
    expect(storage.gone()).toMatch(/destroyed/)
    const tasks = [
      read(device)(x),
      read(device)(lazy),
      realize(device)(lazy),
      realize(device)(x),
      device.download(storage),
    ]
    for (const task of tasks)
      expect(await task()).toMatchObject({
        _tag: 'Left',
        left: { _tag: 'DeviceLost', message: expect.stringMatching(/destroyed/) as string },
      })
    // What lies on the host is nobody's loss.
    expect(await read(device)(tensor([1, 2]))()).toEqual(E.right(Float32Array.of(1, 2)))
    const lost = (call: () => unknown): void => {
      expect(call).toThrow(DeviceFailure)
      expect(call).toThrow(/lost: it was destroyed/)
    }
    lost(() => f(x))
    lost(() => f(tensor([1, 2])))
    lost(() => device.upload(Float32Array.of(1), { shape: [1], dtype: 'f32' }))
    expect(() => program.run([storage])).toThrow(/destroyed/)
    lost(() => device.compile({ inputs: [stand], outputs: [p.exp(stand)], donated: [false] }))
    device.release(storage)
    program.release()
    expect(device.stats().liveBytes).toBe(0)
  })

  it('ends reads that are under way', async () => {
    const device = await requestDeviceAsync({ kind })
    const x = await realizeAsync(full([300, 300], 2), device)
    const f = jit((y: Tensor) => exp(mul(y, 0.5)), { device })
    const reads = [read(device)(f(x))(), read(device)(exp(x))(), read(device)(x)()]
    await device.destroy()
    for (const result of await Promise.all(reads))
      if (E.isLeft(result)) expect(result.left).toMatchObject({ _tag: 'DeviceLost' })
      else expect(result.right).toHaveLength(300 * 300)
  })
})

describe.each(kinds)('a %s device that lives', (kind) => {
  it('refuses what was released: a program, and a tensor', async () => {
    const device = await requestDeviceAsync({ kind })
    const stand = p.parameter({ shape: [4], dtype: 'f32' })
    const program = device.compile({ inputs: [stand], outputs: [p.neg(stand)], donated: [false] })
    const x = device.upload(Float32Array.of(1, 2, 3, 4), { shape: [4], dtype: 'f32' })
    expect(program.run([x])).toHaveLength(1)
    program.release()
    expect(() => program.run([x])).toThrow(/released/)
    device.release(x)
    expect(x.gone()).toMatch(/released/)
    await device.destroy()
  })
})
