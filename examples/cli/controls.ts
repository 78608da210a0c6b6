/** Controls: the same run with rewards that say nothing, which is to learn nothing. */
import { dice, type Groups, type HostKey } from '@adjoint/rl'

export const CONTROLS = ['shuffled', 'random'] as const

/** What becomes of the rewards: dealt out anew, or drawn by a coin. */
export type Control = (typeof CONTROLS)[number]

/** Rewards that say nothing about the completions they are given to. */
export const relabels: Record<Control, (rewards: Groups, key: HostKey) => Groups> = {
  // Every reward goes to some completion of the batch, whichever.
  shuffled: (given, key) => {
    const roll = dice(key)
    const all = given.flat()
    for (let i = all.length - 1; i > 0; i--) {
      const j = roll(i + 1)
      ;[all[i], all[j]] = [all[j]!, all[i]!]
    }
    let at = 0
    return given.map((g) => g.map(() => all[at++]!))
  },
  // A coin for each completion.
  random: (given, key) => {
    const roll = dice(key)
    return given.map((g) => g.map(() => roll(2)))
  },
}
