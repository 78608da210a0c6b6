import { describe, expect, test } from 'vitest'
import { symmetric } from './clip.ts'
import { GRPO_OBJECTIVE } from './objective.ts'
import { presets } from './presets.ts'
import { requireObjective } from './require.ts'

describe('an objective', () => {
  test('of every preset has all its parts', () => {
    const all = { ...presets, drGrpo: presets.drGrpo(8), gdpo: presets.gdpo({ correct: 1 }) }
    for (const { objective } of Object.values(all)) expect(() => requireObjective('step', objective)).not.toThrow()
  })

  test('with a part that is none is refused, by its name, with what it could be', () => {
    const wrong: readonly (readonly [object, RegExp])[] = [
      [{ clip: 0.2 }, /^step: clip of the objective is 0.2\. Give one of symmetric\(0\.2\)/],
      [{ clip: symmetric }, /clip of the objective is a function/],
      [{ clip: { low: 0.2, high: 0.28 } }, /clip of the objective is \{ low: 0.2, high: 0.28 \}/],
      [{ clip: undefined }, /clip of the objective is undefined/],
      [{ kl: 'k3' }, /kl of the objective is 'k3'\. Give one of k1, k2, k3/],
      [{ ratio: null }, /ratio of the objective is null\. Give one of tokenRatio/],
      [{ aggregate: 512 }, /aggregate of the objective is 512\. Give one of .*constant\(maxLength\)/],
      [{ beta: -0.1 }, /beta of the objective is -0.1/],
      [{ beta: NaN }, /beta of the objective is NaN/],
      [{ beta: undefined }, /beta of the objective is undefined/],
      [{ entropyBonus: Infinity }, /entropyBonus of the objective is Infinity/],
    ]
    for (const [over, message] of wrong)
      expect(() => requireObjective('step', { ...GRPO_OBJECTIVE, ...over })).toThrow(message)
  })

  test('that is a preset, a function that makes one, or nothing, is refused', () => {
    expect(() => requireObjective('step', presets.grpo)).toThrow(/step: objective is a preset\. Spread it/)
    for (const none of [undefined, null, {}, presets.drGrpo, 'grpo'])
      expect(() => requireObjective('step', none)).toThrow(/step: objective is .* presets\.drGrpo\(512\)\.objective/)
  })
})
