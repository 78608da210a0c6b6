/** Copies on the host of what lies on a device, as far as there are any. */
import type { HostArray } from '../base/dtype.ts'
import type { Storage } from './device.ts'

const readBack = new WeakMap<Storage, HostArray>()

/** Keeps what was read. */
export const keepAtHand = (storage: Storage, data: HostArray): void => void readBack.set(storage, data)

/** What was read and kept, else null. Not to be written. */
export const keptAtHand = (storage: Storage): HostArray | null => readBack.get(storage) ?? null

/** The elements, where the host has them without asking the device; else null. Not to be written. */
export const atHand = (storage: Storage): ArrayLike<number> | null =>
  keptAtHand(storage) ?? (storage.gone() === null ? (storage.values?.() ?? null) : null)
