import { grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { presentDevices } from '@adjoint/testing'
import { jit, readAsync, scalar, type Scalar } from '@adjoint/tensor'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { adaptiveEntropy, adaptiveKl, type Coefficients, type Control, controller } from './control.ts'
import { objective, objectiveMetrics } from './objective.ts'
import {
  allNear,
  batches,
  full,
  gradOf,
  type Host,
  law,
  logpOf,
  lossOf,
  near,
  rolloutsOf,
  value,
  values,
} from '../policy/rollouts.support.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const next = ({ update }: Control, coefficient: number, measured: number): number =>
  value(update(scalar(coefficient), scalar(measured)))
const settled = (control: Control, measure: (coefficient: number) => number, steps: number): number => {
  let c = value(control.init)
  for (let i = 0; i < steps; i++) c = next(control, c, measure(c))
  return c
}
// Numbers that single precision holds: what is measured is one.
const size = fc.integer({ min: 1, max: 256 }).map((n) => n / 64)
const gain = fc.integer({ min: 1, max: 49 }).map((n) => n / 10)

describe('the KL coefficient', () => {
  law(
    'follows beta (1 + K clip(kl / target - 1, -0.2, 0.2))',
    fc.tuple(size, size, size, gain),
    ([b, kl, target, K]) => {
      const expected = b * (1 + K * Math.min(0.2, Math.max(-0.2, kl / target - 1)))
      return near(next(adaptiveKl({ target, initial: 1, gain: K }), b, kl), expected)
    },
  )

  law(
    'rests on target, rises above it and falls below it, and never leaves (0, 2 beta)',
    fc.tuple(size, size, size, gain),
    ([b, kl, target, K]) => {
      const moved = next(adaptiveKl({ target, initial: 1, gain: K }), b, kl)
      return moved > 0 && moved < 2 * b && (kl === target ? moved === b : moved > b === kl > target)
    },
  )

  law(
    'finds the coefficient of the target where the divergence falls with it',
    fc.tuple(size, size),
    ([target, strength]) => {
      // kl = strength / beta: what a penalty does to a policy, roughly.
      const found = settled(adaptiveKl({ target, initial: 1, gain: 1 }), (beta) => strength / beta, 300)
      return near(found, strength / target, 1e-3)
    },
    10,
  )

  test('comes back from its bounds', () => {
    const control = adaptiveKl({ target: 1, initial: 1, gain: 1, min: 0.5, max: 2 })
    expect(settled(control, () => 100, 50)).toBe(2)
    expect(settled(control, () => 0, 50)).toBe(0.5)
    expect(next(control, 0.5, 2)).toBeCloseTo(0.6, 6)
    expect(next(control, 2, 0)).toBeCloseTo(1.6, 6)
  })

  test('Ziegler et al.: at twice the target and K 0.1, two per cent a step', () => {
    const control = adaptiveKl({ target: 6, initial: 0.04 })
    expect(next(control, 0.04, 12)).toBeCloseTo(0.0408, 8)
    expect(next(control, 0.04, 6.6)).toBeCloseTo(0.0404, 8)
    expect(next(control, 0.04, -3)).toBeCloseTo(0.0392, 8)
  })
})

describe('the entropy coefficient', () => {
  law('moves by rate (target - entropy) within its bounds', fc.tuple(size, size, size), ([a, H, target]) => {
    const control = adaptiveEntropy({ target, rate: 0.5, max: 3 })
    return near(next(control, Math.min(a, 3), H), Math.min(3, Math.max(0, Math.min(a, 3) + 0.5 * (target - H))))
  })

  test('is a multiplier: 0 while there is entropy enough, and what holds it at the target otherwise', () => {
    const control = adaptiveEntropy({ target: 0.5, rate: 0.1 })
    expect(settled(control, () => 0.7, 20)).toBe(0)
    // Entropy grows with its weight, from less than the target.
    const held = settled(control, (alpha) => 0.2 + alpha, 400)
    expect(held).toBeCloseTo(0.3, 4)
  })
})

describe('both in one', () => {
  const both = {
    kl: adaptiveKl({ target: 1, initial: 0.5 }),
    entropy: adaptiveEntropy({ target: 1, rate: 1, initial: 0.25 }),
  }
  const measured = { kl: scalar(2), entropy: scalar(0.75) }
  const numbers = ({ beta, entropyBonus }: Coefficients) =>
    [beta, entropyBonus].map((x) => (x === null ? null : value(x)))

  test('each follows its own measurement, and what is not controlled stays null', () => {
    for (const [controls, start, after] of [
      [both, [0.5, 0.25], [0.51, 0.5]],
      [{ kl: both.kl }, [0.5, null], [0.51, null]],
      [{ entropy: both.entropy }, [null, 0.25], [null, 0.5]],
      [{}, [null, null], [null, null]],
    ] as const) {
      const { init, update } = controller(controls)
      expect(numbers(init)).toEqual(start)
      const found = numbers(update(init, measured))
      after.forEach((x, i) => (x === null ? expect(found[i]).toBeNull() : expect(found[i]).toBeCloseTo(x, 6)))
    }
  })

  test('a state without what is to be followed is refused', () => {
    expect(() => controller(both).update(controller({}).init, measured)).toThrow(/controller: the state has no beta/)
    expect(() => controller({ entropy: both.entropy }).update(controller({}).init, measured)).toThrow(
      /controller: the state has no entropyBonus/,
    )
  })

  test.each<readonly [string, () => unknown]>([
    ['adaptiveKl: target is 0', () => adaptiveKl({ target: 0, initial: 1 })],
    ['adaptiveKl: initial is NaN', () => adaptiveKl({ target: 1, initial: NaN })],
    ['adaptiveKl: initial is 0', () => adaptiveKl({ target: 1, initial: 0 })],
    ['adaptiveKl: gain is 5', () => adaptiveKl({ target: 1, initial: 1, gain: 5 })],
    ['adaptiveKl: max is 1', () => adaptiveKl({ target: 1, initial: 2, min: 2, max: 1 })],
    ['adaptiveEntropy: target is -1', () => adaptiveEntropy({ target: -1, rate: 1 })],
    ['adaptiveEntropy: rate is 0', () => adaptiveEntropy({ target: 1, rate: 0 })],
    ['adaptiveEntropy: initial is 2', () => adaptiveEntropy({ target: 1, rate: 1, initial: 2 })],
  ])('%s: refused where it is made', (message, make) => {
    expect(make).toThrow(message)
  })
})

describe('coefficients as data', () => {
  const entropies = (h: Host): Floats => logpOf({ ...h, logp: h.logp.map((l) => -l) })

  law(
    'are worth what the same numbers in the configuration are, gradient and metrics too',
    fc.tuple(batches, size, size),
    ([h, beta, entropyBonus]) => {
      const given = { beta: scalar(beta), entropyBonus: scalar(entropyBonus) }
      const fixed = { ...full, beta, entropyBonus }
      const loss = (config: typeof full, more: Partial<Coefficients>) => (logp: Floats) =>
        objective(config)({ ...rolloutsOf(h), ...more })(logp, entropies(h))
      return (
        [full, { ...full, beta: 0 }].every(
          (config) =>
            near(value(loss(config, given)(logpOf(h))), value(loss(fixed, {})(logpOf(h)))) &&
            allNear(values(grad(loss(config, given))(logpOf(h))), values(grad(loss(fixed, {}))(logpOf(h)))),
        ) &&
        near(
          value(objectiveMetrics(full)({ ...rolloutsOf(h), ...given })(logpOf(h), entropies(h)).policy_loss),
          value(objectiveMetrics(fixed)(rolloutsOf(h))(logpOf(h), entropies(h)).policy_loss),
        )
      )
    },
  )

  law('that are null leave the configuration alone', batches, (h) => {
    const none = { beta: null, entropyBonus: null }
    return lossOf(full, h, none) === lossOf(full, h) && allNear(gradOf(full, h, none), gradOf(full, h), 0)
  })

  test('ask for a reference, and for entropies', () => {
    const [h] = fc.sample(batches, { seed: 1, numRuns: 1 })
    const at = { ...rolloutsOf(h!), refLogp: null }
    expect(() => objective({ ...full, beta: 0 })({ ...at, beta: scalar(0.1) })(logpOf(h!))).toThrow(/refLogp is null/)
    expect(() => objective({ ...full, beta: 0 })({ ...at, entropyBonus: scalar(1) })(logpOf(h!))).toThrow(
      /no entropy was given/,
    )
  })

  test('are arguments of a program: one serves all their values', async () => {
    const [h] = fc.sample(batches, { seed: 1, numRuns: 1 })
    for (const device of devices) {
      let traced = 0
      const loss = jit(
        (logp: Floats, coefficients: Coefficients): Scalar => {
          traced++
          return objective(full)({ ...rolloutsOf(h!), ...coefficients })(logp)
        },
        { device },
      )
      for (const beta of [0.1, 0.2, 0.4]) {
        const found = await readAsync(loss(logpOf(h!), { beta: scalar(beta), entropyBonus: null }), device)
        expect(found[0]).toBeCloseTo(lossOf({ ...full, beta }, h!), 4)
      }
      expect(traced).toBe(1)
    }
  })
})
