import { describe, expect, test } from 'vitest'
import { draw } from './draw.ts'
import { examinations, timings } from './figures.ts'
import { lines, logLines, timesLines } from './made-up.ts'
import { metricOf } from './metric.ts'
import { hasCurves, MOST_POINTS, plot } from './panels.ts'
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
    const { groups, constants } = plot(settings, grpo)
    const shown = [
      ...groups.flatMap(({ panels }) => panels.map(({ metric }) => metric)),
      ...constants.map(({ name }) => name),
    ]
    for (const name of ['reward', 'kl', 'a name nobody has heard of', 'clip_ratio/low_mean', 'passAt1'])
      expect(shown).toContain(name)
    expect(constants).toContainEqual({ name: 'clip_ratio/low_mean', value: 0 })
    expect(groups.at(-1)?.group).toBe('Other')
  })

  test('seeds are a band', () => {
    const panels = plot([setting('a', 0, 1, 2)], grpo).groups.flatMap((g) => g.panels)
    const [first] = panels.find(({ metric }) => metric === 'reward')!.curves[0]!.points
    expect(first).toMatchObject({ x: 0, low: 0, high: 0.2, seeds: 3 })
    expect(first!.y).toBeCloseTo(0.1)
  })

  test('thousands of steps are a few hundred points, and outliers of time do not hide the rest', () => {
    const long: Setting = { label: 'long', runs: [runOf(0, 3000)] }
    const panels = plot([long], { stage: '', phase: 'sft' }).groups.flatMap((g) => g.panels)
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

describe('drawing', () => {
  test('the plot lies where its edges say, and the drawing has no text of a legend', async () => {
    const [panel] = plot([setting('a', 0, 1)], grpo).groups.flatMap((g) => g.panels)
    const { svg, plot: place } = await draw(panel!, 'grpo step')
    expect(svg).toMatch(/^<svg aria-hidden="true"/)
    expect(svg).toContain('grpo step')
    expect(svg).not.toContain('pass@1')
    expect(place).toMatchObject({ width: 330, height: 170, x: [0, 6] })
  })

  test('curves without a value are drawn as an empty chart', async () => {
    const empty = {
      title: 't',
      metric: null,
      unit: '',
      domain: null,
      ceiling: null,
      curves: [{ name: 'a', style: 0, points: [] }],
    }
    expect((await draw(empty, 'x')).svg).toContain('<svg')
    const absent = {
      ...empty,
      curves: [{ name: 'a', style: 0, points: [{ x: 0, y: null, low: null, high: null, seeds: 0 }] }],
    }
    expect((await draw(absent, 'x')).svg).toContain('<svg')
  })
})
