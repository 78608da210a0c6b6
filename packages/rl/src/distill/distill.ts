/**
 * Distillation of logits on fixed sequences (Hinton et al. 2015; "supervised KD" of GKD, Agarwal et al. 2024): the student
 * learns the teacher's whole distribution at every token of texts that neither wrote for the occasion. One compiled program
 * runs both models; with the texts of a teacher and `forwardKl` it is SFT on its traces with soft targets.
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  applyUpdates,
  type Floats,
  globalNorm,
  type GradientTransformation,
  type Integers,
  type Transformer,
  type TransformerParams,
} from '@adjoint/nn'
import { type Device, jit, slice, tensor, type Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Demonstration, encodeDemonstrations } from '../policy/batch.ts'
import { onDevice, packMetrics, readOn, unpackMetrics } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import { completionLogits, type Scored } from '../policy/score.ts'
import type { Learner, Stepped } from '../learn/sft.ts'
import type { HostKey } from '../run/keys.ts'
import type { Vocabulary } from '../task/vocabulary.ts'
import { demandVocabulary, type DistillObjective, distillLoss, type TeacherModel } from './loss.ts'

/** Who learns from whom, how. */
export interface DistillUpdate<O extends Tree> extends DistillObjective {
  /** The student. */
  readonly model: Transformer
  readonly teacher: TeacherModel
  readonly optimizer: GradientTransformation<O>
  readonly device: Device
}

/** How to distill on fixed sequences. */
export interface DistillConfig<O extends Tree> extends DistillUpdate<O> {
  readonly vocabulary: Vocabulary
  /** Tokens of a row; shorter ones are padded. Default: the student's context. */
  readonly width?: number
  /** The texts of a step, from its key and its number: oracle's or teacher's traces, or any others. */
  readonly batch: (key: HostKey, step: number) => readonly Demonstration[]
}

/** @internal Sequences [B, T], and which of their last N columns count, [B, N]. */
export type Masked = Scored & { readonly mask: Floats }

/** @internal The names of what an update measures. */
export const DISTILL_METRICS = ['grad_norm', 'loss'] as const

/** @internal The update as a pure function of learner, teacher and sequences: the new learner, and what it measured, packed. */
export const distillUpdate = <O extends Tree>({ model, teacher, optimizer, ...rest }: DistillUpdate<O>) => {
  demandVocabulary('distillation', model, teacher.model)
  const loss = valueAndGrad((params: TransformerParams, taught: Floats, { mask, ...sequences }: Masked) =>
    distillLoss(rest)(taught, completionLogits(model, mask.shape[1]!)(params)(sequences), mask),
  )
  return ({ params, opt }: Learner<O>, given: TransformerParams, { mask, ...sequences }: Masked) => {
    const taught = completionLogits(teacher.model, mask.shape[1]!)(given)(sequences) // [B, N, V]
    const [value, grads] = loss(params, taught, { mask, ...sequences })
    const [updates, next] = optimizer.update(grads, opt, params)
    return {
      state: { params: applyUpdates(params, updates), opt: next },
      metrics: packMetrics({ loss: value, grad_norm: globalNorm(grads) }),
    }
  }
}

/**
 * A step of distillation, compiled once: `(state, key, number) -> state and metrics` (`loss`, the divergence in nats per
 * token; `grad_norm`). The memory of the state given is reused for the one returned; the teacher's is not. Left:
 * EmptyDataset, UnknownToken, SequenceTooLong, DeviceFailed. Throws ShapeError where the vocabularies differ.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { distillStep, generalizedJsd, hostKey, mod10Chain, traces } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (isRight(device)) {
 *   const { vocabulary } = mod10Chain
 *   const small = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const large = transformer({ vocab: vocabulary.size, width: 32, layers: 2, heads: 2, context: 21 })
 *   const optimizer = adamW({ learningRate: 1e-3 })
 *   const step = distillStep({
 *     model: small,
 *     teacher: { model: large, params: large.init(random.key(1)) },
 *     divergence: generalizedJsd(0.5),
 *     vocabulary,
 *     batch: traces(mod10Chain, { rows: 8, thinkShare: 1 }),
 *     optimizer,
 *     device: device.right,
 *   })
 *   const params = small.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params) }, hostKey(0))()
 * }
 * ```
 */
export const distillStep = <O extends Tree>(config: DistillConfig<O>) => {
  const { model, teacher, vocabulary, batch, device, width = model.config.context } = config
  const learn = distillUpdate(config)
  const update = jit(
    (learner: Learner<O>, given: TransformerParams, tokens: Integers, mask: Floats) =>
      // The first token is given: nothing predicts it.
      learn(learner, given, { tokens, starts: null, mask: slice([0, 1], mask.shape)(mask) }),
    { donate: [0], device },
  )
  return (state: Learner<O>, key: HostKey, number = 0): TE.TaskEither<RunError, Stepped<Learner<O>>> =>
    pipe(
      TE.fromEither(encodeDemonstrations(vocabulary, width)(batch(key, number))),
      TE.flatMap(({ tokens, mask, shape }) =>
        onDevice(() => Promise.resolve(update(state, teacher.params, tensor(tokens, shape), tensor(mask, shape)))),
      ),
      TE.flatMap(({ state: next, metrics }) =>
        pipe(
          readOn(device)(metrics),
          TE.map((values) => ({ state: next, metrics: unpackMetrics(DISTILL_METRICS, values) })),
        ),
      ),
    )
}
