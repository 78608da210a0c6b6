import { valueAndGrad } from '@adjoint/autograd'
import { presentDevices } from '@adjoint/testing'
import {
  add,
  div,
  full,
  jit,
  maximum,
  mul,
  readAsync,
  scalar,
  type Scalar,
  square,
  sub,
  sum,
  tensor,
  tree,
  type Tree,
} from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { accumulate } from './accumulate.ts'
import { adam, adamW } from './adam.ts'
import { linearSchedule } from './schedule.ts'
import { sgd } from './sgd.ts'
import { chain, zeroTree } from './transformation.ts'

const values = (t: Tree): readonly number[] => evaluate(tree.leaves(t)).flatMap((v) => [...v.data])
const near = (found: Tree, wanted: Tree): void => {
  const expected = values(wanted)
  values(found).forEach((v, i) => expect(v).toBeCloseTo(expected[i]!, 5))
}

const devices = await presentDevices()
afterAll(() => Promise.all(devices.map((device) => device.destroy())))

const WIDTH = 4
const params = { w: tensor([0.5, -1], [2]), b: [full([1], 0.25)] }
type Params = typeof params

// Rows of tokens: a number for each, and 1 where the token counts. Rows without any count too.
const row = fc
  .tuple(
    fc.array(
      fc.integer({ min: -16, max: 16 }).map((n) => n / 8),
      { minLength: WIDTH, maxLength: WIDTH },
    ),
    fc.integer({ min: 0, max: WIDTH }),
  )
  .map(([xs, tokens]) => ({ xs, tokens, mask: xs.map((_, t) => (t < tokens ? 1 : 0)) }))
type Row = typeof row extends fc.Arbitrary<infer R> ? R : never
const windows = fc.array(fc.array(fc.array(row, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 4 }), {
  minLength: 1,
  maxLength: 3,
})

/** The mean over the tokens of a batch of a loss that each has: the loss that a whole batch and its parts have. */
const gradientOf = (rows: readonly Row[]): Params => {
  const x = tensor(rows.map((r) => r.xs))
  const mask = tensor(rows.map((r) => r.mask))
  const loss = ({ w, b }: Params) => {
    const error = sub(mul(x, sum()(w)), b[0]!)
    return div(sum()(mul(square(error), mask)), maximum(sum()(mask), 1))
  }
  return valueAndGrad(loss)(params)[1]
}
const tokensOf = (rows: readonly Row[]): number => rows.reduce((n, r) => n + r.tokens, 0)

