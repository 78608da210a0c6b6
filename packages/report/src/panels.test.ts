import { describe, expect, test } from 'vitest'
import { examinations, timings } from './figures.ts'
import { lines, logLines, timesLines } from './made-up.ts'
import { metricOf } from './metric.ts'
import { curvesSection } from './curves-section.ts'
import { hasCurves, MOST_POINTS, plot, thinned } from './panels.ts'
import { type Run, stageOf } from './run.ts'
import type { Setting } from './settings.ts'

const runOf = (seed: number, steps = 6): Run => ({
  name: `s${seed}`,
  folder: `/s${seed}`,
  seed,
  notes: [],
  changed: 0,
  stages: [stageOf('', lines(logLines({ seed, steps })), lines(timesLines({ seed, steps }))).stage],
})
const setting = (label: string, ...seeds: number[]): Setting => ({ label, runs: seeds.map((seed) => runOf(seed)) })
const grpo = { stage: '', phase: 'grpo' }

describe('which charts there are', () => {
  test('of one setting, a family of metrics shares a chart; of several, each has its own', () => {
    const one = plot([setting('a', 0, 1)], grpo).groups.flatMap(({ panels }) => panels)
    const rewards = one.find(({ title }) => title === 'Mean of each reward')
    expect(rewards?.curves.map(({ name }) => name)).toEqual(['correct', 'format'])
    expect(one.find(({ title }) => title === 'Accuracy')?.curves.map(({ name }) => name)).toEqual(['pass@1', 'cons@k'])
    const two = plot([setting('a', 0), setting('b', 1)], grpo).groups.flatMap(({ panels }) => panels)
    expect(two.every(({ curves }) => curves.length === 2 && curves[0]!.name === 'a')).toBe(true)
    expect(two.map(({ metric }) => metric)).toContain('rewards/correct/mean')
  })

  test('every metric is on a chart or among the constants', () => {
    const settings = [setting('a', 0), setting('b', 1)]
    const { groups, constants, rounded } = plot(settings, grpo)
    const shown = [
      ...groups.flatMap(({ panels }) => panels.map(({ metric }) => metric)),
      ...constants.map(({ name }) => name),
      ...rounded.map(({ name }) => name),
    ]
    for (const name of ['reward', 'kl', 'a name nobody has heard of', 'clip_ratio/low_mean', 'passAt1'])
      expect(shown).toContain(name)
    expect(constants).toContainEqual({ name: 'clip_ratio/low_mean', value: 0 })
    expect(groups.at(-1)?.group).toBe('Other')
  })

  test('rewards, KL, entropy and length come first', () => {
    const [lead, ...others] = plot([setting('a', 0)], grpo).groups
    expect(lead!.group).toBe('At a glance')
    expect(lead!.panels.map(({ title }) => title)).toEqual(['Reward', 'KL to the reference', 'Entropy', 'Mean length'])
    expect(others[0]!.group).toBe('Accuracy on held-out problems')
  })

  test('what varies by the rounding of f32 is said in words, and has no chart', () => {
    const run = runOf(0, 8)
    const records = run.stages[0]!.records.map((r) =>
      r.kind === 'step' && r.phase === 'grpo'
        ? { ...r, 'sampling/sampling_logp_difference/max': 2e-6 * (1 + (r.step % 3)), policy_loss: 3e-8 * (r.step % 2) }
        : r,
    )
    const noisy: Setting = { label: 'a', runs: [{ ...run, stages: [{ ...run.stages[0]!, records }] }] }
    const { groups, rounded } = plot([noisy], grpo)
    expect(rounded.map(({ name }) => name)).toEqual([
      'sampling/importance_sampling_ratio/mean',
      'sampling/sampling_logp_difference/max',
      'policy_loss',
    ])
    const titles = groups.flatMap(({ panels }) => panels.map(({ title }) => title))
    expect(titles).not.toContain('Loss of the policy')
    const { section, charts } = curvesSection([noisy])
    expect(section.html).toContain('Varies by the rounding of f32 only')
    expect(section.html).toContain('<code>policy_loss</code> = 1.50e-8 ± 1.50e-8')
    expect(charts.cards.some(({ metric }) => metric === 'policy_loss')).toBe(false)
  })

  test('seeds are a band', () => {
    const panels = plot([setting('a', 0, 1, 2)], grpo).groups.flatMap((g) => g.panels)
    const [first] = panels.find(({ metric }) => metric === 'reward')!.curves[0]!.points
    expect(first).toMatchObject({ x: 0, low: 0, high: 0.2, seeds: 3 })
    expect(first!.y).toBeCloseTo(0.1)
  })

  test('thousands of steps are a few hundred points, and outliers of time do not hide the rest', () => {
    const long: Setting = { label: 'long', runs: [runOf(0, 3000)] }
    const panels = plot([long], { stage: '', phase: 'sft' }).groups.flatMap((g) => g.panels.map(thinned(MOST_POINTS)))
    expect(Math.max(...panels.flatMap(({ curves }) => curves.map(({ points }) => points.length)))).toBe(MOST_POINTS)
    const times = Array.from({ length: 100 }, (_, step) => ({
      kind: 'times',
      phase: 'sft',
      step,
      total: step === 0 ? 9000 : 20 + (step % 3),
    }))
    const slow: Setting = { label: 'x', runs: [{ ...runOf(0), stages: [stageOf('', '', lines(times)).stage] }] }
    const [panel] = plot([slow], { stage: '', phase: 'sft' }).groups[0]!.panels
    expect(panel!.ceiling).toBe(33)
  })

  test('a phase that only examines has no charts', () => {
    expect(hasCurves([setting('a', 0)], grpo)).toBe(true)
    expect(hasCurves([setting('a', 0)], { stage: '', phase: 'grpo-exam' })).toBe(false)
  })

  test('names of the reference have their group, others stand as they are', () => {
    expect(metricOf('sampling/importance_sampling_ratio/max').group).toBe('Sampler against trainer')
    expect(metricOf('clip_ratio/high_max').group).toBe('Clipping')
    expect(metricOf('nobody/knows')).toMatchObject({ group: 'Other', title: 'nobody/knows', unit: '' })
  })
})

describe('figures of the tables', () => {
  test('the last evaluation of each phase, over seeds', () => {
    const { names, rows } = examinations([setting('a', 0, 2)])
    expect(names.slice(0, 2)).toEqual(['passAt1', 'consAtK'])
    expect(rows.map(({ chapter }) => chapter.phase)).toEqual(['sft-exam', 'grpo-exam'])
    expect(rows[1]!.figures.get('passAt1')).toMatchObject({ low: 0.9, high: 0.92, seeds: 2 })
    expect(rows[1]!.figures.get('passAt1')!.mean).toBeCloseTo(0.91)
  })

  test('the parts of the time add up to all of it', () => {
    const [sft, rl] = timings([setting('a', 0, 1)])
    expect(sft).toMatchObject({ steps: 12, total: 240, parts: [{ name: 'other', ms: 240 }] })
    expect(rl!.parts.map(({ name, ms }) => [name, ms])).toEqual([
      ['rollout', 180],
      ['reward', 30],
      ['train', 360],
      ['other', 30],
    ])
    expect(rl!.total).toBe(600)
  })
})
