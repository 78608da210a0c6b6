/** Tensors and their memory: which storage a tensor has, its copy on the host, and who took it where it is gone. */
import type { HostArray } from '../base/dtype.ts'
import { showAval } from '../base/errors.ts'
import type { Expr } from '../graph/expr.ts'
import { type BufferParams, bufferP, type ConstantParams, constantP } from '../primitives/leaves.ts'
import { keepAtHand, keptAtHand } from '../graph/at-hand.ts'
import { DeviceFailure, type Storage } from '../graph/device.ts'

/** The device memory of a realized tensor, else null. */
export const storageOfTensor = (x: Expr): Storage | null =>
  x.node.prim === bufferP ? (x.node.params as BufferParams).storage : null

/** The host data of a constant, else null. Not to be written. */
export const hostDataOf = (x: Expr): HostArray | null => {
  if (x.node.prim === constantP) return (x.node.params as ConstantParams).data
  const storage = storageOfTensor(x)
  return storage === null ? null : keptAtHand(storage)
}

const donors = new WeakMap<Storage, string>()
const SMALL = 1 << 14

/** Whether a copy on the host stands for a storage: doubles hold more than a host array does. */
export const movable = (storage: Storage): boolean => storage.values === undefined

/**
 * Remembers what was read. A small tensor moves to the host for good, so that a loop which reads its loss each step
 * gives the memory back at once, and not when the collector comes by.
 */
export const keepReadBack = (storage: Storage, data: HostArray): void => {
  if (data.byteLength > SMALL || storage.gone() !== null || !movable(storage)) return
  keepAtHand(storage, data.slice())
  storage.device.release(storage)
}

/** Notes who overwrote a storage, for errors. */
export const markDonated = (storage: Storage, where: string): void => {
  donors.set(storage, where)
}

/** Throws where a tensor's memory is gone, and says who took it. */
export const demandPresent = (x: Expr, storage: Storage): void => {
  const lost = storage.device.lost()
  if (lost !== null) throw new DeviceFailure(lost)
  const gone = storage.gone()
  if (gone === null) return
  const donor = donors.get(storage)
  throw new Error(
    donor === undefined
      ? `${showAval(x)} can no longer be used: ${gone}`
      : `${showAval(x)} was donated to the call at ${donor}, which overwrote it. Use the tensors that call returned, or leave this argument out of \`donate\`.`,
  )
}
