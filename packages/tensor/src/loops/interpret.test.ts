import { describe, expect, it } from 'vitest'
import { interpret } from './interpret.ts'
import * as I from './ix.ts'
import type { KernelBuffer, LoopKernel } from './kernel.ts'
import * as S from './scalar.ts'

const f32 = (size: number, write = false): KernelBuffer => ({ dtype: 'f32', size, read: !write, write })

describe('interpret', () => {
  it('runs a softmax row kernel', () => {
    const row: I.Axis = { id: 0, extent: 2 }
    const col: I.Axis = { id: 1, extent: 3 }
    const at = I.flatten([I.ofAxis(row), I.ofAxis(col)], [2, 3])
    const x = S.load(0, at, 'f32')
    const shifted = S.unary('exp', S.binary('sub', x, S.reduced(0, 'f32')))
    const kernel: LoopKernel = {
      kind: 'loop',
      name: 'softmax',
      buffers: [f32(6), f32(6, true)],
      rows: [row],
      cols: [col],
      reductions: [
        { op: 'max', dtype: 'f32', value: x, running: false },
        { op: 'sum', dtype: 'f32', value: shifted, running: false },
      ],
      stores: [{ buffer: 1, at, value: S.binary('div', shifted, S.reduced(1, 'f32')), scope: 'full', mode: 'set' }],
    }
    const y = new Float64Array(6)
    interpret(kernel, [Float64Array.of(1, 2, 3, 0, 0, 0), y])
    const z = Math.exp(-2) + Math.exp(-1) + 1
    expect(Array.from(y).map((v) => v.toFixed(12))).toEqual(
      [Math.exp(-2) / z, Math.exp(-1) / z, 1 / z, 1 / 3, 1 / 3, 1 / 3].map((v) => v.toFixed(12)),
    )
  })

  it('runs a transposed dot with an epilogue, and empty reductions give the identity', () => {
    const axis = (id: number, extent: number): I.Axis => ({ id, extent })
    const [m, n, k] = [axis(0, 2), axis(1, 3), axis(2, 2)] as const
    const dot = (inner: I.Axis) => {
      const out = Float64Array.from({ length: 6 }, () => 7)
      interpret(
        {
          kind: 'dot',
          name: 'dot',
          buffers: [f32(4), f32(6), f32(6, true)],
          batch: [],
          m,
          n,
          k: inner,
          a: S.load(0, I.flatten([I.ofAxis(inner), I.ofAxis(m)], [2, 2]), 'f32'),
          b: S.load(1, I.flatten([I.ofAxis(inner), I.ofAxis(n)], [2, 3]), 'f32'),
          reductions: [],
          stores: [
            {
              buffer: 2,
              at: I.flatten([I.ofAxis(m), I.ofAxis(n)], [2, 3]),
              value: S.binary('add', S.reduced(0, 'f32'), S.constant('f32', 1)),
              scope: 'full',
              mode: 'set',
            },
          ],
        },
        [Float64Array.of(1, 2, 3, 4), Float64Array.of(1, 2, 3, 4, 5, 6), out],
      )
      return Array.from(out)
    }
    expect(dot(k)).toEqual([14, 18, 22, 19, 25, 31])
    expect(dot(axis(2, 0))).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('keeps integers exact and wraps them, and refuses positions outside a buffer', () => {
    const row: I.Axis = { id: 0, extent: 1 }
    const one = (dtype: 'i32' | 'u32' | 'f32', value: S.Scalar, at = 0): number => {
      const out = new Float64Array(1)
      interpret(
        {
          kind: 'loop',
          name: 'one',
          buffers: [{ dtype, size: 1, read: false, write: true }],
          rows: [row],
          cols: [],
          reductions: [],
          stores: [{ buffer: 0, at: I.constant(at), value, scope: 'row', mode: 'set' }],
        },
        [out],
      )
      return out[0]!
    }
    const i = (v: number) => S.constant('i32', v)
    const u = (v: number) => S.constant('u32', v)
    expect(one('i32', S.binary('mod', i(-7), i(3)))).toBe(2)
    expect(one('i32', S.binary('div', i(-7), i(3)))).toBe(-2)
    expect(one('i32', S.binary('mul', i(0x7fffffff), i(0x7fffffff)))).toBe(1)
    expect(one('u32', S.binary('mul', u(0xffffffff), u(0xffffffff)))).toBe(1)
    expect(one('u32', S.binary('xor', u(0xffffffff), u(1)))).toBe(0xfffffffe)
    expect(one('i32', S.cast('i32', S.constant('f32', 3e10)))).toBe(2147483647)
    expect(one('f32', S.unary('round', S.constant('f32', 2.5)))).toBe(2)
    expect(one('f32', S.unary('round', S.constant('f32', -1.5)))).toBe(-2)
    expect(one('f32', S.unary('erf', S.constant('f32', 1)))).toBeCloseTo(0.8427007929497149, 14)
    expect(() => one('i32', i(0), 1)).toThrow(/store at 1 outside of buffer 0/)
  })
})