describe('accumulate', () => {
  test('by tokens is the gradient of the whole batch, however they are spread, the last window flushed', () => {
    fc.assert(
      fc.property(windows, fc.integer({ min: 1, max: 3 }), fc.boolean(), (batches, every, traced) => {
        const micro = batches.flat()
        const [whole, parts] = [adam({ learningRate: 0.1 }), accumulate({ every })(adam({ learningRate: 0.1 }))]
        let [wholeState, partState] = [whole.init(params), parts.init(params)]
        for (let at = 0; at < micro.length; at += every) {
          const window = micro.slice(at, at + every)
          // A window without a token is no batch.
          const [expected, nextWhole] =
            tokensOf(window.flat()) === 0
              ? [zeroTree(params), wholeState]
              : whole.update(gradientOf(window.flat()), wholeState, params)
          wholeState = nextWhole
          let found: Params | null = null
          window.forEach((rows) => {
            if (found !== null) expect(values(found).every((v) => v === 0)).toBe(true)
            const weight = traced ? scalar(tokensOf(rows)) : tokensOf(rows)
            ;[found, partState] = parts.update(gradientOf(rows), partState, params, { weight })
          })
          if (window.length < every) {
            expect(values(found).every((v) => v === 0)).toBe(true)
            ;[found, partState] = parts.flush(partState, params)
          }
          near(found, expected)
          near(partState.inner, wholeState)
        }
        // There is nothing left to flush.
        const [nothing, same] = parts.flush(partState, params)
        expect(values(nothing).every((v) => v === 0)).toBe(true)
        expect(values(same)).toEqual(values(partState))
      }),
      { seed: 1, numRuns: 30 },
    )
  })

  test('a window that holds nothing is no step: nothing of it is left, whatever is inside and however it runs', async () => {
    // Decay of weights, momentum and a schedule: all that moves by itself.
    const learningRate = linearSchedule({ from: 0.5, to: 0.1, steps: 5 })
    const inner = chain(adamW({ learningRate, weightDecay: 0.1 }), sgd({ learningRate: 1, momentum: 0.9 }))
    const optimizer = accumulate({ every: 3 })(inner)
    const begun = { x: tensor([1], [1]) }
    type X = typeof begun
    type State = ReturnType<typeof optimizer.init>
    const micro = fc.record({ g: fc.integer({ min: -8, max: 8 }), tokens: fc.integer({ min: 1, max: 9 }) })
    const window = fc.record({ holds: fc.boolean(), parts: fc.array(micro, { minLength: 1, maxLength: 3 }) })
    type Window = typeof window extends fc.Arbitrary<infer W> ? W : never
    interface Way {
      readonly update: (g: X, state: State, at: X, tokens: number) => readonly [X, State]
      readonly flush: (state: State, at: X) => readonly [X, State]
    }
    /** Parameters and state after some windows, those that are not full flushed. */
    const after = ({ update, flush }: Way, windows: readonly Window[]): Tree => {
      let [x, state]: readonly [X, State] = [begun, optimizer.init(begun)]
      for (const { holds, parts } of windows) {
        const steps = [
          ...parts.map(
            ({ g, tokens }) =>
              (at: X, s: State) =>
                update({ x: full([1], holds ? g / 4 : NaN) }, s, at, holds ? tokens : 0),
          ),
          ...(parts.length < 3 ? [(at: X, s: State) => flush(s, at)] : []),
        ]
        for (const step of steps) {
          const [by, next] = step(x, state)
          x = { x: add(x.x, by.x) }
          state = next
        }
      }
      return [x, state]
    }
    const runs = fc.array(window, { minLength: 1, maxLength: 4 })
    const held = (windows: readonly Window[]) => windows.filter(({ holds }) => holds)
    for (const traced of [false, true]) {
      const way: Way = {
        ...optimizer,
        update: (g, state, at, n) => optimizer.update(g, state, at, { weight: traced ? scalar(n) : n }),
      }
      fc.assert(
        fc.property(runs, (given) => {
          expect(values(after(way, given))).toEqual(values(after(way, held(given))))
        }),
        { seed: 3, numRuns: 30 },
      )
    }
    for (const device of devices) {
      const update = jit((g: X, s: State, at: X, tokens: Scalar) => optimizer.update(g, s, at, { weight: tokens }), {
        device,
      })
      const way: Way = {
        update: (g, s, at, n) => update(g, s, at, scalar(n)),
        flush: jit((s: State, at: X) => optimizer.flush(s, at), { device }),
      }
      const read = async (given: readonly Window[]) =>
        Promise.all(tree.leaves(after(way, given)).map(async (leaf) => [...(await readAsync(leaf, device))]))
      for (const given of fc.sample(runs, { seed: 4, numRuns: 5 }))
        expect(await read(given)).toEqual(await read(held(given)))
    }
  })

  test('unweighted is the mean of the gradients, and a weight is relative', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 3, maxLength: 3 }), fc.constantFrom(1, 0.25, 1000), (rows, scale) => {
        const last = (weigh: (r: Row) => number | undefined): Params => {
          const optimizer = accumulate({ every: 3 })(sgd({ learningRate: 1 }))
          let state = optimizer.init(params)
          let step = params
          for (const r of rows)
            [step, state] = optimizer.update(gradientOf([r]), state, params, { weight: weigh(r) ?? 1 })
          return step
        }
        near(
          last(() => scale),
          last(() => undefined),
        )
        near(
          last((r) => scale * (r.tokens + 1)),
          last((r) => r.tokens + 1),
        )
        const [a, b, c] = rows.map((r) => values(gradientOf([r])))
        values(last(() => undefined)).forEach((v, i) => expect(v).toBeCloseTo(-(a![i]! + b![i]! + c![i]!) / 3, 5))
      }),
      { seed: 2, numRuns: 20 },
    )
  })

  test('one that holds nothing adds nothing, NaN included; large gradients do not overflow', () => {
    const at = (x: number) => ({ x: full([1], x) })
    const optimizer = accumulate({ every: 3 })(sgd({ learningRate: 1 }))
    const of = (...given: readonly (readonly [number, number])[]): readonly number[] => {
      let state = optimizer.init(at(0))
      let step = at(0)
      for (const [g, weight] of given) [step, state] = optimizer.update(at(g), state, at(0), { weight })
      return values(step)
    }
    expect(of([NaN, 0], [2, 5], [Infinity, 0])).toEqual([-2])
    expect(of([NaN, 0], [NaN, 0], [NaN, 0]).map(Math.abs)).toEqual([0])
    expect(of([NaN, 1], [2, 5], [1, 1])).toEqual([NaN])
    expect(of([3e38, 4096], [3e38, 4096], [3e38, 4096])[0]).toBeCloseTo(-Math.fround(3e38), -33)
  })

  test('inside jit, with the state donated, on every device', async () => {
    const optimizer = accumulate({ every: 2 })(adam({ learningRate: 0.5 }))
    const begun = { x: tensor([1, -2], [2]) }
    for (const device of devices) {
      const step = jit(
        (state: ReturnType<typeof optimizer.init>, g: typeof begun, tokens: Scalar) =>
          optimizer.update(g, state, begun, { weight: tokens }),
        { donate: [0], device },
      )
      const flush = jit((state: ReturnType<typeof optimizer.init>) => optimizer.flush(state, begun), { device })
      const [, one] = step(optimizer.init(begun), { x: tensor([4, 0], [2]) }, scalar(1))
      const [full2, two] = step(one, { x: tensor([0, 4], [2]) }, scalar(3))
      const [, three] = step(two, { x: tensor([1, 1], [2]) }, scalar(7))
      const [last] = flush(three)
      const whole = adam({ learningRate: 0.5 })
      const [expected, between] = whole.update({ x: tensor([1, 3], [2]) }, whole.init(begun), begun)
      const [end] = whole.update({ x: tensor([1, 1], [2]) }, between, begun)
      const [a, b] = [await readAsync(full2.x, device), await readAsync(last.x, device)]
      values(expected).forEach((v, i) => expect(a[i]).toBeCloseTo(v, 5))
      values(end).forEach((v, i) => expect(b[i]).toBeCloseTo(v, 5))
    }
  })

  test('a window, a weight and a state that are none are refused', () => {
    for (const every of [0, 1.5, NaN])
      expect(() => accumulate({ every })(adam({ learningRate: 1 }))).toThrow(/accumulate: every is/)
    const optimizer = accumulate({ every: 2 })(sgd({ learningRate: 1 }))
    const state = optimizer.init(params)
    for (const weight of [-1, NaN, Infinity])
      expect(() => optimizer.update(params, state, params, { weight })).toThrow(/accumulate: the weight is/)
    expect(() => optimizer.flush({} as typeof state, params)).toThrow(/accumulate: the state is/)
  })
})

test('a traced weight that is none makes the window NaN, which is seen', () => {
  const optimizer = accumulate({ every: 2 })(sgd({ learningRate: 1 }))
  const params: Tree = tensor([1, 2])
  for (const weight of [NaN, -1]) {
    const [, first] = optimizer.update(tensor([1, 1]), optimizer.init(params), params, { weight: scalar(weight) })
    const [step] = optimizer.update(tensor([1, 1]), first, tensor([1, 2]), { weight: scalar(1) })
    expect(values(step).every(Number.isNaN)).toBe(true)
  }
})
