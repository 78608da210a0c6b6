import { describe, expect, it } from 'vitest'
import { type DType } from '../../../base/dtype.ts'
import * as I from '../../../loops/ix.ts'
import type { DotKernel, KernelBuffer, LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import { hardwareTuning, printKernel, softwareTuning } from './index.ts'

const into = (size: number, dtype: DType = 'f32'): KernelBuffer => ({ dtype, size, read: true, write: false })
const out = (size: number, dtype: DType = 'f32'): KernelBuffer => ({ dtype, size, read: false, write: true })

const [r, c] = [
  { id: 0, extent: 70_000 },
  { id: 1, extent: 100 },
] as const
const at = I.flatten([I.ofAxis(r), I.ofAxis(c)], [r.extent, c.extent])
const x = S.load(0, at, 'f32')
const shifted = S.unary('exp', S.binary('sub', x, S.reduced(0, 'f32')))
const softmax: LoopKernel = {
  kind: 'loop',
  name: 'softmax',
  buffers: [into(7_000_000), out(7_000_000)],
  rows: [r],
  cols: [c],
  reductions: [
    { op: 'max', dtype: 'f32', value: x, running: false },
    { op: 'sum', dtype: 'f32', value: shifted, running: false },
  ],
  stores: [{ buffer: 1, at, value: S.binary('div', shifted, S.reduced(1, 'f32')), scope: 'full', mode: 'set' }],
}

/** tanh(x + bias) > 0 ? x : 0, over [6, 5] with the bias along the last axis. */
const [p, q] = [
  { id: 2, extent: 6 },
  { id: 3, extent: 5 },
] as const
const here = I.flatten([I.ofAxis(p), I.ofAxis(q)], [6, 5])
const value = S.load(0, here, 'f32')
const biased = S.unary('tanh', S.binary('add', value, S.load(1, I.ofAxis(q), 'f32')))
const chain: LoopKernel = {
  kind: 'loop',
  name: 'tanh where',
  buffers: [into(30), into(5), out(30)],
  rows: [p, q],
  cols: [],
  reductions: [],
  stores: [
    {
      buffer: 2,
      at: here,
      value: S.select(S.binary('gt', biased, S.constant('f32', 0)), value, S.constant('f32', 0)),
      scope: 'row',
      mode: 'set',
    },
  ],
}

const columns: LoopKernel = {
  kind: 'loop',
  name: 'sum over rows',
  buffers: [into(64 * 512), out(64)],
  rows: [{ id: 4, extent: 64 }],
  cols: [{ id: 5, extent: 512 }],
  reductions: [
    {
      op: 'sum',
      dtype: 'f32',
      value: S.load(
        0,
        I.flatten([I.ofAxis({ id: 5, extent: 512 }), I.ofAxis({ id: 4, extent: 64 })], [512, 64]),
        'f32',
      ),
      running: false,
    },
  ],
  stores: [{ buffer: 1, at: I.ofAxis({ id: 4, extent: 64 }), value: S.reduced(0, 'f32'), scope: 'row', mode: 'set' }],
}

const [m, n, k] = [
  { id: 6, extent: 30 },
  { id: 7, extent: 50 },
  { id: 8, extent: 40 },
] as const
const dot: DotKernel = {
  kind: 'dot',
  name: 'dot relu',
  buffers: [into(1200), into(2000), out(1500)],
  batch: [],
  m,
  n,
  k,
  a: S.load(0, I.flatten([I.ofAxis(m), I.ofAxis(k)], [30, 40]), 'f32'),
  b: S.load(1, I.flatten([I.ofAxis(k), I.ofAxis(n)], [40, 50]), 'f32'),
  reductions: [],
  stores: [
    {
      buffer: 2,
      at: I.flatten([I.ofAxis(m), I.ofAxis(n)], [30, 50]),
      value: S.binary('max', S.reduced(0, 'f32'), S.constant('f32', 0)),
      scope: 'full',
      mode: 'set',
    },
  ],
}

describe('WGSL', () => {
  const text = ({ source, workgroups }: ReturnType<typeof printKernel>): string =>
    `// workgroups ${workgroups.join(' x ')}\n${source}`

  it('of an elementwise chain: one lane an element, the flat index where accesses are contiguous', () => {
    expect(text(printKernel(chain, hardwareTuning))).toMatchSnapshot()
  })
  it('of softmax: a workgroup a row, three passes, rows beyond 65,535 in a second dimension', () => {
    expect(text(printKernel(softmax, hardwareTuning))).toMatchSnapshot()
  })
  it('of softmax where lanes talk by shuffles', () => {
    expect(text(printKernel(softmax, { ...hardwareTuning, subgroup: 32 }))).toMatchSnapshot()
  })
  it('of a column reduction: one lane a column of the matrix, so that lanes read neighbours', () => {
    expect(text(printKernel(columns, hardwareTuning))).toMatchSnapshot()
  })
  it('of a dot for a GPU: tiles in workgroup memory', () => {
    expect(text(printKernel(dot, hardwareTuning))).toMatchSnapshot()
  })
  it('of a dot for a software adapter: a register tile a lane', () => {
    const small = { ...softwareTuning, dot: () => ({ lanesM: 1, lanesN: 8, perM: 4, perN: 5, depth: 0 }) }
    expect(text(printKernel(dot, small))).toMatchSnapshot()
  })

  it('of a dot of f16 by subgroup matrices: a transposed, so that its tile is too; halves stored two at a time', () => {
    const matrices = { m: 16, n: 16, k: 16, subgroup: 32, memory: 16_384 }
    const turned = S.load(0, I.flatten([I.ofAxis(k), I.ofAxis(m)], [40, 30]), 'f16')
    const halves: DotKernel = {
      ...dot,
      buffers: [into(1200, 'f16'), into(2000, 'f16'), out(1500, 'f16')],
      a: turned,
      stores: dot.stores.map((s) => ({ ...s, value: S.cast('f16', s.value) })),
    }
    expect(text(printKernel(halves, { ...hardwareTuning, matrices }))).toMatchSnapshot()
  })
  it('rounds a product that is an operand, and orders floats as integers: drivers fuse, regroup and drop NaN', () => {
    const square = S.binary('mul', value, value)
    const kept = S.binary('add', S.binary('mul', square, value), S.unary('neg', square))
    const stores = [S.select(S.binary('lt', value, kept), value, kept), square].map((v, i) => ({
      ...chain.stores[0]!,
      buffer: 1 + i,
      value: v,
    }))
    const { source } = printKernel({ ...chain, buffers: [into(30), out(30), out(30)], stores }, hardwareTuning)
    expect(source.slice(source.indexOf('@compute'))).toMatchInlineSnapshot(`
      "@compute @workgroup_size(64)
      fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
        zero = workgroup.z;
        let group = workgroup.x;
        let row = i32(group * 64u + lane);
        if (row >= 30i) { return; }
        let s0 = b0[row];
        let s1 = (s0 * s0);
        let s2 = (rounded(s1) * s0);
        let s3 = (-rounded(s1));
        let s4 = (rounded(s2) + s3);
        let s5 = less(s0, s4);
        let s6 = select(s4, s0, s5);
        b1[row] = s6;
        b2[row] = s1;
      }
      "
    `)
  })

  it('of a kernel without rows is nothing to run', () => {
    const empty = { ...columns, rows: [{ id: 4, extent: 0 }] }
    expect(printKernel(empty, hardwareTuning).workgroups).toContain(0)
    expect(printKernel({ ...dot, m: { id: 6, extent: 0 } }, hardwareTuning).workgroups).toContain(0)
  })
  it('refuses stores that need an order', () => {
    const ordered = { ...columns, stores: columns.stores.map((s) => ({ ...s, mode: 'add' as const })) }
    expect(() => printKernel(ordered, hardwareTuning)).toThrow(/order/)
  })
})
