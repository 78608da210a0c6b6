/** A step of learning from preferences without a reward model. */
import { demandMicroBatch } from '../experience/rows.ts'
import type { GradientTransformation } from '@adjoint/nn'
import type { Device, Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type OptionNames, optionsFor, optionsOf } from '@adjoint/tensor/ir'
import type { RunError } from '../run/errors.ts'
import { fitStep, type SequencePart, type Stepped } from '../learn/fit.ts'
import type { Policy } from '../policy/policy.ts'
import type { HostKey } from '../run/keys.ts'
import { completionLengths, type PreferenceLoss, preferenceLoss, preferenceMeasures, sequenceLogp } from './dpo.ts'
import { encodePairs, pairParts, type PreferencePair } from './pair.ts'
import { orThrow } from '../or-throw.ts'

/** How to learn from given pairs. */
export interface PreferenceConfig<P extends Tree, O extends Tree> {
  readonly policy: Policy<P>
  readonly optimizer: GradientTransformation<O>
  /** `dpo({ beta })`, `ipo({ beta })`, `simpo({ beta, gamma })` or `orpo({ lambda })`. */
  readonly loss: PreferenceLoss
  /** Tokens of a row; shorter ones are padded. Default: the policy's context. */
  readonly width?: number
  /** Pairs that go through the model at once; the result is that of all of them. Default: all. */
  readonly microBatch?: number
  readonly device: Device
}

const PREFERENCE_OPTIONS: OptionNames<PreferenceConfig<never, never>> = {
  ...{ policy: true, optimizer: true, loss: true, width: true, microBatch: true, device: true },
}

/** How to learn from pairs, and where a step has them from. */
export interface DpoConfig<P extends Tree, O extends Tree> extends PreferenceConfig<P, O> {
  /** The pairs of a step; the same number each time, so that one program serves all. */
  readonly batch: (key: HostKey) => readonly PreferencePair[]
}

/**
 * Parameters, optimizer state, and the policy that preferences are measured from: a `snapshot` of the start. Null where the
 * loss has no reference.
 */
export type DpoState<P extends Tree, O extends Tree, R extends P | null = P | null> = {
  readonly params: P
  readonly opt: O
  readonly reference: R
}

type Batch<P extends Tree> = SequencePart & { readonly reference: P | null }

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
 * import { dpo, mod10Chain, preferenceLearner, transformerPolicy } from '@adjoint/rl'
 * import { requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const learn = preferenceLearner({
 *     policy: transformerPolicy(model, mod10Chain.vocabulary),
 *     optimizer: adam({ learningRate: 1e-3 }),
 *     loss: dpo({ beta: 0.1 }),
 *     device: device.right,
 *   })
 * }
 * ```
 */
export const preferenceLearner = <P extends Tree, O extends Tree>(given: PreferenceConfig<P, O>) => {
  const config = optionsOf('preferenceLearner', given, PREFERENCE_OPTIONS)
  const { policy, optimizer, device, microBatch } = config
  demandMicroBatch('preferenceLearner', microBatch)
  const encode = encodePairs(policy.text, config.width ?? policy.context)
  const logp = sequenceLogp(policy)
  const fit = fitStep({
    loss: (params: P, { reference, tokens, mask }: Batch<P>) =>
      preferenceLoss(config.loss)({
        policy: logp(params)(tokens, mask),
        reference: reference === null ? null : logp(reference)(tokens, mask),
        lengths: completionLengths(mask),
      }),
    measures: preferenceMeasures(config.loss),
    optimizer,
    device,
  })
  return <R extends P | null>(
    state: DpoState<P, O, R>,
    pairs: readonly PreferencePair[],
  ): TE.TaskEither<RunError, Stepped<DpoState<P, O, R>>> => {
    const { params, opt, reference } = state
    if (config.loss.reference && reference === null)
      throw new Error(
        'preferenceLearner: this loss is measured from a reference, and the state has none. Put a snapshot of the start into it.',
      )
    const against = config.loss.reference ? reference : null
    return pipe(
      fit(
        { params, opt },
        pipe(encode(pairs), E.map(pairParts(microBatch, (sequences) => ({ ...sequences, reference: against })))),
      ),
      TE.map(({ state: next, metrics }) => ({ state: { ...next, reference }, metrics })),
    )
  }
}

/**
 * {@link preferenceLearner} for scripts: the learner awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { hostKey, mod10Chain, preferenceLearnerAsync, preferencePairs, simpo, transformerPolicy, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const [policy, optimizer] = [transformerPolicy(model, mod10Chain.vocabulary), adam({ learningRate: 1e-3 })]
 * const learn = preferenceLearnerAsync({ policy, optimizer, loss: simpo({ beta: 2, gamma: 1 }), device })
 * const pairs = preferencePairs(mod10Chain, { rows: 8, split: 'train', corruptions: [wrongAnswer] })(hostKey(0))
 * const params = model.init(random.key(0))
 * const { metrics } = await learn({ params, opt: optimizer.init(params), reference: null }, pairs)
 * console.log(metrics['loss'])
 * ```
 */
