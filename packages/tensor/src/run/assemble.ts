/** Tensors that are put together in a device's memory: for those who read large ones from files. */
import * as E from '../base/either.ts'
import type { Aval } from '../base/aval.ts'
import { type Assembly, type Device, DeviceFailure } from '../graph/device.ts'
import { type Tensor, typed } from '../graph/tensor.ts'
import { buffer } from '../primitives/leaves.ts'
import { attempt } from './attempt.ts'
import { currentDevice } from './current.ts'

/** As a device puts it together, and then a tensor. */
export interface TensorAssembly extends Omit<Assembly, 'finish'> {
  readonly finish: () => Tensor
}

/**
 * Begins tensors whose elements come piece by piece, in the memory of a device, or of the default device; null where it has no better way than
 * `realize`. What is given rejects with DeviceFailure where there is no room.
 */
export const assemblerOf = (device: Device = currentDevice()): ((aval: Aval) => Promise<TensorAssembly>) | null => {
  const { assemble } = device
  if (assemble === undefined) return null
  return async (aval) => {
    const begun = await attempt(device, () => assemble(aval))()
    if (E.isLeft(begun)) throw new DeviceFailure(begun.left)
    const { put, finish, abandon } = begun.right
    return { put, abandon, finish: () => typed(buffer(finish())) }
  }
}
