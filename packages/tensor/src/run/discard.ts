/** Tensors that were made in vain: for those who make several one after another, and fail on the way. */
import type { Tensor } from '../graph/tensor.ts'
import { storageOfTensor } from './storages.ts'

/** Gives the memory of realized tensors back at once, instead of when the collector comes by. What uses one of them afterwards throws. */
export const discard = (tensors: readonly Tensor[]): void => {
  for (const x of tensors) {
    const storage = storageOfTensor(x)
    if (storage !== null && storage.gone() === null && storage.device.lost() === null) storage.device.release(storage)
  }
}
