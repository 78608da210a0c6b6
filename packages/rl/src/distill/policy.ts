/**
 * Distillation as reinforcement learning: the student writes, and each token's advantage is how much likelier the teacher
 * finds it than the student does,
 *
 *   A_t = sum over u >= t of gamma^(u - t) (log T(y_u | y_<u) - log S(y_u | y_<u)),
 *
 * through the same objective as GRPO. With gamma = 1 the expected gradient of `sum_t A_t log S(y_t)` is that of
 * `-KL(S || T)` between whole sequences (MiniLLM, Gu et al. 2024, eq. 2); with gamma = 0 each token answers for itself
 * alone ("on-policy distillation", Thinking Machines Lab 2025), which is the gradient of the reverse KL at each prefix, the
 * prefixes held fixed. Only the log-probabilities of sampled tokens are asked of the teacher.
 *
 * It departs from MiniLLM: no texts are mixed from teacher and student, returns are not divided by what is left of the
 * sequence, and no language-modelling loss is added.
 */
import type { Floats, GradientTransformation } from '@adjoint/nn'
import { type Device, matmul, neg, stopGradient, tensor, type Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { optionsOf } from '@adjoint/tensor/ir'
import { demandMicroBatch, type Sampled } from '../experience/rows.ts'
import type { Stepped } from '../learn/fit.ts'
import { type Learner, updateOf } from '../learn/update.ts'
import { tokenMean, totalsOf } from '../objective/aggregate.ts'
import { unclipped } from '../objective/clip.ts'
import { masked } from '../objective/mask.ts'
import { GRPO_OBJECTIVE, objective, type ObjectiveConfig, type Rollouts } from '../objective/objective.ts'
import { logRatioOf } from '../objective/ratio.ts'
import type { LogitPolicy } from '../policy/policy.ts'
import { onDevice, readOn } from '../run/device.ts'
import { demandVocabulary, type TeacherModel } from './loss.ts'
import { type StudentSampling, studentStep } from './sampling.ts'
import { curriedTwin } from '../or-throw.ts'

/**
 * The advantages [B, T] of sampled tokens from their log-probabilities [B, T] (nats) under teacher and student; 0 where the
 * mask is 0, whatever stands there, and constants to the gradient. Throws RangeError for a discount outside [0, 1].
 *
 * @example
 * ```ts
 * import { teacherAdvantages } from '@adjoint/rl'
 * import { ones, tensor } from '@adjoint/tensor'
 * teacherAdvantages(1)(tensor([-1, -1], [1, 2]), tensor([-2, -0.5], [1, 2]), ones([1, 2])) // [[0.5, -0.5]]
 * ```
 */
export const teacherAdvantages = (discount: number) => {
  if (!(discount >= 0 && discount <= 1))
    throw new RangeError(`teacherAdvantages: discount is ${discount}. Choose a number from 0 (each token alone) to 1.`)
  return (teacherLogp: Floats, studentLogp: Floats, mask: Floats): Floats => {
    const gain = stopGradient(masked(logRatioOf(teacherLogp, studentLogp), mask))
    if (discount === 0) return gain
    const T = mask.shape[1]!
    const powers = Float32Array.from({ length: T * T }, (_, i) => {
      const [later, now] = [Math.floor(i / T), i % T]
      return later < now ? 0 : discount ** (later - now)
    })
    return masked(matmul(gain, tensor(powers, [T, T])), mask)
  }
}

/** Importance sampling without a clip, the mean over tokens: on policy all ratios are 1. */
export const ON_POLICY_OBJECTIVE: ObjectiveConfig = { ...GRPO_OBJECTIVE, clip: unclipped, aggregate: tokenMean }

/** How to learn from a teacher's log-probabilities of what the student writes. */
export interface MiniLlmConfig<Problem, P extends Tree, T extends Tree, O extends Tree> {
  /** The student. */
  readonly policy: LogitPolicy<P>
  readonly teacher: TeacherModel<T>
  readonly sampling: StudentSampling<Problem>
  /** gamma. Default 0: each token answers for itself. */
  readonly discount?: number
  /** Default {@link ON_POLICY_OBJECTIVE}. Its beta is 0: the teacher is the reference. */
  readonly objective?: ObjectiveConfig
  readonly optimizer: GradientTransformation<O>
  /** Completions that go through both models at once; the result is that of all of them. Default: all. */
  readonly microBatch?: number
  readonly device: Device
}

/**
 * A step of on-policy distillation by policy gradient: `(state, key) -> state and metrics`: `kl`, the estimate of KL(S || T)
 * in nats per token from the sampled tokens, `policy_loss`, `entropy`, `grad_norm`, and those of the completions. Teacher
 * and student are scored at the temperature of sampling. Left and thrown as {@link distillStep}.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { hostKey, miniLlmStep, mod10Chain, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 *   const policy = transformerPolicy(model, mod10Chain.vocabulary)
 *   const optimizer = adamW({ learningRate: 1e-3 })
 *   const step = miniLlmStep({
 *     policy,
 *     teacher: { policy, params: model.init(random.key(1)) },
 *     sampling: { task: mod10Chain, prompts: 8, maxTokens: 12, temperature: 1 },
 *     optimizer,
 *     device: device.right,
 *   })
 *   const params = model.init(random.key(0))
 *   const stepped = await step({ params, opt: optimizer.init(params) }, hostKey(0))()
 * }
 * ```
 */
export const miniLlmStep = <Problem, P extends Tree, T extends Tree, O extends Tree>(
  given: MiniLlmConfig<Problem, P, T, O>,
) => {
  const config = optionsOf('miniLlmStep', given, {
    policy: true,
    teacher: true,
    sampling: true,
    discount: true,
    objective: true,
    optimizer: true,
    microBatch: true,
    device: true,
  })

  const { policy, teacher, sampling, optimizer, device, objective: parts = ON_POLICY_OBJECTIVE } = config
  demandVocabulary('miniLlmStep', policy, teacher.policy)
  demandMicroBatch('miniLlmStep', config.microBatch)
  if (parts.beta !== 0)
    throw new RangeError(`miniLlmStep: beta is ${parts.beta}. Set it to 0: the teacher is the reference.`)
  const advantagesOf = teacherAdvantages(config.discount ?? 0)
  const scored = { completion: sampling.maxTokens, temperature: sampling.temperature }
  const [asStudent, asTeacher] = [policy.score(scored), teacher.policy.score(scored)]
  const { update, unpack } = updateOf({
    loss: (params: P, { given, ...sampled }: Sampled & { readonly given: T }) => {
      const { mask, samplerLogp, totals } = sampled
      const taught = asTeacher(given, sampled).logp // [B, N]
      const { logp, entropy } = asStudent(params, sampled)
      const rollouts: Rollouts = {
        mask,
        oldLogp: samplerLogp,
        refLogp: null,
        advantages: advantagesOf(taught, samplerLogp, mask),
        weights: null,
        totals,
      }
      const value = objective(parts)(rollouts)(logp, entropy)
      const perToken = (x: Floats) => tokenMean(x, mask, totals ?? totalsOf(mask))
      return [
        value,
        {
          policy_loss: value,
          kl: neg(perToken(logRatioOf(taught, samplerLogp))),
          entropy: perToken(stopGradient(entropy)),
        },
      ]
    },
    measures: { policy_loss: 'sum', kl: 'sum', entropy: 'sum' },
    optimizer,
    device,
  })
  return studentStep<Problem, P, Learner<P, O>>(config, (state, sampled) =>
    pipe(
      onDevice(() =>
        Promise.resolve(
          update(
            state,
            sampled.map((part) => ({ ...part, given: teacher.params })),
          ),
        ),
      ),
      TE.flatMap(({ learner, measured }) =>
        pipe(
          readOn(device)(measured),
          TE.map((values): Stepped<Learner<P, O>> => ({ state: learner, metrics: unpack(values) })),
        ),
      ),
    ),
  )
}

/**
 * {@link miniLlmStep} for scripts: its step awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { adamW, transformer } from '@adjoint/nn'
 * import { hostKey, miniLlmStepAsync, mod10Chain, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const [{ vocabulary }, optimizer] = [mod10Chain, adamW({ learningRate: 1e-3 })]
 * const model = transformer({ vocab: vocabulary.size, width: 16, layers: 1, heads: 2, context: 23 })
 * const policy = transformerPolicy(model, vocabulary)
 * const teacher = { policy, params: model.init(random.key(1)) }
 * const sampling = { task: mod10Chain, prompts: 8, maxTokens: 12, temperature: 1 }
 * const step = miniLlmStepAsync({ policy, teacher, sampling, optimizer, device })
 * const params = model.init(random.key(0))
 * const { metrics } = await step({ params, opt: optimizer.init(params) }, hostKey(0))
 * console.log(metrics['kl'])
 * ```
 */
export const miniLlmStepAsync = /* @__PURE__ */ curriedTwin(miniLlmStep)
