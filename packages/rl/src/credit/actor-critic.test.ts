import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Experience } from '../experience/experience.ts'
import { allNear, law, many, near, sumOf } from '../policy/rollouts.support.ts'
import { estimator, type Truncation } from './actor-critic.ts'
import { gae } from './gae.ts'

const [rows, N] = [3, 4]
interface Host {
  readonly lengths: readonly number[]
  readonly rewards: readonly number[]
  readonly values: readonly number[]
  readonly kl: readonly number[]
}
const number = fc.integer({ min: -64, max: 64 }).map((n) => n / 32)
const hosts: fc.Arbitrary<Host> = fc.record({
  lengths: many(fc.integer({ min: 1, max: N }), rows),
  rewards: many(number, rows),
  values: many(number, rows * (N + 1)),
  kl: many(number, rows * N),
})
/** Completions that fill all columns were cut, the others ended. */
const experienceOf = ({ lengths, rewards }: Host): Experience<null> => ({
  group: 1,
  width: 0,
  tokens: new Int32Array(lengths.length * N),
  starts: null,
  mask: Float32Array.from(lengths.flatMap((n) => Array.from({ length: N }, (_, t) => (t < n ? 1 : 0)))),
  samplerLogp: new Float32Array(lengths.length * N),
  samples: lengths.map((length) => ({ problem: null, prompt: '', completion: '', length, terminated: length < N })),
  breakdowns: rewards.map((total) => ({ total, parts: {} })),
  steps: null,
  ids: rewards.map(String),
  versions: rewards.map(() => 0),
})
const known = ({ values, kl }: Host, beta = 0.5) => ({
  values: Float32Array.from(values),
  kl: Float32Array.from(kl),
  beta,
})
const plain = { gae: { gamma: 0.5, lambda: 0.5 }, whiten: null } as const

