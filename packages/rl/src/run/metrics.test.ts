import { describe, expect, test } from 'vitest'
import { completionMetrics, firstNonFinite, rewardMetrics, updateMetrics } from './metrics.ts'
import type { Sample } from '../reward/sample.ts'

const sample = (length: number, terminated: boolean): Sample<null> => ({
  problem: null,
  prompt: '',
  completion: '',
  length,
  terminated,
})

describe('metrics', () => {
  test('of rewards leave absent ones out', () => {
    const metrics = rewardMetrics(
      [
        [1, 0, NaN],
        [1, 1, 1],
      ],
      [
        { total: 1, parts: { correct: 1, format: NaN } },
        { total: 0, parts: { correct: 0, format: 1 } },
      ],
    )
    expect(metrics).toEqual({
      reward: 0.8,
      reward_std: Math.SQRT1_2 / 2,
      frac_reward_zero_std: 0.5,
      'rewards/correct/mean': 0.5,
      'rewards/correct/std': Math.SQRT1_2,
      'rewards/correct/absent': 0,
      'rewards/format/mean': 1,
      'rewards/format/std': 0,
      'rewards/format/absent': 0.5,
    })
  })

  test('of completions tell the ended from the cut', () => {
    expect(completionMetrics([sample(4, true), sample(6, true), sample(10, false), sample(10, false)])).toEqual({
      'completions/mean_length': 7.5,
      'completions/min_length': 4,
      'completions/max_length': 10,
      'completions/clipped_ratio': 0.5,
      'completions/mean_terminated_length': 5,
      'completions/min_terminated_length': 4,
      'completions/max_terminated_length': 6,
      num_tokens: 30,
    })
    expect(Object.values(completionMetrics([])).every((x) => x === 0)).toBe(true)
  })

  test("of updates take TRL's means and extremes, and a NaN is seen", () => {
    const update = (low: number, high: number, max: number) => ({
      policy_loss: low,
      'clip_ratio/low': low,
      'clip_ratio/high': high,
      'clip_ratio/region': low + high,
      'sampling/sampling_logp_difference/max': max,
    })
    expect(updateMetrics([update(0.25, 0.5, 2), update(0.75, 0, 3)])).toEqual({
      policy_loss: 0.5,
      'clip_ratio/low_mean': 0.5,
      'clip_ratio/low_min': 0.25,
      'clip_ratio/high_mean': 0.25,
      'clip_ratio/high_max': 0.5,
      'clip_ratio/region_mean': 0.75,
      'sampling/sampling_logp_difference/max': 3,
    })
    expect(firstNonFinite(updateMetrics([update(0, 0, 0), update(NaN, 0, 0)]))).toEqual(['policy_loss', NaN])
    expect(firstNonFinite({ a: 1 })).toBeNull()
  })
})

test('of as many completions and updates as a run may have, none is too many', () => {
  const many = Array.from({ length: 200_000 }, (_, i) => sample(1 + (i % 7), true))
  expect(completionMetrics(many)).toMatchObject({
    'completions/min_length': 1,
    'completions/max_length': 7,
    'completions/min_terminated_length': 1,
    'completions/max_terminated_length': 7,
  })
  expect(updateMetrics(many.map(({ length }) => ({ 'clip_ratio/low': length, 'x/max': length })))).toMatchObject({
    'clip_ratio/low_min': 1,
    'x/max': 7,
  })
})

test('a group whose rewards differ by little has not equal ones', () => {
  expect(rewardMetrics([[0.5, 0.5 + 1e-6]], [])['frac_reward_zero_std']).toBe(0)
})
