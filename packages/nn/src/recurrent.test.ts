// Recurrent layers against loops over numbers in doubles, as PyTorch's documentation writes them, and against themselves unrolled.
import { checkGrads, grad, vmap } from '@adjoint/autograd'
import {
  concat,
  jit,
  mul,
  random,
  readAsync,
  requestDeviceAsync,
  slice,
  square,
  stack,
  sum,
  tensor,
  tree,
  type Program,
  type Scalar,
  type Tree,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { gru, gruCell, initGru } from './gru.ts'
import { normalInit } from './init.ts'
import type { Floats } from './layer.ts'
import { initLstm, lstm, lstmCell, type LstmParams } from './lstm.ts'
import { bidirectional, type Sequence, type SequenceConfig } from './recurrent.ts'
import { initRnn, rnn, rnnCell } from './rnn.ts'

type Step = Program['steps'][number]

const devices = await presentDevices()
const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const close = (x: readonly number[], y: readonly number[], digits = 6): void => {
  expect(x.length).toBe(y.length)
  x.forEach((v, i) => expect(v).toBeCloseTo(y[i]!, digits))
}
const draw = (seed: number, shape: readonly number[]): Floats => normalInit(1)(random.key(seed), shape)
const logistic = (x: number): number => 1 / (1 + Math.exp(-x))

/** `sum_j x_j w[j, column]`, the weights row-major [x.length, columns]. */
const product = (x: readonly number[], w: readonly number[], columns: number, column: number): number =>
  x.reduce((total, v, j) => total + v * w[j * columns + column]!, 0)

/** The next state of one row from the data and the state, as PyTorch's documentation has it. */
type Advance = (x: readonly number[], state: readonly (readonly number[])[]) => readonly (readonly number[])[]
const HIDDEN = 3
const IN = 2
const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)

interface Kind<P extends Tree, S extends Tree> {
  readonly params: P
  readonly layer: (config: SequenceConfig) => (params: P) => Sequence<S>
  readonly cell: (params: P) => (x: Floats, state: S) => S
  readonly step: Advance
  readonly state: (leaves: readonly Floats[]) => S
  readonly parts: number
}
/** Parameters drawn anew: biases are not 0. */
const drawn = <P extends Tree>(params: P): P => {
  let seed = 10
  return tree.map((x) => normalInit(0.7)(random.key(seed++), x.shape), params)
}

const lstmParams = drawn(initLstm({ in: IN, hidden: HIDDEN })(random.key(0)))
const gruParams = drawn(initGru({ in: IN, hidden: HIDDEN })(random.key(0)))
const rnnParams = drawn(initRnn({ in: IN, hidden: HIDDEN })(random.key(0)))
const gatesOf = (params: {
  readonly inputWeight: Floats
  readonly hiddenWeight: Floats
  readonly bias: Floats | null
}) => {
  const [w, u, b] = [params.inputWeight, params.hiddenWeight, params.bias!].map(values) as [
    number[],
    number[],
    number[],
  ]
  const columns = b.length
  const given = (x: readonly number[], c: number): number => product(x, w, columns, c) + b[c]!
  const own = (h: readonly number[], c: number): number => product(h, u, columns, c)
  return { given, own }
}
const kinds = {
  lstm: {
    params: lstmParams,
    layer: lstm,
    cell: lstmCell,
    step: (x, [h, c]) => {
      const { given, own } = gatesOf(lstmParams)
      const gate = (nth: number, i: number): number => given(x, nth * HIDDEN + i) + own(h!, nth * HIDDEN + i)
      const cell = range(HIDDEN).map(
        (i) => logistic(gate(1, i)) * c![i]! + logistic(gate(0, i)) * Math.tanh(gate(2, i)),
      )
      return [cell.map((v, i) => logistic(gate(3, i)) * Math.tanh(v)), cell]
    },
    state: ([hidden, cell]) => ({ hidden: hidden!, cell: cell! }),
    parts: 2,
  } satisfies Kind<LstmParams, { readonly hidden: Floats; readonly cell: Floats }>,
  gru: {
    params: gruParams,
    layer: gru,
    cell: gruCell,
    step: (x, [h]) => {
      const { given, own } = gatesOf(gruParams)
      const ownBias = values(gruParams.hiddenBias!)
      return [
        range(HIDDEN).map((i) => {
          const r = logistic(given(x, i) + own(h!, i))
          const z = logistic(given(x, HIDDEN + i) + own(h!, HIDDEN + i))
          const n = Math.tanh(given(x, 2 * HIDDEN + i) + r * (own(h!, 2 * HIDDEN + i) + ownBias[i]!))
          return (1 - z) * n + z * h![i]!
        }),
      ]
    },
    state: ([h]) => h!,
    parts: 1,
  } satisfies Kind<typeof gruParams, Floats>,
  rnn: {
    params: rnnParams,
    layer: rnn,
    cell: rnnCell({}),
    step: (x, [h]) => {
      const { given, own } = gatesOf(rnnParams)
      return [range(HIDDEN).map((i) => Math.tanh(given(x, i) + own(h!, i)))]
    },
    state: ([h]) => h!,
    parts: 1,
  } satisfies Kind<typeof rnnParams, Floats>,
}
// A kind at its own types is a kind at those of all trees: nothing but its own parameters and states is given to it.
const all = Object.entries(kinds) as unknown as readonly (readonly [string, Kind<Tree, Tree>])[]

