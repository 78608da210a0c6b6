// Losses of pairs, of steps and of distributions: finite for finite numbers of any size, with finite gradients; tokens that
// both distributions rule out, and whatever stands where nothing counts, reach neither.
import { valueAndGrad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { presentDevices } from '@adjoint/testing'
import { add, jit, readAsync, type Scalar, sum, tensor } from '@adjoint/tensor'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import * as divergences from '../distill/divergence.ts'
import { distillLoss } from '../distill/loss.ts'
import { teacherAdvantages } from '../distill/policy.ts'
import { onTop, renormalised, tailBucket, topLogprobs, truncated } from '../distill/top-k.ts'
import { dpo, ipo, type PreferenceLoss, preferenceLoss } from '../preference/dpo.ts'
import { orpo, simpo } from '../preference/reference-free.ts'
import { stepLoss } from '../process-reward/process-reward.ts'
import { bradleyTerry } from '../reward-model/bradley-terry.ts'
import { many } from '../policy/rollouts.support.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const N = 6
const huge = fc.constantFrom(0, 1, 20, 88, 100, 1e4, 1e15, 1e30).chain((x) => fc.constantFrom(x, -x))
const row = (xs: readonly number[]): Floats => tensor(xs, [xs.length])
const finite = (xs: ArrayLike<number>): boolean => Array.from(xs).every(Number.isFinite)

/** A scalar of two arrays, by which it is differentiated, at samples. */
const check = async (
  f: (x: Floats, y: Floats) => Scalar,
  samples: fc.Arbitrary<readonly [Floats, Floats]>,
  holds: (value: number, dx: readonly number[], dy: readonly number[]) => boolean = (value, dx, dy) =>
    Number.isFinite(value) && finite(dx) && finite(dy),
): Promise<void> => {
  for (const device of devices) {
    const run = jit(
      (x: Floats, y: Floats) =>
        valueAndGrad(({ x: a, y: b }: { readonly x: Floats; readonly y: Floats }) => f(a, b))({ x, y }),
      { device },
    )
    await fc.assert(
      fc.asyncProperty(samples, async ([x, y]) => {
        const [value, { x: dx, y: dy }] = run(x, y)
        const [v, gx, gy] = [await readAsync(value, device), await readAsync(dx, device), await readAsync(dy, device)]
        return holds(v[0]!, Array.from(gx), Array.from(gy))
      }),
      { seed: 5, numRuns: 30 },
    )
  }
}

describe('losses of pairs', () => {
  const pairs = fc.tuple(many(huge, N), many(huge, N)).map(([x, y]) => [row(x), row(y)] as const)
  const losses: readonly (readonly [string, PreferenceLoss])[] = [
    ['dpo', dpo({ beta: 0.1 })],
    ['dpo, smoothed', dpo({ beta: 5, labelSmoothing: 0.1 })],
    ['ipo', ipo({ beta: 0.1 })],
    ['ipo, of means', ipo({ beta: 0.1, perToken: true })],
    ['simpo', simpo({ beta: 2, gamma: 0.5 })],
    ['orpo', orpo({ lambda: 0.1 })],
  ]
  test.each(losses)('%s, with its metrics', (_, loss) =>
    check((policy, reference) => {
      const [value, metrics] = preferenceLoss(loss)({ policy, reference, lengths: row(Array<number>(N).fill(3)) })
      return Object.values(metrics).reduce((x, y) => add(x, y), value)
    }, pairs),
  )
  test.each([0, 0.01])('Bradley-Terry, centred by %d', (centering) =>
    check(
      (chosen, rejected) => bradleyTerry({ centering })({ chosen, rejected, margins: null }),
      // the square of a reward of 1e30 is no f32
      fc
        .tuple(many(huge, N), many(huge, N))
        .map(([x, y]) =>
          centering === 0 ? [row(x), row(y)] : [row(x.map((v) => v / 1e12)), row(y.map((v) => v / 1e12))],
        ),
    ),
  )
})

describe('losses of distributions', () => {
  const V = 4
  const vocabulary = fc.constantFrom(0, 1, -1, 100, -100, 1e4, -1e4, 1e30, -1e30)
  // What one rules out the other rules out too, and something is left.
  const rows = fc
    .record({ t: many(vocabulary, N * V), s: many(vocabulary, N * V), hidden: many(fc.nat(V - 1), N) })
    .map(({ t, s, hidden }) => {
      const ruled = (xs: readonly number[]): Floats =>
        tensor(
          xs.map((x, i) => (i % V > hidden[Math.floor(i / V)]! ? -Infinity : x)),
          [N, V],
        )
      return [ruled(t), ruled(s)] as const
    })
  const { forwardKl, reverseKl, generalizedJsd, atTemperature } = divergences
  const byName: Readonly<Record<keyof typeof divergences, readonly divergences.Divergence[]>> = {
    forwardKl: [forwardKl],
    reverseKl: [reverseKl],
    generalizedJsd: [0, 0.1, 0.5, 1].map(generalizedJsd),
    atTemperature: [atTemperature(2)(generalizedJsd(0.5)), atTemperature(0.5)(forwardKl)],
  }
  test('every divergence is listed', () => {
    expect(Object.keys(byName).sort()).toEqual(Object.keys(divergences).sort())
  })
  const all = [
    ...Object.entries(byName).flatMap(([name, ds]) => ds.map((d, i) => [`${name} ${i}`, d] as const)),
    ['renormalised', truncated({ k: 2, tail: renormalised })(generalizedJsd(0.5))],
    ['tail bucket', truncated({ k: 2, tail: tailBucket })(forwardKl)],
  ] as const
  test.each(all)('%s: what both rule out reaches neither value nor gradient', (_, d) =>
    check(
      (t, s) => sum()(d(t, s)),
      rows,
      (value, dt, ds) => Number.isFinite(value) && value >= -1e-3 && finite(dt) && finite(ds),
    ),
  )

  test('the Jensen-Shannon divergence hears of what only one rules out, and stays below ln 2', async () => {
    const [t, s] = [row([0, 0, -Infinity]), row([-Infinity, 0, 0])]
    for (const device of devices)
      for (const [x, y] of [
        [t, s],
        [s, t],
      ] as const) {
        const [value, gradient] = valueAndGrad((z: Floats) => sum()(generalizedJsd(0.5)(x, z)))(y)
        expect((await readAsync(value, device))[0]).toBeCloseTo(Math.LN2 / 2, 5)
        expect(finite(await readAsync(gradient, device))).toBe(true)
      }
  })

  test('the loss leaves out what is masked, NaN included, with its gradient', async () => {
    const [t, s] = [tensor([1, 2, NaN, NaN], [1, 2, 2]), tensor([2, 1, NaN, Infinity], [1, 2, 2])]
    for (const device of devices) {
      const [value, gradient] = valueAndGrad((z: Floats) =>
        distillLoss({ divergence: forwardKl })(t, z, tensor([1, 0], [1, 2])),
      )(s)
      expect((await readAsync(value, device))[0]).toBeCloseTo(0.46212, 5)
      expect(Array.from(await readAsync(gradient, device)).slice(2)).toEqual([0, 0])
    }
  })

  test('a teacher of which all is known but what it rules out', async () => {
    const student = row([0, 1, 2])
    const d = onTop(tailBucket)(forwardKl)(topLogprobs(2)(row([0, 0, -Infinity])), student)
    for (const device of devices) expect((await readAsync(d, device))[0]).toBeGreaterThan(0)
  })
})

test('step labels: what stands at no end of a step reaches neither loss nor gradient', async () => {
  const ends = row([1, 0, 0, 1])
  for (const device of devices) {
    const [[value], gradient] = valueAndGrad((said: Floats) => stepLoss(said, { ends, labels: row([1, NaN, 0, 0]) }), {
      hasAux: true,
    })(row([0, NaN, Infinity, 0]))
    expect((await readAsync(value, device))[0]).toBeCloseTo(Math.LN2, 5)
    const g = await readAsync(gradient, device)
    ;[-0.25, 0, 0, 0.25].forEach((x, i) => expect(g[i]).toBeCloseTo(x, 5))
  }
})

test('advantages from a teacher are finite, and 0 where nothing was sampled', async () => {
  const [teacher, student] = [tensor([-1e30, -1, NaN], [1, 3]), tensor([-1, -1e30, Infinity], [1, 3])]
  for (const device of devices)
    for (const discount of [0, 0.5, 1]) {
      const a = await readAsync(teacherAdvantages(discount)(teacher, student, tensor([1, 1, 0], [1, 3])), device)
      expect(finite(a)).toBe(true)
      expect(a[2]).toBe(0)
    }
})
