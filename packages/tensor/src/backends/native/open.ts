/** Opening a native device. What it is made of is loaded when one is asked for: a program that never does carries none of it. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type DeviceError, succeeded } from '../../graph/device.ts'
import { opening } from '../opening.ts'
import type { NativeDevice, NativeOptions } from './face.ts'

/**
 * Opens a device of compiled C. Left NoDevice where there is no C compiler, or no Node.
 *
 * @example
 * ```ts
 * import { nativeDevice } from '@adjoint/tensor'
 * const opened = await nativeDevice()()
 * console.log(opened._tag === 'Right' ? opened.right.label : opened.left.message)
 * ```
 */
export const nativeDevice = (options: NativeOptions = {}): TaskEither<DeviceError, NativeDevice> => {
  const known = { memory: true, threads: true, tune: true } as const
  return opening('nativeDevice', options, known, async (given) => (await import('#native')).openNative(given))
}

/**
 * `nativeDevice` for scripts: a device, or a rejection with `DeviceFailure`.
 *
 * @example
 * ```ts
 * import { nativeDeviceAsync } from '@adjoint/tensor'
 * const device = await nativeDeviceAsync({ threads: 1 }).catch((failure: Error) => failure.message)
 * console.log(typeof device === 'string' ? device : device.label)
 * ```
 */
export const nativeDeviceAsync = async (given: NativeOptions = {}): Promise<NativeDevice> =>
  succeeded(nativeDevice(given))
