/** The run itself: a short cold start, then GRPO on rewards of which some fail, hang, or are behind a bad endpoint. */
import { type TransformerParams } from '@adjoint/nn'
import type { Device } from '@adjoint/tensor'
import {
  type Chain,
  type GrpoState,
  grpoStep,
  named,
  type NamedReward,
  patient,
  type Phase,
  type Sample,
  sampleRecords,
  sftStep,
  type TraceCache,
  traces,
} from '@adjoint/rl'
import { pipe } from 'fp-ts/lib/function.js'
import * as TE from 'fp-ts/lib/TaskEither.js'
import { judge } from './judge.ts'
import { REWARD_RETRIES, rewardFault } from './schedule.ts'
import { correct, grpo, grpoOptimizer, policy, sft, sftOptimizer, SFT_STEPS, task } from './setting.ts'

export type Learning = GrpoState<TransformerParams, ReturnType<typeof sftOptimizer.init>>

/** The accuracy of a sample, where no fault comes between. */
const flaky = (): NamedReward<Chain> => {
  // Samples are objects of one batch: a batch that is sampled again after a kill counts from 0, as it did.
  const attempts = new WeakMap<Sample<Chain>, number>()
  const reward = (sample: Sample<Chain>): Promise<number> => {
    const attempt = attempts.get(sample) ?? 0
    attempts.set(sample, attempt + 1)
    const fault = rewardFault(sample.prompt, sample.completion, attempt)
    if (fault === 'hangs') return new Promise(() => undefined)
    return fault === 'fails' ? Promise.reject(new Error('injected')) : Promise.resolve(correct(sample))
  }
  const patience = { concurrency: 64, timeout: 20, retries: REWARD_RETRIES, backoff: { first: 1, most: 1 } }
  return named('correct', patient(patience)(reward))
}

/** A line for each group that was learnt from. */
const learnt = sampleRecords(task, { group: grpo.group, shown: grpo.prompts })

export interface JobConfig {
  readonly device: Device
  readonly steps: number
  /** Where the judge is. */
  readonly baseUrl: string
  /** What it said so far. */
  readonly cache: TraceCache
}

/** The phases of the run. Compiled programs live in the closures: make them once. */
export const phasesOf = ({ device, steps, baseUrl, cache }: JobConfig): readonly Phase<Learning>[] => {
  const demonstrate = sftStep({
    policy,
    optimizer: sftOptimizer,
    batch: traces(task, sft),
    device,
  })
  const rewards = [flaky(), named('judge', judge(baseUrl, cache), 0.5)]
  const improve = grpoStep({ ...grpo, task, policy, rewards, optimizer: grpoOptimizer, device })
  return [
    {
      name: 'sft',
      steps: SFT_STEPS,
      enter: (state) => state,
      advance: (state, { key }) =>
        pipe(
          demonstrate(state, key),
          TE.map((stepped) => ({ ...stepped, state: { ...stepped.state, reference: null } })),
        ),
    },
    {
      name: 'grpo',
      steps,
      enter: ({ params }) => ({ params, opt: grpoOptimizer.init(params), reference: null }),
      advance: (state, { key }) =>
        pipe(
          improve(state, key),
          TE.map(({ graded, ids, ...stepped }) => ({ ...stepped, records: learnt(graded, ids) })),
        ),
    },
  ]
}
