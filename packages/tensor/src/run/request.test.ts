import * as E from 'fp-ts/lib/Either.js'
import { afterEach, describe, expect, inject, it, vi } from 'vitest'
import { DeviceFailure } from '../graph/device.ts'
import { type DeviceKind, devices, requestDevice, requestDeviceAsync } from './request.ts'

describe('requestDevice', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('opens what is asked for', async () => {
    for (const kind of ['wasm', 'reference'] as const) {
      const opened = await requestDevice({ kind })()
      expect(E.isRight(opened) && opened.right.kind).toBe(kind)
    }
  })

  it('cpu is native where it opens, else wasm', async () => {
    const kind = inject('devices').includes('native') ? 'native' : 'wasm'
    expect((await requestDeviceAsync({ kind: 'cpu' })).kind).toBe(kind)
    vi.stubEnv('ADJOINT_CC', 'no-such-compiler')
    expect((await requestDeviceAsync({ kind: 'cpu' })).kind).toBe('wasm')
    expect((await devices()).some((d) => d.kind === 'native')).toBe(false)
    await expect(requestDeviceAsync({ kind: 'native' })).rejects.toThrow(/no C compiler was found/)
  })

  it('names the choices where a name is unknown, and who gave it', async () => {
    const wrong = await requestDevice({ kind: 'cuda' as DeviceKind })()
    expect(wrong).toEqual(
      E.left({
        _tag: 'NoDevice',
        message:
          "the call asks for a device 'cuda', which does not exist. Choose one of webgpu, native, wasm, cpu, reference.",
      }),
    )
    vi.stubEnv('ADJOINT_DEVICE', 'toaster')
    await expect(requestDeviceAsync()).rejects.toThrow(/^ADJOINT_DEVICE asks for a device 'toaster'/)
    await expect(requestDeviceAsync()).rejects.toBeInstanceOf(DeviceFailure)
  })

  it('takes the name from ADJOINT_DEVICE unless the call has one', async () => {
    vi.stubEnv('ADJOINT_DEVICE', 'reference')
    expect((await requestDeviceAsync()).kind).toBe('reference')
    expect((await requestDeviceAsync({ kind: 'wasm' })).kind).toBe('wasm')
  })

  it('gives the device that is listed first, and never a software adapter unasked', async () => {
    vi.stubEnv('ADJOINT_DEVICE', '')
    const listed = await devices()
    expect((await requestDeviceAsync()).kind).toBe(listed[0]?.kind)
    for (const kind of ['webgpu', 'native'] as const)
      expect(listed.some((d) => d.kind === kind)).toBe(inject('devices').includes(kind))
    expect(listed[0]?.kind === 'webgpu').toBe(listed.some((d) => d.hardware))
  })
})
