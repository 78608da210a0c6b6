/** A step of learning from preferences without a reward model. */
import type { Floats, GradientTransformation, Integers, Transformer, TransformerParams } from '@adjoint/nn'
import { type Device, tensor, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import type { RunError } from '../run/errors.ts'
import { fitStep } from '../learn/fit.ts'
import type { Stepped } from '../learn/sft.ts'
import type { HostKey } from '../run/keys.ts'
import type { Vocabulary } from '../task/vocabulary.ts'
import { PREFERENCE_METRICS, type PreferenceLoss, preferenceLoss, sequenceLogp } from './dpo.ts'
import { encodePairs, type PreferencePair } from './pair.ts'

/** How to learn from given pairs. */
export interface PreferenceConfig<O extends Tree> {
  readonly model: Transformer
  readonly vocabulary: Vocabulary
  readonly optimizer: GradientTransformation<O>
  /** `dpo({ beta })` or `ipo({ beta })`. */
  readonly loss: PreferenceLoss
  /** Tokens of a row; shorter ones are padded. Default: the model's context. */
  readonly width?: number
  readonly device: Device
}

/** How to learn from pairs, and where a step has them from. */
export interface DpoConfig<O extends Tree> extends PreferenceConfig<O> {
  /** The pairs of a step; the same number each time, so that one program serves all. */
  readonly batch: (key: HostKey) => readonly PreferencePair[]
}

/** Parameters, optimizer state, and the policy that preferences are measured from: a `snapshot` of the start. */
export type DpoState<O extends Tree> = {
  readonly params: TransformerParams
  readonly opt: O
  readonly reference: TransformerParams
}

type Batch = {
  readonly reference: TransformerParams
  readonly tokens: Integers
  readonly mask: Floats
}

/**
 * An update of DPO or one of its relatives by given pairs, compiled once for each number of them:
 * `(state, pairs) -> state and metrics` (`loss`, `grad_norm`, and TRL's: see {@link preferenceLoss}). The memory of `params`
 * and `opt` is reused for those returned; the reference must have memory of its own (see `snapshot`). Pairs may come from
 * anywhere, the policy's own samples included (see `pairsFromSamples`): then it is online DPO (Guo et al. 2024,
 * "Direct language model alignment from online AI feedback"). Left: EmptyDataset, UnknownToken, SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { dpo, mod10Chain, preferenceLearner } from '@adjoint/rl'
 * import { requestDevice } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (isRight(device)) {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const learn = preferenceLearner({
 *     model,
 *     vocabulary: mod10Chain.vocabulary,
 *     optimizer: adam({ learningRate: 1e-3 }),
 *     loss: dpo({ beta: 0.1 }),
 *     device: device.right,
 *   })
 * }
 * ```
 */
export const preferenceLearner = <O extends Tree>(config: PreferenceConfig<O>) => {
  const { model, vocabulary, optimizer, device } = config
  const encode = encodePairs(vocabulary, config.width ?? model.config.context)
  const logp = sequenceLogp(model)
  const fit = fitStep({
    loss: (params: TransformerParams, { reference, tokens, mask }: Batch) =>
      preferenceLoss(config.loss)({ policy: logp(params)(tokens, mask), reference: logp(reference)(tokens, mask) }),
    names: PREFERENCE_METRICS,
    optimizer,
    device,
  })
  return (
    { params, opt, reference }: DpoState<O>,
    pairs: readonly PreferencePair[],
  ): TE.TaskEither<RunError, Stepped<DpoState<O>>> =>
    pipe(
      fit(
        { params, opt },
        pipe(
          encode(pairs),
          E.map(({ tokens, mask, shape }) => ({ reference, tokens: tensor(tokens, shape), mask: tensor(mask, shape) })),
        ),
      ),
      TE.map(({ state, metrics }) => ({ state: { ...state, reference }, metrics })),
    )
}

/**
 * A step of DPO or one of its relatives, compiled once: `(state, key) -> state and metrics`, {@link preferenceLearner} on
 * the pairs that follow from the key. Left: as there.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { dpo, dpoStep, hostKey, mod10Chain, preferencePairs, snapshot, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (isRight(device)) {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const optimizer = adam({ learningRate: 1e-3 })
 *   const batch = preferencePairs(mod10Chain, { rows: 8, split: 'train', corruptions: [wrongAnswer] })
 *   const step = dpoStep({ model, vocabulary: mod10Chain.vocabulary, optimizer, loss: dpo({ beta: 0.1 }), batch, device: device.right })
 *   const params = model.init(random.key(0))
 *   const reference = await snapshot(device.right)(params)()
 *   if (isRight(reference)) await step({ params, opt: optimizer.init(params), reference: reference.right }, hostKey(0))()
 * }
 * ```
 */
export const dpoStep = <O extends Tree>(config: DpoConfig<O>) => {
  const learn = preferenceLearner(config)
  return (state: DpoState<O>, key: HostKey): TE.TaskEither<RunError, Stepped<DpoState<O>>> =>
    learn(state, config.batch(key))
}
