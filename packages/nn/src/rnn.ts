/** The plain recurrent layer. */
import { add, matmul, tanh, type Shape, type Tensor, type TreeRecord, zeros } from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandParams } from './demands.ts'
import type { Floats, Key, Layer } from './layer.ts'
import {
  type Cell,
  cellStep,
  type DataFor,
  drawWeights,
  type Outputs,
  type RecurrentConfig,
  sequence,
  sequenceOptions,
  type SequenceConfig,
  type SequenceStart,
  type StateFor,
  type StateLeaf,
} from './recurrent.ts'

/**
 * `inputWeight` [in, hidden], `hiddenWeight` [hidden, hidden], `bias` [hidden] or null: the transposes of PyTorch's `weight_ih` and
 * `weight_hh`, and the sum of its biases.
 */
export interface RnnParams<Input extends Floats = Floats, Hidden extends Floats = Floats> extends TreeRecord {
  readonly inputWeight: Input
  readonly hiddenWeight: Hidden
  readonly bias: Floats | null
}

/** What is applied to each step's sum. */
export interface RnnOptions {
  /** Default `tanh`. */
  readonly activation?: Layer
}

/**
 * Draws the weights, uniform within `1 / sqrt(hidden)`; the bias starts at 0. Throws RangeError for sizes that are none, TypeError
 * without a key.
 *
 * @example
 * ```ts
 * import { initRnn } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(initRnn({ in: 3, hidden: 4 })(random.key(0)).inputWeight.shape) // [3, 4]
 * ```
 */
export const initRnn = <In extends number, Hidden extends number>(given: RecurrentConfig<In, Hidden>) => {
  const config = optionsOf('initRnn', given, { in: true, hidden: true, bias: true })

  const { hidden, bias = true } = config
  const draw = drawWeights('initRnn', config, 1)
  return (key: Key): RnnParams<Tensor<readonly [In, number], 'f32'>, Tensor<readonly [Hidden, number], 'f32'>> => ({
    ...draw(key),
    bias: bias ? zeros([hidden]) : null,
  })
}

const knownRnn = (op: string, params: RnnParams): RnnParams => {
  demandParams(op, params, ['inputWeight', 'hiddenWeight', 'bias'], 'initRnn(config)(key)')
  return params
}

const cellOf = ({ inputWeight, hiddenWeight, bias }: RnnParams, { activation = tanh }: RnnOptions): Cell<Floats> => ({
  op: 'rnn',
  hidden: hiddenWeight.shape[0]!,
  inputWeight,
  bias,
  step: (given, h) => activation(add(given, matmul(h, hiddenWeight))),
  output: (h) => h,
  start: (zero) => zero,
})

/**
 * One step, `h' = activation(x W + h U + b)`: data [..., in] and the state [..., hidden] to the next state, which is the output.
 * Throws ShapeError where shapes do not fit. Source: Elman, Finding structure in time (1990).
 *
 * @example
 * ```ts
 * import { initRnn, rnnCell } from '@adjoint/nn'
 * import { ones, random, zeros } from '@adjoint/tensor'
 * const cell = rnnCell({})(initRnn({ in: 3, hidden: 4 })(random.key(0)))
 * console.log(cell(ones([2, 3]), zeros([2, 4])).shape) // [2, 4]
 * ```
 */
export const rnnCell = (options: RnnOptions) => {
  const known = optionsOf('rnnCell', options, { activation: true })
  return <P extends RnnParams>(params: P) => {
    const step = cellStep(cellOf(knownRnn('rnnCell', params), known))
    return <S extends Shape, H extends Shape>(
      x: DataFor<'rnnCell', S, P>,
      state: StateFor<'rnnCell', H, P>,
    ): Outputs<S, P> => typed(step(x, state))
  }
}

/**
 * The plain recurrent layer over the steps of its data, by `scan`: x [..., T, in] to `[outputs [..., T, hidden], last state]`; see
 * `lstm` for what it may start from and how it runs. Its step is that of `rnnCell`.
 *
 * @example
 * ```ts
 * import { initRnn, rnn } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const [ys, state] = rnn()(initRnn({ in: 3, hidden: 4 })(random.key(0)))(ones([2, 7, 3]))
 * console.log(ys.shape, state.shape) // [2, 7, 4] [2, 4]
 * ```
 */
export const rnn = (config: SequenceConfig & RnnOptions = {}) => {
  const { activation = tanh, ...options } = optionsOf('rnn', config, { ...sequenceOptions, activation: true })
  return <P extends RnnParams>(params: P) => {
    const run = sequence(cellOf(knownRnn('rnn', params), { activation }), options)
    return <S extends Shape, H extends Shape>(
      x: DataFor<'rnn', S, P>,
      start?: SequenceStart<StateFor<'rnn', H, P>>,
    ): readonly [Outputs<S, P>, StateLeaf<S, P>] => {
      const [ys, last] = run(x, start)
      return [typed(ys), typed(last)]
    }
  }
}
