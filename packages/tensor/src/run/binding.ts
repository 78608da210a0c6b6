/** How a call finds its arguments on a device, and gives up what was put there for it alone. */
import type { HostArray } from '../base/dtype.ts'
import { showAval } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import { toposort } from '../graph/walk.ts'
import { buffer } from '../primitives/leaves.ts'
import { typed } from '../graph/tensor.ts'
import { bytesOf } from '../base/aval.ts'
import type { Device, Storage } from '../graph/device.ts'
import { remember, remembered, rememberedOn } from './memo.ts'
import { demandPresent, hostDataOf, storageOfTensor } from './storages.ts'

/** Host data below this size is cheaper to copy at each call than to keep track of. */
const SMALL = 2 ** 14

/** Host data that a call was given before: it comes again, and is worth keeping on the device. */
const seen = new WeakSet<Expr>()

export interface Bound {
  readonly storage: Storage
  /** Made for this call only, to be released after it. */
  readonly transient: boolean
}

const upload = (device: Device, { shape, dtype }: Expr, data: HostArray): Storage =>
  device.upload(data, { shape, dtype })

/** The device's copy of host data, made where there is none and kept as long as the data is reachable. Not to be donated. */
const uploaded = (device: Device, x: Expr): Storage | null => {
  const data = hostDataOf(x)
  if (data === null || data.byteLength < SMALL) return null
  const kept = remembered(device, x)
  if (kept !== null) return storageOfTensor(kept)
  const storage = upload(device, x, data)
  remember(device, x, typed(buffer(storage)), bytesOf(x))
  return storage
}

/**
 * Device memory that holds a realized tensor or a constant; null for an expression still to be computed. Host data is copied
 * for the call; what comes a second time stays on the device. Where the call may overwrite it, it gets a copy of its own.
 */
export const bind = (device: Device, x: Expr, donated = false): Bound | null => {
  const data = hostDataOf(x)
  if (data !== null) {
    const kept = !donated && seen.has(x) ? uploaded(device, x) : null
    if (kept !== null) return { storage: kept, transient: false }
    if (!donated) seen.add(x)
    return { storage: upload(device, x, data), transient: true }
  }
  const storage = storageOfTensor(x)
  if (storage === null) return null
  demandPresent(x, storage)
  if (storage.device !== device)
    throw new Error(
      `${showAval(x)} lives on ${storage.device.kind} (${storage.device.label}), and this call runs on ${device.kind} (${device.label}). ` +
        'Read it and make a tensor of the data, or run on its device.',
    )
  return { storage, transient: false }
}

/**
 * Memory for what a program closes over, which it is given at each call: a tensor's own; the device's copy of large host data,
 * which others may be given too; of small data a copy that is its own. Null for what has no value.
 */
export const givenOnce = (device: Device, x: Expr): { readonly storage: Storage; readonly own: boolean } | null => {
  const data = hostDataOf(x)
  const storage = data === null ? storageOfTensor(x) : uploaded(device, x)
  if (storage !== null) return { storage, own: false }
  return data === null ? null : { storage: upload(device, x, data), own: true }
}

const releaseAll = (storages: readonly Storage[]): void => {
  for (const storage of storages) if (storage.gone() === null) storage.device.release(storage)
}

/** Storages made for one call, released after it whether it returns or throws; what it donated or handed on is gone by then. */
export const withTransients = <R>(use: (keep: (storage: Storage) => Storage) => R): R => {
  const made: Storage[] = []
  try {
    return use((storage) => {
      made.push(storage)
      return storage
    })
  } finally {
    releaseAll(made)
  }
}

/** Storages made one after another for the caller to have: where making one of them throws, the others are released. */
export const together = <R>(make: (keep: (storage: Storage) => Storage) => R): R => {
  const made: Storage[] = []
  try {
    return make((storage) => {
      made.push(storage)
      return storage
    })
  } catch (error) {
    releaseAll(made)
    throw error
  }
}

/** The device that holds one of the tensors or something below it, if any does; what is nearest to the roots decides. */
export const deviceOf = (xs: readonly Expr[]): Device | null => {
  const home = (x: Expr): Device | null => storageOfTensor(x)?.device ?? rememberedOn(x)
  for (const x of xs) {
    const device = home(x)
    if (device !== null) return device
  }
  for (const { outs } of toposort(xs))
    for (const x of outs) {
      const device = home(x)
      if (device !== null) return device
    }
  return null
}
