/**
 * Rewards that take time and may fail: a judge behind a network, a program that is run, a proof checker. `patient` bounds
 * how many run at once, how long each may take and how often it is tried again, and turns whatever goes wrong into a
 * `RewardFailed`, so that the reward is absent for that sample and nothing else.
 */
import * as E from 'fp-ts/lib/Either.js'
import type * as TE from 'fp-ts/lib/TaskEither.js'
import pLimit from 'p-limit'
import pRetry from 'p-retry'
import pTimeout from 'p-timeout'
import { optionsOf } from '@adjoint/tensor/ir'
import type { Signal } from '../signal.ts'
import { heldLoosely } from './held.ts'
import { mistakeOf, RewardMistake, shown } from './mistake.ts'
import type { RewardError, Sample, Score } from './sample.ts'
import { twin } from '../or-throw.ts'

/** A reward that may watch a signal that says that nobody waits for it any more. */
export type SlowReward<Problem> = (sample: Sample<Problem>, signal: Signal) => Score

/** A reward that always takes time. */
export type PatientReward<Problem> = (sample: Sample<Problem>) => TE.TaskEither<RewardError, number>

/** How patient to be. */
export interface Patience {
  /** Attempts that run at once, over all samples of the reward. */
  readonly concurrency: number
  /** What one attempt may take, in ms, from its start (waiting for its turn does not count). */
  readonly timeout: number
  /** Attempts after the first. Default 2. */
  readonly retries?: number
  /** The wait before each retry, in ms: `first * factor^i`, at most `most`. Default 500, 2, and 30,000. */
  readonly backoff?: { readonly first?: number; readonly factor?: number; readonly most?: number }
  /**
   * A draw from [0, 1), one a sample: its waits are `1 + jitter()` times as long, so that samples that failed together
   * do not come back together. Default `Math.random`: it moves times, never results.
   */
  readonly jitter?: () => number
  /** Is told of every reward that was given up. */
  readonly onFailure?: (error: RewardError) => void
}

const LONGEST_TIMER = 2 ** 31 - 1 // ms; a timer of the platform takes no more, and fires at once

/**
 * A reward with bounded concurrency, a timeout and retries with exponential backoff. An attempt fails if it rejects, gives a
 * `Left`, gives NaN, later gives anything but a finite number, or does not settle in time: then its signal is aborted, and
 * it is left behind. When the last attempt has failed the reward is `Left RewardFailed`, and its message counts what
 * happened. A retry waits outside of the bound. What is thrown at once, given at once without being a number, or thrown by
 * `jitter` or `onFailure`, is a mistake: it is not tried again, and reaches whoever scores. Wrong settings throw.
 *
 * @example
 * ```ts
 * import { named, patient } from '@adjoint/rl'
 * const judge = patient({ concurrency: 8, timeout: 10_000, retries: 3 })(async ({ completion }, signal) => {
 *   const response = await fetch('https://judge.example/score', { method: 'POST', body: completion, signal })
 *   return Number(await response.text())
 * })
 * const rewards = [named('judge', judge)]
 * ```
 */
export const patient = (given: Patience) => {
  const patience = optionsOf('patient', given, {
    concurrency: true,
    timeout: true,
    retries: true,
    backoff: true,
    jitter: true,
    onFailure: true,
  })

  const { concurrency, timeout, retries = 2, jitter = Math.random, onFailure = () => undefined } = patience
  const { first = 500, factor = 2, most = 30_000 } = patience.backoff ?? {}
  check('concurrency', concurrency, concurrency === Infinity || (Number.isInteger(concurrency) && concurrency > 0))
  check('timeout', timeout, timeout === Infinity || (timeout > 0 && timeout <= LONGEST_TIMER))
  check('retries', retries, Number.isInteger(retries) && retries >= 0)
  check('backoff.first', first, first >= 0 && first <= LONGEST_TIMER / 2)
  check('backoff.factor', factor, factor >= 1 && Number.isFinite(factor))
  check('backoff.most', most, most >= 0 && most <= LONGEST_TIMER / 2)

  return <Problem>(reward: SlowReward<Problem>): PatientReward<Problem> => {
    const limit = pLimit(concurrency)
    return (sample) => {
      const failures: string[] = []
      const stretch = 1 + jitter()
      if (!(stretch >= 1 && stretch < Infinity))
        throw new RewardMistake(`threw RangeError: patient: jitter gave ${stretch - 1}. Give a number from 0`)
      const persevere = (): Promise<number> =>
        pRetry(() => limit(() => attempt(reward, sample, timeout)), {
          retries,
          factor,
          minTimeout: first * stretch,
          maxTimeout: most * stretch,
          onFailedAttempt: ({ error }) => void failures.push(error.message),
          shouldRetry: ({ error }) => !(error instanceof RewardMistake),
        })
      return async () => {
        try {
          return E.right(await persevere())
        } catch (thrown) {
          if (thrown instanceof RewardMistake) throw thrown
          const error: RewardError = { _tag: 'RewardFailed', message: tally(failures) }
          await toldOf(onFailure, error)
          return E.left(error)
        }
      }
    }
  }
}

