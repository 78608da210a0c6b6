/** Grading what was sampled: its rewards, and those of its steps. */
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { blamed, RewardMistake, sampleAt, saidBy, shown } from '../reward/mistake.ts'
import { type NamedReward, scoreSamples } from '../reward/named.ts'
import type { Sample } from '../reward/sample.ts'
import type { RunError } from '../run/errors.ts'
import type { Experience, StepReward } from './experience.ts'

/** Rewards of the steps of completions, one list a sample: a process reward model. */
export type ProcessReward<Problem> = (
  samples: readonly Sample<Problem>[],
) => Promise<readonly (readonly StepReward[])[]>

/** What grades. */
interface Grading<Problem> {
  readonly rewards: readonly NamedReward<Problem>[]
  readonly processReward?: ProcessReward<Problem>
}

const ADVICE =
  'It gives one list a sample, of { end, reward }: end is the index of a token of the completion, reward a finite number or NaN. Mend it.'

const blame = (where: string, thrown: unknown): RewardMistake => blamed('processReward', where, ADVICE, thrown)

const demandSteps = (steps: unknown, sample: Sample<unknown>, where: string): void => {
  if (!Array.isArray(steps)) throw blame(where, new RewardMistake(`gave ${shown(steps)}, which is no list of steps`))
  for (const step of steps as readonly unknown[]) {
    const { end, reward } = (typeof step === 'object' && step !== null ? step : {}) as Partial<StepReward>
    const inside = Number.isInteger(end) && end! >= 0 && end! < sample.length
    if (!inside || typeof reward !== 'number' || Math.abs(reward) === Infinity)
      throw blame(where, new RewardMistake(`gave the step ${shown(step)} of a completion of ${sample.length} tokens`))
  }
}

/** Left RewardAbsent where it rejects; what it throws at once or gives wrongly is a mistake, and thrown. */
const stepsOf =
  <Problem>(score: ProcessReward<Problem>) =>
  (samples: readonly Sample<Problem>[]): TE.TaskEither<RunError, readonly (readonly StepReward[])[]> => {
    const batch = `a batch of ${samples.length}`
    const ask = (): Promise<readonly (readonly StepReward[])[]> => {
      try {
        return score(samples)
      } catch (thrown) {
        throw blame(batch, thrown)
      }
    }
    return pipe(
      TE.tryCatch(ask, (thrown): RunError => {
        if (thrown instanceof RewardMistake) throw thrown
        const of = samples.length
        return { _tag: 'RewardAbsent', reward: 'processReward', absent: of, of, cause: saidBy(thrown) }
      }),
      TE.map((given: unknown) => {
        if (!Array.isArray(given) || given.length !== samples.length)
          throw blame(batch, new RewardMistake(`gave ${Array.isArray(given) ? `${given.length} lists` : shown(given)}`))
        samples.forEach((sample, i) => demandSteps(given[i], sample, sampleAt(sample, i, samples.length)))
        return given as readonly (readonly StepReward[])[]
      }),
    )
  }

/**
 * @internal Grades samples by rewards and a process reward. Left: RewardAbsent where the process reward rejects. Mistakes in
 * either are thrown, by name. Throws at once where two rewards have one name.
 */
export const grader = <Problem>({ rewards, processReward }: Grading<Problem>) => {
  const score = scoreSamples(rewards)
  return (
    samples: readonly Sample<Problem>[],
  ): TE.TaskEither<RunError, Pick<Experience<Problem>, 'breakdowns' | 'steps'>> =>
    pipe(
      TE.fromTask<Experience<Problem>['breakdowns'], RunError>(() => score(samples)),
      TE.bindTo('breakdowns'),
      TE.bind('steps', () =>
        processReward === undefined
          ? TE.right<RunError, Experience<Problem>['steps']>(null)
          : stepsOf(processReward)(samples),
      ),
    )
}
