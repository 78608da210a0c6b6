/**
 * A critic: what it expects of a completion, before each of its tokens. It is a scalar head over a transformer's stream, as a
 * reward model is, over a transformer of its own or over the policy's.
 */
import {
  type Floats,
  initLinear,
  type Key,
  linear,
  type LinearParams,
  type Transformer,
  type TransformerParams,
  zerosInit,
} from '@adjoint/nn'
import { random, slice, squeeze, type Tree } from '@adjoint/tensor'
import { requireFit, type RolloutConfig } from '../policy/rollout.ts'
import type { Scored } from '../policy/score.ts'

/** A critic of policies with parameters P, whose own parameters are a V. */
export interface Critic<P extends Tree, V extends Tree> {
  /** Number of tokens that it reads, and the longest sequence. */
  readonly vocab: number
  readonly context: number
  /**
   * The values [B, N + 1] before each of the last `completion` columns N of sequences, and after the last. It differentiates
   * by its own parameters, and by the policy's where it reads them.
   */
  readonly values: (completion: number) => (params: V, policy: P, sequences: Scored) => Floats
}

/** A transformer's parameters (those of its own head are kept, and do nothing) and the scalar head. */
export type CriticParams = {
  readonly trunk: TransformerParams
  readonly head: LinearParams
}

// At 0 a critic expects nothing: the first advantages are the rewards themselves.
const headOf = ({ config: { width } }: Transformer) => initLinear({ in: width, out: 1, init: zerosInit })

/** What a head says of a transformer's stream at the columns from before the completion to its end. */
const saidOver =
  (trunk: Transformer, completion: number) =>
  (params: TransformerParams, head: LinearParams, { tokens, starts }: Scored): Floats => {
    const stream = trunk.hidden(params, starts === null ? {} : { starts })(tokens) // [B, P + N, C]
    const [rows, columns, width] = stream.shape as readonly [number, number, number]
    const from: Floats = slice([0, columns - completion - 1, 0], [rows, columns, width])(stream)
    return squeeze(-1)(linear(head)(from))
  }

/** A critic with a transformer of its own, and its first parameters. */
export interface OwnCritic extends Critic<Tree, CriticParams> {
  /** The head is 0. The trunk is drawn, or the one given: take a `snapshot` where its memory goes on to be used. */
  readonly init: (key: Key, trunk?: TransformerParams) => CriticParams
}

/**
 * A critic that is a transformer of its own: the policy's features are left alone (Ouyang et al. 2022, section 3.5, begin it
 * at the reward model). It must have the policy's tokens and at least its context.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { ownCritic } from '@adjoint/rl'
 * import { random, zeros } from '@adjoint/tensor'
 * const critic = ownCritic(transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 }))
 * const sequences = { tokens: zeros([2, 8], 'i32'), starts: null }
 * critic.values(3)(critic.init(random.key(0)), null, sequences).shape // [2, 4]
 * ```
 */
export const ownCritic = (trunk: Transformer): OwnCritic => ({
  vocab: trunk.config.vocab,
  context: trunk.config.context,
  init: (key, given) => {
    const [forTrunk, forHead] = random.split(key, 2)
    return { trunk: given ?? trunk.init(forTrunk), head: headOf(trunk)(forHead) }
  },
  values: (completion) => {
    const said = saidOver(trunk, completion)
    return (params, _, sequences) => said(params.trunk, params.head, sequences)
  },
})

/** A head over the policy's own stream, and its first parameters. */
export interface ValueHead extends Critic<TransformerParams, LinearParams> {
  /** 0. */
  readonly init: (key: Key) => LinearParams
}

/**
 * A critic that is a head over the policy's own stream: one transformer serves both, and the value loss trains it too
 * (Schulman et al. 2017, eq. 9, with shared parameters).
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { valueHead } from '@adjoint/rl'
 * import { random, zeros } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * const critic = valueHead(model)
 * const sequences = { tokens: zeros([2, 8], 'i32'), starts: null }
 * critic.values(3)(critic.init(random.key(0)), model.init(random.key(1)), sequences).shape // [2, 4]
 * ```
 */
export const valueHead = (model: Transformer): ValueHead => ({
  vocab: model.config.vocab,
  context: model.config.context,
  init: headOf(model),
  values: (completion) => {
    const said = saidOver(model, completion)
    return (head, params, sequences) => said(params, head, sequences)
  },
})

/** @internal Throws where the critic has fewer tokens than the policy's text, or no room for prompts and completions. */
export const requireCritic = <Problem, P extends Tree, V extends Tree>(
  op: string,
  config: RolloutConfig<Problem, P> & { readonly critic: Critic<P, V> },
): void => {
  const { critic, policy } = config
  if (critic.vocab < policy.text.size)
    throw new RangeError(
      `${op}: the critic has ${critic.vocab} tokens, and the policy's text ${policy.text.size}. Make the critic with as many.`,
    )
  requireFit(`${op}, critic`, { ...config, policy: { ...policy, context: critic.context } })
}
