/** A step of fitting a reward model to preference pairs. */
import type { Floats, GradientTransformation, Integers, TransformerParams } from '@adjoint/nn'
import { type Device, slice, tensor, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandMicroBatch, rowsOf } from '../experience/rows.ts'
import type { RunError } from '../run/errors.ts'
import { fitStep, type Stepped } from '../learn/fit.ts'
import type { Learner } from '../learn/update.ts'
import { type EncodedPairs, encodePairs, pairParts, type PreferencePair } from '../preference/pair.ts'
import type { HostKey } from '../run/keys.ts'
import type { Text } from '../policy/text.ts'
import { bradleyTerry, type BradleyTerryConfig, PAIR_MEASURES, pairMetrics, type PairRewards } from './bradley-terry.ts'
import { demandTokens, type RewardModel, type RewardModelParams } from './reward-model.ts'
import { curriedTwin } from '../or-throw.ts'

/** How to learn a reward from pairs. */
export interface RewardModelConfig<P extends Tree, O extends Tree> extends BradleyTerryConfig {
  readonly model: RewardModel<P>
  readonly vocabulary: Text
  readonly optimizer: GradientTransformation<O>
  /** Tokens of a row; shorter ones are padded, on the right. Default: the model's context. */
  readonly width?: number
  /** The pairs of a step; the same number each time, so that one program serves all. */
  readonly batch: (key: HostKey) => readonly PreferencePair[]
  /** Pairs that go through the model at once; the result is that of all of them. Default: all. */
  readonly microBatch?: number
  readonly device: Device
}

/** A reward model that learns. */
export type RewardLearner<O extends Tree, P extends Tree = TransformerParams> = Learner<RewardModelParams<P>, O>

/** Pairs on their way to the device; rows as {@link EncodedPairs}. */
type PairBatch = {
  readonly tokens: Integers
  readonly ends: Integers
  readonly margins: Floats | null
}

/** Some of the pairs. */
const pairBatch = ({ shape, ends, margins }: EncodedPairs, tokens: Integers, pairs: readonly number[]): PairBatch => {
  const count = shape[0] / 2
  const rows = [...pairs, ...pairs.map((pair) => count + pair)]
  return {
    tokens,
    ends: tensor(rowsOf(ends, rows, shape[0]), [rows.length]),
    margins: margins === null ? null : tensor(rowsOf(margins, pairs, count), [pairs.length]),
  }
}

/** One forward for both completions of all pairs. */
const pairRewards =
  <P extends Tree>(model: RewardModel<P>) =>
  (params: RewardModelParams<P>, { tokens, ends, margins }: PairBatch): PairRewards => {
    const rewards = model.score(params)({ tokens, starts: null, ends }) // [2B]
    const pairs = rewards.shape[0]! / 2
    return { chosen: slice([0], [pairs])(rewards), rejected: slice([pairs], [2 * pairs])(rewards), margins }
  }

/**
 * A step of a reward model, compiled once: `(state, key) -> state and metrics` (`loss` of {@link bradleyTerry},
 * `grad_norm`, and those of {@link pairMetrics}). The memory of the state given is reused for the one returned.
 * Left: EmptyDataset, UnknownToken, SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { hostKey, mod10Chain, preferencePairs, rewardModel, rewardModelStep, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = rewardModel(transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 }))
 *   const optimizer = adam({ learningRate: 1e-3 })
 *   const batch = preferencePairs(mod10Chain, { rows: 8, split: 'train', corruptions: [wrongAnswer] })
 *   const step = rewardModelStep({ model, vocabulary: mod10Chain.vocabulary, optimizer, batch, device: device.right })
 *   const params = model.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params) }, hostKey(0))()
 * }
 * ```
 */
export const rewardModelStep = <P extends Tree, O extends Tree>(given: RewardModelConfig<P, O>) => {
  const config = optionsOf('rewardModelStep', given, {
    model: true,
    vocabulary: true,
    optimizer: true,
    width: true,
    batch: true,
    microBatch: true,
    device: true,
    centering: true,
  })

  demandMicroBatch('rewardModelStep', config.microBatch)
  demandTokens('rewardModelStep', config.model, config.vocabulary)
  const { model, vocabulary, optimizer, batch, device } = config
  const encode = encodePairs(vocabulary, config.width ?? model.trunk.config.context)
  const [loss, rewardsOf] = [
    bradleyTerry(config.centering === undefined ? {} : { centering: config.centering }),
    pairRewards(model),
  ]
  const fit = fitStep({
    loss: (params: RewardModelParams<P>, given: PairBatch) => {
      const rewards = rewardsOf(params, given)
      return [loss(rewards), pairMetrics(rewards)]
    },
    measures: PAIR_MEASURES,
    optimizer,
    device,
  })
  return (state: RewardLearner<O, P>, key: HostKey): TE.TaskEither<RunError, Stepped<RewardLearner<O, P>>> =>
    fit(
      state,
      pipe(
        encode(batch(key)),
        E.map((encoded) =>
          pairParts(config.microBatch, ({ tokens }, pairs) => pairBatch(encoded, tokens, pairs))(encoded),
        ),
      ),
    )
}

/**
 * {@link rewardModelStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { hostKey, mod10Chain, preferencePairs, rewardModel, rewardModelStepAsync, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const [{ vocabulary }, optimizer] = [mod10Chain, adam({ learningRate: 1e-3 })]
 * const model = rewardModel(transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 }))
 * const batch = preferencePairs(mod10Chain, { rows: 8, split: 'train', corruptions: [wrongAnswer] })
 * const step = rewardModelStepAsync({ model, vocabulary, optimizer, batch, device })
 * const params = model.init(random.key(0))
 * const { metrics } = await step({ params, opt: optimizer.init(params) }, hostKey(0))
 * console.log(metrics['accuracy'])
 * ```
 */
export const rewardModelStepAsync = /* @__PURE__ */ curriedTwin(rewardModelStep)
