/** A reward model on held-out pairs. */
import type { Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import type { RunError } from '../run/errors.ts'
import type { PreferencePair } from '../preference/pair.ts'
import { evaluateDifferences, type PairEvaluation } from './calibration.ts'
import type { RewardModel, RewardModelParams } from './reward-model.ts'
import { type ScoringConfig, textScorer } from './score-texts.ts'
import { curriedTwin } from '../or-throw.ts'

/** What to evaluate, and how finely its calibration is looked at. */
export interface PairEvaluatorConfig<P extends Tree> extends ScoringConfig {
  readonly model: RewardModel<P>
  /** Bins of confidence. Default: 10. */
  readonly bins?: number
}

/** What pairs say of a reward model. */
export interface EvaluatedPairs {
  readonly evaluation: PairEvaluation
  /** `r+ - r-` of each pair: what `fitTemperature` reads. */
  readonly differences: readonly number[]
}

/**
 * An evaluator of reward models; make it once, it keeps its compiled program: `(params, pairs)` to accuracy, margin,
 * likelihood and calibration (see {@link evaluateDifferences}). Left: UnknownToken, SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { hostKey, mod10Chain, pairEvaluator, preferencePairs, rewardModel, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = rewardModel(transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 }))
 *   const evaluate = pairEvaluator({ model, vocabulary: mod10Chain.vocabulary, rows: 16, device: device.right })
 *   const heldOut = preferencePairs(mod10Chain, { rows: 8, split: 'heldOut', corruptions: [wrongAnswer] })(hostKey(1))
 *   const result = await evaluate(model.init(random.key(0)), heldOut)()
 * }
 * ```
 */
export const pairEvaluator = <P extends Tree>(given: PairEvaluatorConfig<P>) => {
  const config = optionsOf('pairEvaluator', given, {
    model: true,
    bins: true,
    vocabulary: true,
    width: true,
    rows: true,
    device: true,
  })

  const { model } = config
  const score = textScorer(
    { ...config, width: config.width ?? model.trunk.config.context },
    (params: RewardModelParams<P>, rows) => model.score(params)({ ...rows, starts: null }),
  )
  return (params: RewardModelParams<P>, pairs: readonly PreferencePair[]): TE.TaskEither<RunError, EvaluatedPairs> =>
    pipe(
      score(
        params,
        pairs.flatMap(({ prompt, chosen, rejected }) => [
          { prompt, completion: chosen },
          { prompt, completion: rejected },
        ]),
      ),
      TE.map((rewards) => {
        const differences = pairs.map((_, i) => rewards[2 * i]![0]! - rewards[2 * i + 1]![0]!)
        return {
          evaluation: evaluateDifferences(config.bins === undefined ? {} : { bins: config.bins })(differences),
          differences,
        }
      }),
    )
}

/**
 * {@link pairEvaluator} for scripts: the evaluator awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { hostKey, mod10Chain, pairEvaluatorAsync, preferencePairs, rewardModel, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const { vocabulary } = mod10Chain
 * const model = rewardModel(transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 }))
 * const evaluate = pairEvaluatorAsync({ model, vocabulary, rows: 16, device })
 * const heldOut = preferencePairs(mod10Chain, { rows: 8, split: 'heldOut', corruptions: [wrongAnswer] })(hostKey(1))
 * const { evaluation } = await evaluate(model.init(random.key(0)), heldOut)
 * console.log(evaluation.accuracy)
 * ```
 */
export const pairEvaluatorAsync = /* @__PURE__ */ curriedTwin(pairEvaluator)
