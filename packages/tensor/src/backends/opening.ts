/** How a device opens that is loaded only when one is asked for: what its options are is said at once, the rest while it is awaited. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { DeviceError } from '../graph/device.ts'
import { type OptionNames, optionsOf } from '../graph/options.ts'

export const opening = <O extends { readonly memory?: number }, D>(
  name: string,
  given: O,
  known: OptionNames<O>,
  open: (options: O) => Promise<Either<DeviceError, D>>,
): TaskEither<DeviceError, D> => {
  const options = optionsOf(name, given, known)
  return async () => {
    if (options.memory !== undefined && !(options.memory > 0))
      throw new RangeError(`${name}: memory is ${options.memory}; give the bytes that the device may hold, above 0`)
    return open(options)
  }
}
