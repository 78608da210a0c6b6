import { checkGrads } from '@adjoint/autograd'
import { random, scalar, tensor, zeros } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { embedding, unembed } from './embedding.ts'
import { normalInit } from './init.ts'
import type { Floats, Key } from './layer.ts'
import { initLinear, linear, type LinearParams } from './linear.ts'
import { toInt8 } from './quantize/quantized.ts'

const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]

describe('linear', () => {
  test('is x W + b with weights [in, out]', () => {
    const params: LinearParams = { weight: tensor([1, 2, 3, 4, 5, 6], [2, 3]), bias: tensor([10, 20, 30], [3]) }
    const x = tensor([1, 1, 1, -1], [2, 1, 2])
    expect(linear(params)(x).shape).toEqual([2, 1, 3])
    expect(values(linear(params)(x))).toEqual([15, 27, 39, 7, 17, 27])
    expect(values(linear({ ...params, bias: null })(x))).toEqual([5, 7, 9, -3, -3, -3])
  })

  test('a width that does not fit is named', () => {
    const params: LinearParams = initLinear({ in: 3, out: 2 })(random.key(0))
    const said = 'linear(f32[1, 2]): the weight is [in 3, out 2]: the last dimension of x must be 3.'
    expect(() => linear(params)(tensor([1, 2], [1, 2]))).toThrow(said)
    const lone: Floats = scalar(1)
    expect(() => linear(params)(lone)).toThrow('linear(f32[]): the weight is [in 3, out 2]')
    expect(() => linear({ ...params, weight: toInt8(zeros([8, 2])) })(tensor([1, 2], [1, 2]))).toThrow(
      'linear(f32[1, 2]): the weight is [in 8, out 2]',
    )
    // @ts-expect-error no tensor
    expect(() => linear(params)(undefined)).toThrow(/^linear: /)
  })

  test('law: a width that does not fit is one error, whatever the sizes', () => {
    const size = fc.integer({ min: 1, max: 9 })
    fc.assert(
      fc.property(size, size, size, fc.array(size, { maxLength: 3 }), (fanIn, out, width, lead) => {
        const layer = linear(initLinear({ in: fanIn, out })(random.key(0)))
        const x: Floats = zeros([...lead, width])
        if (width === fanIn) expect(layer(x).shape).toEqual([...lead, out])
        else expect(() => layer(x)).toThrow(`the weight is [in ${fanIn}, out ${out}]: the last dimension of x must be`)
      }),
    )
  })

  test('an initializer that draws another shape is named', () => {
    const init = (key: Key) => normalInit(1)(key, [2, 3])
    expect(() => initLinear({ in: 3, out: 2, init })(random.key(0))).toThrow('initLinear(f32[2, 3]): init is to draw')
  })

  test('gradients agree with differences', () => {
    const params = initLinear({ in: 3, out: 2 })(random.key(0))
    checkGrads((p: LinearParams, x: Floats) => linear(p)(x), { order: 2 })(
      params,
      normalInit(1)(random.key(1), [2, 2, 3]),
    )
  })
})

describe('embedding', () => {
  const table = tensor([0, 1, 10, 11, 20, 21], [3, 2])
  test('reads rows', () => {
    const rows = embedding(table)(tensor([2, 0, 1, 1], [2, 2], 'i32'))
    expect(rows.shape).toEqual([2, 2, 2])
    expect(values(rows)).toEqual([20, 21, 0, 1, 10, 11, 10, 11])
  })

  test('unembed is the product with every row', () => {
    expect(values(unembed(table)(tensor([1, 2], [1, 2])))).toEqual([2, 32, 62])
  })

  test('the gradient of a row is the sum over its uses', () => {
    const ids = tensor([2, 0, 2, 2], [2, 2], 'i32')
    checkGrads((t: Floats) => unembed(t)(embedding(t)(ids)), { order: 1 })(table)
  })
})
