import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inPlaceKernels } from '../../../loops/in-place.support.ts'
import * as I from '../../../loops/ix.ts'
import type { Kernel, LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import { printKernel } from './kernel.ts'
import { agrees } from './running.support.ts'

describe('kernels that work in place', () => {
  it('agree with the interpreter: all values of an iteration are computed before one is stored', () => {
    fc.assert(
      fc.property(inPlaceKernels, fc.integer(), (kernel, seed) => agrees(kernel, printKernel(kernel), seed)),
      { seed: 3, numRuns: 400 },
    )
  })

  it('swap two buffers, and store a sum over an operand before its multiple', () => {
    for (const n of [1, 3, 4, 7, 16, 37]) {
      const row: I.Axis = { id: 0, extent: n }
      const [x, y] = [S.load(0, I.ofAxis(row), 'f32'), S.load(1, I.ofAxis(row), 'f32')]
      const kernel = (first: S.Scalar, second: S.Scalar): LoopKernel => ({
        kind: 'loop',
        name: 'two results',
        buffers: [0, 1].map(() => ({ dtype: 'f32', size: n, read: true, write: true })),
        rows: [row],
        cols: [],
        reductions: [],
        stores: [first, second].map((value, buffer) => ({
          buffer,
          at: I.ofAxis(row),
          value,
          scope: 'row',
          mode: 'set',
        })),
      })
      const kernels: readonly Kernel[] = [
        kernel(y, x),
        kernel(S.binary('add', x, y), S.binary('mul', x, S.constant('f32', 2))),
      ]
      for (const k of kernels) expect(agrees(k, printKernel(k), n)).toBe(true)
    }
  })
})
