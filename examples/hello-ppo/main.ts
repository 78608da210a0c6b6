/**
 * PPO with a critic on chains of three digits: after a cold start the policy answers one prompt at a time, with no group to
 * compare with. A second transformer says before each token what reward it expects; tokens are credited with what came beyond
 * that (GAE), and both learn from the same batch.
 * Takes 40 s.
 */
import { adam, chain, clipByGlobalNorm, transformer, type TransformerParams } from '@adjoint/nn'
import * as rl from '@adjoint/rl'
import { random, requestDeviceAsync } from '@adjoint/tensor'

const task = rl.mod10Chains(3) // 3+8*2= is (3 + 8) * 2 modulo 10
const MAX_TOKENS = 10
const model = transformer({ vocab: task.vocabulary.size, width: 64, layers: 2, heads: 4, context: 7 + MAX_TOKENS })
const [policy, critic] = [rl.transformerPolicy(model, task.vocabulary), rl.ownCritic(model)]
const device = await requestDeviceAsync()

const cold = chain(clipByGlobalNorm(1), adam({ learningRate: 3e-3 }))
const [optimizer, criticOptimizer] = [adam({ learningRate: 5e-4 }), adam({ learningRate: 2e-3 })]
const sampling = { task, policy, maxTokens: MAX_TOKENS, temperature: 1, device } as const

const demonstrate = rl.sftStepAsync({
  policy,
  optimizer: cold,
  batch: rl.traces(task, { rows: 32, thinkShare: 1 }),
  device,
})
const improve = rl.ppoStepAsync({
  ...sampling,
  critic,
  prompts: 64,
  group: 1,
  rewards: [rl.named('correct', rl.accuracy(task.verify))],
  objective: { ...rl.GRPO_OBJECTIVE, aggregate: rl.tokenMean },
  gae: { gamma: 1, lambda: 0.95 },
  beta: 0.01, // of the divergence from the cold start, in the reward
  iterations: 2,
  minibatches: 2,
  optimizer,
  criticOptimizer,
})
const sit = rl.evaluatorAsync({ ...sampling, count: 128, samples: 8, seed: 1 })

const examine = async (params: TransformerParams): Promise<string> =>
  `pass@1 ${(await sit(params)).evaluation.passAt1.toFixed(3)} on 128 held-out problems`

const begun = model.init(random.key(0))
let learner = { params: begun, opt: cold.init(begun) }
for (let i = 0; i < 300; i++) learner = (await demonstrate(learner, rl.foldIn(rl.hostKey(0), i))).state
console.log(`cold start  ${await examine(learner.params)}`)

const { params } = learner
const copy = async (): Promise<TransformerParams> => rl.snapshotAsync(device)(params)
const expecting = critic.init(random.key(1), await copy()) // begins as the policy does, with a head of 0
type Adam = ReturnType<typeof optimizer.init>
let state: rl.PpoState<TransformerParams, typeof expecting, Adam, Adam> = {
  params,
  opt: optimizer.init(params),
  critic: { params: expecting, opt: criticOptimizer.init(expecting) },
  reference: await copy(),
  control: null,
}
for (let i = 0; i <= 200; i++) {
  const { state: next, metrics } = await improve(state, rl.foldIn(rl.hostKey(1), i))
  state = next
  const show = (name: string): string => (metrics[name] ?? NaN).toFixed(3)
  if (i % 25 === 0)
    console.log(
      `step ${String(i).padStart(3)}  reward ${show('reward')}  KL ${show('objective/kl')}  value loss ${show('loss/value_avg')}  explained variance ${show('explained_variance')}`,
    )
}
console.log(`PPO         ${await examine(state.params)}`)
await device.destroy()
