/** Test support: R1's recipe on a task and with models so small that all of it takes seconds. */
import { adaptiveKl } from '../objective/control.ts'
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { adam, type LearningRate, transformer, type TransformerParams } from '@adjoint/nn'
import { type Device, random, readAsync, requestDeviceAsync, tree } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { group } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { named } from '../reward/named.ts'
import { accuracy, format } from '../reward/rules.ts'
import { traces } from '../learn/sft.ts'
import { mod10Chains } from '../task/chain.ts'
import { r1 } from './r1.ts'
import { perform, type RecipeEnv } from './recipe.ts'
import { describeStageError, type StageError } from './errors.ts'
import { r1Start, type R1State } from './state.ts'

export const task = mod10Chains(2)
const of = (width: number) => transformer({ vocab: task.vocabulary.size, width, layers: 1, heads: 2, context: 16 })
/** A policy and a smaller student. */
export const [model, small] = [of(16), of(8)] as const
export const [policy, pupil] = [
  transformerPolicy(model, task.vocabulary),
  transformerPolicy(small, task.vocabulary),
] as const

const optimizer = (learningRate: LearningRate) => adam({ learningRate })
const exam = { task, count: 4, samples: 2, temperature: 1, maxTokens: 8, seed: 5 } as const
const correct = accuracy(task.verify)
const sft = {
  ...{ steps: 3, learningRate: { from: 1e-2, to: 1e-3 }, optimizer, exam },
} as const
const oracle = { rows: 8, thinkShare: 0.5 }
const rl = {
  ...{ task, policy, steps: 2, prompts: 2, group: 4, maxTokens: 8, temperature: 1 },
  ...{ credit: outcome(group()), objective: GRPO_OBJECTIVE, learningRate: 1e-2, optimizer, exam },
  // What is short is rewarded, so that an untrained policy has something to learn.
  rewards: [named('correct', correct), named('format', format, 0.1), named('short', ({ length }) => 1 / length)],
} as const

/** Every stage with a few steps. What an untrained policy says is seldom right: all that ends is kept. */
export const tiny = {
  coldStart: { ...sft, policy, batch: traces(task, oracle), settings: { oracle } },
  reasoningRl: { ...rl, watch: { every: 1, exam } },
  rejectionSampling: {
    ...{ task, policy, count: 12, group: 4, batch: 4, maxTokens: 8, temperature: 1 },
    accept: { short: ({ length }: { readonly length: number }) => length < 8 },
    perProblem: 2,
  },
  supervised: { ...sft, policy, rows: 8 },
  // Here the weight of the KL term follows a target: it is part of the stage's state.
  allRewardsRl: {
    ...rl,
    control: { kl: adaptiveKl({ target: 0.1, initial: 0.05 }) },
    rewards: [...rl.rewards, named('ended', ({ terminated }) => Number(terminated), 0.5)],
  },
  distillation: { ...sft, policy: pupil, rows: 8 },
}

export const start = r1Start({ base: model.init(random.key(0)), student: small.init(random.key(1)) })

export const openDevice = (): Promise<Device> => requestDeviceAsync({ kind: 'wasm' })

/** R1 in a folder, from the start. */
export const performTiny = (
  device: Device,
  folder: string,
  over: Partial<RecipeEnv> = {},
): Promise<E.Either<StageError, R1State>> =>
  perform(r1(tiny))({ ...{ device, folder, seed: 0, checkpointEvery: 2, resume: false }, ...over })(start)()

/** The state, or the failure thrown. */
export const ended = <A>(result: E.Either<StageError, A>): A => {
  if (E.isLeft(result)) throw new Error(describeStageError(result.left))
  return result.right
}

/** The folders of R1's stages. */
export const STAGES = [
  '1-cold-start',
  '2-reasoning-rl',
  '3-rejection-sampling',
  '4-supervised',
  '5-all-rewards-rl',
  '6-distillation',
]
/** All that a run leaves but its times, as text. */
export const filesOf = async (folder: string): Promise<Readonly<Record<string, string>>> => {
  const stages = (await readdir(folder)).sort()
  const files = stages.flatMap((stage) => ['log.jsonl', 'traces.jsonl'].map((name) => join(stage, name)))
  return Object.fromEntries(
    await Promise.all(
      files.filter((f) => existsSync(join(folder, f))).map(async (f) => [f, await readFile(join(folder, f), 'utf8')]),
    ),
  ) as Readonly<Record<string, string>>
}
/** Parameters as plain data. */
export const bitsOf = (params: TransformerParams): Promise<readonly unknown[]> =>
  Promise.all(tree.leaves(params).map(async (x) => [...(await readAsync(x))]))
/** A state as plain data. */
export const stateOf = async ({ models, traces, reports }: R1State): Promise<unknown> => [
  Object.fromEntries(
    await Promise.all(Object.entries(models).map(async ([name, p]) => [name, await bitsOf(p)] as const)),
  ),
  traces,
  reports,
]
