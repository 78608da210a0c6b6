/** Opening a WebGPU device. What it is made of is loaded when one is asked for: a program that never does carries none of it. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type DeviceError, succeeded } from '../../graph/device.ts'
import { opening } from '../opening.ts'
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
export const webgpuDevice = (options: WebgpuOptions = {}): TaskEither<DeviceError, WebgpuDevice> => {
  const known = { tuning: true, memory: true, powerPreference: true, dawn: true, tune: true } as const
  return opening('webgpuDevice', options, known, async (given) => (await import('./device.ts')).openWebgpu(given))
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
