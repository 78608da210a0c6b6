/**
 * Coefficients of the objective that follow what is measured, instead of being numbers that are tuned: the weight of the KL
 * term until the policy is as far from its reference as was asked for, and that of the entropy until the policy is as
 * undecided. A control is pure, and its state is the coefficient, a scalar: it is part of the loop's state, and so of its
 * checkpoint, and reaches the objective as data (`Rollouts.beta`, `Rollouts.entropyBonus`), so that no step is compiled for
 * its value.
 */
import { add, clamp, div, mul, type Scalar, scalar, sub } from '@adjoint/tensor'
import { optionsOf } from '@adjoint/tensor/ir'

/** A coefficient that follows a measurement. */
export interface Control {
  readonly init: Scalar
  /** The coefficient of the next step, from that of a step and what was measured in it. */
  readonly update: (coefficient: Scalar, measured: Scalar) => Scalar
}

const demandWithin = (op: string, name: string, value: number, [least, most]: readonly [number, number]): void => {
  if (!(value >= least && value <= most))
    throw new RangeError(`${op}: ${name} is ${value}. Give a number from ${least} to ${most}.`)
}

/** How the KL coefficient follows its target. */
export interface AdaptiveKl {
  /** Nats a token, as the metric `kl` is: the divergence to keep. */
  readonly target: number
  /** beta of the first step. */
  readonly initial: number
  /** K, the largest relative change being K / 5. Default 0.1. */
  readonly gain?: number
  /** Bounds of beta, within which it can come back however long the target was out of reach. Default 1e-6 and 1e3. */
  readonly min?: number
  readonly max?: number
}

/**
 * `beta <- beta (1 + K clip(kl / target - 1, -0.2, 0.2))`: a proportional controller in log space (Ziegler et al. 2019,
 * "Fine-tuning language models from human preferences", section 2.2; there K = 0.1). beta rests where kl is the target.
 * Its bounds are ours. Throws RangeError unless the target is positive, K is in (0, 5), and `min <= initial <= max`, all
 * positive.
 *
 * @example
 * ```ts
 * import { adaptiveKl } from '@adjoint/rl'
 * import { scalar } from '@adjoint/tensor'
 * const { init, update } = adaptiveKl({ target: 0.1, initial: 0.04 })
 * update(init, scalar(0.5)) // 0.04 * 1.02
 * ```
 */
export const adaptiveKl = (options: AdaptiveKl): Control => {
  const {
    target,
    initial,
    gain = 0.1,
    min = 1e-6,
    max = 1e3,
  } = optionsOf('adaptiveKl', options, { target: true, initial: true, gain: true, min: true, max: true })

  const positive = [Number.MIN_VALUE, Number.MAX_VALUE] as const
  demandWithin('adaptiveKl', 'target', target, positive)
  demandWithin('adaptiveKl', 'min', min, positive)
  demandWithin('adaptiveKl', 'max', max, [min, Number.MAX_VALUE])
  demandWithin('adaptiveKl', 'initial', initial, [min, max])
  if (!(gain > 0 && gain < 5))
    throw new RangeError(`adaptiveKl: gain is ${gain}. Give a number between 0 and 5, so that beta stays positive.`)
  return {
    init: scalar(initial),
    update: (beta, kl) => {
      const error = clamp(-0.2, 0.2)(div(sub(kl, target), target))
      return clamp(min, max)(mul(beta, add(mul(error, gain), 1)))
    },
  }
}

/** How the entropy coefficient follows its target. */
export interface AdaptiveEntropy {
  /** Nats a token, as the metric `entropy` is: what the policy is to keep. */
  readonly target: number
  /** By how much the coefficient moves for each nat that the entropy is off. */
  readonly rate: number
  /** The coefficient of the first step. Default 0. */
  readonly initial?: number
  /** Bounds of the coefficient. Default 0 and 1. */
  readonly min?: number
  readonly max?: number
}

