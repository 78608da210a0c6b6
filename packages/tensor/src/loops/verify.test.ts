import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { inPlaceKernels } from './in-place.support.ts'
import * as I from './ix.ts'
import type { DotKernel, KernelBuffer, LoopKernel, Reduction, Store } from './kernel.ts'
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
  reductions: [{ op: 'sum', dtype: 'f32', value: load(1, cell), running: false }],
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

  const far = 2 ** 31
  /** A shader's value, from 0 below `extent`. */
  const unknown = (extent: number): I.Ix => I.dynamic(S.load(0, row, 'f32'), extent)
  const rules: readonly (readonly [string, LoopKernel, RegExp])[] = [
    ['loads a buffer that there is not', loop({ stores: [set(0, row, load(2, row))] }), /loads buffer 2 of 2/],
    ['stores to a buffer that there is not', loop({ stores: [set(2, row, one)] }), /stores to buffer 2 of 2/],
    ['loads before the start', loop({ stores: [set(0, row, load(0, I.offset(row, -1)))] }), /elements at -1 to 3/],
    ['stores beyond the end', loop({ stores: [set(0, I.offset(row, 1), one)] }), /stores to buffer 0 .* at 1 to 5/],
    ['stores before the start', loop({ stores: [set(0, I.offset(row, -1), one)] }), /stores to buffer 0 .* at -1 to 3/],
    [
      'has an index above 32 bits as a value',
      loop({ stores: [set(0, row, S.cast('f32', S.index(I.offset(row, far - 4))))] }),
      /an index from 2147483644 to 2147483648;/,
    ],
    [
      'has an index below 32 bits as a value',
      loop({ stores: [set(0, row, S.cast('f32', S.index(I.offset(row, -far - 1))))] }),
      /an index from -2147483649 to -2147483645;/,
    ],
    [
      'asks whether an index above 32 bits is within bounds',
      loop({ stores: [set(0, row, S.cast('f32', S.within(I.scale(row, far), 0, far)))] }),
      /an index from 0 to 8589934592;/,
    ],
    [
      'loads at a part of an index above 32 bits',
      loop({ stores: [set(0, row, load(0, I.div(I.scale(unknown(4), far - 1), 2 * far)))] }),
      /an index from 0 to 6442450941;/,
    ],
    [
      'loads of a large buffer beyond 32 bits',
      loop({
        buffers: [buffer(5), buffer(8 * far)],
        stores: [set(0, row, load(1, I.scale(row, far)))],
        reductions: [],
      }),
      /an index from 0 to 8589934592;/,
    ],
    [
      'stores once a row at the same element in each',
      loop({ stores: [set(0, I.constant(0), S.reduced(0, 'f32'))] }),
      /same element for all 5/,
    ],
    [
      'stores each cell at the same element in each row',
      loop({ buffers: [buffer(7), buffer(35)], stores: [set(0, I.ofAxis(j!), one, 'full')] }),
      /same element for all 5/,
    ],
    [
      'reads a reduction in itself',
      loop({ reductions: [{ op: 'sum', dtype: 'f32', value: S.reduced(0, 'f32'), running: false }] }),
      /reduction 0 reads one that is not made yet/,
    ],
    [
      'reads a later reduction',
      loop({
        reductions: [S.reduced(1, 'f32'), load(1, cell)].map((value) => ({
          op: 'sum',
          dtype: 'f32',
          value,
          running: false,
        })),
      }),
      /reduction 0 reads one that is not made yet/,
    ],
    [
      'running sums beside another reduction',
      loop({
        reductions: [true, false].map((running) => ({ op: 'sum', dtype: 'f32', value: load(1, cell), running })),
      }),
      /a running reduction is the only one/,
    ],
    [
      'running sums along two axes',
      loop({
        rows: [],
        cols: [i!, j!],
        reductions: [{ op: 'sum', dtype: 'f32', value: load(1, cell), running: true }],
        stores: [set(1, cell, S.reduced(0, 'f32'), 'full')],
      }),
      /along one axis/,
    ],
  ]
  it.each(rules)('refuses a kernel that %s', (_, kernel, why) => {
    expect(() => verifyKernel(kernel)).toThrow(why)
  })

  it('accepts what meets a rule at its edge: the last index, several additions to one element, one running sum, no iteration', () => {
    verifyKernel(loop({ stores: [set(0, row, S.cast('f32', S.index(I.offset(row, far - 5))))] }))
    verifyKernel(loop({ stores: [set(0, row, S.cast('f32', S.index(I.offset(row, -far))))] }))
    verifyKernel(loop({ cols: [], reductions: [], stores: [{ ...set(0, I.constant(0), one), mode: 'add' }] }))
    verifyKernel(
      loop({
        reductions: [{ op: 'sum', dtype: 'f32', value: load(1, cell), running: true }],
        stores: [set(1, cell, S.reduced(0, 'f32'), 'full')],
      }),
    )
    verifyKernel(loop({ buffers: [buffer(0), buffer(0)], rows: [{ id: 0, extent: 0 }] }))
  })

  it('refuses stores of many iterations at one element, and what a scope does not know', () => {
    expect(() => verifyKernel(loop({ stores: [set(0, row, one, 'full')] }))).toThrow(/same element for all 7/)
    expect(() => verifyKernel(loop({ stores: [set(0, row, load(1, cell))] }))).toThrow(/depends on a column/)
    expect(() => verifyKernel(loop({ stores: [set(0, row, S.reduced(1, 'f32'))] }))).toThrow(/does not have/)
    expect(() => verifyKernel(loop({ stores: [set(0, row, S.cast('i32', one))] }))).toThrow(/stores i32/)
    expect(() => verifyKernel(loop({ buffers: [buffer(5), buffer(35, true, false)] }))).toThrow(/not marked as written/)
  })

  it('refuses a dot that writes over an operand, many results at one element, or what depends on k', () => {
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
      reductions: [],
      stores: [set(into, at(m, n), S.reduced(0, 'f32'), 'full')],
    })
    verifyKernel(dot(2))
    const { stores } = dot(2)
    const place = (at: I.Ix, value = S.reduced(0, 'f32')): DotKernel => ({
      ...dot(2),
      batch: [{ id: 3, extent: 2 }],
      stores: [{ ...stores[0]!, at, value }],
    })
    expect(() => verifyKernel(place(at(m, n)))).toThrow(/same element for all 2/) // of a batch
    expect(() => verifyKernel({ ...place(I.ofAxis(m)), batch: [] })).toThrow(/same element for all 5/)
    const last = load(1, I.ofAxis(k))
    expect(() => verifyKernel({ ...place(at(m, n), last), batch: [] })).toThrow(/sums of a dot depends on k/)
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

  it('refuses rows of a dot that are not whole when they are read, and stores that add to them', () => {
    const [m, n, k] = [5, 7, 3].map((extent, id): I.Axis => ({ id, extent })) as [I.Axis, I.Axis, I.Axis]
    const at = (x: I.Axis, y: I.Axis): I.Ix => I.flatten([I.ofAxis(x), I.ofAxis(y)], [x.extent, y.extent])
    const [sum, most, total] = [0, 1, 2].map((i) => S.reduced(i, 'f32')) as [S.Scalar, S.Scalar, S.Scalar]
    const max: Reduction = { op: 'max', dtype: 'f32', value: sum, running: false }
    const add: Reduction = { op: 'sum', dtype: 'f32', value: S.binary('sub', sum, most), running: false }
    const dot = (over: Partial<DotKernel> = {}): DotKernel => ({
      kind: 'dot',
      name: 'case',
      buffers: [buffer(15), buffer(21), buffer(35), buffer(5)],
      batch: [],
      m,
      n,
      k,
      a: load(0, at(m, k)),
      b: load(1, at(k, n)),
      reductions: [max, add],
      stores: [
        set(2, at(m, n), S.binary('div', S.binary('sub', sum, most), total), 'full'),
        set(3, I.ofAxis(m), total, 'row'),
      ],
      ...over,
    })
    verifyKernel(dot())
    expect(() => verifyKernel(dot({ reductions: [add, max] }))).toThrow(/reduction 0 reads one that is not made yet/)
    expect(() => verifyKernel(dot({ reductions: [max] }))).toThrow(/does not have/)
    expect(() => verifyKernel(dot({ reductions: [{ ...max, running: true }], stores: [] }))).toThrow(/running/)
    expect(() => verifyKernel(dot({ reductions: [{ ...max, value: load(1, at(k, n)) }, add] }))).toThrow(/depends on k/)
    expect(() => verifyKernel(dot({ stores: [set(3, I.ofAxis(m), sum, 'row')] }))).toThrow(/depends on a column/)
    expect(() => verifyKernel(dot({ stores: [set(3, I.ofAxis(m), total, 'full')] }))).toThrow(/same element for all 7/)
    expect(() => verifyKernel(dot({ stores: [{ ...set(3, I.ofAxis(m), total, 'row'), mode: 'add' }] }))).toThrow(
      /increases/,
    )
    const over = set(0, I.ofAxis(m), total, 'row')
    expect(() => verifyKernel(dot({ stores: [over] }))).toThrow(/in place|operand of the dot/)
    const late = set(2, at(m, n), S.binary('add', sum, load(3, I.ofAxis(m))), 'full')
    expect(() => verifyKernel(dot({ stores: [set(3, I.ofAxis(m), total, 'row'), late] }))).toThrow(/have overwritten/)
  })
})
