/** A plan beside what it is about: the step of learning, run on a model's own parameters, and what the device and the process held at most. */
import { loadModel, type ModelError } from '@adjoint/nn'
import { DeviceFailure } from '@adjoint/tensor'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { pipe } from 'fp-ts/lib/function.js'
import { type LearningConfig, learningOf } from './learning.ts'

/** What a step held at most, and how long it took. */
export interface Measured {
  /** Bytes that the device counted. */
  readonly counted: number
  /** Bytes of the process that were in memory, everything in it included. */
  readonly resident: number
  /** Seconds of the last step: the first one compiles. */
  readonly seconds: number
  /** Before each step. */
  readonly losses: readonly number[]
}

const STEPS = 2

/** Of what was thrown, the device's failure; all else is an error of the program, and is thrown on. */
const failed = (thrown: unknown): ModelError => {
  if (!(thrown instanceof DeviceFailure)) throw thrown
  return { _tag: 'Device', error: thrown.error, message: `a step of learning: ${thrown.message}` }
}

/** Loads the model at `path` and makes two steps. Left: it cannot be loaded, or the device failed, as one without room does. */
export const measureStep = (path: string, given: LearningConfig): TE.TaskEither<ModelError, Measured> =>
  pipe(
    loadModel({ path, dtype: given.dtype, context: given.sequence, device: given.device }),
    TE.flatMap(({ params }) =>
      TE.tryCatch(async (): Promise<Measured> => {
        const { run } = learningOf(given, params)
        const made = await run(STEPS)
        return {
          counted: given.device.stats().peakBytes,
          // kilobytes, on every system
          resident: 1024 * process.resourceUsage().maxRSS,
          seconds: made.at(-1)!.seconds,
          losses: made.map(({ loss }) => loss),
        }
      }, failed),
    ),
  )
