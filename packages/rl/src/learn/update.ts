/**
 * One update of parameters by a batch, whole or in parts. A part goes through the model by itself, and its gradient is added to
 * that of the parts before it; so memory is that of one part, and the loss, its gradient and what was measured are those of the
 * whole batch, for a loss whose parts add up to the whole's.
 *
 *   whole:  (learner, batch) -> learner
 *   parts:  (params, part) -> sum;  (sum, params, part) -> sum, ..;  (learner, sum) -> learner
 */
import { type Tangent, valueAndGrad } from '@adjoint/autograd'
import { applyUpdates, type Floats, globalNorm } from '@adjoint/nn'
import { type Device, jit, type Scalar, type Tree } from '@adjoint/tensor'
import { type Fold, packing } from '../run/packing.ts'

/** Parameters of any model, and the state of their optimizer. */
export type Learner<P extends Tree, O extends Tree> = {
  readonly params: P
  readonly opt: O
}

/** What makes updates of gradients: a `GradientTransformation`, or several, each for its own part of the parameters. */
export interface Optimizer<P extends Tree, O extends Tree> {
  /** New updates of the gradients, and the next state. */
  readonly update: (gradients: Tangent<P>, state: O, params: P) => readonly [updates: Tangent<P>, state: O]
}

/** What an update is made of. */
export interface UpdateConfig<P extends Tree, O extends Tree, B extends Tree, N extends string> {
  /**
   * The loss of a part of a batch, and what the log says besides. A part knows what the whole holds (its totals, or its
   * share), and the losses of all parts add up to that of the whole.
   */
  readonly loss: (params: P, part: B) => readonly [Scalar, Readonly<Record<N, Scalar>>]
  /** The names of what is measured, and how that of the parts makes that of the whole. */
  readonly measures: Readonly<Record<N, Fold>>
  readonly optimizer: Optimizer<NoInfer<P>, O>
  readonly device: Device
}

/** @internal An update, compiled once for each shape of a part. */
export interface Update<P extends Tree, O extends Tree, B extends Tree, N extends string> {
  /** Reuses the memory of the learner for the one returned. At least one part. */
  readonly update: (
    learner: Learner<P, O>,
    parts: readonly B[],
  ) => { readonly learner: Learner<P, O>; readonly measured: Floats }
  /** What was measured, on the host; `grad_norm` is that of the whole gradient before the optimizer. */
  readonly unpack: (measured: ArrayLike<number>) => Readonly<Record<N | 'grad_norm', number>>
}

/** @internal */
export const updateOf = <P extends Tree, O extends Tree, B extends Tree, N extends string>({
  loss,
  measures,
  optimizer,
  device,
}: UpdateConfig<P, O, B, N>): Update<P, O, B, N> => {
  const differentiate = valueAndGrad(loss, { hasAux: true })
  const [ofPart, ofBatch] = [packing(measures), packing<N | 'grad_norm'>({ ...measures, grad_norm: 'sum' })]

  type Sum = { readonly grads: Tangent<P>; readonly measured: Floats }
  const apply = ({ params, opt }: Learner<P, O>, grads: Tangent<P>, aux: Readonly<Record<string, Scalar>>) => {
    const [updates, next] = optimizer.update(grads, opt, params)
    return {
      learner: { params: applyUpdates(params, updates), opt: next },
      measured: ofBatch.pack({ ...aux, grad_norm: globalNorm(grads) }),
    }
  }

  const whole = jit(
    (learner: Learner<P, O>, batch: B) => {
      const [[, aux], grads] = differentiate(learner.params, batch)
      return apply(learner, grads, aux)
    },
    { donate: [0], device },
  )
  const begin = jit(
    (params: P, part: B): Sum => {
      const [[, aux], grads] = differentiate(params, part)
      return { grads, measured: ofPart.pack(aux) }
    },
    { device },
  )
  const further = jit(
    (sum: Sum, params: P, part: B): Sum => {
      const [[, aux], grads] = differentiate(params, part)
      return {
        // Adds leaf by leaf, which is what a sum of gradients is too.
        grads: applyUpdates(sum.grads, grads),
        measured: ofPart.fold(sum.measured, ofPart.pack(aux)),
      }
    },
    { donate: [0], device },
  )
  const finish = jit(
    (learner: Learner<P, O>, { grads, measured }: Sum) => apply(learner, grads, ofPart.scalars(measured)),
    {
      donate: [0, 1],
      device,
    },
  )

  return {
    update: (learner, [first, ...rest]) => {
      if (first === undefined) throw new RangeError('update: there is no part of a batch. Give at least one.')
      if (rest.length === 0) return whole(learner, first)
      const sum = rest.reduce((held, part) => further(held, learner.params, part), begin(learner.params, first))
      return finish(learner, sum)
    },
    unpack: ofBatch.unpack,
  }
}
