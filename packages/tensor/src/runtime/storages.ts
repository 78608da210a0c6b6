/** From tensors to device memory and back: how a call binds its arguments. Local mutation of caches only. */
import type { HostArray } from '../dtype.ts'
import { showAval } from '../errors.ts'
import type { Expr } from '../expr.ts'
import { type BufferParams, bufferP, type ConstantParams, constantP } from '../primitives/leaves.ts'
import type { Device, Storage } from './device.ts'

/** The device memory of a realized tensor, else null. */
export const storageOfTensor = (x: Expr): Storage | null =>
  x.prim === bufferP ? (x.params as BufferParams).storage : null

/** The host data of a constant, else null. Not to be written. */
export const hostDataOf = (x: Expr): HostArray | null => {
  if (x.prim === constantP) return (x.params as ConstantParams).data
  const storage = storageOfTensor(x)
  return storage === null ? null : (readBack.get(storage) ?? null)
}

/** Host copies of small storages that were read; their device memory is free again. */
const readBack = new WeakMap<Storage, HostArray>()
const donors = new WeakMap<Storage, string>()
const SMALL = 1 << 14

/**
 * Remembers what was read. A small tensor moves to the host for good, so that a loop which reads its loss each step
 * gives the memory back at once, and not when the collector comes by.
 */
export const keepReadBack = (storage: Storage, data: HostArray): void => {
  if (data.byteLength > SMALL || storage.gone() !== null) return
  readBack.set(storage, data)
  storage.device.release(storage)
}
export const markDonated = (storage: Storage, where: string): void => {
  donors.set(storage, where)
}

/** Throws where a tensor's memory is gone, and says who took it. */
export const demandPresent = (x: Expr, storage: Storage): void => {
  const gone = storage.gone()
  if (gone === null) return
  const donor = donors.get(storage)
  throw new Error(
    donor === undefined
      ? `${showAval(x)} can no longer be used: ${gone}`
      : `${showAval(x)} was donated to the call at ${donor}, which overwrote it. Use the tensors that call returned, or leave this argument out of \`donate\`.`,
  )
}

export interface Bound {
  readonly storage: Storage
  /** Made for this call only, to be released after it. */
  readonly transient: boolean
}

/** Device memory that holds a realized tensor or a constant; null for an expression still to be computed. */
export const bind = (device: Device, x: Expr): Bound | null => {
  const data = hostDataOf(x)
  if (data !== null) return { storage: device.upload(data, { shape: x.shape, dtype: x.dtype }), transient: true }
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

/** The device that holds one of the tensors, if any does. */
export const deviceOf = (xs: readonly Expr[]): Device | null => {
  for (const x of xs) {
    const storage = storageOfTensor(x)
    if (storage !== null) return storage.device
  }
  return null
}
