/** Gradient accumulation: several micro-batches for one update, when a batch does not fit in memory at once. */
import { add, eq, mod, mul, scalar, type Scalar, tree, type Tree, where, zeros } from '@adjoint/tensor'
import { demandState, type GradientTransformation, mapFloats, zeroTree } from './transformation.ts'

/** Micro-steps made, the sum of their gradients since the last update, and the state of the transformation inside. */
export type AccumulateState<S extends Tree> = { readonly count: Scalar<'i32'>; readonly total: Tree; readonly inner: S }

/**
 * Hands the mean of `every` successive gradients to `inner` at each `every`-th call; the updates of the calls between are
 * zero, and `inner` sees nothing of them. Equal to one call with the mean. Throws RangeError unless `every` is a positive
 * integer.
 *
 * @example
 * ```ts
 * import { accumulate, sgd } from '@adjoint/nn'
 * import { full, readAsync } from '@adjoint/tensor'
 * const params = { bias: full([1], 0) }
 * const optimizer = accumulate({ every: 2 })(sgd({ learningRate: 1 }))
 * const [first, state] = optimizer.update({ bias: full([1], 1) }, optimizer.init(params), params)
 * const [second] = optimizer.update({ bias: full([1], 3) }, state, params)
 * console.log(await readAsync(first.bias), await readAsync(second.bias)) // [0] [-2]
 * ```
 */
export const accumulate =
  ({ every }: { readonly every: number }) =>
  <S extends Tree>(inner: GradientTransformation<S>): GradientTransformation<AccumulateState<S>> => {
    if (!Number.isInteger(every) || every < 1)
      throw new RangeError(`accumulate: every is ${every}. Give the number of micro-batches of an update, 1 or more.`)
    return {
      init: (params) => ({ count: scalar(0, 'i32'), total: zeroTree(params), inner: inner.init(params) }),
      update: (updates, state, params) => {
        demandState('accumulate', ['count', 'inner', 'total'], state)
        const count = add(state.count, 1)
        const last = eq(mod(count, every), 0)
        const total = mapFloats((g, sum) => add(g, sum), updates, state.total)
        const [step, next] = inner.update(
          mapFloats((sum) => mul(sum, 1 / every), total),
          state.inner,
          params,
        )
        return [
          mapFloats((u) => where(last, u, zeros(u.shape)), step),
          {
            count,
            total: mapFloats((sum) => where(last, zeros(sum.shape), sum), total),
            inner: tree.map((after, before) => where(last, after, before), next, state.inner),
          },
        ]
      },
    }
  }
