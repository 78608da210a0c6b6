// Norms over channels against loops over numbers.
import { checkGrads, vmap } from '@adjoint/autograd'
import { jit, random, readAsync, stack, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchNorm, type BatchNormState, initBatchNorm, initBatchNormState } from './batch-norm.ts'
import { groupNorm, initGroupNorm } from './group-norm.ts'
import { normalInit } from './init.ts'
import type { Floats } from './layer.ts'
import type { NormParams } from './norm.ts'

const devices = await presentDevices()
const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const draw = (seed: number, shape: readonly number[]): Floats => normalInit(1)(random.key(seed), shape)
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length
const variance = (xs: readonly number[]): number => mean(xs.map((v) => (v - mean(xs)) ** 2))
const close = (x: readonly number[], y: readonly number[]): void => {
  expect(x.length).toBe(y.length)
  x.forEach((v, i) => expect(v).toBeCloseTo(y[i]!, 5))
}
const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)

// [N, C, ...spatial], two channels a group at least
const data = fc
  .record({
    n: fc.integer({ min: 1, max: 3 }),
    groups: fc.integer({ min: 1, max: 3 }),
    each: fc.integer({ min: 1, max: 2 }),
    spatial: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 2 }),
    seed: fc.integer({ min: 0, max: 99 }),
  })
  .map(({ n, groups, each, spatial, seed }) => {
    const channels = groups * each
    const x = draw(seed, [n, channels, ...spatial])
    const params: NormParams = { scale: draw(seed + 1, [channels]), bias: draw(seed + 2, [channels]) }
    return { n, groups, channels, places: spatial.reduce((p, d) => p * d, 1), x, params, own: values(x) }
  })

const EPS = 1e-3
const normal = (v: number, xs: readonly number[]): number => (v - mean(xs)) / Math.sqrt(variance(xs) + EPS)

describe('groupNorm', () => {
  test('normalises each group of channels of each example, with a gain a channel', () => {
    fc.assert(
      fc.property(data, ({ n, groups, channels, places, x, params, own }) => {
        const y = values(groupNorm({ groups, eps: EPS })(params)(x))
        const size = (channels / groups) * places
        const [scale, bias] = [values(params.scale), values(params.bias!)]
        const expected = range(n * groups).flatMap((group) => {
          const xs = own.slice(group * size, (group + 1) * size)
          return xs.map((v, i) => {
            const channel = (group % groups) * (channels / groups) + Math.floor(i / places)
            return normal(v, xs) * scale[channel]! + bias[channel]!
          })
        })
        close(y, expected)
      }),
      { seed: 1, numRuns: 40 },
    )
  })

  test('gradients agree with differences', () => {
    const params = { scale: draw(1, [4]), bias: draw(2, [4]) }
    checkGrads((p: NormParams, x: Floats) => groupNorm({ groups: 2 })(p)(x), { order: 2 })(params, draw(3, [2, 4, 3]))
  })

  test('groups that do not divide, and data of other channels, are named', () => {
    const params = initGroupNorm({ channels: 4 })
    expect(() => groupNorm({ groups: 3 })(params)(draw(1, [2, 4]))).toThrow(/3 groups do not divide 4 channels/)
    expect(() => groupNorm({ groups: 2 })(params)(draw(1, [2, 5]))).toThrow(/the data is not \[N, 4, \.\.\.spatial\]/)
    expect(() => groupNorm({ groups: 0 })).toThrow(/groups is 0/)
  })
})

describe('batchNorm', () => {
  test("training normalises by the batch, and moves the state by PyTorch's rule; inference by the state", () => {
    fc.assert(
      fc.property(
        data,
        fc.double({ min: 0, max: 1, noNaN: true }),
        ({ n, channels, places, x, params, own }, momentum) => {
          const before: BatchNormState = {
            mean: draw(5, [channels]),
            variance: initBatchNormState({ channels }).variance,
          }
          const [y, after] = batchNorm({ training: true, momentum, eps: EPS })(params)(x, before)
          const [scale, bias] = [values(params.scale), values(params.bias!)]
          const channelOf = (i: number): number => Math.floor(i / places) % channels
          const of = range(channels).map((c) => own.filter((_, i) => channelOf(i) === c))
          close(
            values(y),
            own.map((v, i) => normal(v, of[channelOf(i)]!) * scale[channelOf(i)]! + bias[channelOf(i)]!),
          )
          const count = n * places
          close(
            values(after.mean),
            values(before.mean).map((m, c) => (1 - momentum) * m + momentum * mean(of[c]!)),
          )
          // of a single value no variance is known
          const unbiased = (c: number): number => (variance(of[c]!) * count) / (count - 1)
          close(
            values(after.variance),
            values(before.variance).map((v, c) => (count === 1 ? v : (1 - momentum) * v + momentum * unbiased(c))),
          )
          const [z, same] = batchNorm({ training: false, eps: EPS })(params)(x, after)
          expect(same).toBe(after)
          const [m, v] = [values(after.mean), values(after.variance)]
          close(
            values(z),
            own.map((value, i) => {
              const c = channelOf(i)
              return ((value - m[c]!) / Math.sqrt(v[c]! + EPS)) * scale[c]! + bias[c]!
            }),
          )
        },
      ),
      { seed: 2, numRuns: 40 },
    )
  })

  test('gradients agree with differences through the statistics of the batch, and none flow through the state', () => {
    const params = { scale: draw(1, [3]), bias: draw(2, [3]) }
    const state = { mean: draw(4, [3]), variance: initBatchNormState({ channels: 3 }).variance }
    for (const training of [true, false])
      checkGrads((p: NormParams, x: Floats) => batchNorm({ training })(p)(x, state)[0], { order: 2 })(
        params,
        draw(3, [4, 3, 2]),
      )
  })

  test('vmap is a loop over batches, states of their own included', () => {
    const params = initBatchNorm({ channels: 3 })
    const xs = [draw(1, [4, 3]), draw(2, [4, 3])]
    const run = (x: Floats): Floats =>
      batchNorm({ training: true })(params)(x, initBatchNormState({ channels: 3 }))[1].mean
    close(
      values(vmap(run)(stack(0)(xs))),
      xs.flatMap((x) => values(run(x))),
    )
  })

  test.each(devices)('jit on $kind is the reference', async (device) => {
    const params = { scale: draw(1, [4]), bias: draw(2, [4]) }
    const run = (x: Floats, state: BatchNormState): readonly Floats[] => {
      const [y, next] = batchNorm({ training: true })(params)(x, state)
      return [y, next.mean, next.variance, groupNorm({ groups: 2 })(params)(x)]
    }
    const [x, state] = [draw(3, [5, 4, 3]), initBatchNormState({ channels: 4 })]
    const made = jit(run, { device })(x, state)
    for (const [i, expected] of run(x, state).entries()) close([...(await readAsync(made[i]!))], values(expected))
  })

  test('an empty batch, other channels and a momentum that is none are named', () => {
    const params = initBatchNorm({ channels: 2 })
    const state = initBatchNormState({ channels: 2 })
    expect(() => batchNorm({ training: true })(params)(tensor([], [0, 2]), state)).toThrow(
      /an empty batch has no statistics/,
    )
    expect(() => batchNorm({ training: true })(params)(draw(1, [2, 3]), state)).toThrow(/\[N, 2, \.\.\.spatial\]/)
    expect(() => batchNorm({ training: true, momentum: 2 })).toThrow(/a momentum of 2/)
  })
})
