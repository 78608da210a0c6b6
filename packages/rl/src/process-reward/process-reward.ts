/**
 * A process reward model: the scalar head of a reward model read at the end of every step, as the chance that the step is
 * right (Lightman et al. 2023, section 2.6 and appendix F; DeepSeekMath, Shao et al. 2024, section 4.1.3, which turns such rewards
 * into advantages).
 */
import type { Floats, GradientTransformation, Integers } from '@adjoint/nn'
import { maskedMean } from '@adjoint/nn'
import {
  cast,
  type Device,
  eq,
  gt,
  mul,
  type Scalar,
  sigmoid,
  softplus,
  stopGradient,
  sub,
  tensor,
  type Tree,
} from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { encodeDemonstrations } from '../policy/batch.ts'
import { describeError, type RunError } from '../run/errors.ts'
import type { StepReward } from '../experience/experience.ts'
import { fitStep, type Stepped } from '../learn/fit.ts'
import { masked } from '../objective/mask.ts'
import type { Sample } from '../reward/sample.ts'
import type { RewardLearner } from '../reward-model/step.ts'
import { demandTokens, type RewardModel, type RewardModelParams } from '../reward-model/reward-model.ts'
import { type ScoringConfig, textScorer, unscorable } from '../reward-model/score-texts.ts'
import type { HostKey } from '../run/keys.ts'
import type { Text } from '../policy/text.ts'
import { type LabelledSteps, stepEnds, stepsOf } from './steps.ts'
import { curriedTwin } from '../or-throw.ts'

/** Steps of a batch, as tensors [B, T] over its columns. */
export type StepLabels = {
  /** 1 at the last token of each step, else 0. */
  readonly ends: Floats
  /** 1 where the step that ends there is right; read at ends only. */
  readonly labels: Floats
}

/**
 * Binary cross-entropy of step labels y, nats per step: the mean over step ends of `softplus(s) - y s`, which is
 * `-y log sigmoid(s) - (1 - y) log sigmoid(-s)`. What the head says elsewhere reaches neither loss nor gradient. And
 * `accuracy`: the share of steps on whose side of 1/2 the chance is.
 *
 * @example
 * ```ts
 * import { stepLoss } from '@adjoint/rl'
 * import { tensor } from '@adjoint/tensor'
 * const labels = { ends: tensor([0, 1], [1, 2]), labels: tensor([0, 1], [1, 2]) }
 * const [loss] = stepLoss(tensor([9, 0], [1, 2]), labels) // ln 2: the 9 is at no end
 * ```
 */
export const stepLoss = (
  everywhere: Floats,
  { ends, labels }: StepLabels,
): readonly [Scalar, { readonly accuracy: Scalar }] => {
  const said = masked(everywhere, ends)
  const hits: Floats = cast('f32')(eq(gt(stopGradient(said), 0), gt(labels, 0.5)))
  return [maskedMean(sub(softplus(said), mul(labels, said)), ends), { accuracy: maskedMean(hits, ends) }]
}

/** How to learn from labelled steps. */
export interface ProcessRewardConfig<P extends Tree, O extends Tree> {
  readonly model: RewardModel<P>
  readonly vocabulary: Text
  readonly optimizer: GradientTransformation<O>
  /** Tokens of a row; shorter ones are padded. Default: the model's context. */
  readonly width?: number
  /** The labelled completions of a step. */
  readonly batch: (key: HostKey) => readonly LabelledSteps[]
  readonly device: Device
}

type Batch = StepLabels & { readonly tokens: Integers }

const encodeSteps =
  (vocabulary: Text, width: number) =>
  (rows: readonly LabelledSteps[]): E.Either<RunError, Batch> =>
    pipe(
      encodeDemonstrations(vocabulary, width)(rows),
      E.map(({ tokens, mask, shape }) => {
        const [ends, labels] = [new Float32Array(mask.length), new Float32Array(mask.length)]
        rows.forEach(({ steps }, row) => {
          const first = mask.indexOf(1, row * width) // of the completion
          for (const { end, correct } of steps) {
            ends[first + end] = 1
            labels[first + end] = correct ? 1 : 0
          }
        })
        return { tokens: tensor(tokens, shape), ends: tensor(ends, shape), labels: tensor(labels, shape) }
      }),
    )

