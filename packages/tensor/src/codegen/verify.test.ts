import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inPlaceKernels } from './in-place.support.ts'
import * as I from './ix.ts'
import type { DotKernel, KernelBuffer, LoopKernel, Store } from './kernel.ts'
import * as S from './scalar.ts'
import { verifyKernel } from './verify.ts'

const buffer = (size: number, read = true, write = true): KernelBuffer => ({ dtype: 'f32', size, read, write })
const [i, j]: readonly I.Axis[] = [
  { id: 0, extent: 5 },
  { id: 1, extent: 7 },
]
const row = I.ofAxis(i!)
const cell = I.flatten([row, I.ofAxis(j!)], [5, 7])
const load = (b: number, at: I.Ix): S.Scalar => S.load(b, at, 'f32')
const set = (b: number, at: I.Ix, value: S.Scalar, scope: Store['scope'] = 'row'): Store => ({
  buffer: b,
  at,
  value,
  scope,
  mode: 'set',
})
/** Buffers 0 (a row's) and 1 (a cell's), both read and written. */
const loop = (parts: Partial<LoopKernel>): LoopKernel => ({
  kind: 'loop',
  name: 'case',
  buffers: [buffer(5), buffer(35)],
  rows: [i!],
  cols: [j!],
  reductions: [{ op: 'sum', dtype: 'f32', value: load(1, cell), scan: false }],
  stores: [set(1, cell, S.binary('sub', load(1, cell), S.reduced(0, 'f32')), 'full')],
  ...parts,
})

describe('verifyKernel', () => {
  it('accepts what works in place at the same element', () => {
    fc.assert(
      fc.property(inPlaceKernels, (kernel) => {
        verifyKernel(kernel)
      }),
      { seed: 4, numRuns: 300 },
    )
    verifyKernel(loop({}))
  })

  const next = I.mod(I.offset(cell, 1), 35)
  const one = S.constant('f32', 1)
  const cases: readonly (readonly [string, LoopKernel, RegExp])[] = [
    ['another element than the one it writes', loop({ stores: [set(1, cell, load(1, next), 'full')] }), /in place/],
    [
      'in a reduction what a row store writes elsewhere',
      loop({ stores: [set(1, I.scale(row, 7), S.reduced(0, 'f32'))] }),
      /in place/,
    ],
    [
      'in a full store what a row store has written',
      loop({ stores: [set(0, row, one), set(1, cell, load(0, row), 'full')] }),
      /row stores have overwritten/,
    ],
    [
      'what two stores write',
      loop({ stores: [set(1, cell, load(1, cell), 'full'), set(1, cell, one, 'full')] }),
      /2 stores/,
    ],
    [
      'what it increases',
      loop({ reductions: [], cols: [], stores: [{ ...set(0, row, load(0, row)), mode: 'add' }] }),
      /increases/,
    ],
    ['beyond the end', loop({ stores: [set(0, row, load(1, I.offset(cell, 1)), 'full')] }), /elements at 1 to 35/],
    ['what is not marked as read', loop({ buffers: [buffer(5), buffer(35, false)] }), /not marked as read/],
    ['as another dtype', loop({ stores: [set(0, row, S.cast('f32', S.load(0, row, 'i32')))] }), /as i32/],
    [
      'more than 32 bits can count',
      loop({ cols: [{ id: 1, extent: 2 ** 33 }], stores: [set(0, row, S.reduced(0, 'f32'))] }),
      /8589934592 iterations/,
    ],
  ]
  it.each(cases)('refuses a kernel that loads %s', (_, kernel, why) => {
    expect(() => verifyKernel(kernel)).toThrow(why)
    expect(() => verifyKernel(kernel)).toThrow(/kernel case: /)
  })

  it('refuses stores of many iterations at one element, and what a scope does not know', () => {
    expect(() => verifyKernel(loop({ stores: [set(0, row, one, 'full')] }))).toThrow(/same element for all 7/)
    expect(() => verifyKernel(loop({ stores: [set(0, row, load(1, cell))] }))).toThrow(/depends on a column/)
    expect(() => verifyKernel(loop({ stores: [set(0, row, S.reduced(1, 'f32'))] }))).toThrow(/does not have/)
    expect(() => verifyKernel(loop({ stores: [set(0, row, S.cast('i32', one))] }))).toThrow(/stores i32/)
    expect(() => verifyKernel(loop({ buffers: [buffer(5), buffer(35, true, false)] }))).toThrow(/not marked as written/)
  })

  it('refuses a dot that writes over an operand', () => {
    const [m, n, k] = [5, 5, 5].map((extent, id): I.Axis => ({ id, extent })) as [I.Axis, I.Axis, I.Axis]
    const at = (x: I.Axis, y: I.Axis): I.Ix => I.flatten([I.ofAxis(x), I.ofAxis(y)], [5, 5])
    const dot = (into: number): DotKernel => ({
      kind: 'dot',
      name: 'case',
      buffers: [buffer(25), buffer(25), buffer(25)],
      batch: [],
      m,
      n,
      k,
      a: load(0, at(m, k)),
      b: load(1, at(k, n)),
      stores: [set(into, at(m, n), S.reduced(0, 'f32'), 'full')],
    })
    verifyKernel(dot(2))
    expect(() => verifyKernel(dot(0))).toThrow(/in place|operand/)
    expect(() => verifyKernel(dot(1))).toThrow(/in place|operand/)
    // Also where the indices are equal: with one column of one term, an operand is needed once, but in what order is open.
    const [M, N, K] = [
      { id: 0, extent: 5 },
      { id: 1, extent: 1 },
      { id: 2, extent: 1 },
    ] as const
    const thin: DotKernel = {
      ...dot(0),
      m: M,
      n: N,
      k: K,
      a: load(0, I.ofAxis(M)),
      b: load(1, I.constant(0)),
      stores: [set(0, I.ofAxis(M), S.reduced(0, 'f32'), 'full')],
    }
    expect(() => verifyKernel(thin)).toThrow(/operand of the dot/)
  })
})
