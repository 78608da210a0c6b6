/** Gated recurrent units: a state that is kept or replaced by gates. */
import {
  add,
  matmul,
  mul,
  sigmoid,
  split,
  sub,
  tanh,
  type Shape,
  type Tensor,
  type TreeRecord,
  zeros,
} from '@adjoint/tensor'
import { optionsOf, typed } from '@adjoint/tensor/ir'
import { demandParams } from './demands.ts'
import type { Floats, Key } from './layer.ts'
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
 * Columns stand gate by gate, in PyTorch's order: reset, update, candidate. `inputWeight` [in, 3 hidden] and `hiddenWeight`
 * [hidden, 3 hidden] are the transposes of its `weight_ih` and `weight_hh`. `bias` [3 hidden] is the sum of its biases, without
 * that of the state for the candidate, which the reset gate scales: that is `hiddenBias` [hidden]. Both null for none.
 */
export interface GruParams<Input extends Floats = Floats, Hidden extends Floats = Floats> extends TreeRecord {
  readonly inputWeight: Input
  readonly hiddenWeight: Hidden
  readonly bias: Floats | null
  readonly hiddenBias: Floats | null
}

/**
 * Draws the weights, uniform within `1 / sqrt(hidden)`; biases start at 0. Throws RangeError for sizes that are none, TypeError
 * without a key.
 *
 * @example
 * ```ts
 * import { initGru } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * console.log(initGru({ in: 3, hidden: 4 })(random.key(0)).inputWeight.shape) // [3, 12]
 * ```
 */
export const initGru = <In extends number, Hidden extends number>(given: RecurrentConfig<In, Hidden>) => {
  const config = optionsOf('initGru', given, { in: true, hidden: true, bias: true })

  const { hidden, bias = true } = config
  const draw = drawWeights('initGru', config, 3)
  return (key: Key): GruParams<Tensor<readonly [In, number], 'f32'>, Tensor<readonly [Hidden, number], 'f32'>> => ({
    ...draw(key),
    bias: bias ? zeros([3 * hidden]) : null,
    hiddenBias: bias ? zeros([hidden]) : null,
  })
}

const knownGru = (op: string, params: GruParams): GruParams => {
  demandParams(op, params, ['inputWeight', 'hiddenWeight', 'bias', 'hiddenBias'], 'initGru(config)(key)')
  return params
}

const cellOf = ({ inputWeight, hiddenWeight, bias, hiddenBias }: GruParams): Cell<Floats> => {
  const width = hiddenWeight.shape[0]!
  return {
    op: 'gru',
    hidden: width,
    inputWeight,
    bias,
    step: (given, h) => {
      const [r, z, n] = split(3, -1)(given) as readonly [Floats, Floats, Floats]
      const [hr, hz, hn] = split(3, -1)(matmul(h, hiddenWeight)) as readonly [Floats, Floats, Floats]
      const own: Floats = hiddenBias === null ? hn : add(hn, hiddenBias)
      const candidate: Floats = tanh(add(n, mul(sigmoid(add(r, hr)), own)))
      const kept: Floats = sigmoid(add(z, hz))
      // (1 - z) n + z h
      return add(candidate, mul(kept, sub(h, candidate)))
    },
    output: (h) => h,
    start: (zero) => zero,
  }
}

/**
 * One step of a GRU: data [..., in] and the state [..., hidden] to the next state, which is the output.
 *
 *     r, z = s(x W + h U + b);  n = tanh(x W_n + b_n + r (h U_n + b_h));  h' = (1 - z) n + z h,  s the logistic function
 *
 * Throws ShapeError where shapes do not fit. Source: Cho et al. (arXiv:1406.1078), with the reset gate after the product as cuDNN
 * and PyTorch have it.
 *
 * @example
 * ```ts
 * import { gruCell, initGru } from '@adjoint/nn'
 * import { ones, random, zeros } from '@adjoint/tensor'
 * const cell = gruCell(initGru({ in: 3, hidden: 4 })(random.key(0)))
 * console.log(cell(ones([2, 3]), zeros([2, 4])).shape) // [2, 4]
 * ```
 */
export const gruCell = <P extends GruParams>(params: P) => {
  const step = cellStep(cellOf(knownGru('gruCell', params)))
  return <S extends Shape, H extends Shape>(
    x: DataFor<'gruCell', S, P>,
    state: StateFor<'gruCell', H, P>,
  ): Outputs<S, P> => typed(step(x, state))
}

/**
 * A GRU over the steps of its data, by `scan`: x [..., T, in] to `[outputs [..., T, hidden], last state]`; see `lstm` for what it
 * may start from and how it runs. Its step is that of `gruCell`.
 *
 * @example
 * ```ts
 * import { gru, initGru } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const [ys, state] = gru()(initGru({ in: 3, hidden: 4 })(random.key(0)))(ones([2, 7, 3]))
 * console.log(ys.shape, state.shape) // [2, 7, 4] [2, 4]
 * ```
 */
export const gru = (config: SequenceConfig = {}) => {
  const options = optionsOf('gru', config, sequenceOptions)
  return <P extends GruParams>(params: P) => {
    const run = sequence(cellOf(knownGru('gru', params)), options)
    return <S extends Shape, H extends Shape>(
      x: DataFor<'gru', S, P>,
      start?: SequenceStart<StateFor<'gru', H, P>>,
    ): readonly [Outputs<S, P>, StateLeaf<S, P>] => {
      const [ys, last] = run(x, start)
      return [typed(ys), typed(last)]
    }
  }
}
