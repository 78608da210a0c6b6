// Coefficients that follow a target, in a learner's state.
import { sgd, transformer, type TransformerParams } from '@adjoint/nn'
import { random, readAsync, realizeAsync, type Scalar, tree } from '@adjoint/tensor'
import { expect, test } from 'vitest'
import { drGrpo } from '../credit/advantage.ts'
import { outcome } from '../credit/credit.ts'
import { adaptiveEntropy, adaptiveKl, controller, type Controls } from '../objective/control.ts'
import { GRPO_OBJECTIVE } from '../objective/objective.ts'
import { transformerPolicy } from '../policy/policy.ts'
import { named } from '../reward/named.ts'
import { right, testDevice } from '../run/device.support.ts'
import { hostKey } from '../run/keys.ts'
import { mod10Chains } from '../task/chain.ts'
import { type GrpoConfig, type GrpoState, grpoStep } from './grpo.ts'

const device = await testDevice()
const task = mod10Chains(2)
const model = transformer({ vocab: task.vocabulary.size, width: 16, layers: 1, heads: 2, context: 16 })
const optimizer = sgd({ learningRate: 0.5 })
type State = GrpoState<TransformerParams, ReturnType<typeof optimizer.init>>
const make = (over: Pick<GrpoConfig<never, TransformerParams, never>, 'control'> & Partial<typeof GRPO_OBJECTIVE>) => {
  const { control, ...parts } = over
  return grpoStep({
    task,
    policy: transformerPolicy(model, task.vocabulary),
    prompts: 4,
    group: 4,
    maxTokens: 6,
    temperature: 1,
    rewards: [named('short', (s) => 1 - s.length / 6)],
    credit: outcome(drGrpo),
    objective: { ...GRPO_OBJECTIVE, ...parts },
    iterations: 2,
    ...(control === undefined ? {} : { control }),
    optimizer,
    device,
  })
}
const begin = async (controls?: Controls): Promise<State> => {
  const [params, reference] = [
    await realizeAsync(model.init(random.key(0)), device),
    await realizeAsync(model.init(random.key(7)), device),
  ]
  const state = { params, opt: optimizer.init(params), reference }
  return controls === undefined ? state : { ...state, control: controller(controls).init }
}
const leavesOf = async ({ params }: State): Promise<readonly number[]> => {
  const all: number[] = []
  for (const leaf of tree.leaves(params)) all.push(...(await readAsync(leaf, device)))
  return all
}
const number = async (x: Scalar | null | undefined): Promise<number> => (await readAsync(x!, device))[0]!
const both = {
  kl: adaptiveKl({ target: 1e-4, initial: 0.25, gain: 1 }),
  entropy: adaptiveEntropy({ target: 100, rate: 1e-3, initial: 0.125 }),
}

test('a controlled step is that of the same numbers in the objective, and the next coefficients follow what it measured', async () => {
  const controlled = await right(make({ control: both })(await begin(both), hostKey(3)))
  const fixed = await right(make({ beta: 0.25, entropyBonus: 0.125 })(await begin(), hostKey(3)))
  const [a, b] = [await leavesOf(controlled.state), await leavesOf(fixed.state)]
  a.forEach((x, i) => expect(x).toBeCloseTo(b[i]!, 6))
  expect(controlled.metrics).toMatchObject({ 'objective/kl_coef': 0.25, 'objective/entropy_coef': 0.125 })
  const { kl, entropy } = fixed.metrics
  expect(kl).toBeGreaterThan(2e-4)
  const next = controlled.state.control
  expect(await number(next?.beta)).toBeCloseTo(0.3, 6)
  expect(await number(next?.entropyBonus)).toBeCloseTo(0.125 + 1e-3 * (100 - entropy!), 5)
  // and the next step goes on from them
  const second = await right(make({ control: both })(controlled.state, hostKey(4)))
  expect(second.metrics['objective/kl_coef']).toBeCloseTo(0.3, 6)
})

test('a step without controls has neither coefficients nor their metrics', async () => {
  const { state, metrics } = await right(make({ beta: 0.25 })(await begin(), hostKey(3)))
  expect(Object.keys(metrics).filter((name) => name.startsWith('objective/'))).toEqual([])
  expect('control' in state).toBe(false)
})

test('what is missing is refused before anything is sampled', async () => {
  const state = await begin()
  expect(() => make({ control: both })(state, hostKey(0))).toThrow(
    /grpoStep: the state has no beta and no entropyBonus, which is to follow/,
  )
  const alone = { ...(await begin(both)), reference: null }
  expect(() => make({ control: both })(alone, hostKey(0))).toThrow(
    /grpoStep: beta follows the KL, but the state has no reference/,
  )
})
