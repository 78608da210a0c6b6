import { describe, expect, test } from 'vitest'
import { stageOf, type Run, type Settings } from './run.ts'
import { compareFields, seedInName, seedless, settingsOf } from './settings.ts'
import { lines } from './made-up.ts'

const run = (name: string, ...stages: readonly (readonly [string, Settings | null])[]): Run => ({
  name,
  folder: `/runs/${name}`,
  seed: null,
  notes: [],
  changed: 0,
  stages: stages.map(([stage, settings]) => ({
    ...stageOf(stage, lines(settings === null ? [] : [{ ...settings, kind: 'settings', phase: '', step: 0 }]), '')
      .stage,
  })),
})
const grouped = (runs: readonly Run[]): unknown =>
  settingsOf(runs).map(({ label, runs: of }) => [label, of.map(({ name }) => name)])

describe('settings', () => {
  test('runs that differ in their seed only are one, whatever their order', () => {
    const of = (seed: number, control: string | null) =>
      run(`${control ?? 'b'}${seed}`, ['', { seed, control, steps: 5, start: `${seed}` }])
    const [a, b, c, d] = [of(0, null), of(0, 'random'), of(1, null), of(1, 'random')]
    expect(grouped([a, b, c, d])).toEqual([
      ['control none', ['b0', 'b1']],
      ['control random', ['random0', 'random1']],
    ])
    expect(compareFields(settingsOf([a, b]))).toMatchObject({ differing: ['control'], common: ['steps'] })
  })

  test('the order of fields in the log does not matter, their values do', () => {
    expect(grouped([run('a', ['', { x: 1, y: 2 }]), run('b', ['', { y: 2, x: 1 }])])).toHaveLength(1)
    expect(grouped([run('a', ['', { x: 1 }]), run('b', ['', { x: 2 }])])).toEqual([
      ['x 1', ['a']],
      ['x 2', ['b']],
    ])
  })

  test('a recipe that has only begun goes with one that is done', () => {
    const whole = run('one', ['1-sft', { lr: 1 }], ['2-rl', { lr: 2 }])
    expect(grouped([whole, run('two', ['1-sft', { lr: 1 }])])).toHaveLength(1)
    expect(grouped([whole, run('two', ['1-sft', { lr: 1 }], ['2-rl', { lr: 3 }])])).toHaveLength(2)
    expect(grouped([whole, run('two', ['1-other', { lr: 1 }])])).toHaveLength(2)
  })

  test('folders named by their seed go together though later stages follow from earlier ones', () => {
    const seeds = [0, 1].map((seed) =>
      run(`r1/seed-${seed}`, ['1-sft', { lr: 1, seed }], ['2-rl', { steps: 40 + seed }]),
    )
    expect(grouped(seeds)).toEqual([['r1', ['r1/seed-0', 'r1/seed-1']]])
    expect(grouped([...seeds, run('r2/seed-0', ['1-sft', { lr: 2 }])])).toHaveLength(2)
  })

  test('runs without settings are told apart by their folders', () => {
    expect(grouped([run('a/seed-0', ['', null]), run('a/seed-1', ['', null]), run('b', ['', null])])).toEqual([
      ['a', ['a/seed-0', 'a/seed-1']],
      ['b', ['b']],
    ])
  })

  test('a name that ends in the seed is of the setting', () => {
    const of = (name: string, seed: number) => run(`${name}-${seed}`, ['', { run: `${name}-${seed}`, seed, steps: 50 }])
    expect(grouped([of('dapo', 0), of('grpo', 0), of('dapo', 1), of('k10', 1)])).toEqual([
      ['dapo', ['dapo-0', 'dapo-1']],
      ['grpo', ['grpo-0']],
      ['k10', ['k10-1']],
    ])
  })

  test('labels say no more than tells settings apart, and fall back to folders', () => {
    const of = (name: string, x: number, long = '') => run(name, ['', { a: x, b: x, c: x % 2, d: long }])
    expect(settingsOf([of('p', 0), of('q', 1), of('r', 2)]).map(({ label }) => label)).toEqual(['a 0', 'a 1', 'a 2'])
    const long = (name: string, words: string) => run(name, ['', { d: words.repeat(20) }])
    expect(settingsOf([long('plain', 'abc'), long('clipped', 'def')]).map(({ label }) => label)).toEqual([
      'plain',
      'clipped',
    ])
  })

  test.each([
    ['r1/seed-2/teacher', 'r1/teacher', 2],
    ['s0', '', 0],
    ['base-s12', 'base', 12],
    ['run_seed3', 'run', 3],
    ['steps', 'steps', null],
    ['gpus4', 'gpus4', null],
  ])('%s without its seed is %s', (name, rest, seed) => {
    expect(seedless(name)).toBe(rest)
    expect(seedInName(name)).toBe(seed)
  })
})
