import { checkGrads } from '@adjoint/autograd'
import { concat, gelu, mul, random, silu, tensor, zeros } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import { describe, expect, test } from 'vitest'
import { block, type BlockConfig, type BlockParams, initBlock, residual } from './block.ts'
import { normalInit } from './init.ts'
import type { Floats } from './layer.ts'
import type { LinearParams } from './linear.ts'
import { initMlp, mlp, type MlpParams } from './mlp.ts'
import { initRmsNorm, rmsNorm } from './norm.ts'
import { place } from './placement.ts'
import { sizesOf } from './weight.ts'

const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const one = { weight: tensor([1], [1, 1]), bias: null }
const logistic = (x: number): number => 1 / (1 + Math.exp(-x))

describe('mlp', () => {
  test('gelu is x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))', () => {
    const y = values(mlp(gelu)({ gate: null, up: one, down: one })(tensor([-2, 0, 1, 3], [4, 1])))
    ;[-2, 0, 1, 3].forEach((x, i) =>
      expect(y[i]).toBeCloseTo((x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))), 6),
    )
  })

  test('SwiGLU is silu(gate) up', () => {
    const gate = { weight: tensor([2], [1, 1]), bias: null }
    const y = values(mlp(silu)({ gate, up: one, down: one })(tensor([-1, 3], [2, 1])))
    ;[-1, 3].forEach((x, i) => expect(y[i]).toBeCloseTo(2 * x * logistic(2 * x) * x, 6))
  })

  test.each([
    ['gelu', gelu, false],
    ['swiglu', silu, true],
  ])('gradients of %s agree with differences', (_, activation, gated) => {
    checkGrads((p: MlpParams, x: Floats) => mlp(activation)(p)(x), { order: 2 })(
      initMlp({ width: 3, hidden: 5, gated })(random.key(0)),
      normalInit(1)(random.key(1), [2, 3]),
    )
  })
})

test('an activation keeps the shape', () => {
  const gate = { weight: tensor([2], [1, 1]), bias: null }
  const wide = (y: Floats): Floats => concat(-1)([y, y])
  for (const params of [
    { gate: null, up: one, down: one },
    { gate, up: one, down: one },
  ])
    expect(() => mlp(wide)(params)(zeros([4, 1]))).toThrow(/mlp.*the activation of \[4, 1\] has another shape/)
})

test('a residual layer keeps the shape of its stream: nothing is broadcast to it, nor it to anything', () => {
  const x: Floats = tensor([1, 2], [2, 1])
  expect(values(residual((y) => mul(y, 2))(x))).toEqual([3, 6])
  for (const shape of [[2, 3], [1], []])
    expect(() => residual(() => zeros(shape))(x)).toThrow(/residual.*what is added to x \[2, 1\] has another shape/)
})

describe('block', () => {
  const config: BlockConfig = {
    norm: { init: () => initRmsNorm({ width: 4 }), apply: rmsNorm({}) },
    attention: { width: 4, heads: 2, kvHeads: 1 },
    mlp: { width: 4, hidden: 6, gated: true },
    activation: silu,
  }
  const at = { rotate: (x: Floats): Floats => x, visible: place({ queries: 3 }).visible }
  const x = normalInit(1)(random.key(1), [1, 3, 4])

  test('with silent halves it is the identity', () => {
    const params = initBlock(config)(random.key(0))
    const silent = (p: LinearParams): LinearParams => ({ ...p, weight: zeros(sizesOf(p.weight)) })
    const quiet: BlockParams = {
      ...params,
      attention: { ...params.attention, out: silent(params.attention.out) },
      mlp: { ...params.mlp, down: silent(params.mlp.down) },
    }
    expect(values(block(config)(quiet, at)(x))).toEqual(values(x))
  })

  test('gradients agree with differences', () => {
    checkGrads((p: BlockParams, rows: Floats) => block(config)(p, at)(rows), { order: 1 })(
      initBlock(config)(random.key(0)),
      x,
    )
  })
})
