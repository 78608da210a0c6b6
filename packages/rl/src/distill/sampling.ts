/** Texts that the student writes itself, for a teacher to judge, and a step of learning on them. */
import type { Device, Tree } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { type OptionNames, optionsOf } from '@adjoint/tensor/ir'
import type { Rollout } from '../experience/rollout.ts'
import { type Sampled, sampledParts } from '../experience/rows.ts'
import type { Stepped } from '../learn/fit.ts'
import type { Policy } from '../policy/policy.ts'
import { requireFit, roller } from '../policy/rollout.ts'
import type { RunError } from '../run/errors.ts'
import { foldIn, type HostKey, stream } from '../run/keys.ts'
import { completionMetrics } from '../run/metrics.ts'
import { problem, type Task } from '../task/task.ts'

/** What the student writes in a step. */
export interface StudentSampling<Problem> {
  readonly task: Task<Problem>
  /** Problems of a step, of the training split. */
  readonly prompts: number
  /** Completions to a problem. Default 1: a teacher judges each by itself. */
  readonly group?: number
  /** Most tokens of a completion, its end included. */
  readonly maxTokens: number
  /** 0 is greedy. */
  readonly temperature: number
  /** Columns of prompts; fix it where prompts differ in length, so that one program serves all batches. */
  readonly promptWidth?: number
}

const SAMPLING_OPTIONS: OptionNames<StudentSampling<never>> = {
  ...{ task: true, prompts: true, group: true, maxTokens: true, temperature: true, promptWidth: true },
}

/** @internal A sampler of the student's texts: problems and draws follow from the key. */
export const studentRollouts = <Problem, P extends Tree>(
  given: StudentSampling<Problem>,
  policy: Policy<P>,
  device: Device,
): ((params: P, key: HostKey) => TE.TaskEither<RunError, Rollout<Problem>>) => {
  const { prompts, group = 1, ...sampling } = optionsOf('sampling', given, SAMPLING_OPTIONS)
  const roll = roller({ ...sampling, group, policy, device })
  return (params, key) => {
    const from = stream('problems')(key)
    const asked = Array.from({ length: prompts }, (_, i) => problem(sampling.task, 'train')(foldIn(from, i)))
    return roll(params, asked, stream('completions')(key))
  }
}

/** @internal A step on what the student writes: its metrics are what `learn` measured, and those of the completions. */
export const studentStep = <Problem, P extends Tree, S extends { readonly params: P }>(
  config: {
    readonly sampling: StudentSampling<Problem>
    readonly policy: Policy<P>
    readonly teacher: { readonly policy: { readonly context: number } }
    readonly microBatch?: number
    readonly device: Device
  },
  learn: (state: S, parts: readonly Sampled[]) => TE.TaskEither<RunError, Stepped<S>>,
) => {
  const roll = studentRollouts(config.sampling, config.policy, config.device)
  requireFit('distillation, teacher', {
    ...config.sampling,
    policy: { ...config.policy, context: config.teacher.policy.context },
  })
  return (state: S, key: HostKey): TE.TaskEither<RunError, Stepped<S>> =>
    pipe(
      roll(state.params, key),
      TE.flatMap((rollout) =>
        pipe(
          learn(
            state,
            sampledParts(rollout, [...rollout.samples.keys()], config.microBatch).map(({ rows: _, ...part }) => part),
          ),
          TE.map(({ state: next, metrics }) => ({
            state: next,
            metrics: { ...metrics, ...completionMetrics(rollout.samples) },
          })),
        ),
      ),
    )
}