/**
 * `alpha <- clip(alpha + rate (target - entropy), min, max)`: gradient steps on the multiplier of the constraint that the
 * entropy be at least the target (soft actor-critic's temperature, Haarnoja et al. 2018, "Soft actor-critic algorithms and
 * applications", eq. 18, on alpha itself). With `min` 0 it is such a multiplier: it rises while the policy is too sure of
 * itself, and pulls nothing while it is not. Skywork-OR1 (He et al. 2025) moves it by the sign of the difference. Throws
 * RangeError unless target and rate are positive and `min <= initial <= max`.
 *
 * @example
 * ```ts
 * import { adaptiveEntropy } from '@adjoint/rl'
 * import { scalar } from '@adjoint/tensor'
 * const { init, update } = adaptiveEntropy({ target: 0.2, rate: 0.01 })
 * update(init, scalar(0.1)) // 0.001
 * ```
 */
export const adaptiveEntropy = (options: AdaptiveEntropy): Control => {
  const {
    target,
    rate,
    initial = 0,
    min = 0,
    max = 1,
  } = optionsOf('adaptiveEntropy', options, { target: true, rate: true, initial: true, min: true, max: true })

  const positive = [Number.MIN_VALUE, Number.MAX_VALUE] as const
  demandWithin('adaptiveEntropy', 'target', target, positive)
  demandWithin('adaptiveEntropy', 'rate', rate, positive)
  demandWithin('adaptiveEntropy', 'min', min, [-Number.MAX_VALUE, Number.MAX_VALUE])
  demandWithin('adaptiveEntropy', 'max', max, [min, Number.MAX_VALUE])
  demandWithin('adaptiveEntropy', 'initial', initial, [min, max])
  return {
    init: scalar(initial),
    update: (alpha, entropy) => clamp(min, max)(add(alpha, mul(sub(target, entropy), rate))),
  }
}

/** Which coefficients follow what is measured; the others stay what the objective says. */
export interface Controls {
  /** Of the KL term: `adaptiveKl(..)`. */
  readonly kl?: Control
  /** Of the entropy: `adaptiveEntropy(..)`. */
  readonly entropy?: Control
}

/** The coefficients as data, as {@link Rollouts} takes them; null where the objective's own number stands. */
export type Coefficients = {
  readonly beta: Scalar | null
  readonly entropyBonus: Scalar | null
}

/** Both controls as one. */
export interface Controller {
  readonly init: Coefficients
  /** What was measured: means over the tokens of a step, nats. */
  readonly update: (
    coefficients: Coefficients,
    measured: { readonly kl: Scalar; readonly entropy: Scalar },
  ) => Coefficients
}

/**
 * The controls of a loop as `init` and `update` of one tree, which belongs into the loop's state: its fields are those of
 * `Rollouts`. Throws where a state lacks a coefficient that is to be followed.
 *
 * @example
 * ```ts
 * import { adaptiveKl, controller } from '@adjoint/rl'
 * import { scalar } from '@adjoint/tensor'
 * const { init, update } = controller({ kl: adaptiveKl({ target: 0.1, initial: 0.04 }) })
 * const next = update(init, { kl: scalar(0.05), entropy: scalar(1) }) // beta 0.0392, entropyBonus null
 * ```
 */
export const controller = (options: Controls): Controller => {
  const { kl, entropy } = optionsOf('controller', options, { kl: true, entropy: true })

  const follow = (name: keyof Coefficients, control: Control | undefined, at: Scalar | null, measured: Scalar) => {
    if (control === undefined) return at
    if (at === null)
      throw new Error(
        `controller: the state has no ${name}. Begin with the controller's init, or leave its control out.`,
      )
    return control.update(at, measured)
  }
  return {
    init: { beta: kl?.init ?? null, entropyBonus: entropy?.init ?? null },
    update: (at, measured) => ({
      beta: follow('beta', kl, at.beta, measured.kl),
      entropyBonus: follow('entropyBonus', entropy, at.entropyBonus, measured.entropy),
    }),
  }
}
