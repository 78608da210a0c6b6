/** Choosing a device: what this machine offers, and which one a program gets that asks for none. */
import * as E from '../base/either.ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type Device, type DeviceError, succeeded } from '../graph/device.ts'
import { type DeviceKind, environment, isKind, noSuchKind } from './kind.ts'
import { referenceDevice } from '../backends/reference/reference.ts'
import { nativeDevice } from '../backends/native/open.ts'
import { wasmDevice } from '../backends/wasm/device.ts'
import { probeWebgpu, webgpuDevice } from '../backends/webgpu/open.ts'
import { optionsOf } from '../graph/options.ts'

/** A device this machine offers. */
export interface DeviceReport {
  readonly kind: Device['kind']
  /** Adapter or engine, for people. */
  readonly label: string
  /** Whether it computes on hardware of its own: true for a GPU only. */
  readonly hardware: boolean
}

export type { DeviceKind } from './kind.ts'

/** Which device to open. */
export interface DeviceRequest {
  /**
   * Which device to open. Absent: what the environment variable ADJOINT_DEVICE names, else a hardware WebGPU adapter
   * where there is one, else `cpu`, which is `native` where it opens and `wasm` where it does not (ask for `native` by name to
   * learn why). A software WebGPU adapter is opened only when asked for: it is slower than either.
   */
  readonly kind?: DeviceKind
}

const open: Readonly<Record<DeviceKind, () => Promise<E.Either<DeviceError, Device>>>> = {
  webgpu: () => webgpuDevice()(),
  native: () => nativeDevice()(),
  wasm: () => Promise.resolve(openWasm()),
  cpu: async () => {
    const native = await nativeDevice()()
    return E.isRight(native) ? native : openWasm()
  },
  reference: () => Promise.resolve(E.right(referenceDevice())),
}
const openWasm = (): E.Either<DeviceError, Device> =>
  E.tryCatch(wasmDevice, (cause) => ({
    _tag: 'NoDevice',
    message: `no wasm device: ${cause instanceof Error ? cause.message : String(cause)}`,
  }))

/**
 * The devices of this machine, the default of `requestDevice` first.
 *
 * @example
 * ```ts
 * import { devices } from '@adjoint/tensor'
 * for (const { kind, label, hardware } of await devices()) console.log(kind, label, hardware ? 'GPU' : 'CPU')
 * ```
 */
export const devices = async (): Promise<readonly DeviceReport[]> => {
  const adapter = await probeWebgpu()
  const webgpu = adapter === null ? [] : [{ kind: 'webgpu' as const, ...adapter }]
  const cpu = [
    await report('native'),
    await report('wasm'),
    { kind: 'reference' as const, label: referenceDevice().label, hardware: false },
  ].flatMap((found) => found ?? [])
  return adapter?.hardware === true ? [...webgpu, ...cpu] : [...cpu, ...webgpu]
}
/** What a device of the CPU says of itself; null where it does not open. */
const report = async (kind: 'native' | 'wasm'): Promise<DeviceReport | null> => {
  const opened = await open[kind]()
  if (E.isLeft(opened)) return null
  const { label } = opened.right
  await opened.right.destroy()
  return { kind, label, hardware: false }
}

/**
 * Opens a device. Left `NoDevice` where there is none of that kind, or no such kind.
 *
 * @example
 * ```ts
 * import { requestDevice } from '@adjoint/tensor'
 * const opened = await requestDevice({ kind: 'wasm' })()
 * if (opened._tag === 'Right') console.log(opened.right.label)
 * ```
 */
export const requestDevice = (request: DeviceRequest = {}): TaskEither<DeviceError, Device> => {
  const { kind } = optionsOf('requestDevice', request, { kind: true })
  return async () => {
    const name: string = kind ?? environment()
    if (name !== '') {
      if (isKind(name)) return open[name]()
      const source = kind === undefined ? 'ADJOINT_DEVICE asks' : 'the call asks'
      return E.left({
        _tag: 'NoDevice',
        message: noSuchKind(source, name),
      })
    }
    const adapter = await probeWebgpu()
    if (adapter?.hardware === true) {
      const opened = await open.webgpu()
      if (E.isRight(opened)) return opened
    }
    return open.cpu()
  }
}

/**
 * `requestDevice` for scripts: a device, or a rejection with `DeviceFailure`.
 *
 * @example
 * ```ts
 * import { add, readAsync, requestDeviceAsync, setDefaultDevice, tensor } from '@adjoint/tensor'
 * setDefaultDevice(await requestDeviceAsync())
 * console.log(await readAsync(add(tensor([1, 2], [2]), 1)))
 * ```
 */
export const requestDeviceAsync = async (request: DeviceRequest = {}): Promise<Device> =>
  succeeded(requestDevice(request))
