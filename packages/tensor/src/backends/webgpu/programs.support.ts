/** Small programs that tests of the device run, already scheduled. */
import * as I from '../../loops/ix.ts'
import type { KernelBuffer, LoopKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import type { Program, ProgramBuffer, Step } from '../../loops/program.ts'
import { captureSite } from '../../base/site.ts'

export const f32 = (n: number) => ({ shape: [n], dtype: 'f32' }) as const
export const buffer = (size: number, read: boolean, write: boolean): KernelBuffer => ({
  dtype: 'f32',
  size,
  read,
  write,
})
export const store = (to: number, at: I.Ix, value: S.Scalar) =>
  ({ buffer: to, at, value, scope: 'row', mode: 'set' }) as const
export const at = (n: number): I.Ix => I.ofAxis({ id: 0, extent: n })
export const load = (b: number, n: number): S.Scalar => S.load(b, at(n), 'f32')

/** y = 2 x + 1 */
export const affine = (n: number, inPlace = false): LoopKernel => ({
  kind: 'loop',
  name: 'affine',
  buffers: inPlace ? [buffer(n, true, true)] : [buffer(n, true, false), buffer(n, false, true)],
  rows: [{ id: 0, extent: n }],
  cols: [],
  reductions: [],
  stores: [
    store(
      inPlace ? 0 : 1,
      at(n),
      S.binary('add', S.binary('mul', load(0, n), S.constant('f32', 2)), S.constant('f32', 1)),
    ),
  ],
})

/**
 * A training step in small: parameters w (donated) and a batch x give the gradient (scratch), the new w in place, and the
 * loss. Three kernels and a copy of w into a second, large output.
 */
export const trainingStep = (n: number): Program => {
  const site = captureSite()
  const kernel = (
    k: Omit<LoopKernel, 'kind' | 'cols' | 'reductions'> & Partial<LoopKernel>,
    buffers: readonly number[],
  ): Step => ({
    kind: 'kernel',
    kernel: { cols: [], reductions: [], ...k, kind: 'loop' },
    buffers,
    site,
  })
  const rows = [{ id: 0, extent: n }]
  const rw = buffer(n, true, true)
  const r = buffer(n, true, false)
  const w = buffer(n, false, true)
  return {
    inputs: [f32(n), f32(n)],
    donated: [true, false],
    buffers: [
      { source: { kind: 'input', index: 0 }, bytes: 4 * n },
      { source: { kind: 'input', index: 1 }, bytes: 4 * n },
      { source: { kind: 'slot', slab: 0, offset: 0 }, bytes: 4 * n },
      { source: { kind: 'output' }, bytes: 4 },
      { source: { kind: 'output' }, bytes: 4 * n },
    ],
    told: null,
    slabs: [4 * n],
    live: 4 * n,
    steps: [
      kernel(
        {
          name: 'gradient',
          buffers: [r, r, w],
          rows,
          stores: [store(2, at(n), S.binary('sub', load(0, n), load(1, n)))],
        },
        [0, 1, 2],
      ),
      kernel(
        {
          name: 'loss',
          buffers: [r, buffer(1, false, true)],
          rows: [],
          cols: rows,
          reductions: [{ op: 'sum', dtype: 'f32', value: S.binary('mul', load(0, n), load(0, n)), running: false }],
          stores: [store(1, I.constant(0), S.reduced(0, 'f32'))],
        },
        [2, 3],
      ),
      kernel(
        {
          name: 'descent',
          buffers: [rw, r],
          rows,
          stores: [store(0, at(n), S.binary('sub', load(0, n), S.binary('mul', load(1, n), S.constant('f32', 0.5))))],
        },
        [0, 2],
      ),
      { kind: 'copy', from: 0, to: 4, bytes: 4 * n },
    ],
    outputs: [
      { buffer: 0, aval: f32(n) },
      { buffer: 3, aval: { shape: [], dtype: 'f32' } },
      { buffer: 4, aval: f32(n) },
    ],
  }
}

/** y = affine(affine(... x)), `steps` times, by way of two slots in turn: at the offsets given, or one slab each. */
export const chain = (n: number, steps: number, places: readonly { slab: number; offset: number }[]): Program => {
  const site = captureSite()
  const kernel = affine(n)
  const bytes = 4 * n
  const slot = (i: number): ProgramBuffer => ({ source: { kind: 'slot', ...places[i % places.length]! }, bytes })
  const slabs: number[] = []
  for (const { slab, offset } of places) slabs[slab] = Math.max(slabs[slab] ?? 0, offset + bytes)
  const buffers: ProgramBuffer[] = [
    { source: { kind: 'input', index: 0 }, bytes },
    ...places.map((_, i) => slot(i)),
    { source: { kind: 'output' }, bytes },
  ]
  const at = (i: number): number => (i < 0 ? 0 : i === steps - 1 ? buffers.length - 1 : 1 + (i % places.length))
  return {
    inputs: [f32(n)],
    donated: [false],
    buffers,
    told: null,
    slabs,
    live: 2 * bytes,
    steps: Array.from({ length: steps }, (_, i): Step => ({
      kind: 'kernel',
      kernel,
      buffers: [at(i - 1), at(i)],
      site,
    })),
    outputs: [{ buffer: buffers.length - 1, aval: f32(n) }],
  }
}
