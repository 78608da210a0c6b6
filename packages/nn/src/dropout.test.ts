import { checkGrads, checkpoint, grad, vmap } from '@adjoint/autograd'
import { jit, mul, ones, random, readAsync, square, stack, sum, tensor } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { presentDevices } from '@adjoint/testing'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dropout } from './dropout.ts'
import type { Floats } from './layer.ts'

const devices = await presentDevices()
const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]

test('every element is 0 or divided by what is kept, and as many are 0 as the rate says', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 999 }), (tenths, seed) => {
      const rate = tenths / 10
      const n = 4000
      const y = values(dropout({ rate })(random.key(seed))(ones([n])))
      for (const v of y) expect(v === 0 || Math.abs(v - 1 / (1 - rate)) < 1e-5).toBe(true)
      const dropped = y.filter((v) => v === 0).length / n
      // five standard deviations of the mean of n draws
      expect(Math.abs(dropped - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / n))
    }),
    { seed: 1, numRuns: 20 },
  )
})

test('off is the argument itself; at rate 1 nothing is left, and no gradient is NaN', () => {
  const x = tensor([1, Infinity, -2])
  expect(dropout({ rate: 0.5 })(null)(x)).toBe(x)
  expect(dropout({ rate: 0 })(random.key(0))(x)).toBe(x)
  const nothing = dropout({ rate: 1 })(random.key(0))
  expect(values(nothing(x))).toEqual([0, 0, 0])
  expect(values(grad((x: Floats) => sum()(nothing(x)))(x))).toEqual([0, 0, 0])
})

test('the key alone says what is dropped: the same in checkpoint, for members that share it, and another for others', () => {
  const layer = dropout({ rate: 0.5 })
  const key = random.key(3)
  const x = tensor([1, 2, 3, 4, 5, 6, 7, 8])
  const loss = (x: Floats): Floats => sum()(square(layer(key)(x)))
  const gradient = values(grad((x: Floats) => sum()(checkpoint(loss)(x)))(x))
  expect(gradient).toEqual(values(grad((x: Floats) => sum()(loss(x)))(x)))
  // 2 y dy/dx, y = x / (1 - rate): the mask of the forward pass
  expect(gradient).toEqual(values(layer(key)(x)).map((v) => 4 * v))
  const both = values(vmap((x: Floats) => layer(key)(x))(stack(0)([x, x])))
  expect(both.slice(0, 8)).toEqual(both.slice(8))
  expect(both.slice(0, 8)).toEqual(values(layer(key)(x)))
  const keys = random.split(random.key(4), 2)
  const apart = values(vmap((key: random.Key) => layer(key)(x))(stack(0)(keys)))
  expect(apart).toEqual(keys.flatMap((key) => values(layer(key)(x))))
  expect(apart.slice(0, 8)).not.toEqual(apart.slice(8))
})

test('gradients agree with differences', () => {
  const run = (x: Floats): Floats => mul(dropout({ rate: 0.3 })(random.key(1))(x), x)
  checkGrads(run, { order: 2 })(tensor([1, 2, 3, 4, 5, 6], [2, 3]))
})

test.each(devices)('jit on $kind drops what the reference drops', async (device) => {
  const x = tensor([1, 2, 3, 4, 5, 6, 7], [7])
  const run = jit((key: random.Key, x: Floats): Floats => dropout({ rate: 0.4 })(key)(x), { device })
  const y = [...(await readAsync(run(random.key(9), x)))]
  values(dropout({ rate: 0.4 })(random.key(9))(x)).forEach((v, i) => expect(y[i]).toBeCloseTo(v, 5))
})

test('what is no rate and no key is named', () => {
  expect(() => dropout({ rate: 1.5 })).toThrow(/dropout: a rate of 1.5/)
  expect(() => dropout({ rate: NaN })).toThrow(/a rate of NaN/)
  expect(() => dropout({ rate: 0.5 })(7 as never)).toThrow(/dropout: the key is the number 7/)
})
