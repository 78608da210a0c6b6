import fc from 'fast-check'
import { expect, it } from 'vitest'
import { inPlaceKernels } from '../../loops/in-place.support.ts'
import type { DotKernel, Kernel, LoopKernel } from '../../loops/kernel.ts'
import * as S from '../../loops/scalar.ts'
import { substituteAxes } from '../../loops/substitute.ts'
import { ofAxis } from '../../loops/ix.ts'
import { anyProduct } from './dot-kernels.support.ts'
import { kernelKey } from './key.ts'
import { kernels } from './loop-kernels.support.ts'

type Printable = LoopKernel | DotKernel

/** The same kernel, of other objects. */
const copied = (kernel: Printable): Printable => {
  const image = substituteAxes(ofAxis)
  const of = (s: S.Scalar): S.Scalar => image([s])[0]!
  const parts = {
    reductions: kernel.reductions.map((r) => ({ ...r, value: of(r.value) })),
    stores: kernel.stores.map((s) => ({ ...s, value: of(s.value) })),
  }
  return kernel.kind === 'dot' ? { ...kernel, ...parts, a: of(kernel.a), b: of(kernel.b) } : { ...kernel, ...parts }
}

/** The kernel with one thing changed that changes what it does. */
const changed = (kernel: Printable): readonly Printable[] => [
  ...kernel.reductions.map((_, i) => ({
    ...kernel,
    reductions: kernel.reductions.map((r, j) =>
      i === j ? ({ ...r, op: r.op === 'max' ? 'min' : 'max' } as const) : r,
    ),
  })),
  ...kernel.reductions.map((_, i) => ({
    ...kernel,
    reductions: kernel.reductions.map((r, j) => (i === j ? { ...r, value: S.unary('neg', r.value) } : r)),
  })),
  ...kernel.stores.map((_, i) => ({
    ...kernel,
    stores: kernel.stores.map((s, j) => (i === j ? { ...s, value: S.unary('neg', s.value) } : s)),
  })),
  ...kernel.stores.map((_, i) => ({
    ...kernel,
    stores: kernel.stores.map((s, j) => (i === j ? ({ ...s, scope: s.scope === 'row' ? 'full' : 'row' } as const) : s)),
  })),
  ...kernel.stores.map((_, i) => ({
    ...kernel,
    stores: kernel.stores.map((s, j) => (i === j ? ({ ...s, mode: s.mode === 'set' ? 'add' : 'set' } as const) : s)),
  })),
  ...kernel.buffers.map((_, i) => ({
    ...kernel,
    buffers: kernel.buffers.map((b, j) => (i === j ? { ...b, write: !b.write } : b)),
  })),
]

it('equal kernels have one key, and others do not', () => {
  const some: fc.Arbitrary<Kernel> = fc.oneof(kernels, inPlaceKernels, anyProduct)
  fc.assert(
    fc.property(some, (kernel) => {
      if (kernel.kind === 'template') return
      expect(kernelKey(copied(kernel))).toBe(kernelKey(kernel))
      for (const other of changed(kernel)) expect(kernelKey(other)).not.toBe(kernelKey(kernel))
    }),
    { seed: 8, numRuns: 200 },
  )
})
