import fc from 'fast-check'
import { expect, it } from 'vitest'
import { inPlaceKernels } from './in-place.support.ts'
import * as I from './ix.ts'
import type { LoopKernel } from './kernel.ts'
import { demandCountable } from './limits.ts'
import * as S from './scalar.ts'
import { verifyKernel as unverified } from './unverified.ts'
import { verifyKernel } from './verify.ts'

const row: I.Axis = { id: 0, extent: 5 }
/** Stores at every row what is read at `at`. */
const reading = (at: I.Ix, rows: readonly I.Axis[] = [row]): LoopKernel => ({
  kind: 'loop',
  name: 'case',
  buffers: [
    { dtype: 'f32', size: 5, read: true, write: false },
    { dtype: 'f32', size: 5, read: false, write: true },
  ],
  rows,
  cols: [],
  reductions: [],
  stores: [{ buffer: 1, at: I.ofAxis(row), value: S.load(0, at, 'f32'), scope: 'row', mode: 'set' }],
})
const said = (check: (kernel: LoopKernel) => void, kernel: LoopKernel): string => {
  try {
    check(kernel)
    return ''
  } catch (error) {
    return String(error)
  }
}
const huge = I.scale(I.ofAxis(row), 2 ** 30)
/** By name, a kernel that a program's sizes alone can lead to, and what is wrong with it. */
const uncountable: readonly (readonly [string, LoopKernel, RegExp])[] = [
  ['a loop', reading(I.ofAxis(row), [row, { id: 1, extent: 2 ** 31 }]), /kernel case: a loop of 2147483648 iterations/],
  ['an index', reading(huge), /an index from 0 to 4294967296/],
  ['what an index is made of', reading(I.mod(I.offset(huge, 1), 5)), /an index from 1 to 4294967297/],
]

it.each(uncountable)('%s that 32 bits cannot count is refused, in a browser as in Node', (_, kernel, why) => {
  expect(said(demandCountable, kernel)).toMatch(why)
  expect(said(unverified, kernel)).toMatch(why)
  expect(said(verifyKernel, kernel)).toMatch(why)
})

it('a kernel that makes no iteration has no indices', () => {
  expect(said(demandCountable, reading(huge, [row, { id: 1, extent: 0 }]))).toBe('')
})

it('law: what keeps all rules can be counted', () => {
  fc.assert(
    fc.property(inPlaceKernels, (kernel) => {
      demandCountable(kernel)
    }),
    { seed: 5, numRuns: 100 },
  )
})
