/** Where this package meets the device: keys, reads, and failures as data. */
import { type Key, SamplingError } from '@adjoint/nn'
import {
  type Device,
  DeviceFailure,
  type HostArray,
  read,
  type Scalar,
  stack,
  tensor,
  type Tensor,
  tree,
  type Tree,
} from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { RunError } from './errors.ts'
import type { Metrics } from './metrics.ts'
import type { HostKey } from './keys.ts'

/**
 * A host key as a key of `random`: the same two words.
 *
 * @example
 * ```ts
 * import { deviceKey, hostKey } from '@adjoint/rl'
 * deviceKey(hostKey(7)).shape // [2]
 * ```
 */
export const deviceKey = (key: HostKey): Key => tensor(Uint32Array.from(key), [2])

/** @internal Runs what may fail with DeviceFailure or SamplingError. Anything else that is thrown is a programmer's error, and stays thrown. */
export const onDevice = <A>(run: () => Promise<A>): TE.TaskEither<RunError, A> =>
  TE.tryCatch(run, (thrown) => {
    if (thrown instanceof DeviceFailure) return { _tag: 'DeviceFailed', error: thrown.error }
    if (thrown instanceof SamplingError) return { _tag: 'NoDistribution', rows: thrown.rows, message: thrown.message }
    throw thrown
  })

/** @internal `read` with this package's errors. */
export const readOn =
  (device: Device) =>
  <X extends Tensor>(x: X) =>
    pipe(
      read(device)(x),
      TE.mapLeft((error): RunError => ({ _tag: 'DeviceFailed', error })),
    )

/**
 * A tree of tensors with memory of its own, on the host: what outlives a step that reuses the memory of its arguments.
 *
 * @example
 * ```ts
 * import { snapshot } from '@adjoint/rl'
 * import { ones, requestDevice } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (isRight(device)) await snapshot(device.right)({ weight: ones([2]) })()
 * ```
 */
export const snapshot =
  (device: Device) =>
  <T extends Tree>(given: T): TE.TaskEither<RunError, T> => {
    const { leaves, treedef } = tree.flatten(given)
    return pipe(
      leaves,
      TE.traverseSeqArray((x) =>
        TE.map((data: HostArray): Tensor => tensor(data, x.shape, x.dtype))(readOn(device)(x)),
      ),
      // The same structure and dtypes as `given`, by construction.
      TE.map((copies) => tree.unflatten(treedef, copies) as T),
    )
  }

/** @internal Scalars as one vector in the order of their names, so that a step reads back once. */
export const packMetrics = (metrics: Readonly<Record<string, Scalar>>) =>
  stack(0)(
    Object.keys(metrics)
      .sort()
      .map((name) => metrics[name]!),
  )

/** @internal The inverse of packMetrics, on the host. */
export const unpackMetrics = (names: readonly string[], values: ArrayLike<number>): Metrics =>
  Object.fromEntries([...names].sort().map((name, i) => [name, values[i]!]))
