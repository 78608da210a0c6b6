/**
 * A convolutional network on drawn digits: turned, stretched, moved and drowned in noise. Beside it, trained on the same
 * images in the same way, networks of two linear layers: one of as many parameters, and one of twenty times as many.
 * Takes 20 s.
 */
import { valueAndGrad } from '@adjoint/autograd'
import {
  adamW,
  applyUpdates,
  convolution,
  crossEntropy,
  type Floats,
  groupNorm,
  initConvolution,
  initGroupNorm,
  initLinear,
  type Integers,
  type Key,
  linear,
} from '@adjoint/nn'
import * as t from '@adjoint/tensor'
import { show, tableText } from '../cli/table.ts'
import { drawDigits, SIDE } from './digits.ts'

const [IMAGES, BATCH] = [4000, 64]
const [SEEDS, CURVE] = [
  [0, 1, 2],
  [100, 200, 300, 400],
]
const STEPS = CURVE.at(-1)!

interface Network<P extends t.Tree> {
  readonly init: (key: Key) => P
  /** Images [N, 1, SIDE, SIDE] to logits [N, 10]. */
  readonly apply: (params: P, images: Floats) => Floats
}
const rows = (images: Floats): Floats => t.reshape([images.shape[0]!, -1])(images)

/** Three times a convolution, a norm, a rectifier and a pool: the image halves, and its channels double. */
const CHANNELS = [1, 8, 16, 32]
const blocks = CHANNELS.slice(1).map((out, i) => ({ in: CHANNELS[i]!, out, window: [3, 3], padding: 'same' }) as const)
const initCnn = (key: Key) => ({
  blocks: blocks.map((config, i) => ({
    conv: initConvolution(config)(t.random.foldIn(key, i)),
    norm: initGroupNorm({ channels: config.out }),
  })),
  head: initLinear({ in: CHANNELS.at(-1)! * (SIDE / 8) ** 2, out: 10 })(t.random.foldIn(key, blocks.length)),
})
const cnn: Network<ReturnType<typeof initCnn>> = {
  init: initCnn,
  apply: ({ blocks: params, head }, images) => {
    const seen = params.reduce<Floats>((x, { conv, norm }, i) => {
      const y = groupNorm({ groups: 4 })(norm)(convolution(blocks[i])(conv)(x))
      return t.maxPool({ window: 2 })(t.relu(y))
    }, images)
    return linear(head)(rows(seen))
  },
}

const initDense = (hidden: number) => (key: Key) => {
  const [k1, k2] = t.random.split(key)
  return { up: initLinear({ in: SIDE ** 2, out: hidden })(k1), down: initLinear({ in: hidden, out: 10 })(k2) }
}
const dense = (hidden: number): Network<ReturnType<ReturnType<typeof initDense>>> => ({
  init: initDense(hidden),
  apply: ({ up, down }, images) => linear(down)(t.relu(linear(up)(rows(images)))),
})

const device = await t.requestDeviceAsync()

interface Run {
  /** Shares of the held-out images that are named right, after each of CURVE steps. */
  readonly curve: readonly number[]
  /** That of the training images, at the end. */
  readonly seen: number
  readonly milliseconds: number
}
const train = async <P extends t.Tree>({ init, apply }: Network<P>, seed: number): Promise<Run> => {
  const [forModel, forBatch, forTraining, forExam] = t.random.split(t.random.key(seed), 4)
  const draw = t.jit((key: Key) => drawDigits(key, IMAGES), { device })
  const [training, exam] = [draw(forTraining), draw(forExam)]
  const optimizer = adamW({ learningRate: 3e-3 })
  type State = ReturnType<typeof optimizer.init>
  const step = t.jit(
    (params: P, state: State, key: Key, [images, digits]: typeof training) => {
      const at: Integers = t.random.randint(0, IMAGES)(key, [BATCH])
      const [x, y]: readonly [Floats, Integers] = [t.take(0)(images, at), t.take(0)(digits, at)]
      const [loss, gradient] = valueAndGrad((p: P) => crossEntropy(apply(p, x), y))(params)
      const [updates, next] = optimizer.update(gradient, state, params)
      return [applyUpdates(params, updates), next, loss] as const
    },
    { donate: [0, 1], device },
  )
  const examine = t.jit(
    (params: P, [images, digits]: typeof training) =>
      t.mean()(t.cast('f32')(t.eq(t.argmax(-1)(apply(params, images)), digits))),
    { device },
  )
  const first = init(forModel)
  let [params, state] = await t.realizeAsync([first, optimizer.init(first)] as const, device)
  const curve: number[] = []
  let milliseconds = 0
  for (let i = 1; i <= STEPS; i++) {
    const began = performance.now()
    const [stepped, advanced, loss] = step(params, state, t.random.foldIn(forBatch, i), training)
    ;[params, state] = [stepped, advanced]
    await t.readAsync(loss)
    milliseconds += (performance.now() - began) / STEPS
    if (CURVE.includes(i)) curve.push((await t.readAsync(examine(params, exam)))[0]!)
  }
  return { curve, seen: (await t.readAsync(examine(params, training)))[0]!, milliseconds }
}

const sizeOf = (params: t.Tree): number =>
  t.tree.leaves(params).reduce((n, leaf) => n + leaf.shape.reduce((p, d) => p * d, 1), 0)
const row = async <P extends t.Tree>(name: string, network: Network<P>): Promise<readonly string[]> => {
  const runs: Run[] = []
  for (const seed of SEEDS) runs.push(await train(network, seed))
  const each = (figure: (run: Run) => number): string => runs.map((run) => show(figure(run), 3)).join(' / ')
  return [
    ...[name, String(sizeOf(network.init(t.random.key(0))))],
    ...CURVE.map((_, i) => each((run) => run.curve[i]!)),
    ...[each((run) => run.seen), show(runs.at(-1)!.milliseconds, 1)],
  ]
}

const size = sizeOf(initCnn(t.random.key(0)))
/** Hidden features with which two linear layers have about so many parameters. */
const hiddenOf = (parameters: number): number => Math.round((parameters - 10) / (SIDE ** 2 + 1 + 10))
const head = ['network', 'parameters', ...CURVE.map((n) => `${n} steps`), 'training images', 'ms a step']
console.log(
  tableText(head, [
    await row('convolutions', cnn),
    await row('linear layers', dense(hiddenOf(size))),
    await row('linear layers, wider', dense(hiddenOf(20 * size))),
  ]),
)
await device.destroy()
