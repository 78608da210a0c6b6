/** A network of one hidden layer learns y = sin(3x) + x / 2. */
import { adam, applyUpdates, type Floats, initLinear, linear, type LinearParams } from '@adjoint/nn'
import { valueAndGrad } from '@adjoint/autograd'
import { add, jit, linspace, mean, mul, random, readAsync, reshape, sin, square, sub, tanh } from '@adjoint/tensor'
import { plot } from 'playground'

type Params = { readonly hidden: LinearParams; readonly out: LinearParams }

const [k1, k2] = random.split(random.key(0))
const initial: Params = { hidden: initLinear({ in: 1, out: 32 })(k1), out: initLinear({ in: 32, out: 1 })(k2) }

const network =
  ({ hidden, out }: Params) =>
  (x: Floats): Floats =>
    linear(out)(tanh(linear(hidden)(x)))

const x: Floats = reshape([64, 1])(linspace(-2, 2, 64))
const y: Floats = add(sin(mul(x, 3)), mul(x, 0.5))
const loss = (params: Params) => mean()(square(sub(network(params)(x), y)))

const optimizer = adam({ learningRate: 0.02 })
const step = jit((params: Params, state: ReturnType<typeof optimizer.init>) => {
  const [value, gradient] = valueAndGrad(loss)(params)
  const [updates, next] = optimizer.update(gradient, state, params)
  return { params: applyUpdates(params, updates), state: next, value }
})

let params = initial
let state = optimizer.init(initial)
for (let i = 0; i <= 300; i++) {
  const next = step(params, state)
  params = next.params
  state = next.state
  if (i % 10 === 0) plot('loss', i, { loss: (await readAsync(next.value))[0]! })
}

const [xs, wanted, got] = await Promise.all([readAsync(x), readAsync(y), readAsync(network(params)(x))])
xs.forEach((at, i) => plot('the curve', at, { wanted: wanted[i]!, learnt: got[i]! }))
console.log(`at ${xs[40]!.toFixed(2)}: wanted ${wanted[40]!.toFixed(3)}, learnt ${got[40]!.toFixed(3)}`)
