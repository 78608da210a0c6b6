/** Long short-term memory: a cell whose memory is added to and forgotten by gates. */
import {
  add,
  concat,
  full,
  matmul,
  mul,
  sigmoid,
  split,
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

/** Sizes of an LSTM. */
export interface LstmConfig<In extends number = number, Hidden extends number = number> extends RecurrentConfig<
  In,
  Hidden
> {
  /**
   * What the bias of the forget gate starts at: 1 (the default) remembers until it learns to forget (Jozefowicz et al., ICML 2015).
   */
  readonly forgetBias?: number
}

/**
 * Columns stand gate by gate, in PyTorch's order: input, forget, candidate, output. `inputWeight` [in, 4 hidden], `hiddenWeight`
 * [hidden, 4 hidden], `bias` [4 hidden] or null: the transposes of PyTorch's `weight_ih` and `weight_hh`, and the sum of its biases.
 */
export interface LstmParams<Input extends Floats = Floats, Hidden extends Floats = Floats> extends TreeRecord {
  readonly inputWeight: Input
  readonly hiddenWeight: Hidden
  readonly bias: Floats | null
}

/** What an LSTM hands on from step to step, each [..., hidden]: its output, and its memory. */
export interface LstmState<Leaf extends Floats = Floats> extends TreeRecord {
  readonly hidden: Leaf
  readonly cell: Leaf
}

/**
 * Draws the weights, uniform within `1 / sqrt(hidden)`; biases start at 0, that of the forget gate at `forgetBias`. Throws
 * RangeError for sizes that are none, TypeError without a key.
 *
 * @example
 * ```ts
 * import { initLstm } from '@adjoint/nn'
 * import { random } from '@adjoint/tensor'
 * const { inputWeight, bias } = initLstm({ in: 3, hidden: 4 })(random.key(0))
 * console.log(inputWeight.shape, bias?.shape) // [3, 16] [16]
 * ```
 */
export const initLstm = <In extends number, Hidden extends number>(given: LstmConfig<In, Hidden>) => {
  const config = optionsOf('initLstm', given, { forgetBias: true, in: true, hidden: true, bias: true })

  const { hidden, bias = true, forgetBias = 1 } = config
  const draw = drawWeights('initLstm', config, 4)
  const atStart: readonly Floats[] = [zeros([hidden]), full([hidden], forgetBias), zeros([2 * hidden])]
  return (key: Key): LstmParams<Tensor<readonly [In, number], 'f32'>, Tensor<readonly [Hidden, number], 'f32'>> => ({
    ...draw(key),
    bias: bias ? concat(0)(atStart) : null,
  })
}

const knownLstm = (op: string, params: LstmParams): LstmParams => {
  demandParams(op, params, ['inputWeight', 'hiddenWeight', 'bias'], 'initLstm(config)(key)')
  return params
}

const cellOf = ({ inputWeight, hiddenWeight, bias }: LstmParams): Cell<LstmState> => ({
  op: 'lstm',
  hidden: hiddenWeight.shape[0]!,
  inputWeight,
  bias,
  step: (given, { hidden, cell }) => {
    const gates: Floats = add(given, matmul(hidden, hiddenWeight))
    const [i, f, g, o] = split(4, -1)(gates) as readonly [Floats, Floats, Floats, Floats]
    const next: Floats = add(mul(sigmoid(f), cell), mul(sigmoid(i), tanh(g)))
    return { hidden: mul(sigmoid(o), tanh(next)), cell: next }
  },
  output: ({ hidden }) => hidden,
  start: (zero) => ({ hidden: zero, cell: zero }),
})

/**
 * One step of an LSTM: data [..., in] and the state to the next state, of which `hidden` is the output.
 *
 *     i, f, g, o = x W + h U + b;  c' = s(f) c + s(i) tanh(g);  h' = s(o) tanh(c'),  s the logistic function
 *
 * Throws ShapeError where shapes do not fit. Source: Hochreiter and Schmidhuber (1997), with the forget gate of Gers et al. (2000).
 *
 * @example
 * ```ts
 * import { initLstm, lstmCell } from '@adjoint/nn'
 * import { ones, random, zeros } from '@adjoint/tensor'
 * const cell = lstmCell(initLstm({ in: 3, hidden: 4 })(random.key(0)))
 * console.log(cell(ones([2, 3]), { hidden: zeros([2, 4]), cell: zeros([2, 4]) }).hidden.shape) // [2, 4]
 * ```
 */
export const lstmCell = <P extends LstmParams>(params: P) => {
  const step = cellStep(cellOf(knownLstm('lstmCell', params)))
  return <S extends Shape, H extends Shape>(
    x: DataFor<'lstmCell', S, P>,
    state: LstmState<StateFor<'lstmCell', H, P>>,
  ): LstmState<Outputs<S, P>> => {
    const { hidden, cell } = step(x, state)
    return { hidden: typed(hidden), cell: typed(cell) }
  }
}

/**
 * An LSTM over the steps of its data, by `scan`: x [..., T, in] to `[outputs [..., T, hidden], last state]`; it may start from a
 * state, and rows may have lengths of their own. `reverse` runs from the last step to the first. For the backward pass it keeps the
 * gates of each step, or with `keep: 'carries'` the states alone, and computes each step once more. Throws ShapeError where shapes
 * do not fit. Its step is that of `lstmCell`.
 *
 * @example
 * ```ts
 * import { initLstm, lstm } from '@adjoint/nn'
 * import { ones, random, tensor } from '@adjoint/tensor'
 * const layer = lstm()(initLstm({ in: 3, hidden: 4 })(random.key(0)))
 * const [ys, state] = layer(ones([2, 7, 3]), { lengths: tensor([7, 5], [2], 'i32') })
 * console.log(ys.shape, state.cell.shape) // [2, 7, 4] [2, 4]
 * ```
 */
export const lstm = (config: SequenceConfig = {}) => {
  const options = optionsOf('lstm', config, sequenceOptions)
  return <P extends LstmParams>(params: P) => {
    const run = sequence(cellOf(knownLstm('lstm', params)), options)
    return <S extends Shape, H extends Shape>(
      x: DataFor<'lstm', S, P>,
      start?: SequenceStart<LstmState<StateFor<'lstm', H, P>>>,
    ): readonly [Outputs<S, P>, LstmState<StateLeaf<S, P>>] => {
      const [ys, last] = run(x, start)
      return [typed(ys), { hidden: typed(last.hidden), cell: typed(last.cell) }]
    }
  }
}
