import { describe, expect, test } from 'vitest'
import type { Expr } from './expr.ts'
import { add, fill, input, mul, parameter } from '../primitives/index.ts'
import { isTraced, leak, traceOf, tracing, withTrace } from './trace.ts'

const one = fill([], 'f32', 1)

describe('traces', () => {
  test('what depends on a stand-in is traced while the trace is open', () => {
    const x = input(one)
    const y = withTrace('grad', [x], () => {
      const inside = add(mul(x, one), one)
      expect(isTraced([one])).toBe(false)
      expect(isTraced([one, inside])).toBe(true)
      expect(tracing(inside)).toMatchObject({ name: 'grad', open: true })
      return inside
    })
    expect(isTraced([y, x])).toBe(false)
    expect(traceOf(x)).toMatchObject({ name: 'grad', open: false })
    expect(traceOf(y)).toBeNull()
  })

  test('nested traces: closing the inner one leaves the outer one', () => {
    const x = input(one)
    withTrace('outer', [x], () => {
      const y = input(mul(x, x))
      const both = withTrace('inner', [y], () => {
        const z = add(y, x)
        expect(isTraced([z])).toBe(true)
        return z
      })
      expect(tracing(both)?.name).toBe('outer')
    })
  })

  test('a trace closes when its function throws', () => {
    const x = input(one)
    expect(() =>
      withTrace('grad', [x], () => {
        throw new Error('no')
      }),
    ).toThrow('no')
    expect(isTraced([x])).toBe(false)
  })

  test('deep graphs do not meet the stack, and are walked once', () => {
    let deep: Expr = one
    for (let i = 0; i < 100_000; i++) deep = add(deep, one)
    expect(isTraced([deep])).toBe(false)
    const x = input(deep)
    withTrace('grad', [x], () => {
      let y: Expr = x
      // each question is answered from what is known of its operands: without that, these would be 10^8 steps
      for (let i = 0; i < 1_000; i++) {
        y = add(deep, y)
        expect(isTraced([y])).toBe(true)
      }
    })
  })

  test('what to say of a stand-in that is evaluated', () => {
    const p = parameter({ shape: [], dtype: 'f32' })
    withTrace('vmap', [p], () => {
      expect(leak(p)).toMatch(/a placeholder of vmap has no value while vmap is tracing/)
    })
    expect(leak(p)).toMatch(/a placeholder of vmap was kept beyond the call/)
  })
})
