/**
 * A reward model: a transformer that says one number of a sequence instead of the next token (Stiennon et al. 2020,
 * section 3.4; Ouyang et al. 2022, section 3.5). A scalar head reads the normalised stream; the reward of a sequence is what it
 * says at the sequence's last token, the only one that has seen all of it.
 */
import type { Text } from '../policy/text.ts'
import { type Floats, initLinear, type Integers, type Key, linear, type LinearParams, normalInit } from '@adjoint/nn'
import type { Transformer, TransformerParams } from '@adjoint/nn'
import { expandDims, random, slice, squeeze, takeAlongAxis, type Tree } from '@adjoint/tensor'

/** The trunk's parameters (those of a transformer's own head are kept, and do nothing) and the scalar head [C, 1], without a bias. */
export type RewardModelParams<P extends Tree = TransformerParams> = {
  readonly trunk: P
  readonly head: LinearParams
}

/** Sequences to score, padded on either side. */
export type RewardInput = {
  /** [B, T]. */
  readonly tokens: Integers
  /** `[B]`: first column of each left-padded row; null where none is padded on the left. */
  readonly starts: Integers | null
  /** `[B]`: column of the last token of each right-padded row; null where all end at the last column. */
  readonly ends: Integers | null
}

/** A reward model: its trunk, and pure functions of its parameters, those of the trunk being a P. */
export interface RewardModel<P extends Tree = TransformerParams> {
  readonly trunk: Transformer
  /** Draws the head alone. */
  readonly drawHead: (key: Key) => LinearParams
  /**
   * Draws the head, and the trunk too unless one is given: a policy that knows the task is the better start. A trunk is
   * taken as it is; give a `snapshot` where its memory goes on to be used by a training step.
   */
  readonly init: (key: Key, trunk?: P) => RewardModelParams<P>
  /** One reward a sequence, [B]. Throws ShapeError where T exceeds the context. */
  readonly score: (params: RewardModelParams<P>) => (input: RewardInput) => Floats
  /** What the head says at every column, [B, T]: of the sequence up to there. */
  readonly columns: (params: RewardModelParams<P>) => (input: Omit<RewardInput, 'ends'>) => Floats
}

/** As Ziegler et al. 2019, section 2.1: deviation 1 / sqrt(C + 1), so that first rewards are of the order of 1. */
const headInit = (width: number) => normalInit(1 / Math.sqrt(width + 1))

/**
 * The reward model with this transformer as its trunk.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { rewardModel } from '@adjoint/rl'
 * import { random, tensor } from '@adjoint/tensor'
 * const model = rewardModel(transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 }))
 * const params = model.init(random.key(0))
 * const tokens = tensor([1, 5, 2, 0, 1, 5, 6, 2], [2, 4], 'i32') // the first row is padded on the right
 * model.score(params)({ tokens, starts: null, ends: tensor([2, 3], [2], 'i32') }).shape // [2]
 * ```
 */
export const rewardModel = (trunk: Transformer): RewardModel => {
  const { width } = trunk.config
  const drawHead = initLinear({ in: width, out: 1, bias: false, init: headInit(width) })
  const columns: RewardModel['columns'] =
    (params) =>
    ({ tokens, starts }) => {
      const stream = trunk.hidden(params.trunk, starts === null ? {} : { starts })(tokens) // [B, T, C]
      return squeeze(-1)(linear(params.head)(stream))
    }
  return {
    trunk,
    drawHead,
    init: (key, given) => {
      const [forTrunk, forHead] = random.split(key, 2)
      return { trunk: given ?? trunk.init(forTrunk), head: drawHead(forHead) }
    },
    columns,
    score: (params) => (input) => {
      const said = columns(params)(input) // [B, T]
      const [rows, width] = said.shape as readonly [number, number]
      const last: Floats =
        input.ends === null
          ? slice([0, width - 1], [rows, width])(said)
          : takeAlongAxis(1)(said, expandDims(-1)(input.ends))
      return squeeze(-1)(last)
    },
  }
}

/**
 * The same reward model with a trunk of other parameters, a Q, of which those that it takes are made: as {@link policyThrough}, so that an
 * adapter and a head are trained, and the base is read. `init` draws a Q.
 *
 * @example
 * ```ts
 * import { type Adapter, lora, projections, transformer } from '@adjoint/nn'
 * import { rewardModel, rewardModelThrough } from '@adjoint/rl'
 * import { random, tree } from '@adjoint/tensor'
 * const trunk = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * const base = trunk.init(random.key(0))
 * const { init, adapt } = lora({ rank: 4, targets: ['q', 'v'], split: projections(trunk.config) })
 * const model = rewardModelThrough({ paramsOf: (a: Adapter) => adapt(base, a), init: init(base) }, rewardModel(trunk))
 * tree.size(model.init(random.key(1))) // 272: an adapter of 256, and a head of 16
 * ```
 */
export const rewardModelThrough = <Q extends Tree, P extends Tree>(
  { paramsOf, init }: { readonly paramsOf: (params: Q) => P; readonly init: (key: Key) => Q },
  model: RewardModel<P>,
): RewardModel<Q> => {
  const whole = ({ trunk, head }: RewardModelParams<Q>): RewardModelParams<P> => ({ trunk: paramsOf(trunk), head })
  return {
    ...{ trunk: model.trunk, drawHead: model.drawHead },
    init: (key, given) => {
      const [forTrunk, forHead] = random.split(key, 2)
      return { trunk: given ?? init(forTrunk), head: model.drawHead(forHead) }
    },
    score: (params) => model.score(whole(params)),
    columns: (params) => model.columns(whole(params)),
  }
}

/** @internal Throws where a reward model has fewer tokens than the text it is to read. */
export const demandTokens = (op: string, { trunk }: Pick<RewardModel, 'trunk'>, { size }: Text): void => {
  if (trunk.config.vocab >= size) return
  throw new RangeError(
    `${op}: the reward model has ${trunk.config.vocab} tokens, and the text ${size}. Make it with as many.`,
  )
}
