/**
 * What recurrent layers share: a cell as the round of a scan over the time axis. The product of the data with the input weights
 * is one dot for all steps, outside of the loop; what stays within is the product with the state, and the gates.
 */
import {
  add,
  arange,
  concat,
  expandDims,
  isTensor,
  lt,
  matmul,
  permute,
  random,
  reshape,
  scan,
  type ScanConfig,
  type Shape,
  ShapeError,
  type Tensor,
  tree,
  type Tree,
  where,
  zeros,
} from '@adjoint/tensor'
import { type OptionNames, typed } from '@adjoint/tensor/ir'
import { demandFields, demandFunction, demandKey, demandSizes, demandTensors } from './demands.ts'
import type { AtStep, FanIn, HasLast, Takes, WithLast } from './dims.ts'
import { uniformInit } from './init.ts'
import type { Booleans, Floats, Integers, Key } from './layer.ts'

/** Sizes of a recurrent layer. */
export interface RecurrentConfig<In extends number = number, Hidden extends number = number> {
  readonly in: In
  readonly hidden: Hidden
  /** Default true. */
  readonly bias?: boolean
}

/** How a recurrent layer runs over its steps: from the last to the first, and what it keeps for the backward pass (see `scan`). */
export type SequenceConfig = Pick<ScanConfig, 'reverse' | 'keep'>
export const sequenceOptions: OptionNames<SequenceConfig> = { reverse: true, keep: true }

/** What a sequence starts from, and where its rows end. */
export interface SequenceStart<S> {
  /** The state before the first step (in reverse: before the last), each leaf [..., hidden]. Default: zeros. */
  readonly state?: S
  /**
   * Steps of each row, i32 of the leading axes of the data, counted from the first. At later steps the state stays as it is and
   * the output is 0, so that the last state is that at the end of the row (in reverse: at its beginning). Default: all steps.
   */
  readonly lengths?: Integers
}

/** A recurrent layer over its parameters: data [..., T, in] to outputs [..., T, hidden] and the state after the last step. */
export type Sequence<S> = (x: Floats, start?: SequenceStart<S>) => readonly [Floats, S]

/** A sequence of one kind or another, whatever its state. */
export type AnySequence = (x: Floats, start?: SequenceStart<never>) => readonly [Floats, unknown]

/** The weights of a recurrent layer: of the data [in, ..] and of the state [hidden, ..]. */
export interface RecurrentWeights {
  readonly inputWeight: Floats
  readonly hiddenWeight: Floats
}

/** The outputs of a recurrent layer of parameters P over data of shape S, [..., T, hidden]. */
export type Outputs<S extends Shape, P extends RecurrentWeights> = Tensor<WithLast<S, FanIn<P['hiddenWeight']>>, 'f32'>

/** A leaf of its state, [..., hidden]. */
export type StateLeaf<S extends Shape, P extends RecurrentWeights> = Outputs<AtStep<S>, P>

/** Data of shape S for a recurrent layer of parameters P: rejected where its features are not those of the input weights. */
export type DataFor<Op extends string, S extends Shape, P extends RecurrentWeights> = Tensor<S, 'f32'> &
  HasLast<Op, S, FanIn<P['inputWeight']>>

/** A leaf of its state, of shape H: rejected where its features are not those of the hidden weights. */
export type StateFor<Op extends string, H extends Shape, P extends RecurrentWeights> = Tensor<H, 'f32'> &
  HasLast<Op, H, FanIn<P['hiddenWeight']>, 'the state'>

/** What a kind of cell is. */
export interface Cell<S> {
  readonly op: string
  readonly hidden: number
  /** Weights of the data, [in, gates * hidden]. */
  readonly inputWeight: Floats
  /** What is added to their product, [gates * hidden], or null. */
  readonly bias: Floats | null
  /** The next state from what the data gives to the gates [N, gates * hidden], and the state, each leaf [N, hidden]. */
  readonly step: (given: Floats, state: S) => S
  /** What the layer puts out: [N, hidden]. */
  readonly output: (state: S) => Floats
  /** The first state, given zeros [..., hidden]. */
  readonly start: (zero: Floats) => S
}

const OF_STEPS = 'It has the leading axes of the data, those before its steps.'
const OF_CELL = 'It has the leading axes of the data, and after them the features of the state.'
const demandLead = (op: string, what: string, given: Tensor, shape: Shape, fix = OF_STEPS): void => {
  if (given.shape.length === shape.length && given.shape.every((n, i) => n === shape[i])) return
  throw new ShapeError({
    op,
    operands: [given],
    rule: `${what} is not [${shape.join(', ')}]`,
    fix,
  })
}

/** A step of a cell by itself: data [..., in] and a state, each leaf [..., hidden], to the next state. */
export const cellStep =
  <S extends Tree>(cell: Cell<S>) =>
  (x: Floats, state: S): S => {
    const op = `${cell.op}Cell`
    demandTensors(op, { x })
    const zero = cell.start(zeros([]))
    if (isTensor(zero)) demandTensors(op, { state })
    else demandFields(op, 'the state', state, Object.keys(zero ?? {}), 'Begin with zeros [..., hidden].')
    const shape = [...x.shape.slice(0, -1), cell.hidden]
    for (const leaf of tree.leaves(state)) demandLead(op, 'the state', leaf, shape, OF_CELL)
    const next = cell.step(givenTo(cell, x), state)
    for (const leaf of tree.leaves(next)) demandLead(op, 'the next state', leaf, shape, OF_CELL)
    return next
  }

const givenTo = ({ inputWeight, bias }: Pick<Cell<unknown>, 'inputWeight' | 'bias'>, x: Floats): Floats => {
  const product: Floats = matmul(x, inputWeight)
  return bias === null ? product : add(product, bias)
}

