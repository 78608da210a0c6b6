/**
 * Supervised fine-tuning on demonstrations: the cold start of DeepSeek-R1 (section 2.3.1), on an oracle's traces. A step
 * is a pure function of the state and the step's key; the demonstrations of a step follow from its key alone.
 */
import {
  applyUpdates,
  crossEntropy,
  type Floats,
  globalNorm,
  type GradientTransformation,
  type Integers,
  maskedMean,
  type Transformer,
  type TransformerParams,
} from '@adjoint/nn'
import { valueAndGrad } from '@adjoint/autograd'
import { argmax, cast, type Device, eq, jit, type Scalar, slice, tensor, type Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Demonstration, encodeDemonstrations } from '../policy/batch.ts'
import { onDevice, packMetrics, readOn, unpackMetrics } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import type { Metrics } from '../run/metrics.ts'
import { dice, foldIn, type HostKey } from '../run/keys.ts'
import { problem, type Task } from '../task/task.ts'
import type { Vocabulary } from '../task/vocabulary.ts'
import { formatCompletion } from '../policy/template.ts'

/** Parameters and the optimizer's state. */
export type Learner<O extends Tree> = {
  readonly params: TransformerParams
  readonly opt: O
}

/** How to learn from demonstrations. */
export interface SftConfig<O extends Tree> {
  readonly model: Transformer
  readonly vocabulary: Vocabulary
  readonly optimizer: GradientTransformation<O>
  /** Tokens of a row; shorter ones are padded. Default: the model's context. */
  readonly width?: number
  /** The demonstrations of a step, from its key and its number. */
  readonly batch: (key: HostKey, step: number) => readonly Demonstration[]
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
export const traces =
  <Problem>(task: Task<Problem>, { rows, thinkShare }: { readonly rows: number; readonly thinkShare: number }) =>
  (key: HostKey): readonly Demonstration[] =>
    Array.from({ length: rows }, (_, row) => {
      const own = foldIn(key, row)
      const p = problem(task, 'train')(foldIn(own, 0))
      const thinks = dice(foldIn(own, 1))(2 ** 20) < thinkShare * 2 ** 20
      const { think, answer } = task.trace(p)
      return { prompt: task.prompt(p), completion: formatCompletion({ think: thinks ? think : '', answer }) }
    })

const SFT_METRICS = ['grad_norm', 'loss', 'mean_token_accuracy'] as const

/**
 * The loss of whole sequences [B, T] with the mask of what to learn [B, T]: the mean negative log-likelihood of the masked
 * tokens given all before them, in nats per token; and the share of them that the model finds likeliest.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { sftLoss } from '@adjoint/rl'
 * import { ones, random, zeros } from '@adjoint/tensor'
 * const model = transformer({ vocab: 21, width: 16, layers: 1, heads: 2, context: 8 })
 * const [loss, { mean_token_accuracy }] = sftLoss(model)(model.init(random.key(0)), zeros([2, 8], 'i32'), ones([2, 8]))
 * ```
 */
export const sftLoss =
  (model: Transformer) =>
  (
    params: TransformerParams,
    tokens: Integers,
    mask: Floats,
  ): readonly [Scalar, { readonly mean_token_accuracy: Scalar }] => {
    const [rows, columns] = tokens.shape as readonly [number, number]
    const read: Integers = slice([0, 0], [rows, columns - 1])(tokens)
    const next: Integers = slice([0, 1], [rows, columns])(tokens)
    const learned: Floats = slice([0, 1], [rows, columns])(mask)
    const logits = model.apply(params)(read) // [B, T - 1, V]
    const hits: Floats = cast('f32')(eq(argmax(-1)(logits), next))
    return [crossEntropy(logits, next, learned), { mean_token_accuracy: maskedMean(hits, learned) }]
  }

/** What a step gives: the next state, and what it measured. */
export interface Stepped<S> {
  readonly state: S
  readonly metrics: Metrics
}

/**
 * A step of SFT, compiled once: `(state, key, number) -> state and metrics` (`loss` in nats per token,
 * `mean_token_accuracy`, `grad_norm`); the number is for sources that go through their data in order (`epochs`). The memory
 * of the state given is reused for the one returned. Left: EmptyDataset, UnknownToken, SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { mod10Chain, hostKey, sftStep, traces } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * import { isRight } from 'fp-ts/lib/Either.js'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (isRight(device)) {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const optimizer = adamW({ learningRate: 1e-3 })
 *   const batch = traces(mod10Chain, { rows: 8, thinkShare: 0.5 })
 *   const step = sftStep({ model, vocabulary: mod10Chain.vocabulary, optimizer, batch, device: device.right })
 *   const params = model.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params) }, hostKey(0))()
 * }
 * ```
 */
export const sftStep = <O extends Tree>({ model, vocabulary, optimizer, batch, device, ...rest }: SftConfig<O>) => {
  const width = rest.width ?? model.config.context
  const loss = valueAndGrad(sftLoss(model), { hasAux: true })
  const update = jit(
    ({ params, opt }: Learner<O>, tokens: Integers, mask: Floats) => {
      const [[value, aux], grads] = loss(params, tokens, mask)
      const [updates, next] = optimizer.update(grads, opt, params)
      const metrics = { loss: value, grad_norm: globalNorm(grads), ...aux }
      return { state: { params: applyUpdates(params, updates), opt: next }, metrics: packMetrics(metrics) }
    },
    { donate: [0], device },
  )
  return (state: Learner<O>, key: HostKey, number = 0): TE.TaskEither<RunError, Stepped<Learner<O>>> =>
    pipe(
      TE.fromEither(encodeDemonstrations(vocabulary, width)(batch(key, number))),
      TE.flatMap(({ tokens, mask, shape }) =>
        onDevice(() => Promise.resolve(update(state, tensor(tokens, shape), tensor(mask, shape)))),
      ),
      TE.flatMap(({ state: next, metrics }) =>
        pipe(
          readOn(device)(metrics),
          TE.map((values) => ({ state: next, metrics: unpackMetrics(SFT_METRICS, values) })),
        ),
      ),
    )
}
