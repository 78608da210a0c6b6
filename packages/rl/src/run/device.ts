/** Where this package meets the device: its failures as data, and reads. */
import { type Floats, SamplingError } from '@adjoint/nn'
import { type Device, DeviceFailure, type HostArrays, read, readAsync, type Tensor } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { RunError } from './errors.ts'

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

/** The values of a tensor on the host. */
type ValuesOf<X> = X extends Tensor<infer _, infer D> ? HostArrays[D] : never

/** @internal Several tensors in one wait: all are asked for before the first is awaited. */
export const readTogether = async <X extends Readonly<Record<string, Tensor>>>(
  device: Device,
  tensors: X,
): Promise<{ readonly [K in keyof X]: ValuesOf<X[K]> }> => {
  const names = Object.keys(tensors)
  const arrays = await Promise.all(names.map((name) => readAsync(tensors[name]!, device)))
  // Each array is that of the tensor of its name.
  return Object.fromEntries(names.map((name, i) => [name, arrays[i]!])) as { readonly [K in keyof X]: ValuesOf<X[K]> }
}

/** @internal Tensors of one dtype in one wait, in their order. */
export const readEach = (device: Device, tensors: readonly Floats[]): Promise<readonly Float32Array[]> =>
  Promise.all(tensors.map((x) => readAsync(x, device)))