export const preferenceLearnerAsync = <P extends Tree, O extends Tree>(given: PreferenceConfig<P, O>) => {
  const learn = preferenceLearner(given)
  return <R extends P | null>(
    state: DpoState<P, O, R>,
    pairs: readonly PreferencePair[],
  ): Promise<Stepped<DpoState<P, O, R>>> => orThrow(learn(state, pairs))
}

/**
 * A step of DPO or one of its relatives, compiled once: `(state, key) -> state and metrics`, {@link preferenceLearner} on
 * the pairs that follow from the key. Left: as there.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { dpo, dpoStep, hostKey, mod10Chain, preferencePairs, snapshot, transformerPolicy, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const optimizer = adam({ learningRate: 1e-3 })
 *   const batch = preferencePairs(mod10Chain, { rows: 8, split: 'train', corruptions: [wrongAnswer] })
 *   const policy = transformerPolicy(model, mod10Chain.vocabulary)
 *   const step = dpoStep({ policy, optimizer, loss: dpo({ beta: 0.1 }), batch, device: device.right })
 *   const params = model.init(random.key(0))
 *   const reference = await snapshot(device.right)(params)()
 *   if (reference._tag === 'Right') await step({ params, opt: optimizer.init(params), reference: reference.right }, hostKey(0))()
 * }
 * ```
 */
export const dpoStep = <P extends Tree, O extends Tree>(given: DpoConfig<P, O>) => {
  const config = optionsOf('dpoStep', given, { ...PREFERENCE_OPTIONS, batch: true })

  const learn = preferenceLearner(optionsFor<PreferenceConfig<P, O>>(PREFERENCE_OPTIONS, config))
  return <R extends P | null>(
    state: DpoState<P, O, R>,
    key: HostKey,
  ): TE.TaskEither<RunError, Stepped<DpoState<P, O, R>>> => learn(state, config.batch(key))
}

/**
 * {@link dpoStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { dpo, dpoStepAsync, hostKey, mod10Chain, preferencePairs, snapshotAsync, transformerPolicy, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const [policy, optimizer] = [transformerPolicy(model, mod10Chain.vocabulary), adam({ learningRate: 1e-3 })]
 * const batch = preferencePairs(mod10Chain, { rows: 8, split: 'train', corruptions: [wrongAnswer] })
 * const step = dpoStepAsync({ policy, optimizer, loss: dpo({ beta: 0.1 }), batch, device })
 * const params = model.init(random.key(0))
 * const reference = await snapshotAsync(device)(params)
 * const { metrics } = await step({ params, opt: optimizer.init(params), reference }, hostKey(0))
 * console.log(metrics['loss']) // 0.693: the policy is the reference
 * ```
 */
export const dpoStepAsync = <P extends Tree, O extends Tree>(given: DpoConfig<P, O>) => {
  const step = dpoStep(given)
  return <R extends P | null>(state: DpoState<P, O, R>, key: HostKey): Promise<Stepped<DpoState<P, O, R>>> =>
    orThrow(step(state, key))
}
