import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Tensor } from '../index.ts'

/** The default device is chosen once a process: each case has the package anew. */
const fresh = async () => import('../index.ts')

describe('the default device', () => {
  beforeEach(() => vi.resetModules())
  afterEach(() => vi.unstubAllEnvs())

  it.each([
    ['', 'wasm'],
    ['cpu', 'wasm'],
    ['wasm', 'wasm'],
    ['reference', 'reference'],
  ])('ADJOINT_DEVICE=%s without a request: %s', async (name, kind) => {
    vi.stubEnv('ADJOINT_DEVICE', name)
    const { add, jit, mul, tensor, readAsync, realizeAsync } = await fresh()
    const program = jit((x: Tensor) => mul(x, 2)).program(tensor([1]))
    expect(program === null ? 'reference' : 'wasm').toBe(kind)
    expect(await readAsync(await realizeAsync(mul(tensor([3]), 2)))).toEqual(Float32Array.of(6))
    // It is one device, however often it is asked for: tensors of two would not go together.
    const [a, b] = [await realizeAsync(mul(tensor([3]), 2)), await realizeAsync(mul(tensor([4]), 2))]
    expect(await readAsync(add(a, b))).toEqual(Float32Array.of(14))
  })

  it.each([
    ['toaster', /ADJOINT_DEVICE asks for a device 'toaster', which does not exist\. Choose one of/],
    [
      'webgpu',
      /ADJOINT_DEVICE asks for webgpu, which opens only while it is awaited.*setDefaultDevice\(await requestDeviceAsync\(\)\)/,
    ],
  ])('ADJOINT_DEVICE=%s without a request throws, in every call', async (name, message) => {
    vi.stubEnv('ADJOINT_DEVICE', name)
    const { jit, mul, tensor, readAsync, realizeAsync } = await fresh()
    expect(() => jit((x: Tensor) => mul(x, 2))(tensor([1]))).toThrow(message)
    await expect(readAsync(mul(tensor([1]), 2))).rejects.toThrow(message)
    await expect(realizeAsync(mul(tensor([1]), 2))).rejects.toThrow(message)
  })

  it('a device that a call names, or that was set, needs no environment', async () => {
    vi.stubEnv('ADJOINT_DEVICE', 'webgpu')
    const { mul, tensor, readAsync, requestDeviceAsync, setDefaultDevice } = await fresh()
    const device = await requestDeviceAsync({ kind: 'wasm' })
    expect(await readAsync(mul(tensor([1]), 2), device)).toEqual(Float32Array.of(2))
    setDefaultDevice(device)
    expect(await readAsync(mul(tensor([1]), 3))).toEqual(Float32Array.of(3))
  })
})