describe('credit by a critic', () => {
  law(
    'is that of each completion: its reward at the end, -beta kl at every token, and after a cut what was chosen',
    fc.tuple(hosts, fc.constantFrom<Truncation>('terminal', 'bootstrap')),
    ([h, truncation]) => {
      const { advantages, returns } = estimator({ ...plain, truncation })(experienceOf(h), known(h))
      return h.lengths.every((n, row) => {
        const rewards = Array.from(
          { length: n },
          (_, t) => -0.5 * h.kl[row * N + t]! + (t === n - 1 ? h.rewards[row]! : 0),
        )
        const said = h.values.slice(row * (N + 1), row * (N + 1) + n + 1)
        const after = truncation === 'bootstrap' && n === N ? said[n]! : 0
        const expected = gae(plain.gae)({ rewards, values: said.slice(0, n), after })
        return (
          allNear(advantages[row]!, expected.advantages, 1e-6) &&
          allNear([...returns.subarray(row * N, row * N + n)], expected.returns, 1e-6)
        )
      })
    },
  )

  law('unless asked for, does not depend on how a completion came to its end', hosts, (h) => {
    const experience = experienceOf(h)
    const samples = experience.samples.map((s) => ({ ...s, terminated: !s.terminated }))
    const of = estimator(plain)
    const [one, other] = [of(experience, known(h)), of({ ...experience, samples }, known(h))]
    return one.advantages.every((as, row) => allNear(as, other.advantages[row]!, 0))
  })

  // At lambda 1 a completion that is cut is worth what one is that goes on, and earns there what the critic said it would.
  law('bootstrapped, is that of the task without its limit, where the critic is right', hosts, (h) => {
    const credit = { gae: { gamma: 0.5, lambda: 1 }, whiten: null, truncation: 'bootstrap' } as const
    const lengths = h.lengths.map(() => N)
    const cut = estimator(credit)(experienceOf({ ...h, lengths }), { ...known(h), kl: null })
    return h.rewards.every((reward, row) => {
      const said = h.values.slice(row * (N + 1), (row + 1) * (N + 1))
      const whole = { rewards: [0, 0, 0, reward, said[N]!], values: said, after: 0 }
      return allNear(cut.advantages[row]!, gae(credit.gae)(whole).advantages.slice(0, N), 1e-6)
    })
  })

  test.each<readonly [string, () => unknown]>([
    [
      "truncation is 'bootstrapped'. Give one of terminal, bootstrap",
      () => estimator({ truncation: 'bootstrapped' as Truncation }),
    ],
    ['gae: gamma is 2', () => estimator({ gae: { gamma: 2, lambda: 1 } })],
  ])('%s: refused', (message, make) => {
    expect(make).toThrow(message)
  })

  law('is normalised over the tokens of the batch', hosts, (h) => {
    const raw = estimator(plain)(experienceOf(h), known(h)).advantages.flat()
    const white = estimator({ gae: plain.gae })(experienceOf(h), known(h)).advantages.flat()
    const n = raw.length
    const mean = sumOf(raw) / n
    const std = Math.sqrt(sumOf(raw.map((x) => (x - mean) ** 2)) / (n - 1))
    return (
      std < 1e-3 ||
      allNear(
        white,
        raw.map((x) => (x - mean) / std),
        1e-5,
      )
    )
  })

  law('leaves a completion without a reward out, of all', fc.tuple(hosts, fc.nat(rows - 1)), ([h, absent]) => {
    const rewards = h.rewards.map((r, row) => (row === absent ? NaN : r))
    const without = estimator({ gae: plain.gae })(experienceOf({ ...h, rewards }), known(h))
    const others = [0, 1, 2].filter((row) => row !== absent)
    const pick = <A>(xs: readonly A[], size: number): readonly A[] =>
      others.flatMap((row) => xs.slice(row * size, (row + 1) * size))
    const rest = {
      lengths: pick(h.lengths, 1),
      rewards: pick(rewards, 1),
      values: pick(h.values, N + 1),
      kl: pick(h.kl, N),
    }
    const alone = estimator({ gae: plain.gae })(experienceOf(rest), known(rest))
    return (
      without.mask.every(
        (m, i) => m === (Math.floor(i / N) !== absent && i % N < h.lengths[Math.floor(i / N)]! ? 1 : 0),
      ) &&
      without.advantages[absent]!.every((a) => a === 0) &&
      others.every((row, i) => allNear(without.advantages[row]!, alone.advantages[i]!)) &&
      Object.entries(alone.metrics).every(([name, x]) => near(without.metrics[name]!, x))
    )
  })

  law('does not let tokens that are not learnt from into means', hosts, (h) => {
    const experience = experienceOf(h)
    const mask = experience.mask.map((m, i) => (i < N ? 0 : m))
    const { advantages } = estimator({ gae: plain.gae })({ ...experience, mask }, known(h))
    const rest = advantages.slice(1).flat()
    return advantages[0]!.every((a) => a === 0) && near(sumOf(rest), 0, 1e-4)
  })

  test('measures the divergence a token, its coefficient, and what the critic foresaw', () => {
    const h: Host = {
      lengths: [2, 1, 1],
      rewards: [1, 0, 1],
      values: Array<number>(15).fill(0),
      kl: [2, 0, 9, 9, 1, 9, 9, 9, 1, 9, 9, 9],
    }
    expect(estimator(plain)(experienceOf(h), known(h, 0.25)).metrics).toMatchObject({
      'objective/kl': 1,
      'objective/kl_coef': 0.25,
    })
    const { metrics, returns } = estimator(plain)(experienceOf(h), { ...known(h), kl: null })
    expect(metrics).toEqual({ explained_variance: 0 })
    expect([...returns.subarray(0, 2)]).toEqual([0.25, 1])
    const broken = { ...known(h), values: Float32Array.from({ length: 15 }, () => NaN) }
    expect(estimator(plain)(experienceOf(h), broken).metrics['explained_variance']).toBeNaN()
  })
})
