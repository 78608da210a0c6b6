/** What a call makes for itself is released by it, whether it returns or throws. */
import { presentDevices } from '@adjoint/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  add,
  type Device,
  DeviceFailure,
  exp,
  full,
  jit,
  matmul,
  mul,
  ones,
  readAsync,
  realizeAsync,
  requestDeviceAsync,
  scalar,
  sum,
  tanh,
  tensor,
  type Tensor,
  wasmDevice,
} from '../index.ts'
import { storageOfTensor } from '../run/storages.ts'

const kinds = (await presentDevices()).map(({ kind }) => kind)
const data = (n: number, value = 1): Tensor => tensor(new Float32Array(n).fill(value))

describe.each(kinds)('calls on %s', (kind) => {
  // One for each: what another test dropped is collected at any time.
  let device: Device
  beforeEach(async () => {
    device = await requestDeviceAsync({ kind })
  })
  afterEach(() => device.destroy())
  const live = (): number => device.stats().liveBytes

  it('keep nothing of arguments that were still expressions', async () => {
    const base = await realizeAsync(ones([512, 512]), device)
    const f = jit((x: Tensor) => sum()(x), { device })
    const step = async (i: number): Promise<void> => {
      const total = f(mul(base, scalar(i)))
      expect((await readAsync(total))[0]).toBe(i * 2 ** 18)
    }
    await step(1)
    const before = live()
    for (let i = 0; i < (device.kind === 'reference' ? 5 : 100); i++) await step(i)
    if (device.kind === 'reference') expect(live() - before).toBeLessThan(2000)
    else expect(live() - before).toBe(0)
  })

  it('keep nothing of host data that comes once, and what comes again on the device, once for all', async () => {
    const f = jit((x: Tensor, y: Tensor) => sum()(mul(x, y)), { device })
    const one = tensor(new Float32Array(2 ** 16).fill(1))
    const call = async (x: Tensor, y: Tensor): Promise<number> => (await readAsync(f(x, y)))[0]!
    const realized = await realizeAsync(full([2 ** 16], 2), device)
    await call(realized, realized)
    const before = live()
    const slack = 2 ** 14
    const held = (): number => Math.max(0, live() - before - slack)
    for (let i = 0; i < 5; i++) expect(await call(realized, data(2 ** 16, i))).toBe(i * 2 ** 17)
    expect(held()).toBe(0)
    await call(realized, one)
    expect(held()).toBe(0)
    await call(realized, one)
    const kept = live() - before
    expect(kept).toBeGreaterThanOrEqual(2 ** 18)
    for (let i = 0; i < 5; i++) expect(await call(one, realized)).toBe(2 ** 17)
    await readAsync(sum()(mul(one, realized)), device)
    expect(live() - before).toBeLessThanOrEqual(kept + slack)
  })

  it('overwrite a copy of host data that is donated, and never what others read', async () => {
    const host = data(2 ** 15, 3)
    const f = jit((x: Tensor) => add(x, 1), { device, donate: [0] })
    const g = jit((x: Tensor) => mul(x, 2), { device })
    const closed = jit((x: Tensor) => mul(x, host), { device })
    const two = await realizeAsync(full([2 ** 15], 2), device)
    for (let i = 0; i < 3; i++) {
      expect((await readAsync(g(host)))[5]).toBe(6)
      expect((await readAsync(closed(two)))[5]).toBe(6)
      expect((await readAsync(f(host)))[5]).toBe(4)
    }
  })

  it('that throw half way leave nothing', async () => {
    const elsewhere = await realizeAsync(ones([2 ** 15]), wasmDevice())
    const here = await realizeAsync(full([2 ** 15], 2), device)
    const f = jit((x: Tensor, y: Tensor, z: Tensor) => add(add(x, y), z), { device })
    f(here, here, here)
    await readAsync(here) // whatever was queued is done
    const before = live()
    for (let i = 0; i < 3; i++) {
      expect(() => f(mul(here, 2), data(2 ** 15), elsewhere)).toThrow(/lives on wasm/)
      await expect(realizeAsync([add(add(data(2 ** 15), 1), elsewhere)], device)).rejects.toThrow(/lives on wasm/)
      await expect(readAsync(add(add(data(2 ** 15), 1), elsewhere), device)).rejects.toThrow(/lives on wasm/)
      const closed = jit((x: Tensor) => add(add(x, elsewhere), exp(tanh(matmul(ones([8, 8]), ones([8, 2 ** 12]))))), {
        device,
      })
      expect(() => closed(here)).toThrow()
    }
    await readAsync(here)
    // Less than any of the arguments; a device may keep small memory for the programs that could not run.
    expect(live() - before).toBeLessThan(2 ** 16)
  })
})