describe.each(all)('%s', (_, { params, layer, cell, step, state, parts }) => {
  const rows = (x: Floats, steps: number, row: number): readonly (readonly number[])[] =>
    range(steps).map((t) => values(x).slice((row * steps + t) * IN, (row * steps + t + 1) * IN))

  test('is its formula over each row, in both directions, from any state, up to the length of the row', () => {
    const cases = fc.record({
      batch: fc.integer({ min: 1, max: 3 }),
      steps: fc.integer({ min: 1, max: 4 }),
      reverse: fc.boolean(),
      started: fc.boolean(),
      seed: fc.integer({ min: 0, max: 1000 }),
      cut: fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 3, maxLength: 3 }),
      measured: fc.boolean(),
    })
    fc.assert(
      fc.property(cases, ({ batch, steps, reverse, started, seed, cut, measured }) => {
        const x = draw(seed, [batch, steps, IN])
        const starts = range(parts).map((i) => draw(seed + 7 + i, [batch, HIDDEN]))
        const lengths = range(batch).map((row) => (measured ? Math.min(cut[row]!, steps) : steps))
        const [ys, last] = layer({ reverse })(params)(x, {
          ...(started ? { state: state(starts) } : {}),
          ...(measured ? { lengths: tensor(Int32Array.from(lengths), [batch], 'i32') } : {}),
        })
        const expected = range(batch).map((row) => {
          const data = rows(x, steps, row)
          let now = starts.map((s) =>
            started ? values(s).slice(row * HIDDEN, (row + 1) * HIDDEN) : range(HIDDEN).map(() => 0),
          )
          const outs: (readonly number[])[] = range(steps).map(() => range(HIDDEN).map(() => 0))
          const order = range(lengths[row]!)
          for (const t of reverse ? order.toReversed() : order) {
            now = step(data[t]!, now).map((v) => [...v])
            outs[t] = now[0]!
          }
          return { outs, now }
        })
        close(
          values(ys),
          expected.flatMap(({ outs }) => outs.flat()),
        )
        // leaves stand by the names of their fields: the output of an LSTM comes last
        const leaves = tree.leaves(last).map((leaf) => values(leaf as Floats))
        const order = parts === 2 ? [1, 0] : [0]
        leaves.forEach((leaf, i) =>
          close(
            leaf,
            expected.flatMap(({ now }) => now[order[i]!]!),
          ),
        )
      }),
      { seed: 1, numRuns: 25 },
    )
  })

  test('is its cell step by step, from where it stopped', () => {
    const x = draw(1, [2, 4, IN])
    const [ys, last] = layer({})(params)(x)
    let now = state(range(parts).map(() => tensor(new Float32Array(2 * HIDDEN), [2, HIDDEN])))
    for (const t of range(4)) now = cell(params)(timeStep(x, t), now)
    close(
      tree.leaves(last).flatMap((leaf) => values(leaf as Floats)),
      tree.leaves(now).flatMap((leaf) => values(leaf as Floats)),
    )
    const [before, middle] = layer({})(params)(part(x, 0, 3))
    const [after, end] = layer({})(params)(part(x, 3, 4), { state: middle })
    close(values(concat(1)([before, after])), values(ys))
    close(
      tree.leaves(end).flatMap((leaf) => values(leaf as Floats)),
      tree.leaves(last).flatMap((leaf) => values(leaf as Floats)),
    )
  })

  test('takes rows without leading axes, and vmap is a loop over rows', () => {
    const x = draw(2, [2, 3, IN])
    const ys = values(layer({})(params)(x)[0])
    const each = vmap((row: Floats) => layer({})(params)(row)[0])(x) as Floats
    close(values(each), ys)
    close(
      range(2).flatMap((i) => values(layer({})(params)(row(x, i))[0])),
      ys,
    )
  })

  test.each(['values', 'carries'] as const)('gradients agree with differences, keeping %s', (keep) => {
    const run = (p: Tree, x: Floats): Floats =>
      layer({ keep, reverse: keep === 'carries' })(p)(x, { lengths: tensor([3, 2], [2], 'i32') })[0]
    checkGrads(run, { order: 2 })(params, draw(3, [2, 3, IN]))
  })

  test.each(devices)('jit on $kind is the reference, value and gradient', async (device) => {
    const loss = (p: Tree, x: Floats): Scalar => sum()(square(layer({})(p)(x)[0]))
    const gradient = (p: Tree, x: Floats): readonly Floats[] => tree.leaves(grad(loss)(p, x)) as readonly Floats[]
    const x = draw(4, [2, 5, IN])
    const compiled = jit(gradient, { device })(params, x)
    const expected = gradient(params, x)
    for (const [i, g] of compiled.entries()) close([...(await readAsync(g))], values(expected[i]!), 4)
  })

  test('what does not fit is named', () => {
    expect(() => layer({})(params)(draw(5, [2, 3, IN + 1]))).toThrow(/\[\.\.\., steps, 2\]/)
    expect(() =>
      layer({})(params)(draw(5, [2, 3, IN]), { state: state(range(parts).map(() => draw(6, [3, HIDDEN]))) }),
    ).toThrow(/the state is not \[2, 3\]/)
    expect(() => layer({})(params)(draw(5, [2, 3, IN]), { lengths: tensor([1], [1], 'i32') })).toThrow(
      /lengths is not \[2\]/,
    )
  })
})