const demandData = ({ op, inputWeight }: Pick<Cell<unknown>, 'op' | 'inputWeight'>, x: Floats): void => {
  demandTensors(op, { x })
  if (x.shape.length >= 2 && x.shape.at(-1) === inputWeight.shape[0]) return
  throw new ShapeError({
    op,
    operands: [x, inputWeight],
    rule: `the data is not [..., steps, ${inputWeight.shape[0]!}]`,
    fix: 'Give steps on the last axis but one, and on the last as many features as the parameters were made for.',
  })
}

/** Runs a cell over the steps of the data: see `Sequence`. */
export const sequence =
  <S extends Tree>(cell: Cell<S>, { reverse = false, keep = 'values' }: SequenceConfig): Sequence<S> =>
  (x, { state, lengths } = {}) => {
    const { op, hidden } = cell
    demandData(cell, x)
    const lead = x.shape.slice(0, -2)
    const [steps, width] = [x.shape.at(-2)!, x.shape.at(-1)!]
    const n = lead.reduce((product, size) => product * size, 1)
    const first = state ?? cell.start(zeros([...lead, hidden]))
    for (const leaf of tree.leaves(first)) demandLead(op, 'the state', leaf, [...lead, hidden])
    if (lengths !== undefined) demandLead(op, 'the vector of lengths', lengths, lead)

    // [T, N, in]: rows of the scan are steps, put in order before the product, which is wider than what it is of.
    const rows: Floats = permute([1, 0, 2])(reshape([n, steps, width])(x))
    const going: Booleans | null =
      lengths === undefined ? null : lt(expandDims(-1)(expandDims(-1)(arange(steps))), reshape([1, n, 1])(lengths))
    const run = scan(
      (now: S, row: { readonly given: Floats; readonly going: Booleans | null }) => {
        const next = cell.step(row.given, now)
        const y = cell.output(next)
        const go = row.going
        if (go === null) return [next, y] as const
        return [tree.map((a, b) => where(go, a, b), next, now), where(go, y, 0)] as const
      },
      { reverse, keep },
    )
    const [last, ys] = run(tree.map(reshape([n, hidden]), first), { given: givenTo(cell, rows), going })
    return [reshape([...lead, steps, hidden])(permute([1, 0, 2])(ys)), tree.map(reshape([...lead, hidden]), last)]
  }

/** What a sequence may start from. */
export type StateTaken<F> = F extends (x: never, start?: SequenceStart<infer S>) => unknown ? S : never

/**
 * Two layers over the same data as one, the outputs side by side: [..., T, hidden of the one + hidden of the other], and the pair
 * of their last states. Where the second runs in reverse, each output knows the whole of its row. Source: Schuster and Paliwal,
 * Bidirectional recurrent neural networks (1997). Leading dimensions are those of x; the sum of the widths is known at run time.
 *
 * @example
 * ```ts
 * import { bidirectional, initLstm, lstm } from '@adjoint/nn'
 * import { ones, random } from '@adjoint/tensor'
 * const [there, back] = random.split(random.key(0), 2).map(initLstm({ in: 3, hidden: 4 }))
 * const [ys] = bidirectional(lstm()(there!), lstm({ reverse: true })(back!))(ones([2, 7, 3]))
 * console.log(ys.shape) // [2, 7, 8]
 * ```
 */
export function bidirectional<F extends AnySequence, R extends AnySequence>(
  forward: F,
  backward: R,
): <S extends Shape>(
  x: Tensor<S, 'f32'> & Takes<'bidirectional', F | R, S>,
  start?: SequenceStart<readonly [StateTaken<F>, StateTaken<R>]>,
) => readonly [Tensor<WithLast<S, number>, 'f32'>, readonly [ReturnType<F>[1], ReturnType<R>[1]]]
export function bidirectional(
  forward: Sequence<unknown>,
  backward: Sequence<unknown>,
): Sequence<readonly [unknown, unknown]> {
  for (const [name, layer] of Object.entries({ forward, backward }))
    demandFunction('bidirectional', name, layer, 'Write bidirectional(gru()(params), gru({ reverse: true })(others)).')
  return (x, { state, lengths } = {}) => {
    const of = lengths === undefined ? {} : { lengths }
    const [there, last] = forward(x, state === undefined ? of : { ...of, state: state[0] })
    const [back, first] = backward(x, state === undefined ? of : { ...of, state: state[1] })
    return [concat(-1)([there, back]), [last, first]]
  }
}

/** Weights [in, gates * hidden] and [hidden, gates * hidden] whose rows the compiler knows. */
export interface DrawnWeights<In extends number, Hidden extends number> {
  readonly inputWeight: Tensor<readonly [In, number], 'f32'>
  readonly hiddenWeight: Tensor<readonly [Hidden, number], 'f32'>
}

/** Draws the weights of a cell with so many gates, uniform within `1 / sqrt(hidden)`, as PyTorch does. */
export const drawWeights = <In extends number, Hidden extends number>(
  op: string,
  { in: fanIn, hidden }: RecurrentConfig<In, Hidden>,
  gates: number,
) => {
  demandSizes(op, { in: fanIn, hidden })
  const draw = uniformInit(1 / Math.sqrt(hidden))
  return (key: Key): DrawnWeights<In, Hidden> => {
    demandKey(op, key)
    const [forInput, forHidden] = random.split(key, 2)
    return {
      inputWeight: typed(draw(forInput, [fanIn, gates * hidden])),
      hiddenWeight: typed(draw(forHidden, [hidden, gates * hidden])),
    }
  }
}
