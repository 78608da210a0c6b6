/**
 * The adding problem: of a row of numbers two are marked, far apart, and what is asked for is their sum. A recurrent layer has to
 * carry the first across all that lies between; LSTM, GRU and the plain layer do so by the same steps. Source: Hochreiter and
 * Schmidhuber, Long short-term memory (1997), task 4.
 * Takes 15 s.
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  adam,
  applyUpdates,
  chain,
  clipByGlobalNorm,
  type Floats,
  gru,
  initGru,
  initLinear,
  initLstm,
  initRnn,
  type Key,
  linear,
  lstm,
  mse,
  rnn,
  type Sequence,
} from '@adjoint/nn'
import * as t from '@adjoint/tensor'
import { show, tableText } from '../cli/table.ts'

const [STEPS, BATCH, HIDDEN, UPDATES] = [50, 64, 32, 900]
// The variance of a sum of two numbers, each uniform in [0, 1]: the error of always saying 1.
const GUESS = 1 / 6

/** Rows [B, T, 2] of numbers and marks, one mark in each half, and their sums [B, 1]. */
const draw = (key: Key): readonly [Floats, Floats] => {
  const [k, a, b] = t.random.split(key, 3)
  const numbers: Floats = t.random.uniform()(k, [BATCH, STEPS])
  const at = (key: Key, from: number) => t.add(t.random.randint(0, STEPS / 2)(key, [BATCH, 1]), from)
  const column = t.arange(STEPS)
  const marks: Floats = t.cast('f32')(t.or(t.eq(column, at(a, 0)), t.eq(column, at(b, STEPS / 2))))
  return [t.stack(-1)([numbers, marks]), t.sum({ axis: 1, keepDims: true })(t.mul(numbers, marks))]
}

const train = async <P extends t.Tree, S>(
  init: (key: Key) => P,
  layer: (params: P) => Sequence<S>,
  device: t.Device,
): Promise<readonly number[]> => {
  const [forLayer, forHead, forData] = t.random.split(t.random.key(0), 3)
  const predict = ([own, head]: readonly [P, ReturnType<ReturnType<typeof initLinear>>], x: Floats): Floats => {
    const [ys] = layer(own)(x)
    return linear(head)(t.reshape([BATCH, HIDDEN])(t.slice([0, STEPS - 1, 0], [BATCH, STEPS, HIDDEN])(ys)))
  }
  type Params = Parameters<typeof predict>[0]
  const optimizer = chain(clipByGlobalNorm(1), adam({ learningRate: 5e-3 }))
  const step = t.jit(
    (params: Params, state: ReturnType<typeof optimizer.init>, key: Key) => {
      const [x, y] = draw(key)
      const [loss, grads] = valueAndGrad((p: Params) => mse(predict(p, x), y))(params)
      const [updates, next] = optimizer.update(grads, state, params)
      return [applyUpdates(params, updates), next, loss] as const
    },
    { donate: [0, 1], device },
  )
  const first: Params = [init(forLayer), initLinear({ in: HIDDEN, out: 1 })(forHead)]
  let [params, state] = await t.realizeAsync([first, optimizer.init(first)] as const, device)
  const losses: number[] = []
  for (let i = 0; i < UPDATES; i++) {
    const [stepped, advanced, loss] = step(params, state, t.random.foldIn(forData, i))
    ;[params, state] = [stepped, advanced]
    losses.push((await t.readAsync(loss))[0]!)
  }
  return losses
}

const device = await t.requestDeviceAsync()
const sizes = { in: 2, hidden: HIDDEN }
interface Row {
  readonly name: string
  /** Mean errors of the last 50 updates, at each third of them. */
  readonly thirds: readonly number[]
  /** Updates after which the mean error is a tenth of that of guessing; -1 for never. */
  readonly learned: number
  readonly seconds: number
}
const rows: Row[] = []
for (const [name, run] of [
  ['LSTM', () => train(initLstm(sizes), lstm(), device)],
  ['GRU', () => train(initGru(sizes), gru(), device)],
  ['plain', () => train(initRnn(sizes), rnn(), device)],
] as const) {
  const began = performance.now()
  const losses = await run()
  const seconds = (performance.now() - began) / 1000
  const mean = (to: number): number => losses.slice(to - 50, to).reduce((sum, loss) => sum + loss, 0) / 50
  const learned = losses.findIndex((_, i) => i >= 50 && mean(i) < GUESS / 10)
  rows.push({ name, thirds: [1, 2, 3].map((n) => mean((n * UPDATES) / 3)), learned, seconds })
}
const head = [
  'layer',
  `error, ${UPDATES / 3} steps`,
  `${(2 * UPDATES) / 3}`,
  `${UPDATES}`,
  'a tenth of guessing after',
  'ms a step',
]
console.log(
  tableText(
    head,
    rows.map(({ name, thirds, learned, seconds }) => [
      ...[name, ...thirds.map((x) => show(x, 4)), learned < 0 ? 'never' : `${learned} steps`],
      show((1000 * seconds) / UPDATES, 1),
    ]),
  ),
)
const named = (of: readonly Row[]): string => of.map(({ name }) => name).join(' and ') || 'none'
console.log(
  `Marks up to ${STEPS} steps apart; always saying 1 is wrong by ${show(GUESS, 4)}. ` +
    `A tenth of that is reached by ${named(rows.filter(({ learned }) => learned >= 0))}, ` +
    `and not by ${named(rows.filter(({ learned }) => learned < 0))}.`,
)
await device.destroy()
