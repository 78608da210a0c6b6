/**
 * Distillation of logits on fixed sequences (Hinton et al. 2015; "supervised KD" of GKD, Agarwal et al. 2024): the student
 * learns the teacher's whole distribution at every token of texts that neither wrote for the occasion. One compiled program
 * runs both models; with the texts of a teacher and `forwardKl` it is SFT on its traces with soft targets.
 */
import type { Floats, GradientTransformation } from '@adjoint/nn'
import { type Device, scalar, slice, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandMicroBatch, partsOf, tokensIn } from '../experience/rows.ts'
import { sequencePart, type Stepped } from '../learn/fit.ts'
import { type Learner, updateOf } from '../learn/update.ts'
import type { Totals } from '../objective/aggregate.ts'
import { type Demonstration, encodeDemonstrations, type Sequences } from '../policy/batch.ts'
import type { LogitPolicy } from '../policy/policy.ts'
import type { Scored } from '../policy/score.ts'
import { onDevice, readOn } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import type { HostKey } from '../run/keys.ts'
import { demandVocabulary, type DistillObjective, distillLoss, type TeacherModel } from './loss.ts'
import { curriedTwin } from '../or-throw.ts'

/** Who learns from whom, how. */
export interface DistillUpdate<P extends Tree, T extends Tree, O extends Tree> extends DistillObjective {
  /** The student. */
  readonly policy: LogitPolicy<P>
  readonly teacher: TeacherModel<T>
  readonly optimizer: GradientTransformation<O>
  /** Sequences that go through both models at once; the result is that of all of them. Default: all. */
  readonly microBatch?: number
  readonly device: Device
}

/** How to distill on fixed sequences. */
export interface DistillConfig<P extends Tree, T extends Tree, O extends Tree> extends DistillUpdate<P, T, O> {
  /** Tokens of a row; shorter ones are padded. Default: the student's context. */
  readonly width?: number
  /** The texts of a step, from its key and its number: oracle's or teacher's traces, or any others. */
  readonly batch: (key: HostKey, step: number) => readonly Demonstration[]
}

/** @internal Sequences [B, T], which of their last N columns count [B, N], and what all of an update hold (null: these are all). */
export type Masked = Scored & { readonly mask: Floats; readonly totals: Totals | null }

/** @internal `(learner, parts of a batch) -> state and metrics`: an update of the student. */
export const distillUpdate = <P extends Tree, T extends Tree, O extends Tree>(config: DistillUpdate<P, T, O>) => {
  demandMicroBatch('distillation', config.microBatch)
  const { policy, teacher, optimizer, device } = config
  demandVocabulary('distillation', policy, teacher.policy)
  const { update, unpack } = updateOf({
    loss: (params: P, { given, mask, totals, ...sequences }: Masked & { readonly given: T }) => {
      const N = mask.shape[1]!
      const taught = teacher.policy.logits(N)(given, sequences) // [B, N, V]
      const said = policy.logits(N)(params, sequences)
      const value = distillLoss(config)(taught, said, mask, totals ?? undefined)
      return [value, { loss: value }]
    },
    measures: { loss: 'sum' },
    optimizer,
    device,
  })
  return (learner: Learner<P, O>, parts: readonly Masked[]): TE.TaskEither<RunError, Stepped<Learner<P, O>>> =>
    pipe(
      onDevice(() =>
        Promise.resolve(
          update(
            learner,
            parts.map(({ tokens, starts, mask, totals }) => ({ tokens, starts, mask, totals, given: teacher.params })),
          ),
        ),
      ),
      TE.flatMap(({ learner: state, measured }) =>
        pipe(
          readOn(device)(measured),
          TE.map((values) => ({ state, metrics: unpack(values) })),
        ),
      ),
    )
}

/** Whole sequences in parts. The first token is given: nothing predicts it. */
const maskedParts =
  (size: number | undefined) =>
  (sequences: Sequences): readonly Masked[] => {
    const { mask, shape } = sequences
    const all = [...Array(shape[0]).keys()]
    const parts = partsOf(all, size)
    const totals: Totals | null =
      parts.length === 1 ? null : { sequences: scalar(shape[0]), tokens: scalar(tokensIn(mask, all, shape[0])) }
    return parts.map((rows) => {
      const { tokens, mask: whole } = sequencePart(sequences, rows)
      return { tokens, starts: null, mask: slice([0, 1], whole.shape)(whole), totals }
    })
  }

/**
 * A step of distillation, compiled once: `(state, key, number) -> state and metrics` (`loss`, the divergence in nats per
 * token; `grad_norm`). The memory of the state given is reused for the one returned; the teacher's is not. Left:
 * EmptyDataset, UnknownToken, SequenceTooLong, DeviceFailed. Throws OtherTokenizerError where the two
 * have two tokenizers, ShapeError where one has more logits than the other.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { distillStep, generalizedJsd, hostKey, mod10Chain, traces, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const { vocabulary } = mod10Chain
 *   const small = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const large = transformer({ vocab: vocabulary.size, width: 32, layers: 2, heads: 2, context: 21 })
 *   const optimizer = adamW({ learningRate: 1e-3 })
 *   const step = distillStep({
 *     policy: transformerPolicy(small, vocabulary),
 *     teacher: { policy: transformerPolicy(large, vocabulary), params: large.init(random.key(1)) },
 *     divergence: generalizedJsd(0.5),
 *     batch: traces(mod10Chain, { rows: 8, thinkShare: 1 }),
 *     optimizer,
 *     device: device.right,
 *   })
 *   const params = small.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params) }, hostKey(0))()
 * }
 * ```
 */
export const distillStep = <P extends Tree, T extends Tree, O extends Tree>(given: DistillConfig<P, T, O>) => {
  const config = optionsOf('distillStep', given, {
    width: true,
    batch: true,
    policy: true,
    teacher: true,
    optimizer: true,
    microBatch: true,
    device: true,
    divergence: true,
    aggregate: true,
  })

  const { policy, teacher, batch, microBatch, width = policy.context } = config
  const learn = distillUpdate(config)
  if (width > teacher.policy.context)
    throw new RangeError(
      `distillStep: rows have ${width} tokens, and the teacher's context is ${teacher.policy.context}. Give a width that it can read.`,
    )
  return (state: Learner<P, O>, key: HostKey, number = 0): TE.TaskEither<RunError, Stepped<Learner<P, O>>> =>
    pipe(
      TE.fromEither(E.map(maskedParts(microBatch))(encodeDemonstrations(policy.text, width)(batch(key, number)))),
      TE.flatMap((parts) => learn(state, parts)),
    )
}

/**
 * {@link distillStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { distillStepAsync, forwardKl, hostKey, mod10Chain, traces, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const [{ vocabulary }, optimizer] = [mod10Chain, adamW({ learningRate: 1e-3 })]
 * const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const policy = transformerPolicy(model, vocabulary)
 * const teacher = { policy, params: model.init(random.key(1)) }
 * const batch = traces(mod10Chain, { rows: 8, thinkShare: 1 })
 * const step = distillStepAsync({ policy, teacher, divergence: forwardKl, batch, optimizer, device })
 * const params = model.init(random.key(0))
 * const { metrics } = await step({ params, opt: optimizer.init(params) }, hostKey(0))
 * console.log(metrics['loss'])
 * ```
 */
export const distillStepAsync = /* @__PURE__ */ curriedTwin(distillStep)
