/**
 * One update of a model from labelled examples, compiled once: what the steps of reward models and of DPO share. The loss
 * is a pure function of parameters and a batch; the batch comes from the host.
 */
import { valueAndGrad } from '@adjoint/autograd'
import { applyUpdates, globalNorm, type GradientTransformation } from '@adjoint/nn'
import { type Device, jit, type Scalar, type Tree } from '@adjoint/tensor'
import type * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { onDevice, packMetrics, readOn, unpackMetrics } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import type { Stepped } from './sft.ts'

/** Parameters of any model, and the state of their optimizer. */
export type Fitted<P extends Tree, O extends Tree> = {
  readonly params: P
  readonly opt: O
}

/** What an update is made of. */
interface FitConfig<P extends Tree, O extends Tree, B extends Tree, N extends string> {
  /** The loss, and what the log says besides. */
  readonly loss: (params: P, batch: B) => readonly [Scalar, Readonly<Record<N, Scalar>>]
  /** The names of those metrics. */
  readonly names: readonly N[]
  readonly optimizer: GradientTransformation<O>
  readonly device: Device
}

/**
 * @internal `(state, batch) -> state and metrics` (`loss`, `grad_norm`, and those named). The memory of the state given is
 * reused for the one returned; that of the batch is not. Left: that of the batch, DeviceFailed.
 */
export const fitStep = <P extends Tree, O extends Tree, B extends Tree, N extends string>({
  loss,
  names,
  optimizer,
  device,
}: FitConfig<P, O, B, N>) => {
  const differentiate = valueAndGrad(loss, { hasAux: true })
  const update = jit(
    ({ params, opt }: Fitted<P, O>, batch: B) => {
      const [[value, aux], grads] = differentiate(params, batch)
      const [updates, next] = optimizer.update(grads, opt, params)
      const metrics: Readonly<Record<string, Scalar>> = { ...aux, loss: value, grad_norm: globalNorm(grads) }
      return { state: { params: applyUpdates(params, updates), opt: next }, metrics: packMetrics(metrics) }
    },
    { donate: [0], device },
  )
  return (state: Fitted<P, O>, batch: E.Either<RunError, B>): TE.TaskEither<RunError, Stepped<Fitted<P, O>>> =>
    pipe(
      TE.fromEither(batch),
      TE.flatMap((given) => onDevice(() => Promise.resolve(update(state, given)))),
      TE.flatMap(({ state: next, metrics }) =>
        pipe(
          readOn(device)(metrics),
          TE.map((values) => ({ state: next, metrics: unpackMetrics([...names, 'loss', 'grad_norm'], values) })),
        ),
      ),
    )
}
