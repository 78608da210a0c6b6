/** Opening a WebGPU device. What it is made of is loaded when one is asked for: a program that never does carries none of it. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type DeviceError, succeeded } from '../../graph/device.ts'
import { optionsOf } from '../../graph/options.ts'
import type { AdapterReport, WebgpuDevice, WebgpuOptions } from './face.ts'

/**
 * Opens a WebGPU device, software adapters included. Left NoDevice where there is no adapter, none that yields a device, or, in
 * Node, no package `webgpu`, which is to be installed beside this one. `webgpuDeviceAsync` is its twin for scripts.
 *
 * @example
 * ```ts
 * import { webgpuDevice } from '@adjoint/tensor'
 * const opened = await webgpuDevice()()
 * console.log(opened._tag === 'Right' ? opened.right.label : opened.left.message)
 * ```
 */
export const webgpuDevice = (given: WebgpuOptions = {}): TaskEither<DeviceError, WebgpuDevice> => {
  const options = optionsOf('webgpuDevice', given, {
    tuning: true,
    memory: true,
    powerPreference: true,
    dawn: true,
    tune: true,
  })
  return async (): Promise<Either<DeviceError, WebgpuDevice>> => {
    if (options.memory !== undefined && !(options.memory > 0))
      throw new RangeError(
        `webgpuDevice: memory is ${options.memory}; give the bytes that the device may hold, above 0`,
      )
    const { openWebgpu } = await import('./device.ts')
    return openWebgpu(options)
  }
}

/**
 * `webgpuDevice` for scripts: a device, or a rejection with `DeviceFailure`.
 *
 * @example
 * ```ts
 * import { webgpuDeviceAsync } from '@adjoint/tensor'
 * const device = await webgpuDeviceAsync().catch((failure: Error) => failure.message)
 * console.log(typeof device === 'string' ? device : device.label)
 * ```
 */
export const webgpuDeviceAsync = async (given: WebgpuOptions = {}): Promise<WebgpuDevice> =>
  succeeded(webgpuDevice(given))

/** The adapter a device would get, without making one; null where there is none. */
export const probeWebgpu = async (): Promise<AdapterReport | null> => (await import('./adapter.ts')).probeWebgpu()
