/**
 * Hyperparameters as values of the state: a compiled step takes them as arguments, so that another learning rate compiles
 * nothing anew, a log can read them, and a checkpoint holds them.
 */
import { add, scalar, type Scalar, type Tree } from '@adjoint/tensor'
import { demandFields, demandFunction } from '../demands.ts'
import { demandFinite } from './coefficient.ts'
import type { Schedule } from './schedule.ts'
import { demandState, type GradientTransformation } from './transformation.ts'

/** Updates made, the hyperparameters that the last one used, and the state of the transformation they configure. */
export type Injected<K extends string, S extends Tree> = {
  readonly count: Scalar<'i32'>
  readonly hyperparams: Readonly<Record<K, Scalar>>
  readonly inner: S
}

/**
 * A transformation whose hyperparameters are scalars of its state. `make` builds it from them; the ones given as numbers stay
 * until a caller puts others into the state, `{ ...state, hyperparams: { ...state.hyperparams, learningRate: scalar(1e-4) } }`,
 * and those given as schedules are computed anew at each update. What no scalar can be (masks, switches) is closed over by
 * `make`. A scalar that is no decay or no rate is not refused as a number would be: only the program knows it. As
 * optax.inject_hyperparams. Throws RangeError for a number that is not finite; its update throws TreeError for another state.
 *
 * @example
 * ```ts
 * import { adamW, injectHyperparams } from '@adjoint/nn'
 * import { ones, readAsync, scalar } from '@adjoint/tensor'
 * const params = { bias: ones([1]) }
 * const optimizer = injectHyperparams({ learningRate: 0.5, weightDecay: 0 })((h) => adamW({ ...h, b1: 0.8 }))
 * const begun = optimizer.init(params)
 * const slower = { ...begun, hyperparams: { ...begun.hyperparams, learningRate: scalar(0.25) } }
 * console.log(await readAsync(optimizer.update(params, slower, params)[0].bias)) // Float32Array [-0.25]
 * ```
 */
export const injectHyperparams = <H extends Readonly<Record<string, number | Schedule>>>(values: H) => {
  demandFields(
    'injectHyperparams',
    'its argument',
    values,
    [],
    'Give a number or a schedule for each name: { learningRate: 1e-3 }.',
  )
  return <S extends Tree>(
    make: (hyperparams: Readonly<Record<keyof H & string, Scalar>>) => GradientTransformation<S>,
  ): GradientTransformation<Injected<keyof H & string, S>> => {
    demandFunction(
      'injectHyperparams',
      'what makes the optimizer',
      make,
      'Write injectHyperparams({ learningRate: 1e-3 })(adam).',
    )
    type K = keyof H & string
    const names = Object.keys(values) as readonly K[]
    for (const name of names)
      if (typeof values[name] !== 'function') demandFinite('injectHyperparams', { [name]: values[name] })

    /** Of the update after `count` others: `kept` where no schedule says it. */
    const at = (count: Scalar<'i32'>, kept: (name: K, value: number) => Scalar): Readonly<Record<K, Scalar>> => {
      const found = names.map((name) => {
        const value: number | Schedule = values[name]!
        return [name, typeof value === 'function' ? value(count) : kept(name, value)] as const
      })
      // Every name of the record that was given has its value.
      return Object.fromEntries(found) as Readonly<Record<K, Scalar>>
    }
    return {
      init: (params) => {
        const count = scalar(0, 'i32')
        const hyperparams = at(count, (_, value) => scalar(value))
        return { count, hyperparams, inner: make(hyperparams).init(params) }
      },
      update: (updates, state, params, extra) => {
        demandState('injectHyperparams', ['count', 'hyperparams', 'inner'], state)
        demandState('injectHyperparams', names, state.hyperparams)
        const hyperparams = at(state.count, (name) => state.hyperparams[name])
        const [step, inner] = make(hyperparams).update(updates, state.inner, params, extra)
        return [step, { count: add(state.count, 1), hyperparams, inner }]
      },
    }
  }
}
