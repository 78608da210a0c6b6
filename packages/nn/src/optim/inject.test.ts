import { presentDevices } from '@adjoint/testing'
import { jit, requestDeviceAsync, scalar, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { adafactor } from './adafactor.ts'
import { adamW } from './adam.ts'
import { ema } from './average.ts'
import { injectHyperparams } from './inject.ts'
import { lamb } from './lamb.ts'
import { lion } from './lion.ts'
import { muon } from './muon.ts'
import { rmsprop } from './rmsprop.ts'
import { linearSchedule } from './schedule.ts'
import { sgd } from './sgd.ts'
import { follow, type Leaves, leavesOf, near, problems, readAll, values } from './steps.support.ts'
import { applyUpdates, type GradientTransformation, opaque } from './transformation.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

/** The same optimizer with its numbers known, and as scalars of its state. */
const pairs: Readonly<Record<string, readonly [GradientTransformation, GradientTransformation]>> = (() => {
  const adam = { learningRate: 0.25, b1: 0.5, b2: 0.75, eps: 0.125, weightDecay: 0.5 }
  const lionOf = { learningRate: 0.25, b1: 0.5, b2: 0.75, weightDecay: 0.5 }
  const rms = { learningRate: 0.25, decay: 0.75, eps: 0.125, momentum: 0.5 }
  const heavy = { learningRate: 0.25, momentum: 0.5 }
  const factor = { learningRate: 0.25, eps: 0.125, clip: 0.5, momentum: 0.5, weightDecay: 0.25 }
  const schulz = { learningRate: 0.25, beta: 0.5, weightDecay: 0.5, eps: 0.125, consistentRms: 0.25 }
  const late = { decay: 0.5 }
  return {
    adamW: [opaque(adamW(adam)), opaque(injectHyperparams(adam)(adamW))],
    nadam: [
      opaque(adamW({ ...adam, nesterov: true })),
      opaque(injectHyperparams(adam)((h) => adamW({ ...h, nesterov: true }))),
    ],
    lion: [opaque(lion(lionOf)), opaque(injectHyperparams(lionOf)(lion))],
    rmsprop: [opaque(rmsprop(rms)), opaque(injectHyperparams(rms)(rmsprop))],
    centered: [
      opaque(rmsprop({ ...rms, centered: true })),
      opaque(injectHyperparams(rms)((h) => rmsprop({ ...h, centered: true }))),
    ],
    sgd: [opaque(sgd(heavy)), opaque(injectHyperparams(heavy)(sgd))],
    lamb: [opaque(lamb(adam)), opaque(injectHyperparams(adam)(lamb))],
    adafactor: [
      adafactor({ ...factor, minFactored: 2 }),
      opaque(injectHyperparams(factor)((h) => adafactor({ ...h, minFactored: 2 }))),
    ],
    muon: [opaque(muon(schulz)), opaque(injectHyperparams(schulz)(muon))],
    ema: [opaque(ema(late)), opaque(injectHyperparams(late)(ema))],
  }
})()

describe('injectHyperparams', () => {
  test.each(Object.entries(pairs))('%s: is the inner one with those numbers', (_, [known, injected]) => {
    fc.assert(
      fc.property(problems, ({ start, steps }) => {
        const [params, gradients] = [leavesOf(start), steps.map(leavesOf)]
        near(values(follow(injected, params, gradients)[0]), values(follow(known, params, gradients)[0]))
      }),
      { seed: 1, numRuns: 15 },
    )
  })

  test('a schedule is followed, and the state says what was used', () => {
    const learningRate = linearSchedule({ from: 1, to: 0, steps: 4 })
    const g = leavesOf({ w: { shape: [2], data: [1, -2] } })
    const steps = [g, g, g]
    const [params, state] = follow(injectHyperparams({ learningRate, momentum: 0.5 })(sgd), g, steps)
    near(values(params), values(follow(sgd({ learningRate, momentum: 0.5 }), g, steps)[0]))
    near(values(state.hyperparams), [0.5, 0.5])
  })

  test('another rate is another argument: nothing is compiled; and where it stays, nothing is made', async () => {
    const optimizer = injectHyperparams({ learningRate: 1 })(sgd)
    const gradients = leavesOf({ w: { shape: [2], data: [1, 1] } })
    const start = leavesOf({ w: { shape: [2], data: [0, 0] } })
    for (const { kind } of devices.filter((device) => device.kind !== 'reference')) {
      const device = await requestDeviceAsync({ kind }) // its own: what other tests dropped is collected at any time
      let traced = 0
      const step = jit(
        (params: Leaves, state: ReturnType<typeof optimizer.init>) => {
          traced++
          const [updates, next] = optimizer.update(gradients, state, params)
          return [applyUpdates(params, updates), next] as const
        },
        { donate: [0, 1], device },
      )
      let [params, state] = step(start, optimizer.init(start))
      let wanted = -1
      const once = async (rate: number): Promise<void> => {
        ;[params, state] = step(params, state)
        wanted -= rate
        near(await readAll(params, device), [wanted, wanted])
      }
      const set = async (rate: number): Promise<void> => {
        state = { ...state, hyperparams: { learningRate: scalar(rate) } }
        await once(rate)
      }
      for (const rate of [0.5, 1, 0.25]) await set(rate)
      const before = device.stats()
      for (const rate of [0.125, 2, 0.375, 0.625]) await set(rate)
      expect(traced).toBe(1)
      expect(device.stats().pipelines).toBe(before.pipelines)
      for (let i = 0; i < 3; i++) await once(0.625)
      const { created, submits } = device.stats()
      for (let i = 0; i < 5; i++) await once(0.625)
      expect(device.stats().created).toBe(created)
      expect(device.stats().submits - submits).toBe(5)
      await device.destroy()
    }
  })

  test('numbers that are none, and states of another, are refused', () => {
    expect(() => injectHyperparams({ learningRate: NaN })(sgd)).toThrow(/injectHyperparams: learningRate is NaN/)
    const optimizer = injectHyperparams({ learningRate: 1 })(sgd)
    const g = { w: tensor([1]) }
    expect(() => optimizer.update(g, null as never, g)).toThrow(/injectHyperparams: the state is null/)
    const bare = { ...optimizer.init(g), hyperparams: {} } as never
    expect(() => optimizer.update(g, bare, g)).toThrow(/has to hold \{learningRate\}/)
  })
})
