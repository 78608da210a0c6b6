/**
 * Evaluation on held-out problems: k completions to each, sampled at a temperature (pass@1 as the mean over them, cons@k as
 * their majority vote: DeepSeek-R1 section 3) or the greedy one. Problems come from the held-out split by construction.
 */
import type { Device, Tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { glimpse } from '../reward/mistake.ts'
import { demandCounts, type RunError } from '../run/errors.ts'
import { consAtK, passAtK } from './estimate.ts'
import type { Policy } from '../policy/policy.ts'
import { chunksOf } from 'fp-ts/lib/ReadonlyArray.js'
import { type OptionNames, optionsOf } from '@adjoint/tensor/ir'
import { roller } from '../policy/rollout.ts'
import type { Sample } from '../reward/sample.ts'
import { accuracy } from '../reward/rules.ts'
import { foldIn, type HostKey, hostKey } from '../run/keys.ts'
import { problems, type Task } from '../task/task.ts'
import { verifierOf } from '../task/verify.ts'
import { lastAnswer, parseCompletion, wholeCompletion } from '../policy/template.ts'
import { curriedTwin } from '../or-throw.ts'

/** What to ask, and how. */
export interface EvaluateConfig<Problem, P extends Tree> {
  readonly task: Task<Problem>
  readonly policy: Policy<P>
  /** Held-out problems, all distinct. */
  readonly count: number
  /** Completions to a problem, k. 1 with temperature 0 is greedy decoding. */
  readonly samples: number
  readonly temperature: number
  readonly maxTokens: number
  /** Chooses the problems; the same seed asks the same problems in every run. */
  readonly seed: number
  /** Rows of one batch on the device; a multiple of `samples` fits best. Default: 256. */
  readonly rows?: number
  readonly promptWidth?: number
  readonly device: Device
}

/** @internal */
export const EVALUATE_OPTIONS: OptionNames<EvaluateConfig<never, never>> = {
  ...{ task: true, policy: true, count: true, samples: true, temperature: true, maxTokens: true },
  ...{ seed: true, rows: true, promptWidth: true, device: true },
}

/** Shares are of all completions unless said otherwise. */
export interface Evaluation {
  /** Mean accuracy of a completion: `passAtK(k, c, 1)` over problems. */
  readonly passAt1: number
  /** Chance that one of the k completions is right. */
  readonly passAtK: number
  /** Accuracy of the majority answer of the k completions (see `consAtK` for ties). */
  readonly consAtK: number
  /** Share of completions in the template whose think block is not empty. */
  readonly thinkRate: number
  /** Share of completions in the template. */
  readonly formatRate: number
  /** Tokens, the end included. */
  readonly meanLength: number
}

const mean = (xs: readonly number[]): number => xs.reduce((s, x) => s + x, 0) / Math.max(1, xs.length)

/**
 * The figures of an evaluation from samples, k in a row for each problem. All are 0 for no samples. Throws RangeError where
 * the samples are not k for each problem, and what the verifier throws, with the name of the task.
 *
 * @example
 * ```ts
 * import { mod10Chain, summarize } from '@adjoint/rl'
 * const problem = { digits: [3, 8, 2, 9, 5], operators: ['+', '*', '-', '*'] } as const
 * const sample = { problem, prompt: '', completion: '<think>1235</think><answer>5</answer>', length: 10, terminated: true }
 * summarize(mod10Chain, 1)([sample]) // passAt1 1, thinkRate 1, meanLength 10
 * ```
 */
export const summarize = <Problem>(task: Task<Problem>, k: number) => {
  demandCounts('summarize', { k })
  const verify = verifierOf(task)
  const { answerIn = lastAnswer } = task
  const correct = accuracy(verify, answerIn)
  return (samples: readonly Sample<Problem>[]): Evaluation => {
    requireGroups(samples, k)
    const parsed = samples.map((s) => parseCompletion(wholeCompletion(s)))
    const byProblem = chunksOf(k)(samples).map((group) => {
      const right = group.filter((s) => correct(s) === 1).length
      const vote = consAtK(verify(group[0].problem))
      return {
        passAt1: passAtK(group.length, right, 1),
        passAtK: passAtK(group.length, right, group.length),
        consAtK: vote(group.map((s) => answerIn(wholeCompletion(s))?.trim() ?? null)),
      }
    })
    return {
      passAt1: mean(byProblem.map((p) => p.passAt1)),
      passAtK: mean(byProblem.map((p) => p.passAtK)),
      consAtK: mean(byProblem.map((p) => p.consAtK)),
      thinkRate: mean(parsed.map((p) => (E.isRight(p) && p.right.think !== '' ? 1 : 0))),
      formatRate: mean(parsed.map((p) => (E.isRight(p) ? 1 : 0))),
      meanLength: mean(samples.map((s) => s.length)),
    }
  }
}

/** A group that is short, or of two problems, would shift all that follow it. */
const requireGroups = (samples: readonly Sample<unknown>[], k: number): void => {
  if (samples.length % k !== 0)
    throw new RangeError(
      `summarize: ${samples.length} samples are not ${k} for each problem. Give k in a row for each.`,
    )
  chunksOf(k)(samples).forEach((group, at) => {
    const other = group.find(({ prompt }) => prompt !== group[0].prompt)
    if (other !== undefined)
      throw new RangeError(
        `summarize: samples ${at * k + 1} to ${(at + 1) * k} answer two prompts, ${glimpse(group[0].prompt)} and ${glimpse(other.prompt)}. ` +
          `Give k = ${k} in a row for each problem.`,
      )
  })
}

/** The figures, and the completions they are from. */
export interface Evaluated<Problem> {
  readonly evaluation: Evaluation
  readonly samples: readonly Sample<Problem>[]
}

/**
 * An evaluator; make it once, it keeps its compiled programs. The problems and all draws follow from the configuration, so
 * that two policies answer the same questions with the same luck. Left: as {@link roller}.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { mod10Chain, evaluator, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDevice } from '@adjoint/tensor'
 * const device = await requestDevice({ kind: 'wasm' })()
 * if (device._tag === 'Right') {
 *   const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 *   const policy = transformerPolicy(model, mod10Chain.vocabulary)
 *   const exam = { task: mod10Chain, policy, count: 4, samples: 2, temperature: 1, maxTokens: 10, seed: 0, device: device.right }
 *   const result = await evaluator(exam)(model.init(random.key(0)))()
 * }
 * ```
 */
export const evaluator = <Problem, P extends Tree>(given: EvaluateConfig<Problem, P>) => {
  const config = optionsOf('evaluator', given, EVALUATE_OPTIONS)

  const { count, samples: k, seed, rows = 256, ...rolled } = config
  const { task } = rolled
  demandCounts('evaluator', { count, samples: k, rows })
  const root = hostKey(seed)
  const questions = problems(task, 'heldOut', { count, distinct: true })(foldIn(root, 0))
  const roll = roller({ ...rolled, group: k })
  // The last batch is filled up by its first questions, so that all batches have one shape.
  const perBatch = Math.min(count, Math.max(1, Math.floor(rows / k)))
  const batches = chunksOf(perBatch)(questions).map((batch) => ({
    asked: batch.length,
    batch: Array.from({ length: perBatch }, (_, i) => batch[i % batch.length]!),
  }))
  return (params: P): TE.TaskEither<RunError, Evaluated<Problem>> =>
    pipe(
      batches,
      TE.traverseSeqArrayWithIndex((i, { asked, batch }) =>
        pipe(
          roll(params, batch, keyOf(root, i)),
          TE.map((rollout) => rollout.samples.slice(0, asked * k)),
        ),
      ),
      TE.map((parts) => {
        const samples = parts.flat()
        return { evaluation: summarize(task, k)(samples), samples }
      }),
    )
}

/**
 * {@link evaluator} for scripts: the evaluator awaits, and throws RlFailure, whose `error` says what went wrong.
 *
 * @example
 * ```ts
 * import { transformer } from '@adjoint/nn'
 * import { evaluatorAsync, mod10Chain, transformerPolicy } from '@adjoint/rl'
 * import { random, requestDeviceAsync } from '@adjoint/tensor'
 * const device = await requestDeviceAsync({ kind: 'wasm' })
 * const model = transformer({ vocab: mod10Chain.vocabulary.size, width: 16, layers: 1, heads: 2, context: 21 })
 * const policy = transformerPolicy(model, mod10Chain.vocabulary)
 * const exam = { task: mod10Chain, policy, count: 4, samples: 2, temperature: 1, maxTokens: 10, seed: 0, device }
 * const { evaluation } = await evaluatorAsync(exam)(model.init(random.key(0)))
 * console.log(evaluation.passAt1)
 * ```
 */
export const evaluatorAsync = /* @__PURE__ */ curriedTwin(evaluator)

const keyOf = (root: HostKey, batch: number): HostKey => foldIn(foldIn(root, 1), batch)
