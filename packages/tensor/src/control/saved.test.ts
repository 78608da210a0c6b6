/** What a scan saves: enough for all that is read, and the least memory that is. */
import { expect, it } from 'vitest'
import type { Expr } from '../graph/expr.ts'
import * as p from '../primitives/index.ts'
import { valuesToSave } from './saved.ts'

const f32 = (...shape: number[]): Expr => p.parameter({ shape, dtype: 'f32' })
const [x, w, b] = [f32(8, 6), f32(6, 9), f32(1, 9)]
const h = p.dot(x, w)
const biased = p.add(h, p.broadcastTo(b, [8, 9]))

it('of parts of a value, and what follows from it, the value; of one part alone, the part', () => {
  const [q, k] = [p.sliceAxis(h, 1, 0, 3), p.sliceAxis(h, 1, 3, 9)]
  const atHand = new Set([x, w, b])
  expect(valuesToSave([q, k, p.tanh(h)], atHand)).toEqual([h])
  expect(valuesToSave([q, k], atHand)).toEqual([h])
  expect(valuesToSave([q], atHand)).toEqual([q])
})

it('what is read itself, where that is no more than what it follows from', () => {
  expect(valuesToSave([biased, p.tanh(biased)], new Set([x, w, b]))).toEqual([biased])
  const y = p.tanh(biased)
  expect(valuesToSave([y], new Set([x, w, b]))).toEqual([y])
})

it('rows with their statistics, rather than what these make of them', () => {
  const mean = p.reshape(p.reduceSum(x, [1]), [8, 1])
  const centred = p.sub(x, p.broadcastTo(mean, [8, 6]))
  const scaled = p.mul(centred, p.broadcastTo(p.rsqrt(mean), [8, 6]))
  const saved = valuesToSave([centred, scaled, p.broadcastTo(mean, [8, 6])], new Set([w]))
  expect(saved.map(({ shape }) => shape.reduce((n, d) => n * d, 1)).sort((m, n) => m - n)).toEqual([8, 48])
})

it('nothing of what is at hand, or follows from that; a value that is dear to store through what it was made of', () => {
  expect(valuesToSave([p.tanh(x), p.sin(p.broadcastTo(b, [8, 9])), p.fill([4], 'f32', 1)], new Set([x, b]))).toEqual([])
  const row = p.reduceSum(x, [0])
  expect(valuesToSave([p.broadcastTo(p.reshape(p.tanh(row), [1, 6]), [8, 6])], new Set([w]))[0]!.shape).not.toEqual([
    8, 6,
  ])
  expect(valuesToSave([h, h], new Set([h]))).toEqual([])
})
