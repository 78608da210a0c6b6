/**
 * GRPO on a bandit: a policy over five arms, a logit each. Every step draws a group of 16, takes advantages within the
 * group, and follows the gradient of the same objective that trains language models; a "completion" is one token.
 * Takes 2 s.
 */
import { valueAndGrad } from '@adjoint/autograd'
import { adam, applyUpdates, type Floats, type Integers, tokenLogp } from '@adjoint/nn'
import { deviceKey, foldIn, group, GRPO_OBJECTIVE, hostKey, objective } from '@adjoint/rl'
import { broadcastTo, expandDims, jit, ones, random, readAsync, reshape, softmax, tensor, zeros } from '@adjoint/tensor'

const PAYS = [0.1, 0.3, 0.9, 0.5, 0.2] // chance that an arm pays 1
const G = 16
const ARMS = PAYS.length

const rowsOf = (logits: Floats): Floats => broadcastTo([G, ARMS])(expandDims(0)(logits))
/** Log-probabilities [G, 1] of the arms drawn. */
const logpOf = (logits: Floats, arms: Integers): Floats => expandDims(-1)(tokenLogp(rowsOf(logits), arms))

const optimizer = adam({ learningRate: 0.1 })
const step = jit((logits: Floats, state: ReturnType<typeof optimizer.init>, arms: Integers, advantages: Floats) => {
  const sampled = { mask: ones([G, 1]), oldLogp: logpOf(logits, arms), refLogp: null, advantages }
  const rollouts = { ...sampled, weights: null, totals: null }
  const loss = (from: Floats) => objective(GRPO_OBJECTIVE)(rollouts)(logpOf(from, arms))
  const [, gradient] = valueAndGrad(loss)(logits)
  const [updates, next] = optimizer.update(gradient, state, logits)
  return { logits: applyUpdates(logits, updates), state: next }
})

let logits: Floats = zeros([ARMS])
let state = optimizer.init(logits)
for (let i = 0; i <= 100; i++) {
  const key = foldIn(hostKey(0), i)
  const drawn = await readAsync(random.categorical()(deviceKey(foldIn(key, 0)), rowsOf(logits)))
  const luck = await readAsync(random.uniform()(deviceKey(foldIn(key, 1)), [G]))
  const rewards = Array.from(drawn, (arm, g) => (luck[g]! < PAYS[arm]! ? 1 : 0))
  const [advantages] = group()([rewards])
  const next = step(logits, state, tensor(drawn, [G]), reshape([G, 1])(tensor(advantages!)))
  logits = next.logits
  state = next.state
  if (i % 20 === 0) {
    const policy = Array.from(await readAsync(softmax(-1)(logits)), (p) => p.toFixed(2))
    console.log(
      `step ${String(i).padStart(3)}  paid ${rewards.filter((r) => r === 1).length}/${G}  policy ${policy.join(' ')}`,
    )
  }
}
