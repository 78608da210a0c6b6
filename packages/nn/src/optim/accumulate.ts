/** Gradient accumulation: several micro-batches for one update, when a batch does not fit in memory at once. */
import type { Tangent } from '@adjoint/autograd'
import {
  add,
  and,
  div,
  eq,
  ge,
  gt,
  mul,
  ne,
  scalar,
  type Scalar,
  sub,
  tree,
  type Tree,
  where,
  zeros,
} from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'
import {
  demandState,
  demandTransformation,
  type ExtraArguments,
  type GradientTransformation,
  mapFloats,
  tangentOf,
  zeroTree,
} from './transformation.ts'

/** The micro-batches since the last update, and the state of the transformation inside. */
export type AccumulateState<S extends Tree> = {
  readonly count: Scalar<'i32'>
  /** What they hold together: the sum of their weights. */
  readonly held: Scalar
  /** The mean of their gradients by those weights. */
  readonly mean: Tree
  readonly inner: S
}

/** A transformation that waits for several gradients. */
export interface Accumulating<S extends Tree> extends GradientTransformation<AccumulateState<S>> {
  /**
   * Takes in the gradient of one micro-batch. `weight` is what its loss is a mean over: its tokens where that is the mean
   * over tokens, its rows where that is the mean over rows. Default 1: all hold the same. One that holds nothing (weight 0)
   * adds nothing, whatever its gradient. A window of such alone is no batch: it closes without an update, and the inner
   * transformation keeps its state (no count, no momentum that decays, no weight decay). The inner transformation is given
   * the other extra arguments of the call that closes the window.
   */
  readonly update: <P extends Tree>(
    updates: NoInfer<Tangent<P>>,
    state: AccumulateState<S>,
    params: P,
    extra?: ExtraArguments,
  ) => readonly [updates: Tangent<P>, state: AccumulateState<S>]
  /**
   * Makes the update that is due for what came since the last one: at the end of the data, where the last window is not
   * full. Nothing since then, or nothing held: updates of 0, and the inner state as it was.
   */
  readonly flush: <P extends Tree>(
    state: AccumulateState<S>,
    params: P,
    extra?: ExtraArguments,
  ) => readonly [updates: Tangent<P>, state: AccumulateState<S>]
}

/**
 * Hands the mean of `every` successive gradients to `inner` at each `every`-th call, and what is left to it at a `flush`;
 * the updates of the calls between are zero, and `inner` sees nothing of them. With n_i tokens in micro-batch i, and as
 * weight, that is
 *
 *   g = sum_i n_i g_i / sum_i n_i,
 *
 * the gradient of the mean over all tokens of the window, however unevenly they are spread; an unweighted mean of means
 * (optax's MultiSteps, and many trainers before `num_items_in_batch`) counts tokens of short micro-batches more. The mean
 * is a running one, as MultiSteps' is, so that sums of large gradients do not overflow. Inside a `chain` there is no `flush`:
 * keep it outermost where a last window may not be full. Throws RangeError unless `every` is a positive integer, and for a weight that is negative or not
 * finite.
 *
 * @example
 * ```ts
 * import { accumulate, sgd } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const params = { bias: full([1], 0) }
 * const optimizer = accumulate({ every: 2 })(sgd({ learningRate: 1 }))
 * const [first, state] = optimizer.update({ bias: full([1], 1) }, optimizer.init(params), params, { weight: 30 })
 * const [second, next] = optimizer.update({ bias: full([1], 3) }, state, params, { weight: 10 })
 * console.log(await readAsync(first.bias), await readAsync(second.bias)) // [0] [-1.5]
 * const [, waiting] = optimizer.update({ bias: full([1], 5) }, next, params, { weight: 10 })
 * const [last] = optimizer.flush(waiting, params)
 * console.log(await readAsync(last.bias)) // [-5]
 * ```
 */
export const accumulate = (options: { readonly every: number }) => {
  const { every } = optionsOf('accumulate', options, { every: true })
  return <S extends Tree>(inner: GradientTransformation<S>): Accumulating<S> => {
    demandTransformation('accumulate', 'its argument', inner)
    if (!Number.isInteger(every) || every < 1)
      throw new RangeError(`accumulate: every is ${every}. Give the number of micro-batches of an update, 1 or more.`)

    /** The update from what is held, where it is due. */
    const apply = <P extends Tree>(
      due: Scalar<'bool'>,
      state: AccumulateState<S>,
      mean: Tangent<P>,
      params: P,
      extra?: ExtraArguments,
    ) => {
      const [step, next] = inner.update(mean, state.inner, params, extra)
      // Of a window that held nothing there is no mean. A NaN is not nothing.
      const made = and(due, ne(state.held, 0))
      const after: AccumulateState<S> = {
        count: where(due, scalar(0, 'i32'), state.count),
        held: where(due, 0, state.held),
        mean: mapFloats((m) => where(due, zeros(m.shape), m), mean),
        inner: tree.map((then, before) => where(made, then, before), next, state.inner),
      }
      return [mapFloats((u) => where(made, u, zeros(u.shape)), step), after] as const
    }
    return {
      init: (params) => ({
        count: scalar(0, 'i32'),
        held: scalar(0),
        mean: zeroTree(params),
        inner: inner.init(params),
      }),
      update: (updates, state, params, extra) => {
        const { weight = 1, ...others } = extra ?? {}
        demandState('accumulate', ['count', 'held', 'inner', 'mean'], state)
        if (typeof weight === 'number' && !(weight >= 0 && weight < Infinity))
          throw new RangeError(
            `accumulate: the weight is ${weight}. Give what the micro-batch holds: its tokens or rows, 0 or more.`,
          )
        const count = add(state.count, 1)
        // A weight that only the program knows cannot throw: where it is none, the window is NaN, which is seen, and not less.
        const holds = typeof weight === 'number' ? scalar(weight) : where(ge(weight, 0), weight, NaN)
        const held = add(state.held, holds)
        const share = where(eq(held, 0), 0, div(holds, where(eq(held, 0), 1, held)))
        const counts = ne(share, 0)
        const mean = mapFloats((g, m) => where(counts, add(m, mul(sub(g, m), share)), m), updates, state.mean)
        return apply(eq(count, every), { ...state, count, held }, mean, params, others)
      },
      flush: (state, params, extra) => {
        demandState('accumulate', ['count', 'held', 'inner', 'mean'], state)
        return apply(gt(state.count, 0), state, tangentOf(params, state.mean), params, extra)
      },
    }
  }
}
