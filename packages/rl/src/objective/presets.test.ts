import type { Floats } from '@adjoint/nn'
import { type Scalar, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { k1 } from './kl.ts'
import { objective, type Rollouts } from './objective.ts'
import { type Preset, presets } from './presets.ts'
import { hostKey } from '../run/keys.ts'

const value = (x: Scalar): number => evaluate([x])[0]!.data[0]!

// Two sequences of two tokens and one, right and wrong; the policy has moved by log 2 on the first token of each.
const mask = tensor([1, 1, 1, 0], [2, 2])
const oldLogp: Floats = tensor([-2, -1, -2, 0], [2, 2])
const logp: Floats = tensor([-2 + Math.LN2, -1, -2 + Math.LN2, 0], [2, 2])
const graded = {
  group: 2,
  samples: [2, 1].map((length) => ({ problem: null, prompt: '', completion: '', length, terminated: true })),
  breakdowns: [1, 0].map((total) => ({ total, parts: { correct: total } })),
  steps: null,
  kl: null,
}
const lossOf = ({ credit, objective: parts }: Preset): number => {
  const advantages: Floats = tensor(credit(graded, hostKey(0)).map(Number), [2, 1])
  const rollouts: Rollouts = { mask, oldLogp, refLogp: oldLogp, advantages, weights: null, totals: null }
  return value(objective(parts)(rollouts)(logp))
}
const k3AtLog2 = 0.5 + Math.LN2 - 1 // l = -log 2
// Rewards 1 and 0 have the deviation sqrt(1/2) with ddof 1.
const A = 0.5 / (Math.SQRT1_2 + 1e-4)

describe('presets, by hand on two sequences', () => {
  test('grpo: clip at 1.2, the mean over each sequence, beta 0.04', () => {
    const kl = 0.04 * (k3AtLog2 / 2 + k3AtLog2)
    expect(lossOf(presets.grpo)).toBeCloseTo(-(((1.2 + 1) / 2) * A - 2 * A - kl) / 2, 5)
  })

  test('r1: epsilon 10 lets a ratio of 2 through, beta 0.001', () => {
    const kl = 0.001 * (k3AtLog2 / 2 + k3AtLog2)
    expect(lossOf(presets.r1)).toBeCloseTo(-(((2 + 1) / 2) * A - 2 * A - kl) / 2, 5)
  })

  test('drGrpo: r - mean over a constant length', () => {
    expect(lossOf(presets.drGrpo(8))).toBeCloseTo(-((1.2 + 1) * 0.5 - 2 * 0.5) / (2 * 8), 6)
  })

  test('dapo: clip at 1.28, the mean over all tokens', () => {
    expect(lossOf(presets.dapo)).toBeCloseTo(-((1.28 + 1) * A - 2 * A) / 3, 5)
  })

  test('gspo: one ratio a sequence', () => {
    // sqrt 2 is clipped to 1.0004; 2 with a negative advantage is not.
    expect(lossOf(presets.gspo)).toBeCloseTo(-(1.0004 * A - 2 * A) / 2, 5)
  })

  test('rloo: the reward less that of the others, no clip', () => {
    expect(lossOf(presets.rloo)).toBeCloseTo(-(((2 + 1) / 2) * 1 - 2 * 1) / 2, 6)
  })

  test('gmpo: the geometric mean of ratios held at e^0.4', () => {
    // Log-ratios 0.4 (held from log 2) and 0 of the right one; log 2 of the wrong one is not held from above.
    expect(lossOf(presets.gmpo)).toBeCloseTo(-(Math.exp(0.4 / 2) * A - 2 * A) / 2, 5)
  })

  test('cispo: the weight, at most 5, times log pi, over all tokens', () => {
    const [first, second] = [-2 + Math.LN2, -1]
    expect(lossOf(presets.cispo)).toBeCloseTo(-(2 * A * first + A * second - 2 * A * first) / 3, 5)
    const one = tensor([-1, -1, -1], [3, 1])
    const { clip } = presets.cispo.objective
    const weights = clip.surrogate(tensor([0.5, 4, 6].map(Math.log), [3, 1]), one, one, one)
    expect(Array.from(evaluate([weights])[0]!.data)).toEqual([0.5, 4, 5].map((w) => expect.closeTo(w, 5) as unknown))
  })

  test('dppo: probabilities within 0.15, over all tokens', () => {
    // e^-2 to 2 e^-2 is a step of 0.135; at twice the probability it is out.
    expect(lossOf(presets.dppo)).toBeCloseTo(-((2 + 1) * A - 2 * A) / 3, 5)
    const [now, before] = [0.32, 0.16].map((p): Floats => tensor([Math.log(p)], [1, 1])) as [Floats, Floats]
    const { clip } = presets.dppo.objective
    expect(evaluate([clip.surrogate(tensor([Math.LN2], [1, 1]), tensor([1], [1, 1]), now, before)])[0]!.data[0]).toBe(0)
  })

  test('sapo: a sigmoid of the ratio, temperatures 1 and 1.05', () => {
    const gate = (tau: number): number => 4 / tau / (1 + Math.exp(-tau))
    expect(lossOf(presets.sapo)).toBeCloseTo(-(((gate(1) + 2) / 2) * A - gate(1.05) * A) / 2, 5)
  })

  test('reinforcePlusPlus: the z-score of the batch, clip at 1.2, over all tokens', () => {
    expect(lossOf(presets.reinforcePlusPlus)).toBeCloseTo(-((1.2 + 1) * A - 2 * A) / 3, 5)
    // Over the batch: groups of one have a deviation too.
    expect(presets.reinforcePlusPlus.credit({ ...graded, group: 1 }, hostKey(0))).toEqual([A, -A])
    expect(presets.grpo.credit({ ...graded, group: 1 }, hostKey(0))).toEqual([0, 0])
  })

  test('gdpo: each reward normalised by itself, the rest of grpo without KL', () => {
    const gdpo = presets.gdpo({ correct: 1, format: 1 })
    const both = {
      ...graded,
      breakdowns: [1, 0].map((correct) => ({ total: 0, parts: { correct, format: 0.1 * correct } })),
    }
    // Of two completions, two rewards that agree: z-scores +-sqrt(1/2) twice, over their deviation 2.
    const [a, b] = gdpo.credit(both, hostKey(0)) as readonly number[]
    expect(a).toBeCloseTo(Math.SQRT1_2, 2)
    expect(lossOf({ ...gdpo, credit: () => [a!, b!] })).toBeCloseTo(-(((1.2 + 1) / 2) * a! + 2 * b!) / 2, 5)
  })

  test('those whose KL term is in the reward have none in the loss, and k1 for it', () => {
    for (const { objective: parts } of [presets.rloo, presets.reinforcePlusPlus]) {
      expect(parts.beta).toBe(0)
      expect(parts.kl).toBe(k1)
    }
  })
})
