/** Copies of trees of tensors on the host. */
import { type Device, type HostArray, type Tensor, tensor, tree, type Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { readOn } from './device.ts'
import type { RunError } from './errors.ts'
import { orThrow } from '../or-throw.ts'

/**
 * A tree of tensors with memory of its own, on the host: what outlives a step that reuses the memory of its arguments.
 *
 * @example
 * ```ts
 * import { snapshot } from '@adjoint/rl'
 * import { ones, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') await snapshot(device.right)({ weight: ones([2]) })()
 * ```
 */
export const snapshot =
  (device: Device) =>
  <T extends Tree>(given: T): TE.TaskEither<RunError, T> => {
    const { leaves, treedef } = tree.flatten(given)
    return pipe(
      leaves,
      // One after the other: a tree may be large, and what a read needs on its way is then no more than the largest leaf.
      TE.traverseSeqArray((x) =>
        TE.map((data: HostArray): Tensor => tensor(data, x.shape, x.dtype))(readOn(device)(x)),
      ),
      // The same structure and dtypes as `given`, by construction.
      TE.map((copies) => tree.unflatten(treedef, copies) as T),
    )
  }

/**
 * {@link snapshot} for scripts: awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { snapshotAsync } from '@adjoint/rl'
 * import { ones, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const { weight } = await snapshotAsync(device)({ weight: ones([2]) })
 * ```
 */
export const snapshotAsync = (device: Device) => {
  const copy = snapshot(device)
  return <T extends Tree>(given: T): Promise<T> => orThrow(copy(given))
}
