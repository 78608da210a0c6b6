import { checkGrads } from '@adjoint/autograd'
import { add, mul, random, tensor, zeros } from '@adjoint/tensor'
import { evaluate } from '@adjoint/tensor/ir'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { normalInit } from './init.ts'
import type { Floats } from './layer.ts'
import { initLayerNorm, initRmsNorm, layerNorm, type NormParams, rmsNorm } from './norm.ts'

const values = (x: Floats): readonly number[] => [...evaluate([x])[0]!.data]
const mean = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0) / xs.length
const square = (x: number): number => x * x

const rows = fc.integer({ min: 2, max: 9 }).chain((width) =>
  fc.record({
    width: fc.constant(width),
    row: fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: width, maxLength: width }),
    shift: fc.double({ min: -4, max: 4, noNaN: true }),
    factor: fc.double({ min: 0.5, max: 4, noNaN: true }),
  }),
)

test.each([
  ['layerNorm', layerNorm({})(initLayerNorm({ width: 4 }))],
  ['rmsNorm', rmsNorm({})(initRmsNorm({ width: 4 }))],
])('law: %s keeps the shape of the data, or says that its width is another', (op, norm) => {
  const size = fc.integer({ min: 1, max: 5 })
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 4 }), (shape) => {
      const x: Floats = zeros(shape)
      if (shape.at(-1) === 4) expect(norm(x).shape).toEqual(shape)
      else expect(() => norm(x)).toThrow(`${op}(f32[${shape.join(', ')}], f32[4]): the gain and the bias do not have`)
    }),
  )
})

describe('layerNorm', () => {
  test('rows have mean 0 and variance v / (v + eps), whatever is added to them', () => {
    fc.assert(
      fc.property(rows, ({ width, row, shift }) => {
        const x = tensor(row, [1, width])
        const norm = layerNorm({ eps: 1e-3 })(initLayerNorm({ width }))
        const y = values(norm(x))
        const own = values(x)
        const variance = mean(own.map((v) => square(v - mean(own))))
        expect(mean(y)).toBeCloseTo(0, 6)
        expect(mean(y.map(square))).toBeCloseTo(variance / (variance + 1e-3), 6)
        values(norm(add(x, shift))).forEach((v, i) => expect(v).toBeCloseTo(y[i]!, 6))
      }),
      { seed: 1, numRuns: 60 },
    )
  })

  test('gain and bias act on the normalised row', () => {
    const params: NormParams = { scale: tensor([2, 3], [2]), bias: tensor([1, -1], [2]) }
    expect(values(layerNorm({ eps: 0 })(params)(tensor([1, 3], [1, 2])))).toEqual([-1, 2])
  })
})

describe('rmsNorm', () => {
  test('rows have mean square 1, whatever they are multiplied with', () => {
    fc.assert(
      fc.property(rows, ({ width, row, factor }) => {
        fc.pre(row.some((v) => Math.abs(v) > 0.1))
        const x = tensor(row, [1, width])
        const norm = rmsNorm({ eps: 0 })(initRmsNorm({ width }))
        const y = values(norm(x))
        expect(mean(y.map(square))).toBeCloseTo(1, 6)
        values(norm(mul(x, factor))).forEach((v, i) => expect(v).toBeCloseTo(y[i]!, 6))
      }),
      { seed: 2, numRuns: 60 },
    )
  })
})

describe('gradients', () => {
  const x = normalInit(1)(random.key(0), [2, 3, 5])
  const scale = normalInit(1)(random.key(1), [5])
  const bias = normalInit(1)(random.key(2), [5])
  test.each([
    ['layerNorm', layerNorm({}), { scale, bias }],
    ['rmsNorm', rmsNorm({}), { scale, bias: null }],
  ])('of %s agree with differences', (_, norm, params: NormParams) => {
    checkGrads((p: NormParams, rows: Floats) => norm(p)(rows), { order: 2 })(params, x)
  })
})
