/**
 * Muon beside AdamW: a small GPT of characters learns to add numbers of two digits from lines like 47+85=132, by either optimizer at
 * three learning rates, from the same weights and on the same lines. What counts is how often the sum of lines that were held out is
 * right, and after how many steps.
 * Takes 50 s.
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  adamW,
  applyUpdates,
  crossEntropy,
  type Floats,
  type GradientTransformation,
  type Integers,
  muon,
  transformer,
  type TransformerParams,
} from '@adjoint/nn'
import * as t from '@adjoint/tensor'
import { show, tableText } from '../cli/table.ts'

const CHARACTERS = '0123456789+='
const [LENGTH, ANSWER, BATCH, STEPS, EVERY] = [9, 3, 64, 400, 25]
const two = (n: number): string => String(n).padStart(2, '0')
// The sum is written from its last digit on, as it is computed: 47+85=231.
const line = (a: number, b: number): string =>
  `${two(a)}+${two(b)}=${[...String(a + b).padStart(3, '0')].reverse().join('')}`

const all = Array.from({ length: 100 * 100 }, (_, i) => line(Math.floor(i / 100), i % 100))
/** Lines as tokens [n, 9]. */
const tokens = (lines: readonly string[]): Integers =>
  t.tensor(
    Int32Array.from(lines.flatMap((l) => [...l].map((c) => CHARACTERS.indexOf(c)))),
    [lines.length, LENGTH],
    'i32',
  )
// About one line in ten is held out, spread over all sums.
const heldOut = (i: number): boolean => ((i * 7919) % 97) % 10 === 3
const training = tokens(all.filter((_, i) => !heldOut(i)))
const exam = tokens(all.filter((_, i) => heldOut(i)))

const model = transformer({ vocab: CHARACTERS.length, width: 64, layers: 2, heads: 4, context: LENGTH - 1 })
const columns = (x: Integers, from: number, to: number): Integers => t.slice([0, from], [x.shape[0]!, to])(x)
const answers: Floats = t.cast('f32')(t.ge(t.arange(LENGTH - 1), LENGTH - 1 - ANSWER))
const logits = (params: TransformerParams, lines: Integers): Floats =>
  model.apply(params)(columns(lines, 0, LENGTH - 1))
const loss = (params: TransformerParams, lines: Integers) =>
  crossEntropy(logits(params, lines), columns(lines, 1, LENGTH), t.broadcastTo([lines.shape[0]!, LENGTH - 1])(answers))

/** The share of lines all of whose answer is right, digit by digit. */
const accuracy = (params: TransformerParams, lines: Integers) => {
  const right = t.eq(t.argmax(-1)(logits(params, lines)), columns(lines, 1, LENGTH))
  return t.mean()(t.cast('f32')(t.all({ axis: 1 })(t.or(right, t.eq(answers, 0)))))
}

const device = await t.requestDeviceAsync()
const [data, held] = await t.realizeAsync([training, exam] as const, device)

const train = async <S extends t.Tree>(optimizer: GradientTransformation<S>) => {
  const [forModel, forData] = t.random.split(t.random.key(0))
  const step = t.jit(
    (params: TransformerParams, state: S, key: t.Key, data: Integers) => {
      const batch: Integers = t.take(0)(data, t.random.randint(0, data.shape[0]!)(key, [BATCH]))
      const [value, grads] = valueAndGrad(loss)(params, batch)
      const [updates, next] = optimizer.update(grads, state, params)
      return [applyUpdates(params, updates), next, value] as const
    },
    { donate: [0, 1], device },
  )
  const examine = t.jit(accuracy, { device })
  const first = model.init(forModel)
  let [params, state] = await t.realizeAsync([first, optimizer.init(first)] as const, device)
  const curve: number[] = []
  let [seconds, last] = [0, 0]
  for (let i = 1; i <= STEPS; i++) {
    const began = performance.now()
    const [stepped, advanced, value] = step(params, state, t.random.foldIn(forData, i), data)
    ;[params, state] = [stepped, advanced]
    last = (await t.readAsync(value))[0]!
    seconds += (performance.now() - began) / 1000
    if (i % EVERY === 0) curve.push((await t.readAsync(examine(params, held)))[0]!)
  }
  return { curve, loss: last, milliseconds: (1000 * seconds) / STEPS }
}

// Matrices inside the blocks by Muon; tables, gains and biases by AdamW.
const byMuon = (learningRate: number) =>
  muon({
    learningRate,
    matrices: (path, leaf) => path.startsWith('blocks') && leaf.shape.length === 2,
    adam: { learningRate: 3e-3 },
  })
const GOAL = 0.9
interface Run {
  readonly name: string
  readonly rate: number
  readonly curve: readonly number[]
  readonly loss: number
  readonly milliseconds: number
  readonly end: number
  readonly reached: number
}
const runs: Run[] = []
for (const [name, rates, make] of [
  ['AdamW', [1e-3, 3e-3, 1e-2], (rate: number) => train(adamW({ learningRate: rate }))],
  ['Muon', [0.01, 0.02, 0.05], (rate: number) => train(byMuon(rate))],
] as const)
  for (const rate of rates) {
    const run = await make(rate)
    const at = run.curve.findIndex((x) => x >= GOAL)
    runs.push({ name, rate, ...run, end: run.curve.at(-1)!, reached: at < 0 ? Infinity : (at + 1) * EVERY })
  }

const steps = (n: number): string => (Number.isFinite(n) ? `${n} steps` : 'never')
console.log(
  tableText(
    [
      'optimizer',
      'learning rate',
      'loss',
      `held-out, ${STEPS / 2} steps`,
      `${STEPS} steps`,
      `${GOAL} after`,
      'ms a step',
    ],
    runs.map((r) => [
      ...[r.name, String(r.rate), show(r.loss, 3), show(r.curve[STEPS / 2 / EVERY - 1]!, 3), show(r.end, 3)],
      ...[steps(r.reached), show(r.milliseconds, 1)],
    ]),
  ),
)
const best = (name: string) =>
  runs
    .filter((r) => r.name === name)
    .reduce((x, y) => (y.reached < x.reached || (y.reached === x.reached && y.end > x.end) ? y : x))
const [adamBest, muonBest] = [best('AdamW'), best('Muon')]
const first =
  muonBest.reached < adamBest.reached
    ? 'Muon is first'
    : muonBest.reached > adamBest.reached
      ? 'AdamW is first'
      : 'neither is first'
console.log(
  `At its best learning rate AdamW (${adamBest.rate}) has ${GOAL} of the held-out sums right after ${steps(adamBest.reached)}, ` +
    `Muon (${muonBest.rate}) after ${steps(muonBest.reached)}: ${first}. ` +
    `A step of Muon takes ${show(muonBest.milliseconds / adamBest.milliseconds, 2)} times as long.`,
)
await device.destroy()
