// Training over bases of fewer bits, and with gradients of f16: it learns what it learns with all bits in f32.
import { valueAndGrad } from '@adjoint/autograd'
import { jit, random, readAsync, realizeAsync, tensor, tree } from '@adjoint/tensor'
import { describe, expect, test } from 'vitest'
import type { Integers } from '../layer.ts'
import { lora } from '../lora/lora.ts'
import { projections } from '../lora/matrices.ts'
import { crossEntropy } from '../loss.ts'
import { llama } from '../models/llama.ts'
import { adam } from '../optim/adam.ts'
import { castFloats, lossScaling, scaleLoss, withMasters } from '../optim/mixed.ts'
import { applyUpdates } from '../optim/transformation.ts'
import { transformer, type TransformerParams } from '../transformer.ts'
import { quantize } from './quantize.ts'

const model = transformer(llama({ vocab: 11, width: 32, layers: 2, heads: 4, kvHeads: 2, hidden: 64, context: 8 }))
const drawn = model.init(random.key(0))

/** Digits below 8, and each of them three further around the circle: rows of six. */
const task = (seed: number, rows = 8): readonly [Integers, Integers] => {
  let state = seed
  const digits = Array.from({ length: rows * 6 }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31
    return Math.floor(state / 65536) % 8
  })
  const of = (values: readonly number[]): Integers => tensor(Int32Array.from(values), [rows, 6])
  return [of(digits), of(digits.map((d) => (d + 3) % 8))]
}

describe('an adapter', () => {
  const STEPS = 60
  /** Losses of its training over a base, and the share of digits that it says right afterwards, of others than it was trained on. */
  const learned = async (given: TransformerParams) => {
    const base = await realizeAsync(given)
    const { init, adapt } = lora({ rank: 4, alpha: 8, targets: /./, split: projections(model.config) })
    const optimizer = adam({ learningRate: 1e-2 })
    const start = init(base)(random.key(1))
    const step = jit((own: typeof start, state: ReturnType<typeof optimizer.init>, x: Integers, y: Integers) => {
      const [loss, grads] = valueAndGrad((of: typeof start) => crossEntropy(model.apply(adapt(base, of))(x), y))(own)
      const [updates, next] = optimizer.update(grads, state, own)
      return [applyUpdates(own, updates), next, loss] as const
    })
    let [own, state] = [start, optimizer.init(start)]
    const losses: number[] = []
    for (let i = 0; i < STEPS; i++) {
      const [moved, next, loss] = step(own, state, ...task(i + 1))
      ;[own, state] = [moved, next]
      losses.push((await readAsync(loss))[0]!)
    }
    const [x, y] = task(9999, 32)
    const [logits, wanted] = [await readAsync(model.apply(adapt(base, own))(x)), await readAsync(y)]
    const right = [...wanted].filter((digit, i) => {
      const row = logits.subarray(11 * i, 11 * (i + 1))
      return row.indexOf(Math.max(...row)) === digit
    })
    return { losses, accuracy: right.length / wanted.length }
  }

  test('learns over int8 and four bits what it learns over f32, and as fast', async () => {
    const whole = await learned(drawn)
    expect(whole.accuracy).toBe(1)
    for (const bits of [8, 4] as const) {
      const { losses, accuracy } = await learned(quantize({ bits })(drawn))
      expect(accuracy).toBe(1)
      // it begins elsewhere, by what the codes are off, and ends where that one does
      expect(losses[0]).not.toBe(whole.losses[0])
      for (const at of [20, 40, STEPS - 1]) expect(losses[at]! / whole.losses[at]!).toBeLessThan(1.5)
    }
  }, 120_000)
})

test('parameters and gradients of f16 train by a scaled loss: a step that overflows moves nothing and halves the factor, and it grows again', async () => {
  const GROWTH = 10
  const [scaling, inner] = [
    lossScaling({ initial: 2 ** 24, growthInterval: GROWTH }),
    withMasters(adam({ learningRate: 1e-2 })),
  ]
  let params = await realizeAsync(castFloats('f16')(drawn))
  let [scale, state] = [scaling.init(params), inner.init(params)]
  const step = jit((p: typeof params, s: typeof scale, rest: typeof state, x: Integers, y: Integers) => {
    const [loss, grads] = valueAndGrad((of: typeof params) => scaleLoss(s)(crossEntropy(model.apply(of)(x), y)))(p)
    // 2^24 times a gradient of 0.01 is beyond the 65,504 of f16
    const [whole, scaled] = scaling.update(castFloats('f16')(grads), s, p)
    const [updates, next] = inner.update(whole, rest, p)
    return [applyUpdates(p, updates), scaled, next, loss] as const
  })
  const seen: { readonly factor: number; readonly moved: boolean; readonly loss: number }[] = []
  for (let i = 0; i < 60; i++) {
    const factor = (await readAsync(scale.factor))[0]!
    const [moved, scaled, next, loss] = await realizeAsync(step(params, scale, state, ...task(i + 1)))
    const [before, after] = [tree.leaves(params)[0]!, tree.leaves(moved)[0]!]
    const [old, now] = [await readAsync(before), await readAsync(after)]
    seen.push({ factor, moved: old.some((v, k) => v !== now[k]), loss: (await readAsync(loss))[0]! / factor })
    ;[params, scale, state] = [moved, scaled, next]
  }
  const first = seen.findIndex(({ moved }) => moved)
  expect(first).toBeGreaterThan(5)
  expect(seen.slice(0, first).map(({ factor }) => factor)).toEqual(
    Array.from({ length: first }, (_, i) => 2 ** (24 - i)),
  )
  const rest = seen.slice(first)
  expect(rest.every(({ moved, factor }, i) => moved && factor === 2 ** (24 - first + Math.floor(i / GROWTH)))).toBe(
    true,
  )
  expect(seen[0]!.loss).toBeGreaterThan(2)
  expect(seen.at(-1)!.loss).toBeLessThan(0.05)
}, 120_000)
