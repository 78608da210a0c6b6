/** Texts that the student writes itself, for a teacher to judge, and a step of learning on them. */
import type { Floats, Integers, Transformer, TransformerParams } from '@adjoint/nn'
import { type Device, tensor } from '@adjoint/tensor'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { onDevice, readOn, unpackMetrics } from '../run/device.ts'
import type { RunError } from '../run/errors.ts'
import type { Rollout } from '../experience/experience.ts'
import { completionMetrics } from '../run/metrics.ts'
import { roller } from '../policy/rollout.ts'
import type { Stepped } from '../learn/sft.ts'
import { foldIn, type HostKey } from '../run/keys.ts'
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

/** @internal A sampler of the student's texts: problems and draws follow from the key. */
export const studentRollouts = <Problem>(
  { prompts, group = 1, ...sampling }: StudentSampling<Problem>,
  model: Transformer,
  device: Device,
): ((params: TransformerParams, key: HostKey) => TE.TaskEither<RunError, Rollout<Problem>>) => {
  const roll = roller({ ...sampling, group, model, device })
  return (params, key) => {
    const asked = Array.from({ length: prompts }, (_, i) => problem(sampling.task, 'train')(foldIn(foldIn(key, 0), i)))
    return roll(params, asked, foldIn(key, 1))
  }
}

/** @internal A rollout as arguments of a compiled program; P + N columns, of which N were sampled. */
export type Sampled = {
  readonly tokens: Integers
  readonly starts: Integers | null
  /** [B, N]. */
  readonly mask: Floats
  /** [B, N], nats. */
  readonly samplerLogp: Floats
}

/** @internal */
export const sampledOf = ({ tokens, starts, mask, samplerLogp, samples }: Rollout<unknown>): Sampled => {
  const rows = samples.length
  return {
    tokens: tensor(tokens, [rows, tokens.length / rows]),
    starts: starts === null ? null : tensor(starts, [rows]),
    mask: tensor(mask, [rows, mask.length / rows]),
    samplerLogp: tensor(samplerLogp, [rows, mask.length / rows]),
  }
}

/** @internal A step on what the student writes: its metrics are what `update` measured, by `names`, and those of the completions. */
export const studentStep = <Problem, S extends { readonly params: TransformerParams }>(
  config: { readonly sampling: StudentSampling<Problem>; readonly model: Transformer; readonly device: Device },
  update: (state: S, sampled: Sampled) => { readonly state: S; readonly metrics: Floats },
  names: readonly string[],
) => {
  const { sampling, model, device } = config
  const roll = studentRollouts(sampling, model, device)
  return (state: S, key: HostKey): TE.TaskEither<RunError, Stepped<S>> =>
    pipe(
      roll(state.params, key),
      TE.flatMap((rollout) =>
        pipe(
          onDevice(() => Promise.resolve(update(state, sampledOf(rollout)))),
          TE.flatMap(({ state: next, metrics }) =>
            pipe(
              readOn(device)(metrics),
              TE.map((values) => ({
                state: next,
                metrics: { ...unpackMetrics(names, values), ...completionMetrics(rollout.samples) },
              })),
            ),
          ),
        ),
      ),
    )
}