/**
 * {@link patient} for scripts: the reward gives a promise, which rejects with RlFailure, whose `error` says what went wrong. Where it
 * scores for a learner, it is absent then, as that of {@link patient}.
 *
 * @example
 * ```ts
 * import { patientAsync, RlFailure } from '@adjoint/rl'
 * const judge = patientAsync({ concurrency: 8, timeout: 10_000, retries: 0 })(() => Promise.reject(new Error('HTTP 500')))
 * const sample = { problem: null, prompt: '1+1=', completion: '2', length: 1, terminated: true }
 * await judge(sample).catch((thrown) => console.log(thrown instanceof RlFailure && thrown.message)) // gave up after 1 attempt: HTTP 500
 * ```
 */
export const patientAsync = (given: Patience) => {
  const persevere = patient(given)
  return <Problem>(reward: SlowReward<Problem>): ((sample: Sample<Problem>) => Promise<number>) =>
    twin(persevere(reward))
}

/** An `async` callback is waited for: its rejection is a mistake too. */
const toldOf = async (onFailure: (error: RewardError) => unknown, error: RewardError): Promise<void> => {
  try {
    await onFailure(error)
  } catch (thrown) {
    throw mistakeOf(thrown)
  }
}

const check = (name: string, value: number, holds: boolean): void => {
  if (!holds)
    throw new RangeError(
      `patient: ${name} is ${value}. concurrency is a positive integer, timeout a positive number of ms (below 2^31), retries an integer from 0, a backoff from 0 ms with a factor from 1.`,
    )
}

/** One attempt: a finite number, or an Error that says why not. What still works for it when it ends is told to stop. */
const attempt = async <Problem>(
  reward: SlowReward<Problem>,
  sample: Sample<Problem>,
  timeout: number,
): Promise<number> => {
  const controller = new AbortController()
  try {
    return await pTimeout(settle(reward, sample, controller.signal), {
      milliseconds: timeout,
      message: `no answer within ${timeout} ms`,
    })
  } catch (thrown) {
    controller.abort(thrown)
    if (thrown instanceof RewardMistake) throw thrown
    // p-retry takes some kinds of error for bugs, and does not try again after them: to it all failures are of one kind.
    throw new Error(thrown instanceof Error ? thrown.message : String(thrown), { cause: thrown })
  }
}

const begin = <Problem>(
  reward: SlowReward<Problem>,
  sample: Sample<Problem>,
  signal: Signal,
): Promise<E.Either<RewardError, unknown>> => {
  try {
    const score = heldLoosely(reward(sample, signal))
    return typeof score === 'number' ? Promise.resolve(E.right(score)) : score()
  } catch (thrown) {
    throw mistakeOf(thrown)
  }
}

const settle = async <Problem>(
  reward: SlowReward<Problem>,
  sample: Sample<Problem>,
  signal: Signal,
): Promise<number> => {
  const given = await begin(reward, sample, signal)
  if (E.isLeft(given)) throw new Error(given.left.message)
  const value: unknown = given.right
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw new Error(`gave ${shown(value)}, not a finite number`)
}

/** `gave up after 3 attempts: HTTP 500 (2 times), no answer within 50 ms` */
const tally = (failures: readonly string[]): string => {
  const kinds = [...new Set(failures)].map((message) => {
    const times = failures.filter((f) => f === message).length
    return times === 1 ? message : `${message} (${times} times)`
  })
  return `gave up after ${failures.length} attempt${failures.length === 1 ? '' : 's'}: ${kinds.join(', ')}`
}
