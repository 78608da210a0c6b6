/** Opening a native device. What it is made of is loaded when one is asked for: a program that never does carries none of it. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { type DeviceError, succeeded } from '../../graph/device.ts'
import { optionsOf } from '../../graph/options.ts'
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
export const nativeDevice = (given: NativeOptions = {}): TaskEither<DeviceError, NativeDevice> => {
  const options = optionsOf('nativeDevice', given, { memory: true, threads: true, tune: true })
  return async (): Promise<Either<DeviceError, NativeDevice>> => {
    if (options.memory !== undefined && !(options.memory > 0))
      throw new RangeError(
        `nativeDevice: memory is ${options.memory}; give the bytes that the device may hold, above 0`,
      )
    const { openNative } = await import('#native')
    return openNative(options)
  }
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
