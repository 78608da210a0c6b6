import { scalar, tensor } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import { reduceOnPlateau } from './plateau.ts'
import { values } from './steps.support.ts'

describe('reduceOnPlateau', () => {
  const g = { w: tensor([2]) }
  const scales = (losses: readonly number[], config: Parameters<typeof reduceOnPlateau>[0]) => {
    const plateau = reduceOnPlateau(config)
    let state = plateau.init(g)
    return losses.map((loss) => {
      const [updates, next] = plateau.update(g, state, g, { value: scalar(loss) })
      state = next
      return values(updates)[0]! / 2
    })
  }

  test('a loss that falls reduces nothing; one that stands does, after its patience', () => {
    expect(scales([8, 7, 6, 5, 4, 3, 2, 1], { patience: 1, factor: 0.5 })).toEqual(Array(8).fill(1))
    expect(scales([1, 1, 1, 1, 1], { patience: 2, factor: 0.5 })).toEqual([1, 1, 0.5, 0.5, 0.25])
  })

  test('NaN is no improvement, and is forgotten', () => {
    expect(scales([2, NaN, 1, 1, NaN], { patience: 2, factor: 0.5 })).toEqual([1, 1, 1, 1, 0.5])
  })

  test('a value that is missing or no scalar, and numbers that are none, are refused', () => {
    const plateau = reduceOnPlateau({})
    expect(() => plateau.update(g, plateau.init(g), g)).toThrow(
      /reduceOnPlateau: the value is undefined.*\{ value: loss \}/,
    )
    expect(() => plateau.update(g, plateau.init(g), g, { value: tensor([1, 2]) as never })).toThrow(
      /the value is no scalar/,
    )
    expect(() => reduceOnPlateau({ factor: 1 })).toThrow(/factor is 1/)
    expect(() => reduceOnPlateau({ relative: 0 })).toThrow(/one of them positive/)
    expect(() => reduceOnPlateau({ patience: 0 })).toThrow(/patience is 0/)
    expect(() => reduceOnPlateau({ cooldown: -1 })).toThrow(/cooldown is -1/)
  })
})