/**
 * A step of a process reward model, compiled once: `(state, key) -> state and metrics` (`loss` in nats per step,
 * `accuracy`, `grad_norm`). The memory of the state given is reused for the one returned. Left: EmptyDataset,
 * UnknownToken, SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { hostKey, labelledSteps, mod10Chain, processRewardStep, rewardModel, slip } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = rewardModel(transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 }))
 *   const optimizer = adam({ learningRate: 1e-3 })
 *   const batch = labelledSteps(mod10Chain, { rows: 8, split: 'train', separator: '', corruptions: [slip] })
 *   const step = processRewardStep({ model, vocabulary: mod10Chain.vocabulary, optimizer, batch, device: device.right })
 *   const params = model.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params) }, hostKey(0))()
 * }
 * ```
 */
export const processRewardStep = <P extends Tree, O extends Tree>(given: ProcessRewardConfig<P, O>) => {
  const config = optionsOf('processRewardStep', given, {
    model: true,
    vocabulary: true,
    optimizer: true,
    width: true,
    batch: true,
    device: true,
  })

  demandTokens('processRewardStep', config.model, config.vocabulary)
  const { model, vocabulary, optimizer, batch, device } = config
  const encode = encodeSteps(vocabulary, config.width ?? model.trunk.config.context)
  const fit = fitStep({
    loss: (params: RewardModelParams<P>, { tokens, ...labels }: Batch) =>
      stepLoss(model.columns(params)({ tokens, starts: null }), labels),
    measures: { accuracy: 'sum' },
    optimizer,
    device,
  })
  return (state: RewardLearner<O, P>, key: HostKey): TE.TaskEither<RunError, Stepped<RewardLearner<O, P>>> =>
    fit(state, E.map((examples: Batch) => [{ examples, share: 1 }])(encode(batch(key))))
}

/**
 * {@link processRewardStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { hostKey, labelledSteps, mod10Chain, processRewardStepAsync, rewardModel, slip } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const [{ vocabulary }, optimizer] = [mod10Chain, adam({ learningRate: 1e-3 })]
 * const model = rewardModel(transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 }))
 * const batch = labelledSteps(mod10Chain, { rows: 8, split: 'train', separator: '', corruptions: [slip] })
 * const step = processRewardStepAsync({ model, vocabulary, optimizer, batch, device })
 * const params = model.init(random.key(0))
 * const { metrics } = await step({ params, opt: optimizer.init(params) }, hostKey(0))
 * console.log(metrics['accuracy'])
 * ```
 */
export const processRewardStepAsync = /* @__PURE__ */ curriedTwin(processRewardStep)

/** Which model scores the steps of what. */
export interface StepRewardsConfig<P extends Tree> extends ScoringConfig {
  readonly model: RewardModel<P>
  /** Must outlive the rewards: a `snapshot` where training goes on. */
  readonly params: RewardModelParams<P>
  /** Between two steps of thought; empty where each character is one. */
  readonly separator: string
}

/**
 * The rewards of the steps of completions: the chance that each is right, with the position of its last token, as
 * `Experience.steps` holds them and the advantage of process rewards reads them. A completion that is not in the template,
 * or that the vocabulary or the width cannot hold, has no steps; where the device fails, it rejects.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, rewardModel, stepRewards } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = rewardModel(transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 24 }))
 *   const params = model.init(random.key(0))
 *   const score = stepRewards({ model, params, separator: '', vocabulary: mod10Chain.vocabulary, device: device.right })
 * }
 * ```
 */
export const stepRewards = <P extends Tree>(given: StepRewardsConfig<P>) => {
  const config = optionsOf('stepRewards', given, {
    model: true,
    vocabulary: true,
    params: true,
    separator: true,
    width: true,
    rows: true,
    device: true,
  })

  const { model, params, vocabulary, separator } = config
  const fixed = { ...config, width: config.width ?? model.trunk.config.context }
  const score = textScorer(fixed, (given: RewardModelParams<P>, { tokens }) =>
    sigmoid(model.columns(given)({ tokens, starts: null })),
  )
  const unfit = unscorable(fixed)
  const prompted = (prompt: string): number =>
    E.getOrElse((): readonly number[] => [])(vocabulary.prompt(prompt)).length
  const endsIn = stepEnds(vocabulary)
  return async (samples: readonly Sample<unknown>[]): Promise<readonly (readonly StepReward[])[]> => {
    const scored = samples.filter((sample) => unfit(sample) === null)
    const result = await score(params, scored)()
    if (E.isLeft(result)) throw new Error(describeError(result.left))
    const said = new Map(scored.map((sample, i) => [sample, result.right[i]!]))
    return samples.map((sample) => {
      const columns = said.get(sample)
      const ends = endsIn(sample.completion, stepsOf(separator)(sample.completion))
      if (columns === undefined || E.isLeft(ends)) return []
      const first = prompted(sample.prompt)
      return ends.right.map((end) => ({ reward: columns[first + end]!, end }))
    })
  }
}
