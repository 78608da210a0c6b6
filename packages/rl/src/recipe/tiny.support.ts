/** Test support: R1's recipe on a task and with models so small that all of it takes seconds. */
import { adam, type LearningRate, transformer } from '@adjoint/nn'
import { type Device, random, requestDevice } from '@adjoint/tensor'
import * as E from 'fp-ts/lib/Either.js'
import { group } from '../advantage.ts'
import { outcome } from '../credit.ts'
import { GRPO_OBJECTIVE } from '../objective.ts'
import { named } from '../reward/named.ts'
import { accuracy, format } from '../reward/rules.ts'
import { traces } from '../sft.ts'
import { mod10Chains } from '../task/chain.ts'
import { r1Start } from './state.ts'

export const task = mod10Chains(2)
const of = (width: number) => transformer({ vocab: task.vocabulary.size, width, layers: 1, heads: 2, context: 16 })
/** A policy and a smaller student. */
export const [model, small] = [of(16), of(8)] as const

const optimizer = (learningRate: LearningRate) => adam({ learningRate })
const exam = { task, count: 4, samples: 2, temperature: 1, maxTokens: 8, seed: 5 } as const
const correct = accuracy(task.verify)
const sft = {
  ...{ vocabulary: task.vocabulary, steps: 3, learningRate: { from: 1e-2, to: 1e-3 }, optimizer, exam },
} as const
const oracle = { rows: 8, thinkShare: 0.5 }
const rl = {
  ...{ task, model, steps: 2, prompts: 2, group: 4, maxTokens: 8, temperature: 1 },
  ...{ credit: outcome(group()), objective: GRPO_OBJECTIVE, learningRate: 1e-2, optimizer, exam },
  // What is short is rewarded, so that an untrained policy has something to learn.
  rewards: [named('correct', correct), named('format', format, 0.1), named('short', ({ length }) => 1 / length)],
} as const

/** Every stage with a few steps. What an untrained policy says is seldom right: all that ends is kept. */
export const tiny = {
  coldStart: { ...sft, model, batch: traces(task, oracle), settings: { oracle } },
  reasoningRl: { ...rl, watch: { every: 1, exam } },
  rejectionSampling: {
    ...{ task, model, count: 12, group: 4, batch: 4, maxTokens: 8, temperature: 1 },
    accept: { short: ({ length }: { readonly length: number }) => length < 8 },
    perProblem: 2,
  },
  supervised: { ...sft, model, rows: 8 },
  allRewardsRl: rl,
  distillation: { ...sft, model: small, rows: 8 },
}

export const start = r1Start({ base: model.init(random.key(0)), student: small.init(random.key(1)) })

export const openDevice = async (): Promise<Device> => {
  const opened = await requestDevice({ kind: 'wasm' })()
  if (E.isLeft(opened)) throw new Error(opened.left.message)
  return opened.right
}
