// What every optimizer does at the edges, on every device: gradients and parameters of 0, huge and tiny ones, NaN and Infinity;
// and in the long run, where a compiled step makes nothing anew.
import { presentDevices } from '@adjoint/testing'
import { type Device, jit, realizeAsync, requestDeviceAsync, type Tree } from '@adjoint/tensor'
import { afterAll, describe, expect, test } from 'vitest'
import {
  adafactor,
  adam,
  applyUpdates,
  averageParams,
  chain,
  ema,
  type GradientTransformation,
  injectHyperparams,
  lamb,
  lion,
  muon,
  opaque,
  partition,
  rmsprop,
  sgd,
} from '../index.ts'
import { follow, followOn, type Leaves, leavesOf, readAll, values } from './steps.support.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const optimizers: Readonly<Record<string, GradientTransformation>> = {
  nadam: opaque(adam({ learningRate: 0.5, nesterov: true })),
  lion: opaque(lion({ learningRate: 0.5 })),
  rmsprop: opaque(rmsprop({ learningRate: 0.5, momentum: 0.5 })),
  centered: opaque(rmsprop({ learningRate: 0.5, centered: true })),
  lamb: opaque(lamb({ learningRate: 0.5, weightDecay: 0.1 })),
  adafactor: adafactor({ minFactored: 2, momentum: 0.5 }),
  muon: opaque(muon({ learningRate: 0.5 })),
  average: opaque(chain(ema({ decay: 0.5 }), sgd({ learningRate: 0.5 }), averageParams({ decay: 0.9 }))),
  partition: opaque(
    partition({ a: lion({ learningRate: 0.5 }), b: injectHyperparams({ learningRate: 0.5 })(rmsprop) })(
      (_, { shape }) => (shape.length > 1 ? 'a' : 'b'),
    ),
  ),
}

const all = (x: number): Leaves =>
  leavesOf({
    matrix: { shape: [2, 3], data: [x, -x, x, x, x, -x] },
    none: { shape: [0, 2], data: [] },
    scalar: { shape: [], data: [x] },
    vector: { shape: [2], data: [x, -x] },
  })

describe.each(Object.entries(optimizers))('%s', (name, optimizer) => {
  test('gradients of 0 leave parameters of 0 where they are', async () => {
    for (const device of devices)
      for (const x of await followOn(device, optimizer, all(0), [all(0), all(0)])) expect(Math.abs(x)).toBe(0)
  })

  test('huge and tiny gradients move parameters as their signs say, and later ones still do', async () => {
    for (const size of [1e30, 3e38, 1e-12]) {
      // The mean of gradients as they are is itself huge: nothing of it is bounded.
      if (name === 'average' && size > 1) continue
      const moved = values(follow(optimizer, all(1), [all(size)])[0])
      for (const device of devices) {
        const found = await followOn(device, optimizer, all(1), [all(size)])
        found.forEach((x, i) => {
          expect(Number.isFinite(x), `${x} of ${size} on ${device.kind}`).toBe(true)
          // Parameters are 1 and -1, along their gradients.
          expect(x * Math.sign(values(all(1))[i]!)).toBeLessThanOrEqual(1)
          expect(x).toBeCloseTo(moved[i]!, 3)
        })
      }
    }
  })

  test('a NaN gradient is seen in its leaf, and in no other', async () => {
    const bad = { ...all(1), vector: leavesOf({ v: { shape: [2], data: [NaN, NaN] } })['v']! }
    for (const device of devices) {
      const found = await followOn(device, optimizer, all(1), [bad])
      expect(found.slice(0, 7).every(Number.isFinite)).toBe(true)
      expect(found.slice(7)).toEqual([NaN, NaN])
    }
  })

  test('a compiled step is one submission, and makes nothing in the long run', async () => {
    for (const { kind } of devices.filter((device) => device.kind !== 'reference')) {
      const device: Device = await requestDeviceAsync({ kind }) // its own: what other tests dropped is collected at any time
      const gradients = await realizeAsync(all(0.5), device)
      const step = jit(
        (params: Leaves, state: Tree, g: Leaves) => {
          const [updates, next] = optimizer.update(g, state, params)
          return [applyUpdates(params, updates), next] as const
        },
        { donate: [0, 1], device },
      )
      let [params, state]: readonly [Leaves, Tree] = [all(1), optimizer.init(all(1))]
      const once = async (): Promise<void> => {
        ;[params, state] = step(params, state, gradients)
        await readAll(params, device)
      }
      for (let i = 0; i < 5; i++) await once()
      const before = device.stats()
      for (let i = 0; i < 6; i++) await once()
      const after = device.stats()
      expect(after.submits - before.submits).toBe(6)
      expect(after.created - before.created).toBe(0)
      expect(after.liveBytes).toBe(before.liveBytes)
      await device.destroy()
    }
  })

  test('a tree without leaves has a state and updates', () => {
    const [updates] = optimizer.update({}, optimizer.init({}), {})
    expect(updates).toEqual({})
  })
})
