/**
 * Running expressions: `realize` and `read`, and their awaiting twins. What they were asked for is remembered beside the
 * expression, so that it is computed once.
 */
import * as E from '../base/either.ts'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { attempt } from './attempt.ts'
import { compute } from './compute.ts'
import type { HostArray, HostArrays, DType } from '../base/dtype.ts'
import { demandTensor, type Expr } from '../graph/expr.ts'
import { buffer, constant } from '../primitives/leaves.ts'
import { deviceOf, together } from './binding.ts'
import { bytesOf } from '../base/aval.ts'
import { currentDevice } from './current.ts'
import { demandDevice, type Device, type DeviceError, type Storage, succeeded } from '../graph/device.ts'
import { remember, remembered } from './memo.ts'
import { allTold } from './tell.ts'
import { demandPresent, hostDataOf, keepReadBack, movable, storageOfTensor } from './storages.ts'
import { breathe } from '../backends/engine/turns.ts'
import { type Tensor, typed } from '../graph/tensor.ts'
import * as tree from '../graph/tree.ts'

/** Whether a value is remembered: what has no arguments is as cheap to make as to copy, and each who asks gets one to overwrite. */
const keeps = (x: Expr): boolean => x.node.args.length > 0

/** A storage as the tensor it is from now on; what it holds need not be computed again. */
const kept = (device: Device, x: Expr, storage: Storage): Tensor => {
  const tensor = typed(buffer(storage))
  if (keeps(x)) remember(device, x, tensor, bytesOf(x))
  return tensor
}

/** The tensors of device memory that hold the values of `roots`: as they are where they are realized, else copied or computed. */
const realizeLeaves = (device: Device, roots: readonly Expr[]): readonly Tensor[] => {
  const done = new Map<Expr, Tensor>()
  const wanted: Expr[] = []
  together((keep) => {
    for (const x of new Set(roots)) {
      const known = storageOfTensor(x) === null ? remembered(device, x) : typed(x)
      const data = hostDataOf(known ?? x)
      if (data !== null) done.set(x, typed(buffer(keep(device.upload(data, { shape: x.shape, dtype: x.dtype })))))
      else if (known === null) wanted.push(x)
      else {
        demandPresent(x, storageOfTensor(known)!)
        done.set(x, known)
      }
    }
    compute(device, wanted).forEach((storage, i) => done.set(wanted[i]!, kept(device, wanted[i]!, storage)))
  })
  return roots.map((x) => done.get(x)!)
}

/** Computes every tensor of a tree on a device. */
export const realize = (device: Device) => {
  demandDevice('realize', device)
  return <T extends tree.Tree>(tensors: T): TE.TaskEither<DeviceError, T> =>
    async () => {
      const { leaves, treedef } = tree.flatten(tensors)
      const done = await attempt(device, () => realizeLeaves(device, leaves))()
      await device.pace()
      await allTold(device)
      await breathe()
      return E.isLeft(done) ? done : E.right(tree.unflatten(treedef, done.right) as T)
    }
}

/** The value of a tensor: host data, or a storage and whether it was made just now. */
type Place = { readonly data: HostArray } | { readonly storage: Storage; readonly made: boolean }

const located = (device: Device, x: Expr): Place => {
  const data = hostDataOf(x)
  if (data !== null) return { data }
  const storage = storageOfTensor(x)
  if (storage !== null) {
    demandPresent(x, storage)
    return { storage, made: false }
  }
  const known = remembered(device, x)
  if (known !== null) return located(device, known)
  return { storage: compute(device, [x])[0]!, made: true }
}

/** What was computed to be read moves to the host, where nothing need wait for the collector, and is remembered there. */
const settleRead = (device: Device, x: Expr, storage: Storage, data: HostArray): void => {
  if (!keeps(x)) device.release(storage)
  else if (!movable(storage)) kept(device, x, storage)
  else {
    remember(device, x, typed(constant(data.slice(), x.shape, x.dtype)), data.byteLength)
    device.release(storage)
  }
}

/** Computes one tensor on a device and copies it to the host, row-major. */
export const read = (device: Device) => {
  demandDevice('read', device)
  return <D extends DType>(x: Tensor<readonly number[], D>): TE.TaskEither<DeviceError, HostArrays[D]> => {
    demandTensor('read', 'its argument', x)
    return async () => {
      const host = hostDataOf(x)
      const found = host === null ? await attempt(device, () => located(device, x))() : E.right({ data: host })
      if (E.isLeft(found)) return found
      const place = found.right
      // dtype and array type go together by the table of dtypes
      if ('data' in place) return E.right(place.data.slice() as HostArrays[D])
      const { storage, made } = place
      const data = await storage.device.download(storage)()
      await allTold(storage.device)
      if (E.isLeft(data)) {
        if (made) device.release(storage)
      } else if (made) settleRead(device, x, storage, data.right)
      else keepReadBack(storage, data.right)
      await breathe()
      return data as E.Either<DeviceError, HostArrays[D]>
    }
  }
}

/** `realize` for scripts: awaits, and throws DeviceFailure. */
export const realizeAsync = async <T extends tree.Tree>(tensors: T, device?: Device): Promise<T> =>
  succeeded(realize(device ?? deviceOf(tree.leaves(tensors)) ?? currentDevice())(tensors))

/**
 * `read` for scripts: the elements of a tensor, row-major. Runs on `device`, else where the tensor's own memory is, else
 * on the default device. Throws DeviceFailure.
 *
 * @example
 * ```ts
 * import { add, readAsync, tensor } from '@adjoint/tensor'
 * console.log(await readAsync(add(tensor([1, 2]), 10))) // Float32Array [11, 12]
 * ```
 */
export const readAsync = async <D extends DType>(
  x: Tensor<readonly number[], D>,
  device?: Device,
): Promise<HostArrays[D]> => {
  demandTensor('readAsync', 'its argument', x)
  return succeeded(read(device ?? deviceOf([x]) ?? currentDevice())(x))
}
