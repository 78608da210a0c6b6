/** What happened, in words, from the figures alone. */
import { show } from '../cli/table.ts'
import { mean } from '../variants/outcome.ts'

/** What one way came to: held-out accuracies at the end, one a seed. */
export interface Ended {
  readonly way: string
  /** Age of the rollouts, in steps. */
  readonly k: number
  readonly passAt1: readonly number[]
  /** Mean over steps and tokens of |log pi - log pi of the sampler|, nats. */
  readonly mismatch: number
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

/** A sentence for each age and way: what being late costs when it is ignored, and what each answer to it changes. */
export const verdicts = (onPolicy: readonly number[], runs: readonly Ended[]): readonly string[] => {
  const ages = [...new Set(runs.map(({ k }) => k))]
  return ages.flatMap((k) => {
    const of = runs.filter((run) => run.k === k)
    const ignored = of.find(({ way }) => way === 'ignored')
    if (ignored === undefined) return []
    return [
      `${k} steps late and ignored: pass@1 ${show(mean(ignored.passAt1), 3)}; on-policy has ${show(mean(onPolicy), 3)}, and this is ` +
        `${against(ignored.passAt1, onPolicy)}. Learner and sampler differ by ${show(ignored.mismatch, 3)} nats a token.`,
      ...of
        .filter(({ way }) => way !== 'ignored')
        .map(
          ({ way, passAt1 }) =>
            `${k} steps late with ${way}: pass@1 ${show(mean(passAt1), 3)}; ignoring it has ${show(mean(ignored.passAt1), 3)}, and this is ` +
            `${against(passAt1, ignored.passAt1)}.`,
        ),
    ]
  })
}
