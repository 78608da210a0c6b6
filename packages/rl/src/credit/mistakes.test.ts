/** What newcomers give for rewards, and what they are told. */
import { tensor } from '@adjoint/tensor'
import { expect, test } from 'vitest'
import { batchStd, drGrpo, group, maxRl, reinforcePlusPlus, rloo, type Groups } from './advantage.ts'

const all = { group: group(), drGrpo, rloo, batchStd: batchStd(), maxRl, reinforcePlusPlus: reinforcePlusPlus() }

test.each(Object.entries(all))('%s', (name, advantage) => {
  const told =
    (given: unknown): unknown =>
    () =>
      advantage(given as Groups)
  expect(told([1, 0, 0])).toThrow(`${name}: rewards are a list with 1 in it. Give a list of groups`)
  expect(told(undefined)).toThrow(`${name}: rewards are undefined. Give a list of groups`)
  expect(told(tensor([1]))).toThrow(`${name}: rewards are Tensor f32[1] on the host [1]. Give a list of groups`)
})
