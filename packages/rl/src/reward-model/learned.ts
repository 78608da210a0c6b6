/** A reward model as a reward: what GRPO optimizes where no rule can tell. */
import type { Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { optionsOf } from '@adjoint/tensor/ir'
import type { RewardError, Sample } from '../reward/sample.ts'
import { describeError } from '../run/errors.ts'
import type { RewardModel, RewardModelParams } from './reward-model.ts'
import { type ScoringConfig, textScorer, unscorable } from './score-texts.ts'

/** Which model scores. */
export interface LearnedRewardConfig<P extends Tree> extends ScoringConfig {
  readonly model: RewardModel<P>
  /** Must outlive the reward: a `snapshot` where training goes on. */
  readonly params: RewardModelParams<P>
}

/**
 * A reward model as a scorer of batches, for `namedBatch`. Rows have one shape, so one program serves batches of any size.
 *
 * Every completion is scored as if it had ended where it stops: one that was cut looks to the model like any other text,
 * and the reward is always read at an `<eos>`, where it was trained. What the vocabulary or the width cannot hold is absent,
 * a `Left` that says why; where the device fails, it rejects.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { learnedReward, mod10Chain, namedBatch, rewardModel } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = rewardModel(transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 24 }))
 *   const params = model.init(random.key(0))
 *   const rewards = [namedBatch('learned', learnedReward({ model, params, vocabulary: mod10Chain.vocabulary, device: device.right }))]
 * }
 * ```
 */
export const learnedReward = <P extends Tree>(given: LearnedRewardConfig<P>) => {
  const config = optionsOf('learnedReward', given, {
    model: true,
    params: true,
    vocabulary: true,
    width: true,
    rows: true,
    device: true,
  })

  const { model, params } = config
  const fixed = { ...config, width: config.width ?? model.trunk.config.context }
  const score = textScorer(fixed, (given: RewardModelParams<P>, rows) => model.score(given)({ ...rows, starts: null }))
  const unfit = unscorable(fixed)
  return async (samples: readonly Sample<unknown>[]): Promise<readonly E.Either<RewardError, number>[]> => {
    const faults = samples.map(unfit)
    const result = await score(
      params,
      samples.filter((_, i) => faults[i] === null),
    )()
    if (E.isLeft(result)) throw new Error(describeError(result.left))
    let row = 0
    return faults.map((fault) =>
      fault === null
        ? E.right(result.right[row++]![0]!)
        : E.left({ _tag: 'RewardFailed', message: describeError(fault) }),
    )
  }
}
