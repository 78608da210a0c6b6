import { describe, expect, it } from 'vitest'
import { evaluate, evaluateWith } from './evaluate.ts'
import { apply, type Expr, type Primitive } from './expr.ts'
import * as p from '../primitives/index.ts'

const f32 = (shape: readonly number[], ...values: readonly number[]): Expr =>
  p.constant(Float32Array.from(values), shape, 'f32')

describe('evaluate', () => {
  it('computes shared nodes once and keeps the order of the roots', () => {
    let calls = 0
    const x = f32([2], 1, 2)
    const counting: Primitive<null> = { ...p.sinP, evaluate: (...a) => (calls++, p.sinP.evaluate(...a)) }
    const counted = apply(counting, [x], null)
    const [sum, own] = evaluate([p.add(counted, counted), counted])
    expect(calls).toBe(1)
    expect([...sum!.data]).toEqual([2 * Math.sin(1), 2 * Math.sin(2)])
    expect([...own!.data]).toEqual([Math.sin(1), Math.sin(2)])
  })
  it('takes values for placeholders', () => {
    const x = p.parameter({ shape: [2], dtype: 'f32' })
    const data = Float64Array.of(3, 4)
    expect([...evaluateWith([p.neg(x)], new Map([[x, { ...x, data }]]))[0]!.data]).toEqual([-3, -4])
    expect(() => evaluate([p.neg(x)])).toThrow(/parameter has no value/)
  })
  it('walks graphs deeper than the stack', () => {
    let e = f32([], 0)
    for (let i = 0; i < 50_000; i++) e = p.add(e, p.fill([], 'f32', 1))
    expect(evaluate([e])[0]!.data[0]).toBe(50_000)
  })
})
