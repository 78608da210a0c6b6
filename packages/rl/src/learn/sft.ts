/**
 * Supervised fine-tuning on demonstrations: the cold start of DeepSeek-R1 (section 2.3.1), on an oracle's traces. A step
 * is a pure function of the state and the step's key; the demonstrations of a step follow from its key alone.
 */
import { demandMicroBatch } from '../experience/rows.ts'
import { crossEntropy, type Floats, type GradientTransformation, type Integers, maskedMean } from '@adjoint/nn'
import { argmax, cast, type Device, eq, type Scalar, slice, type Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { type Demonstration, encodeDemonstrations } from '../policy/batch.ts'
import type { LogitPolicy } from '../policy/policy.ts'
import { formatCompletion } from '../policy/template.ts'
import { demandAtLeast, demandWhole, type RunError } from '../run/errors.ts'
import { dice, foldIn, type HostKey } from '../run/keys.ts'
import { problem, type Task } from '../task/task.ts'
import { fitStep, type SequencePart, sequenceParts, type Stepped } from './fit.ts'
import type { Learner } from './update.ts'
import { curriedTwin } from '../or-throw.ts'

/** How to learn from demonstrations. */
export interface SftConfig<P extends Tree, O extends Tree> {
  readonly policy: LogitPolicy<P>
  readonly optimizer: GradientTransformation<O>
  /** Tokens of a row; shorter ones are padded. Default: the policy's context. */
  readonly width?: number
  /** The demonstrations of a step, from its key and its number. */
  readonly batch: (key: HostKey, step: number) => readonly Demonstration[]
  /** Demonstrations that go through the model at once; the result is that of all of them. Default: all. */
  readonly microBatch?: number
  readonly device: Device
}

/**
 * Demonstrations of a task's oracle: `rows` problems of the training split, of which a share thinks (the oracle's chain of
 * thought) and the others answer directly (an empty think block).
 *
 * @example
 * ```ts
 * import { mod10Chain, hostKey, traces } from '@adjoint/rl'
 * const batch = traces(mod10Chain, { rows: 64, thinkShare: 0.5 })(hostKey(0)) // 64 demonstrations
 * ```
 */
export const traces = <Problem>(
  task: Task<Problem>,
  options: { readonly rows: number; readonly thinkShare: number },
) => {
  const { rows, thinkShare } = optionsOf('traces', options, { rows: true, thinkShare: true })
  demandWhole('traces', { rows })
  demandAtLeast('traces', 0, { thinkShare })
  if (thinkShare > 1) throw new RangeError(`traces: thinkShare is ${thinkShare}. Give a share, from 0 to 1.`)
  return (key: HostKey): readonly Demonstration[] =>
    Array.from({ length: rows }, (_, row) => {
      const own = foldIn(key, row)
      const p = problem(task, 'train')(foldIn(own, 0))
      const thinks = dice(foldIn(own, 1))(2 ** 20) < thinkShare * 2 ** 20
      const { think, answer } = task.trace(p)
      return { prompt: task.prompt(p), completion: formatCompletion({ think: thinks ? think : '', answer }) }
    })
}

/**
 * The loss of whole sequences [B, T] with the mask of what to learn [B, T]: the mean negative log-likelihood of the masked
 * tokens given all before them, in nats per token; and the share of them that the policy finds likeliest.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, sftLoss, transformerPolicy } from '@adjoint/rl'
 * import { ones, random, zeros } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * const loss = sftLoss(transformerPolicy(model, mod10Chain.vocabulary))
 * const [nats, { mean_token_accuracy }] = loss(model.init(random.key(0)), zeros([2, 8], 'i32'), ones([2, 8]))
 * ```
 */
export const sftLoss =
  <P extends Tree>(policy: LogitPolicy<P>) =>
  (params: P, tokens: Integers, mask: Floats): readonly [Scalar, { readonly mean_token_accuracy: Scalar }] => {
    const [rows, columns] = tokens.shape as readonly [number, number]
    const next: Integers = slice([0, 1], [rows, columns])(tokens)
    const learned: Floats = slice([0, 1], [rows, columns])(mask)
    const logits = policy.logits(columns - 1)(params, { tokens, starts: null }) // [B, T - 1, V]
    const hits: Floats = cast('f32')(eq(argmax(-1)(logits), next))
    return [crossEntropy(logits, next, learned), { mean_token_accuracy: maskedMean(hits, learned) }]
  }

/**
 * A step of SFT, compiled once: `(state, key, number) -> state and metrics` (`loss` in nats per token,
 * `mean_token_accuracy`, `grad_norm`); the number is for sources that go through their data in order (`epochs`). The memory
 * of the state given is reused for the one returned. Left: EmptyDataset, UnknownToken, SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { mod10Chain, hostKey, sftStep, traces, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const policy = transformerPolicy(model, mod10Chain.vocabulary)
 *   const optimizer = adamW({ learningRate: 1e-3 })
 *   const batch = traces(mod10Chain, { rows: 8, thinkShare: 0.5 })
 *   const step = sftStep({ policy, optimizer, batch, device: device.right })
 *   const params = model.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params) }, hostKey(0))()
 * }
 * ```
 */
export const sftStep = <P extends Tree, O extends Tree>(given: SftConfig<P, O>) => {
  const config = optionsOf('sftStep', given, {
    policy: true,
    optimizer: true,
    width: true,
    batch: true,
    microBatch: true,
    device: true,
  })

  demandMicroBatch('sftStep', config.microBatch)
  const { policy, optimizer, batch, device, microBatch } = config
  const width = config.width ?? policy.context
  const loss = sftLoss(policy)
  const fit = fitStep({
    loss: (params: P, { tokens, mask }: SequencePart) => loss(params, tokens, mask),
    measures: { mean_token_accuracy: 'sum' },
    optimizer,
    device,
  })
  return (state: Learner<P, O>, key: HostKey, number = 0): TE.TaskEither<RunError, Stepped<Learner<P, O>>> =>
    fit(state, E.map(sequenceParts(microBatch))(encodeDemonstrations(policy.text, width)(batch(key, number))))
}

/**
 * {@link sftStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { foldIn, hostKey, mod10Chain, sftStepAsync, traces, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * const [optimizer, batch] = [adamW({ learningRate: 1e-3 }), traces(mod10Chain, { rows: 8, thinkShare: 0.5 })]
 * const step = sftStepAsync({ policy, optimizer, batch, device })
 * const params = model.init(random.key(0))
 * let state = { params, opt: optimizer.init(params) }
 * for (let i = 0; i < 3; i++) state = (await step(state, foldIn(hostKey(0), i), i)).state
 * ```
 */
export const sftStepAsync = /* @__PURE__ */ curriedTwin(sftStep)
