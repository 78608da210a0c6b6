/** Rewards that keep their names: the total trains, the parts are logged. */
import * as E from 'fp-ts/lib/Either.js'
import type { Reward, Sample } from './reward.ts'

/** A reward with the name it has in the log (`rewards/{name}/mean`) and its weight in the total. */
export interface NamedReward<Problem> {
  readonly name: string
  readonly weight: number
  readonly reward: Reward<Problem>
}

/** What one sample got: the weighted total, and each part before its weight. NaN = absent. */
export interface Breakdown {
  readonly total: number
  readonly parts: Readonly<Record<string, number>>
}

/**
 * Names a reward; weight 1 unless told.
 *
 * @example
 * ```ts
 * import { format, named } from '@adjoint/rl'
 * const rewards = [named('format', format, 0.1)]
 * ```
 */
export const named = <Problem>(name: string, reward: Reward<Problem>, weight = 1): NamedReward<Problem> => ({
  name,
  weight,
  reward,
})

const settle = async (score: ReturnType<Reward<unknown>>): Promise<number> => {
  if (typeof score === 'number') return score
  const result = await score()
  return E.isRight(result) ? result.right : NaN
}

/**
 * Scores every sample by every reward. A reward that fails is absent (NaN), and makes the total of its sample absent;
 * weight 0 takes a reward out of the total and leaves it in the log.
 *
 * @example
 * ```ts
 * import { format, named, scoreSamples } from '@adjoint/rl'
 * const sample = { problem: null, prompt: '', completion: '<think></think><answer>5</answer>', length: 6, terminated: true }
 * const [first] = await scoreSamples([named('format', format, 0.1)])([sample]) // { total: 0.1, parts: { format: 1 } }
 * ```
 */
export const scoreSamples =
  <Problem>(rewards: readonly NamedReward<Problem>[]) =>
  async (samples: readonly Sample<Problem>[]): Promise<readonly Breakdown[]> =>
    Promise.all(
      samples.map(async (sample) => {
        const values = await Promise.all(rewards.map(({ reward }) => settle(reward(sample))))
        const total = rewards.reduce((sum, { weight }, i) => (weight === 0 ? sum : sum + weight * values[i]!), 0)
        return { total, parts: Object.fromEntries(rewards.map(({ name }, i) => [name, values[i]!])) }
      }),
    )
