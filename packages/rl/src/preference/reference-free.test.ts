import { checkGrads, grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { presentDevices } from '@adjoint/testing'
import { readAsync, type Scalar, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { allNear, law, many, near, sumOf } from '../policy/rollouts.support.ts'
import { type PreferenceLoss, preferenceLoss } from './dpo.ts'
import { orpo, simpo } from './reference-free.ts'

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const values = (x: Floats | Scalar): readonly number[] => Array.from(evaluate([x])[0]!.data)
const vector = (xs: readonly number[]): Floats => tensor([...xs], [xs.length])

/** Mean log-probabilities of tokens, and lengths; chosen in the first half. */
interface Host {
  readonly means: readonly number[]
  readonly lengths: readonly number[]
}
const nats = fc.integer({ min: -256, max: -2 }).map((n) => n / 64)
const hosts: fc.Arbitrary<Host> = fc
  .integer({ min: 1, max: 4 })
  .chain((pairs) =>
    fc.record({ means: many(nats, 2 * pairs), lengths: many(fc.integer({ min: 1, max: 8 }), 2 * pairs) }),
  )
const sums = ({ means, lengths }: Host): readonly number[] => means.map((m, i) => m * lengths[i]!)
const given = (h: Host) => ({ policy: vector(sums(h)), lengths: vector(h.lengths) })
const of = (loss: PreferenceLoss, h: Host): number => values(preferenceLoss(loss)(given(h))[0])[0]!
const slope = (loss: PreferenceLoss, h: Host): readonly number[] =>
  values(grad((policy: Floats) => preferenceLoss(loss)({ ...given(h), policy })[0])(given(h).policy))
const metricsOf = (loss: PreferenceLoss, h: Host): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(preferenceLoss(loss)(given(h))[1]).map(([name, x]) => [name, values(x)[0]!]))
const pairsOf = ({ means }: Host): readonly (readonly [number, number])[] =>
  means.slice(0, means.length / 2).map((m, i) => [m, means[means.length / 2 + i]!])
const mean = (xs: readonly number[]): number => sumOf(xs) / xs.length

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const odds = (m: number): number => Math.exp(m) / (1 - Math.exp(m))
const both: readonly (readonly [string, PreferenceLoss])[] = [
  ['SimPO', simpo({ beta: 2, gamma: 0.5 })],
  ['ORPO', orpo({ lambda: 0.25 })],
]

describe('SimPO', () => {
  law('is the mean of -log sigmoid(beta (mean+ - mean-) - gamma)', hosts, (h) =>
    near(
      of(simpo({ beta: 2, gamma: 0.5 }), h),
      mean(pairsOf(h).map(([w, l]) => -Math.log(sigmoid(2 * (w - l) - 0.5)))),
    ),
  )

  law('does not see lengths, and its pull on a token is that of a mean', fc.tuple(hosts, hosts), ([h, other]) => {
    const n = h.means.length
    const resized = { ...h, lengths: Array.from({ length: n }, (_, i) => other.lengths[i % other.lengths.length]!) }
    const loss = simpo({ beta: 2, gamma: 0.5 })
    const by = (x: Host): readonly number[] => slope(loss, x).map((g, i) => g * x.lengths[i]!)
    return near(of(loss, h), of(loss, resized)) && allNear(by(h), by(resized))
  })

  law('has the gradient beta sigmoid(gamma - beta (mean+ - mean-)), of both signs', hosts, (h) => {
    const pairs = pairsOf(h)
    const pulls = pairs.map(([w, l]) => (2 * sigmoid(0.5 - 2 * (w - l))) / pairs.length)
    const expected = h.lengths.map((n, i) => (i < pairs.length ? -pulls[i]! : pulls[i - pairs.length]!) / n)
    return allNear(slope(simpo({ beta: 2, gamma: 0.5 }), h), expected)
  })

  test('known values', () => {
    const at = (w: number, l: number): Host => ({ means: [w, l], lengths: [4, 7] })
    expect(of(simpo({ beta: 2, gamma: 0.5 }), at(-0.5, -1))).toBeCloseTo(0.474077, 6)
    expect(of(simpo({ beta: 2.5, gamma: 0.3 }), at(-0.4, -0.3))).toBeCloseTo(1.0054925, 6)
    expect(of(simpo({ beta: 3, gamma: 0 }), at(-1, -1))).toBeCloseTo(Math.LN2, 7)
    expect(of(simpo({ beta: 2, gamma: 1 }), at(-0.5, -1))).toBeCloseTo(Math.LN2, 7)
  })
})

describe('ORPO', () => {
  law('is nll(y+) - lambda log sigmoid(log odds ratio)', hosts, (h) =>
    near(
      of(orpo({ lambda: 0.25 }), h),
      mean(pairsOf(h).map(([w, l]) => -w - 0.25 * Math.log(sigmoid(Math.log(odds(w) / odds(l)))))),
    ),
  )

  law('has by hand the gradient -1 - lambda (1 - sigmoid(d)) / (1 - p), by each mean', hosts, (h) => {
    const pairs = pairsOf(h)
    // d log odds / d mean = 1 / (1 - p)
    const pull = pairs.map(([w, l]) => 0.25 * (1 - sigmoid(Math.log(odds(w) / odds(l)))))
    const expected = h.means.map((m, i) => {
      const [pair, chosen] = [i % pairs.length, i < pairs.length]
      const g = pull[pair]! / (1 - Math.exp(m))
      return (chosen ? -1 - g : g) / pairs.length / h.lengths[i]!
    })
    return allNear(slope(orpo({ lambda: 0.25 }), h), expected, 1e-5)
  })

  law('at lambda 0 is supervised fine-tuning on what was chosen', hosts, (h) =>
    near(of(orpo({ lambda: 0 }), h), mean(pairsOf(h).map(([w]) => -w))),
  )

  test('known values', () => {
    const at = (w: number, l: number): Host => ({ means: [w, l], lengths: [2, 5] })
    expect(of(orpo({ lambda: 0.1 }), at(-0.5, -1))).toBeCloseTo(0.53203, 6)
    expect(of(orpo({ lambda: 0.5 }), at(-1, -0.25))).toBeCloseTo(1.976496, 6)
    expect(of(orpo({ lambda: 1 }), at(-1, -1))).toBeCloseTo(1 + Math.LN2, 6)
    const metrics = metricsOf(orpo({ lambda: 0.1 }), at(-0.5, -1))
    expect(metrics['nll_loss']).toBeCloseTo(0.5, 6)
    expect(metrics['log_odds_chosen']).toBeCloseTo(0.974077, 6)
    expect(metrics['log_odds_ratio']).toBeCloseTo(-0.3203, 6)
  })
})

describe.each(both)('%s', (_, loss) => {
  law('falls as the chosen one gets likelier and as the rejected one gets rarer', fc.tuple(hosts, nats), ([h, d]) => {
    const n = h.means.length / 2
    const moved = (chosen: boolean): Host => ({
      ...h,
      means: h.means.map((m, i) => (i < n === chosen ? (chosen ? m / 2 : m + d) : m)),
    })
    return of(loss, moved(true)) < of(loss, h) && of(loss, moved(false)) < of(loss, h)
  })

  law(
    'has the gradient of finite differences',
    hosts,
    (h) => {
      checkGrads((policy: Floats) => preferenceLoss(loss)({ ...given(h), policy })[0], { order: 1 })(given(h).policy)
      return true
    },
    20,
  )

  law('adds up over parts by their shares, with its metrics', hosts, (h) => {
    const n = h.means.length / 2
    const part = (from: number, to: number): Host => {
      const rows = (xs: readonly number[]): readonly number[] => [...xs.slice(from, to), ...xs.slice(n + from, n + to)]
      return { means: rows(h.means), lengths: rows(h.lengths) }
    }
    const at = Math.floor(n / 2)
    const parts = [part(0, at), part(at, n)]
      .filter(({ means }) => means.length > 0)
      .map((p) => [p.means.length / h.means.length, ...preferenceLoss(loss)(given(p))] as const)
    const metrics = metricsOf(loss, h)
    return (
      near(sumOf(parts.map(([share, l]) => share * values(l)[0]!)), of(loss, h)) &&
      Object.entries(metrics).every(([name, x]) =>
        near(sumOf(parts.map(([share, , m]) => share * values(m[name]!)[0]!)), x),
      )
    )
  })

  law('is logged with rewards beta times the means, and log-probabilities of a token', hosts, (h) => {
    const [metrics, pairs] = [metricsOf(loss, h), pairsOf(h)]
    const [w, l] = [mean(pairs.map(([x]) => x)), mean(pairs.map(([, x]) => x))]
    return (
      near(metrics['logps/chosen']!, w) &&
      near(metrics['logps/rejected']!, l) &&
      near(metrics['rewards/chosen']!, loss.beta * w) &&
      near(metrics['rewards/rejected']!, loss.beta * l) &&
      near(metrics['rewards/margins']!, loss.beta * (w - l), 1e-5) &&
      near(metrics['rewards/accuracies']!, mean(pairs.map(([x, y]) => (x > y ? 1 : 0))))
    )
  })

  test('is finite where completions are certain or impossible, on every device', async () => {
    const extremes = [0, -1e-9, -1e-3, -1, -100, -1e4, -1e30]
    const pairs = extremes.flatMap((w) => extremes.map((l) => [w, l] as const))
    const policy = [...pairs.map(([w]) => w), ...pairs.map(([, l]) => l)]
    const lengths = vector(policy.map((_, i) => i % 3)) // an empty completion counts as one token
    const f = (x: Floats): Scalar => preferenceLoss(loss)({ policy: x, lengths })[0]
    for (const device of devices) {
      const found = [
        ...(await readAsync(f(vector(policy)), device)),
        ...(await readAsync(grad(f)(vector(policy)), device)),
      ]
      expect(found.every(Number.isFinite)).toBe(true)
    }
  })
})

test.each<readonly [string, () => unknown]>([
  ['simpo: beta is 0', () => simpo({ beta: 0, gamma: 1 })],
  ['simpo: gamma is NaN', () => simpo({ beta: 1, gamma: NaN })],
  ['orpo: lambda is -1', () => orpo({ lambda: -1 })],
])('%s: refused where it is made', (message, make) => {
  expect(make).toThrow(message)
})
