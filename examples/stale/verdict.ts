/** What happened, in words, from the figures alone. */
import { show } from '../cli/table.ts'
import { mean } from '../variants/outcome.ts'

/** What one way came to: held-out accuracies at the end, one a seed. */
export interface Ended {
  readonly way: string
  /** Age of the rollouts, in steps. */
  readonly k: number
  readonly passAt1: readonly number[]
  /** The deepest fall on the way, of all seeds: how far a short exam came out below an earlier one. */
  readonly fall: number
  /** Mean over steps and tokens of |log pi - log pi of the sampler|, nats. */
  readonly mismatch: number
}

/** How far the figures of a run fell at most, from the best before; 0 for those that only rise. */
export const deepestFall = (xs: readonly number[]): number => {
  let [best, fall] = [-Infinity, 0]
  for (const x of xs) {
    best = Math.max(best, x)
    fall = Math.max(fall, best - x)
  }
  return fall
}

/** Whether two lists of figures lie apart: no one of the lower is above one of the higher. */
export const apart = (x: readonly number[], y: readonly number[]): boolean =>
  Math.max(...x) < Math.min(...y) || Math.max(...y) < Math.min(...x)

/** `x` against `y`: how far, which way, and whether the seeds leave doubt. */
export const against = (x: readonly number[], y: readonly number[]): string => {
  const difference = mean(x) - mean(y)
  const doubt =
    x.length < 2 ? 'one seed' : apart(x, y) ? 'beyond the spread of the seeds' : 'within the spread of the seeds'
  if (Math.abs(difference) < 0.005) return `level with it (${doubt})`
  return `${show(Math.abs(difference), 3)} ${difference > 0 ? 'above' : 'below'} it (${doubt})`
}

/** How the other side is called, and how `x` stands to it. */
const standing = (name: string, x: readonly number[], y: readonly number[]): string =>
  `${name} has ${show(mean(y), 3)}, and this is ${against(x, y)}`

/**
 * A sentence for each age and way: what being late costs when it is ignored, what each answer to it changes, and whether
 * anything is left to be desired.
 */
export const verdicts = (onPolicy: readonly number[], runs: readonly Ended[]): readonly string[] => {
  const ages = [...new Set(runs.map(({ k }) => k))]
  return ages.flatMap((k) => {
    const of = runs.filter((run) => run.k === k)
    const ignored = of.find(({ way }) => way === 'ignored')
    if (ignored === undefined) return []
    return of.map(({ way, passAt1, fall, mismatch }) => {
      const came = `pass@1 ${show(mean(passAt1), 3)}, after falls of up to ${show(fall, 3)}`
      return way === 'ignored'
        ? `${k} steps late and ignored: ${came}; ${standing('on-policy', passAt1, onPolicy)}. ` +
            `Learner and sampler differ by ${show(mismatch, 3)} nats a token.`
        : `${k} steps late with ${way}: ${came}; ${standing('ignoring it', passAt1, ignored.passAt1)}; ` +
            `${standing('on-policy', passAt1, onPolicy)}.`
    })
  })
}
