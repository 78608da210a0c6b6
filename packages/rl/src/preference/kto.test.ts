import { grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { presentDevices } from '@adjoint/testing'
import { readAsync, scalar, type Scalar, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { allNear, law, many, near, sumOf } from '../policy/rollouts.support.ts'
import { type KtoConfig, ktoLoss, mismatched, referencePoint, unpaired } from './kto.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const values = (x: Floats | Scalar): readonly number[] => Array.from(evaluate([x])[0]!.data)
const value = (x: Scalar): number => values(x)[0]!
const vector = (xs: readonly number[]): Floats => tensor([...xs], [xs.length])

interface Host {
  readonly policy: readonly number[]
  readonly reference: readonly number[]
  readonly desirable: readonly number[]
  readonly z0: number
}
const nats = fc.integer({ min: -512, max: 0 }).map((n) => n / 64)
const hosts: fc.Arbitrary<Host> = fc.integer({ min: 1, max: 6 }).chain((n) =>
  fc.record({
    policy: many(nats, n),
    reference: many(nats, n),
    desirable: many(fc.integer({ min: 0, max: 1 }), n),
    z0: fc.integer({ min: 0, max: 128 }).map((x) => x / 64),
  }),
)
const config: KtoConfig = { beta: 0.5, desirableWeight: 1, undesirableWeight: 1.5 }
const given = ({ policy, reference, desirable }: Host) => ({
  policy: vector(policy),
  reference: vector(reference),
  desirable: vector(desirable),
})
const lossOf = (h: Host, of = config): number => value(ktoLoss(of)(given(h), scalar(h.z0))[0])
const slopeOf = (h: Host): readonly number[] =>
  values(grad((policy: Floats) => ktoLoss(config)({ ...given(h), policy }, scalar(h.z0))[0])(vector(h.policy)))

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const gains = ({ policy, reference, z0 }: Host): readonly number[] =>
  policy.map((p, i) => 0.5 * (p - reference[i]! - z0))

describe('KTO', () => {
  law('is the mean of w_D (1 - sigmoid(beta (r - z0))) and w_U (1 - sigmoid(beta (z0 - r)))', hosts, (h) => {
    const each = gains(h).map((x, i) => (h.desirable[i] === 1 ? 1 - sigmoid(x) : 1.5 * (1 - sigmoid(-x))))
    return near(lossOf(h), sumOf(each) / each.length)
  })

  law('has by hand the gradient -+ w beta sigmoid(1 - sigmoid), none in reference and z0', hosts, (h) => {
    const n = h.policy.length
    const expected = gains(h).map(
      (x, i) => ((h.desirable[i] === 1 ? -1 : 1.5) * 0.5 * sigmoid(x) * (1 - sigmoid(x))) / n,
    )
    const none = [
      ...values(
        grad((reference: Floats) => ktoLoss(config)({ ...given(h), reference }, scalar(h.z0))[0])(vector(h.reference)),
      ),
      ...values(grad((z0: Scalar) => ktoLoss(config)(given(h), z0)[0])(scalar(h.z0))),
    ]
    return allNear(slopeOf(h), expected) && none.every((g) => g === 0)
  })

  law(
    'at the reference point is half of the weights, and falls as good gets likelier and bad rarer',
    fc.tuple(hosts, nats),
    ([h, d]) => {
      const at = { ...h, policy: h.reference.map((r) => r + h.z0) }
      const weight = sumOf(h.desirable.map((good) => (good === 1 ? 1 : 1.5))) / h.policy.length
      const better = { ...h, policy: h.policy.map((p, i) => (h.desirable[i] === 1 ? p - d : p + d)) }
      return near(lossOf(at), weight / 2) && (d === 0 || lossOf(better) < lossOf(h))
    },
  )

  law('adds up over parts at one reference point, with its metrics', fc.tuple(hosts, fc.nat(6)), ([h, cut]) => {
    const [n, at] = [h.policy.length, cut % h.policy.length]
    const part = (from: number, to: number): Host => ({
      ...h,
      policy: h.policy.slice(from, to),
      reference: h.reference.slice(from, to),
      desirable: h.desirable.slice(from, to),
    })
    const good = sumOf(h.desirable)
    const totals = { desirable: scalar(good), undesirable: scalar(n - good) }
    const parts = [part(0, at), part(at, n)]
      .filter(({ policy }) => policy.length > 0)
      .map((p) => ktoLoss(config)(given(p), scalar(h.z0), totals))
    const { kl, ...metrics } = ktoLoss(config)(given(h), scalar(h.z0))[1]
    return (
      value(kl) === h.z0 &&
      near(sumOf(parts.map(([l]) => value(l))), lossOf(h)) &&
      (Object.keys(metrics) as (keyof typeof metrics)[]).every((name) =>
        near(sumOf(parts.map(([, m]) => value(m[name]))), value(metrics[name])),
      )
    )
  })

  test('known values, and the names of TRL', () => {
    const h: Host = { policy: [-1, -4, -2], reference: [-3, -3, -5], desirable: [1, 0, 0], z0: 1 }
    const [loss, metrics] = ktoLoss(config)(given(h), scalar(1))
    expect(value(loss)).toBeCloseTo(0.625847, 6)
    expect(Object.fromEntries(Object.entries(metrics).map(([name, x]) => [name, value(x)]))).toEqual({
      kl: 1,
      'logps/chosen': -1,
      'logps/rejected': -3,
      'rewards/chosen': 1,
      'rewards/margins': 0.5,
      'rewards/rejected': 0.5,
    })
  })

  test('is finite for log-probabilities of any size, on every device', async () => {
    const sizes = [0, -1, -88, -1e4, -1e15, -1e30]
    const pairs = sizes.flatMap((p) => sizes.flatMap((r) => [0, 1].map((good) => [p, r, good] as const)))
    const logps = { policy: vector(pairs.map(([p]) => p)), reference: vector(pairs.map(([, r]) => r)) }
    const desirable = vector(pairs.map(([, , good]) => good))
    const f = (policy: Floats): Scalar => {
      const given = { ...logps, policy }
      return ktoLoss(config)({ ...given, desirable }, referencePoint(given))[0]
    }
    for (const device of devices) {
      const found = [await readAsync(f(logps.policy), device), await readAsync(grad(f)(logps.policy), device)]
      expect(found.every((xs) => Array.from(xs).every(Number.isFinite))).toBe(true)
    }
  })

  test.each<readonly [string, () => unknown]>([
    ['ktoLoss: beta is 0', () => ktoLoss({ beta: 0 })],
    ['ktoLoss: desirableWeight is -1', () => ktoLoss({ beta: 1, desirableWeight: -1 })],
    ['ktoLoss: undesirableWeight is NaN', () => ktoLoss({ beta: 1, undesirableWeight: NaN })],
    ['mismatched: 1 completions', () => mismatched([{ prompt: '', completion: '', desirable: true }])],
  ])('%s: refused', (message, make) => {
    expect(make).toThrow(message)
  })
})

describe('the reference point', () => {
  law('is the mean log-ratio of mismatched completions, at least 0, without gradient', hosts, (h) => {
    const of = (policy: Floats): Scalar => referencePoint({ policy, reference: vector(h.reference) })
    const mean = sumOf(h.policy.map((p, i) => p - h.reference[i]!)) / h.policy.length
    return (
      near(value(of(vector(h.policy))), Math.max(0, mean)) && values(grad(of)(vector(h.policy))).every((g) => g === 0)
    )
  })

  test('is of prompts with completions to other prompts', () => {
    const pairs = ['a', 'b', 'c'].map((prompt) => ({ prompt, chosen: `${prompt}+`, rejected: `${prompt}-` }))
    const rows = unpaired(pairs)
    expect(rows.map(({ completion, desirable }) => completion.endsWith('+') === desirable)).toEqual(Array(6).fill(true))
    const others = mismatched(rows)
    expect(others.map(({ prompt }) => prompt)).toEqual(rows.map(({ prompt }) => prompt))
    expect(others.every(({ prompt, completion }) => !completion.startsWith(prompt))).toBe(true)
    expect(others.map(({ completion }) => completion).sort()).toEqual(rows.map(({ completion }) => completion).sort())
  })
})