const part = (x: Floats, from: number, to: number): Floats => slice([0, from, 0], [2, to, IN])(x)
const timeStep = (x: Floats, t: number): Floats => tensor(values(part(x, t, t + 1)) as number[], [2, IN])
const row = (x: Floats, i: number): Floats => {
  const [, steps, width] = x.shape as readonly [number, number, number]
  return tensor(values(x).slice(i * steps * width, (i + 1) * steps * width), [steps, width])
}

test('a cell takes a state of the leading axes of its data, and gives one: nothing is broadcast', () => {
  const [x, wide]: readonly [Floats, Floats] = [draw(9, [2, IN]), draw(9, [5, 2, HIDDEN])]
  for (const state of [wide, draw(9, [HIDDEN])])
    expect(() => gruCell(gruParams)(x, state)).toThrow(/gruCell.*the state is not \[2, 3\]/)
  expect(() => lstmCell(lstmParams)(x, { hidden: draw(9, [2, HIDDEN]), cell: wide })).toThrow(/lstmCell/)
  const activation = (y: Floats): Floats => stack(0)([y])
  expect(() => rnnCell({ activation })(rnnParams)(x, draw(9, [2, HIDDEN]))).toThrow(/the next state is not \[2, 3\]/)
})

test('both directions side by side, each from its own end', () => {
  const [there, back] = [
    drawn(initLstm({ in: IN, hidden: HIDDEN })(random.key(0))),
    tree.map((w) => mul(w, 2), lstmParams),
  ]
  const x = draw(7, [1, 4, IN])
  const [ys, [last, first]] = bidirectional(lstm()(there), lstm({ reverse: true })(back))(x)
  const [ahead, end] = lstm()(there)(x)
  const [behind, begin] = lstm({ reverse: true })(back)(x)
  expect(values(ys)).toEqual(values(concat(-1)([ahead, behind])))
  expect(values(last.hidden)).toEqual(values(end.hidden))
  expect(values(first.cell)).toEqual(values(begin.cell))
})

test('parameters: sizes, the forget gate that remembers, and none without a key', () => {
  const { inputWeight, hiddenWeight, bias } = initLstm({ in: 2, hidden: 2, forgetBias: 3 })(random.key(0))
  expect([inputWeight.shape, hiddenWeight.shape]).toEqual([
    [2, 8],
    [2, 8],
  ])
  expect(values(bias!)).toEqual([0, 0, 3, 3, 0, 0, 0, 0])
  expect(initGru({ in: 2, hidden: 2, bias: false })(random.key(0)).hiddenBias).toBeNull()
  expect(() => initRnn({ in: 0, hidden: 2 })).toThrow(/initRnn: in is 0/)
  expect(() => initLstm({ in: 2, hidden: 2 })(null as never)).toThrow(/initLstm: the key is null/)
})

test('a round has one product each way: those with the data and for the weights are outside of the loops', async () => {
  const device = await requestDeviceAsync({ kind: 'wasm' })
  const loss = (p: LstmParams, x: Floats): Scalar => sum()(square(lstm()(p)(x)[0]))
  const params = initLstm({ in: 8, hidden: 8 })(random.key(0))
  const program = jit(grad(loss), { device }).program(params, draw(8, [2, 6, 8]))!
  const dots = (steps: readonly Step[]): number =>
    steps.filter((step) => step.kind === 'kernel' && step.kernel.kind === 'dot').length
  const loops = program.steps.flatMap((step) => (step.kind === 'loop' ? [step.steps] : []))
  expect(loops.map(dots)).toEqual([1, 1])
  expect(dots(program.steps)).toBe(3)
  await device.destroy()
})
