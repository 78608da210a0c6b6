/**
 * Generalized knowledge distillation (Agarwal et al. 2024, algorithm 1): with probability lambda a step's texts are the
 * student's own, else they are fixed ones; on either the student moves towards the teacher's distribution at each token, by
 * any divergence. A student that only ever saw the teacher's texts has not learned to go on from its own mistakes.
 *
 * As in the algorithm, no gradient flows through the sampling.
 */
import type { Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import type { RunError } from '../run/errors.ts'
import type { Stepped } from '../learn/fit.ts'
import type { Learner } from '../learn/update.ts'
import { dice, type HostKey, stream } from '../run/keys.ts'
import { type DistillConfig, distillStep, type DistillUpdate, distillUpdate } from './distill.ts'
import { type StudentSampling, studentStep } from './sampling.ts'
import { curriedTwin } from '../or-throw.ts'

/** How to distill on the student's own texts. */
export interface OnPolicyDistillConfig<Problem, P extends Tree, T extends Tree, O extends Tree> extends DistillUpdate<
  P,
  T,
  O
> {
  readonly sampling: StudentSampling<Problem>
}

/**
 * A step of distillation on what the student writes: `(state, key) -> state and metrics` (`loss`, `grad_norm`, and those of
 * the completions). Otherwise as {@link distillStep}, which has an example; GKD with lambda 1 is this.
 *
 * @example
 * ```ts
 * import { onPolicyDistillStep, type OnPolicyDistillConfig } from '@adjoint/rl'
 * const stepOf = (config: OnPolicyDistillConfig<unknown, null, null, null>) => onPolicyDistillStep(config)
 * ```
 */
export const onPolicyDistillStep = <Problem, P extends Tree, T extends Tree, O extends Tree>(
  given: OnPolicyDistillConfig<Problem, P, T, O>,
) => {
  const config = optionsOf('onPolicyDistillStep', given, {
    sampling: true,
    policy: true,
    teacher: true,
    optimizer: true,
    microBatch: true,
    device: true,
    divergence: true,
    aggregate: true,
  })
  return studentStep<Problem, P, Learner<P, O>>(config, distillUpdate(config))
}

/**
 * {@link onPolicyDistillStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { hostKey, mod10Chain, onPolicyDistillStepAsync, reverseKl, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const [{ vocabulary }, optimizer] = [mod10Chain, adamW({ learningRate: 1e-3 })]
 * const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const policy = transformerPolicy(model, vocabulary)
 * const teacher = { policy, params: model.init(random.key(1)) }
 * const sampling = { task: mod10Chain, prompts: 8, maxTokens: 12, temperature: 1 }
 * const step = onPolicyDistillStepAsync({ policy, teacher, divergence: reverseKl, sampling, optimizer, device })
 * const params = model.init(random.key(0))
 * const { metrics } = await step({ params, opt: optimizer.init(params) }, hostKey(0))
 * console.log(metrics['loss'])
 * ```
 */
export const onPolicyDistillStepAsync = /* @__PURE__ */ curriedTwin(onPolicyDistillStep)

/** How to mix. */
export interface GkdConfig<Problem, P extends Tree, T extends Tree, O extends Tree>
  extends DistillConfig<P, T, O>, OnPolicyDistillConfig<Problem, P, T, O> {
  /** Probability that a step is on the student's own texts. 0 never reads `sampling`, 1 never reads `batch`. */
  readonly lambda: number
}

/**
 * Whether a step is on the student's own texts: by its key alone.
 *
 * @example
 * ```ts
 * import { hostKey, isOnPolicy } from '@adjoint/rl'
 * isOnPolicy(0.5)(hostKey(3)) // the same at every call
 * ```
 */
export const isOnPolicy =
  (lambda: number) =>
  (key: HostKey): boolean =>
    dice(stream('on-policy')(key))(2 ** 20) < lambda * 2 ** 20

/**
 * A step of GKD: `(state, key, number) -> state and metrics`, those of the step taken and `on_policy`, 1 or 0. With lambda
 * 0 it is {@link distillStep} bit for bit, with 1 {@link onPolicyDistillStep}. Throws RangeError for a lambda outside [0, 1].
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { forwardKl, gkdStep, hostKey, mod10Chain, traces, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const { vocabulary } = mod10Chain
 *   const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 *   const policy = transformerPolicy(model, vocabulary)
 *   const optimizer = adamW({ learningRate: 1e-3 })
 *   const step = gkdStep({
 *     policy,
 *     teacher: { policy, params: model.init(random.key(1)) },
 *     divergence: forwardKl,
 *     lambda: 0.5,
 *     batch: traces(mod10Chain, { rows: 8, thinkShare: 1 }),
 *     sampling: { task: mod10Chain, prompts: 8, maxTokens: 12, temperature: 1 },
 *     optimizer,
 *     device: device.right,
 *   })
 *   const params = model.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params) }, hostKey(0))()
 * }
 * ```
 */
export const gkdStep = <Problem, P extends Tree, T extends Tree, O extends Tree>(
  given: GkdConfig<Problem, P, T, O>,
) => {
  const config = optionsOf('gkdStep', given, {
    lambda: true,
    width: true,
    batch: true,
    policy: true,
    teacher: true,
    optimizer: true,
    microBatch: true,
    device: true,
    divergence: true,
    aggregate: true,
    sampling: true,
  })

  if (!(config.lambda >= 0 && config.lambda <= 1))
    throw new RangeError(
      `gkdStep: lambda is ${config.lambda}. Choose a probability from 0 (fixed texts) to 1 (the student's).`,
    )
  const { lambda, width, batch, sampling, ...update } = config
  const fixed = distillStep({ ...update, batch, ...(width !== undefined && { width }) })
  const own = onPolicyDistillStep({ ...update, sampling })
  const isOwn = isOnPolicy(lambda)
  return (state: Learner<P, O>, key: HostKey, number = 0): TE.TaskEither<RunError, Stepped<Learner<P, O>>> => {
    const onPolicy = isOwn(key)
    return pipe(
      onPolicy ? own(state, key) : fixed(state, key, number),
      TE.map(({ state: next, metrics }) => ({ state: next, metrics: { ...metrics, on_policy: onPolicy ? 1 : 0 } })),
    )
  }
}

/**
 * {@link gkdStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { forwardKl, gkdStepAsync, hostKey, mod10Chain, traces, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const [{ vocabulary }, optimizer] = [mod10Chain, adamW({ learningRate: 1e-3 })]
 * const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const policy = transformerPolicy(model, vocabulary)
 * const teacher = { policy, params: model.init(random.key(1)) }
 * const sampling = { task: mod10Chain, prompts: 8, maxTokens: 12, temperature: 1 }
 * const batch = traces(mod10Chain, { rows: 8, thinkShare: 1 })
 * const update = { policy, teacher, divergence: forwardKl, optimizer, device }
 * const step = gkdStepAsync({ ...update, lambda: 0.5, batch, sampling })
 * const params = model.init(random.key(0))
 * const { metrics } = await step({ params, opt: optimizer.init(params) }, hostKey(0))
 * console.log(metrics['loss'])
 * ```
 */
export const gkdStepAsync = /* @__PURE__ */ curriedTwin(gkdStep)
