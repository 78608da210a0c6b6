/** What the tests of the objective's parts share: batches on the host, valid by construction, and values in double precision. */
import { grad } from '@adjoint/autograd'
import type { Floats } from '@adjoint/nn'
import { type Scalar, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { test } from 'vitest'
import { type Aggregate, sequenceMean } from '../objective/aggregate.ts'
import { type Clip, lowHigh } from '../objective/clip.ts'
import { GRPO_OBJECTIVE, objective, type ObjectiveConfig, type Rollouts } from '../objective/objective.ts'

// Everything is evaluated in double precision by the reference interpreter.
export const values = (x: Floats | Scalar): readonly number[] => Array.from(evaluate([x])[0]!.data)
export const value = (x: Scalar): number => values(x)[0]!

export const near = (x: number, y: number, tol = 1e-6): boolean =>
  Math.abs(x - y) <= tol * (1 + Math.abs(x) + Math.abs(y))
export const allNear = (xs: readonly number[], ys: readonly number[], tol?: number): boolean =>
  xs.length === ys.length && xs.every((x, i) => near(x, ys[i]!, tol))
export const sumOf = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0)

/** A test that holds for every sample; undefined is a sample that the law does not speak of. */
export const law = <T>(
  name: string,
  arbitrary: fc.Arbitrary<T>,
  holds: (t: T) => boolean | undefined,
  numRuns = 60,
): void => {
  test(name, () => {
    fc.assert(
      fc.property(arbitrary, (t) => holds(t) ?? true),
      { seed: 1, numRuns },
    )
  })
}

/** B sequences of up to T tokens; all of [B, T] row-major, but one advantage a sequence. */
export interface Host {
  readonly B: number
  readonly T: number
  readonly lengths: readonly number[]
  readonly logp: readonly number[]
  readonly oldLogp: readonly number[]
  readonly refLogp: readonly number[]
  readonly advantages: readonly number[]
}

// Fractions of integers: they spread evenly over the range, where doubles crowd at its ends and at 0.
export const logProb = fc.integer({ min: -2500, max: -32 }).map((n) => n / 625)
export const gap = fc.integer({ min: -750, max: 750 }).map((n) => n / 625)
export const many = <T>(x: fc.Arbitrary<T>, n: number): fc.Arbitrary<readonly T[]> =>
  fc.array(x, { minLength: n, maxLength: n })

export const batches: fc.Arbitrary<Host> = fc
  .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 }))
  .chain(([B, T]) =>
    fc
      .record({
        B: fc.constant(B),
        T: fc.constant(T),
        lengths: many(fc.integer({ min: 0, max: T }), B),
        logp: many(logProb, B * T),
        oldGap: many(gap, B * T),
        refGap: many(gap, B * T),
        advantages: many(
          fc.integer({ min: -192, max: 192 }).map((n) => n / 64),
          B,
        ),
      })
      .map(({ oldGap, refGap, ...rest }): Host => ({
        ...rest,
        oldLogp: rest.logp.map((l, i) => l + oldGap[i]!),
        refLogp: rest.logp.map((l, i) => l + refGap[i]!),
      })),
  )
export const onPolicy = batches.map((h): Host => ({ ...h, oldLogp: h.logp }))

export const maskOf = ({ B, T, lengths }: Host): readonly number[] =>
  Array.from({ length: B * T }, (_, i) => (i % T < lengths[Math.floor(i / T)]! ? 1 : 0))
export const rolloutsOf = (h: Host): Rollouts => ({
  mask: tensor(maskOf(h), [h.B, h.T]),
  oldLogp: tensor(h.oldLogp, [h.B, h.T]),
  refLogp: tensor(h.refLogp, [h.B, h.T]),
  advantages: tensor(h.advantages, [h.B, 1]),
  weights: null,
  totals: null,
})
export const logpOf = (h: Host): Floats => tensor(h.logp, [h.B, h.T])
export const lossOf = (config: ObjectiveConfig, h: Host, more: Partial<Rollouts> = {}): number =>
  value(objective(config)({ ...rolloutsOf(h), ...more })(logpOf(h)))
export const gradOf = (config: ObjectiveConfig, h: Host, more: Partial<Rollouts> = {}): readonly number[] =>
  values(grad((logp: Floats) => objective(config)({ ...rolloutsOf(h), ...more })(logp))(logpOf(h)))

/** Rows `from` to `to` as a batch of their own. */
export const rowsOf = (h: Host, from: number, to: number): Host => {
  const rows = (xs: readonly number[]): readonly number[] => xs.slice(from * h.T, to * h.T)
  return {
    B: to - from,
    T: h.T,
    lengths: h.lengths.slice(from, to),
    logp: rows(h.logp),
    oldLogp: rows(h.oldLogp),
    refLogp: rows(h.refLogp),
    advantages: h.advantages.slice(from, to),
  }
}

/** The batch with `x`, `y` and `-y` wherever the mask is 0. */
export const dirtied = (h: Host, x: number, y: number): Host => {
  const mask = maskOf(h)
  const filled = (xs: readonly number[], junk: number): readonly number[] =>
    xs.map((v, i) => (mask[i] === 1 ? v : junk))
  return { ...h, logp: filled(h.logp, x), oldLogp: filled(h.oldLogp, y), refLogp: filled(h.refLogp, -y) }
}
export const junk = fc.constantFrom(-1e4, 1e4, 0, -Infinity)

export const withClip = (clip: Clip, aggregate: Aggregate = sequenceMean): ObjectiveConfig => ({
  ...GRPO_OBJECTIVE,
  clip,
  aggregate,
})
/** Every part in use. */
export const full: ObjectiveConfig = { ...GRPO_OBJECTIVE, beta: 0.1, clip: lowHigh({ low: 0.2, high: 0.28 }) }