describe('calls on a small wasm device', () => {
  const PAGE = 65536
  it('that find no memory leave nothing, at compilation and at the run', async () => {
    const device = wasmDevice({ maximumPages: 128 })
    const x = await realizeAsync(ones([1 << 18]), device)
    const live = (): number => device.stats().liveBytes
    // The table fits and the host data does not.
    const table = exp(matmul(ones([512, 4]), ones([4, 512])))
    const much = data((128 * PAGE) / 4 - 1000)
    const few = [data(100, 2), data(100, 3)] as const
    const f = jit(
      (y: Tensor) => [mul(few[0], y.shape.length), exp(table), mul(much, y.shape.length), mul(few[1], 2), add(y, 1)],
      { device },
    )
    // The first output fits and the second does not.
    const g = jit((y: Tensor) => [add(y, 1), full([(128 * PAGE) / 4 - 1000], 1)], { device })
    const fails = (call: () => unknown): void => {
      expect(call).toThrow(DeviceFailure)
    }
    fails(() => f(x)) // the program that makes the table stays
    const before = live()
    for (let i = 0; i < 3; i++) {
      for (const call of [() => f(x), () => g(x)]) {
        fails(call)
        expect(live()).toBe(before)
      }
      await expect(realizeAsync([data(1000), much, much], device)).rejects.toThrow(/no room for/)
      expect(live()).toBe(before)
    }
  })

  it('that never await end in an error that says why', async () => {
    const device = wasmDevice({ maximumPages: 512 })
    const f = jit((y: Tensor) => exp(y), { device })
    let x: Tensor = await realizeAsync(full([1 << 18], 0), device)
    const loop = (): void => {
      for (let i = 0; i < 100; i++) x = f(mul(x, 0))
    }
    expect(loop).toThrow(
      /^exp.*release\.test\.ts.*no room for 1048576 bytes.*\d+ MiB were taken since the program last awaited.*never awaits.*Await a `read` or `realize`/,
    )
  })

  it('that await are given what finalizers free before they fail', async () => {
    const device = wasmDevice({ maximumPages: 8192 })
    const f = jit((y: Tensor) => add(y, 1), { device })
    const x = await realizeAsync(full([1 << 18], 0), device)
    for (let i = 0; i < 480; i++) f(x)
    const y = await realizeAsync(add(full([1 << 24], 0), x.shape.length), device)
    expect((await readAsync(y))[1]).toBe(1)
  })

  it('of ever new signatures keep the last programs, and what those computed for themselves', async () => {
    const device = wasmDevice()
    const table = exp(matmul(ones([128, 4]), full([4, 256], 0.01))) // 128 KiB
    const f = jit((y: Tensor) => add(sum()(y), table), { device })
    const before = device.stats().liveBytes
    const call = async (n: number): Promise<void> => {
      const y = f(ones([n]))
      expect((await readAsync(y))[0]).toBeCloseTo(n + Math.exp(0.04), 3)
      device.release(storageOfTensor(y)!)
    }
    for (let n = 1; n <= 128; n++) await call(n)
    const full128 = device.stats().liveBytes - before
    expect(full128).toBeGreaterThan(127 * 2 ** 17)
    for (let n = 129; n <= 200; n++) await call(n)
    expect(device.stats().liveBytes - before).toBeLessThan(full128 + 2 ** 17)
    await call(1)
    expect(device.stats().liveBytes - before).toBeLessThan(full128 + 2 ** 17)
  })
})
