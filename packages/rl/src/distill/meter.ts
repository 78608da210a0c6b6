/** How far a student is from its teacher, measured on texts: what compares students that learned by different losses. */
import type { Floats, Integers } from '@adjoint/nn'
import { add, type Device, jit, slice, stack, sum, tensor, type Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type Demonstration, encodeDemonstrations } from '../policy/batch.ts'
import { onDevice, readOn } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import { masked } from '../objective/mask.ts'
import type { Metrics } from '../run/metrics.ts'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import { optionsOf } from '@adjoint/tensor/ir'
import type { LogitPolicy } from '../policy/policy.ts'
import type { Divergence } from './divergence.ts'
import { demandVocabulary, distillLoss, type TeacherModel } from './loss.ts'
import { curriedTwin } from '../or-throw.ts'

/** What to measure. */
export interface MeterConfig<P extends Tree, T extends Tree> {
  /** The student. */
  readonly policy: LogitPolicy<P>
  readonly teacher: TeacherModel<T>
  readonly divergences: Readonly<Record<string, Divergence>>
  /** Tokens of a row; shorter ones are padded. Default: the student's context. */
  readonly width?: number
  /** Rows of one batch on the device. Default 256. */
  readonly rows?: number
  readonly device: Device
}

/**
 * A meter; make it once. `(params, texts) -> ` for each divergence its name and its mean over the tokens of all
 * completions, in nats per token. On texts of the teacher `forwardKl` estimates the forward KL per token of sequences, on
 * texts of the student `reverseKl` the reverse. Left: EmptyDataset, UnknownToken, SequenceTooLong, DeviceFailed.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { divergenceMeter, forwardKl, hostKey, mod10Chain, traces, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const { vocabulary } = mod10Chain
 *   const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const policy = transformerPolicy(model, vocabulary)
 *   const teacher = { policy, params: model.init(random.key(1)) }
 *   const meter = divergenceMeter({ policy, teacher, divergences: { forward: forwardKl }, device: device.right })
 *   const measured = await meter(model.init(random.key(0)), traces(mod10Chain, { rows: 8, thinkShare: 1 })(hostKey(0)))()
 * }
 * ```
 */
export const divergenceMeter = <P extends Tree, T extends Tree>(given: MeterConfig<P, T>) => {
  const config = optionsOf('divergenceMeter', given, {
    policy: true,
    teacher: true,
    divergences: true,
    width: true,
    rows: true,
    device: true,
  })

  const { policy, teacher, divergences, device, rows = 256, width = policy.context } = config
  demandVocabulary('divergenceMeter', policy, teacher.policy)
  const names = Object.keys(divergences)
  /** The sums over tokens, and how many tokens there are. */
  const sums = jit(
    (student: P, given: T, tokens: Integers, whole: Floats) => {
      const mask: Floats = slice([0, 1], whole.shape)(whole)
      const sequences = { tokens, starts: null }
      const [T, S] = [
        teacher.policy.logits(mask.shape[1]!)(given, sequences),
        policy.logits(mask.shape[1]!)(student, sequences),
      ]
      const total = (divergence: Divergence) =>
        distillLoss({ divergence, aggregate: (x, m) => sum()(masked(x, m)) })(T, S, mask)
      return stack(0)([...names.map((name) => total(divergences[name]!)), sum()(mask)])
    },
    { device },
  )
  const batchSums = (params: P, batch: readonly Demonstration[]): TE.TaskEither<RunError, Floats> =>
    pipe(
      TE.fromEither(encodeDemonstrations(policy.text, width)(batch)),
      TE.flatMap(({ tokens, mask, shape }) =>
        onDevice(() => Promise.resolve(sums(params, teacher.params, tensor(tokens, shape), tensor(mask, shape)))),
      ),
    )
  // No text is one empty batch, which says so.
  const batchesOf = (texts: readonly Demonstration[]): readonly (readonly Demonstration[])[] =>
    texts.length === 0 ? [texts] : chunksOf(rows)(texts)
  return (params: P, texts: readonly Demonstration[]): TE.TaskEither<RunError, Metrics> =>
    pipe(
      batchesOf(texts),
      TE.traverseSeqArray((batch) => batchSums(params, batch)),
      TE.flatMap((parts) => readOn(device)(parts.reduce((x, y) => add(x, y)))),
      TE.map((totals) =>
        Object.fromEntries(names.map((name, i) => [name, totals[i]! / Math.max(1, totals[names.length]!)])),
      ),
    )
}

/**
 * {@link divergenceMeter} for scripts: the meter awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { divergenceMeterAsync, forwardKl, hostKey, mod10Chain, traces, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * const teacher = { policy, params: model.init(random.key(1)) }
 * const measure = divergenceMeterAsync({ policy, teacher, divergences: { forward: forwardKl }, device })
 * const texts = traces(mod10Chain, { rows: 8, thinkShare: 1 })(hostKey(0))
 * console.log((await measure(model.init(random.key(0)), texts))['forward']) // nats per token
 * ```
 */
export const divergenceMeterAsync = /* @__PURE__ */ curriedTwin(divergenceMeter)
