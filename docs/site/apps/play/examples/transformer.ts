/** A small transformer sees traces of sums modulo 10, then GRPO pays for right answers and for the template. */
import { adam, chain, clipByGlobalNorm, transformer } from '@adjoint/nn'
import {
  accuracy,
  foldIn,
  format,
  group,
  GRPO_OBJECTIVE,
  type GrpoState,
  grpoStep,
  hostKey,
  mod10Chains,
  named,
  outcome,
  sftStep,
  traces,
  transformerPolicy,
} from '@adjoint/rl'
import { random, realizeAsync, requestDeviceAsync } from '@adjoint/tensor'
import { plot } from 'playground'

const device = await requestDeviceAsync({ kind: 'wasm' })
const task = mod10Chains(3) // such as 3+8*2=
const model = transformer({ vocab: task.vocabulary.size, width: 32, layers: 2, heads: 4, context: 20 })
const policy = transformerPolicy(model, task.vocabulary)
const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 2e-3 }))

const demonstrate = sftStep({ policy, optimizer, batch: traces(task, { rows: 32, thinkShare: 0.5 }), device })
const improve = grpoStep({
  ...{ task, policy, optimizer, device, prompts: 8, group: 16, maxTokens: 10, temperature: 1 },
  rewards: [named('correct', accuracy(task.verify)), named('format', format, 0.1)],
  credit: outcome(group()),
  objective: GRPO_OBJECTIVE,
})

const params = model.init(random.key(0))
let state: GrpoState<typeof params, ReturnType<typeof optimizer.init>> = await realizeAsync(
  { params, opt: optimizer.init(params), reference: null },
  device,
)
for (let i = 0; i < 400; i++) {
  const stepped = await demonstrate(state, foldIn(hostKey(1), i))()
  if (stepped._tag === 'Left') throw new Error(stepped.left._tag)
  state = { ...stepped.right.state, reference: null }
  if (i % 10 === 0) plot('cold start', i, { loss: stepped.right.metrics['loss']! })
}
for (let i = 0; i < 60; i++) {
  const stepped = await improve(state, foldIn(hostKey(2), i))()
  if (stepped._tag === 'Left') throw new Error(stepped.left._tag)
  state = stepped.right.state
  const { metrics, graded } = stepped.right
  plot('GRPO', i, { right: metrics['rewards/correct/mean']!, reward: metrics['reward']! })
  if (i % 10 === 0) console.log(graded[0]!.sample.prompt, graded[0]!.sample.completion)
}
