/** A step of learning from completions that are labelled one by one. */
import type { Floats } from '@adjoint/nn'
import { concat, jit, type Scalar, scalar, tensor, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandMicroBatch, partsOf } from '../experience/rows.ts'
import { fitStep, type SequencePart, sequencePart, type Share, type Stepped } from '../learn/fit.ts'
import { encodeDemonstrations, type Sequences } from '../policy/batch.ts'
import { onDevice } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import type { HostKey } from '../run/keys.ts'
import { sequenceLogp } from './dpo.ts'
import {
  KTO_MEASURES,
  type KtoConfig,
  ktoLoss,
  type LabelledCompletion,
  type LabelledTotals,
  mismatched,
  type ReferredLogps,
  referencePoint,
} from './kto.ts'
import type { DpoState, PreferenceConfig } from './step.ts'
import { curriedTwin } from '../or-throw.ts'

/** How to learn from labelled completions, and where a step has them from. */
export interface KtoStepConfig<P extends Tree, O extends Tree>
  extends Omit<PreferenceConfig<P, O>, 'loss' | 'microBatch'>, KtoConfig {
  /** The completions of a step; the same number each time, two or more, so that one program serves all. */
  readonly batch: (key: HostKey) => readonly LabelledCompletion[]
  /** Completions that go through the model at once; the result is that of all of them. Default: all. */
  readonly microBatch?: number
}

type Part<P extends Tree> = SequencePart & {
  readonly reference: P
  readonly desirable: Floats
  readonly z0: Scalar
  readonly totals: LabelledTotals
}

/**
 * A step of KTO, compiled once: `(state, key) -> state and metrics` (`loss` of {@link ktoLoss}, `grad_norm`, and TRL's). The
 * reference point is estimated from the step's own completions, each under another's prompt: so any prompt and any
 * completion must fit the width together. The memory of `params` and `opt` is reused for those returned; the reference must
 * have memory of its own (see `snapshot`). Left: EmptyDataset, UnknownToken, SequenceTooLong, DeviceFailed. Throws RangeError
 * for one completion.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { hostKey, ktoStep, mod10Chain, preferencePairs, snapshot, transformerPolicy, unpaired, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const policy = transformerPolicy(model, mod10Chain.vocabulary)
 *   const optimizer = adam({ learningRate: 1e-3 })
 *   const pairs = preferencePairs(mod10Chain, { rows: 4, split: 'train', corruptions: [wrongAnswer] })
 *   const step = ktoStep({ policy, optimizer, beta: 0.1, batch: (key) => unpaired(pairs(key)), device: device.right })
 *   const params = model.init(random.key(0))
 *   const reference = await snapshot(device.right)(params)()
 *   if (reference._tag === 'Right') await step({ params, opt: optimizer.init(params), reference: reference.right }, hostKey(0))()
 * }
 * ```
 */
export const ktoStep = <P extends Tree, O extends Tree>(given: KtoStepConfig<P, O>) => {
  const config = optionsOf('ktoStep', given, {
    batch: true,
    microBatch: true,
    policy: true,
    device: true,
    optimizer: true,
    width: true,
    beta: true,
    desirableWeight: true,
    undesirableWeight: true,
  })

  const { policy, optimizer, device, microBatch } = config
  demandMicroBatch('ktoStep', microBatch)
  const encode = encodeDemonstrations(policy.text, config.width ?? policy.context)
  const logp = sequenceLogp(policy)
  const { beta, desirableWeight, undesirableWeight } = config
  const loss = ktoLoss({
    beta,
    ...(desirableWeight !== undefined && { desirableWeight }),
    ...(undesirableWeight !== undefined && { undesirableWeight }),
  })
  const logpsOf = (params: P, reference: P, { tokens, mask }: SequencePart): ReferredLogps => ({
    policy: logp(params)(tokens, mask),
    reference: logp(reference)(tokens, mask),
  })
  const score = jit(logpsOf, { device })
  const pointOf = jit(
    (parts: readonly ReferredLogps[]) =>
      referencePoint({
        policy: concat(0)(parts.map((p) => p.policy)),
        reference: concat(0)(parts.map((p) => p.reference)),
      }),
    { device },
  )
  const fit = fitStep({
    loss: (params: P, { reference, desirable, z0, totals, ...sequences }: Part<P>) =>
      loss({ ...logpsOf(params, reference, sequences), desirable }, z0, totals),
    measures: KTO_MEASURES,
    optimizer,
    device,
  })
  /** The rows of the batch in parts, with the reference point of all; below them in `sequences` are the mismatched ones. */
  const partsOfBatch = (
    rows: readonly LabelledCompletion[],
    sequences: Sequences,
    params: P,
    reference: P,
  ): readonly Share<Part<P>>[] => {
    const all = [...rows.keys()]
    const others = partsOf(
      all.map((row) => rows.length + row),
      microBatch,
    )
    const z0 = pointOf(others.map((chosen) => score(params, reference, sequencePart(sequences, chosen))))
    const good = rows.filter((row) => row.desirable).length
    const totals = { desirable: scalar(good), undesirable: scalar(rows.length - good) }
    return partsOf(all, microBatch).map((chosen) => ({
      examples: {
        ...sequencePart(sequences, chosen),
        reference,
        desirable: tensor(
          Float32Array.from(chosen, (row) => (rows[row]!.desirable ? 1 : 0)),
          [chosen.length],
        ),
        z0,
        totals,
      },
      // Given the totals, a part's loss is its part of the mean.
      share: 1,
    }))
  }
  return (state: DpoState<P, O, P>, key: HostKey): TE.TaskEither<RunError, Stepped<DpoState<P, O, P>>> => {
    const { params, opt, reference } = state
    const rows = config.batch(key)
    return pipe(
      TE.fromEither(encode(rows.length === 0 ? [] : [...rows, ...mismatched(rows)])),
      TE.flatMap((sequences) => onDevice(() => Promise.resolve(partsOfBatch(rows, sequences, params, reference)))),
      TE.flatMap((parts) => fit({ params, opt }, E.right(parts))),
      TE.map(({ state: next, metrics }) => ({ state: { ...next, reference }, metrics })),
    )
  }
}

/**
 * {@link ktoStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adam, transformer } from '@adjoint/nn'
 * import { hostKey, ktoStepAsync, mod10Chain, preferencePairs, snapshotAsync, transformerPolicy, unpaired, wrongAnswer } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const [policy, optimizer] = [transformerPolicy(model, mod10Chain.vocabulary), adam({ learningRate: 1e-3 })]
 * const pairs = preferencePairs(mod10Chain, { rows: 4, split: 'train', corruptions: [wrongAnswer] })
 * const step = ktoStepAsync({ policy, optimizer, beta: 0.1, batch: (key) => unpaired(pairs(key)), device })
 * const params = model.init(random.key(0))
 * const reference = await snapshotAsync(device)(params)
 * const { metrics } = await step({ params, opt: optimizer.init(params), reference }, hostKey(0))
 * console.log(metrics['loss'])
 * ```
 */
export const ktoStepAsync = /* @__PURE__ */ curriedTwin(ktoStep)
