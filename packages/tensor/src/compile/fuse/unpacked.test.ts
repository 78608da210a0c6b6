/** What a product reads its operand through: an element that is unpacked from a few bytes is made where it is read, others are stored. */
import { describe, expect, it } from 'vitest'
import type { Expr } from '../../graph/expr.ts'
import {
  cast,
  reshape,
  shiftLeft,
  shiftRight,
  matmul,
  mul,
  add,
  take,
  tanh,
  type Tensor,
  transpose,
} from '../../index.ts'
import * as p from '../../primitives/index.ts'
import { host, parallel } from '../capabilities.support.ts'
import { schedule } from '../schedule.ts'

const [ROWS, IN, OUT] = [6, 16, 12]
const input = (dtype: 'f32' | 'f16' | 'i32', ...shape: number[]): Tensor<readonly number[], 'f32'> =>
  p.parameter({ shape, dtype }) as Tensor<readonly number[], 'f32'>
const x = input('f32', ROWS, IN)
const words = input('i32', IN / 4, 1, OUT) as Tensor as Tensor<readonly number[], 'i32'>
const places = input('i32', 4, 1) as Tensor as Tensor<readonly number[], 'i32'>
const scale = input('f16', 1, OUT)
const codes = reshape([IN, OUT])(cast('f32')(shiftRight(shiftLeft(words, places), 24)))
const unpacked = mul(codes, scale)

describe.each(Object.entries({ host, parallel }))('on a %s device', (_, capabilities) => {
  const kernels = (output: Expr, inputs: readonly Expr[]): number =>
    schedule(capabilities)({ inputs, outputs: [output], donated: inputs.map(() => false) }).steps.length

  it('a matrix of bytes is read through, as it lies and transposed', () => {
    expect(kernels(matmul(x, unpacked), [x, words, places, scale])).toBe(1)
    const y = input('f32', ROWS, OUT)
    expect(kernels(matmul(y, transpose([1, 0])(unpacked)), [y, words, places, scale])).toBe(1)
  })

  it('one that costs as much and lies there in full, or costs more, is stored once', () => {
    const [w, u, v] = [input('f32', IN, OUT), input('f32', IN, OUT), input('f32', IN, OUT)]
    expect(kernels(matmul(x, mul(add(w, u), v)), [x, w, u, v])).toBe(2)
    expect(kernels(matmul(x, tanh(tanh(unpacked))), [x, words, places, scale])).toBe(2)
  })

  it('rows that are looked up in a small table, and changed, are stored once', () => {
    const table = input('f32', 4, IN)
    const tokens = input('i32', 64) as Tensor as Tensor<readonly number[], 'i32'>
    const [w, u] = [input('f32', IN, OUT), input('f32', 1, IN)]
    const rows = mul(add(take(0)(table, tokens), u), u)
    expect(kernels(matmul(rows, w), [table, tokens, w, u])).toBe(2)
  })
})
