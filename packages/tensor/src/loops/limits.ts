/** The one rule of the loop IR that a program can break by itself, by its sizes: loops and indices count in 32-bit integers. */
import type { Axis, Ix } from './ix.ts'
import type { DotKernel, Kernel, LoopKernel } from './kernel.ts'
import { linearize, type Scalar } from './scalar.ts'
import { loopRoots } from './substitute.ts'

/** Loop variables and indices are 32-bit integers in every backend. */
const LARGEST = 2 ** 31 - 1

/** The axes of a kernel's grid and of its columns, outermost first. */
export const axesIn = (kernel: LoopKernel | DotKernel): readonly Axis[] =>
  kernel.kind === 'loop' ? [...kernel.rows, ...kernel.cols] : [...kernel.batch, kernel.m, kernel.n, kernel.k]

/** What the sums of a dot are made of. */
export const operandsOf = (kernel: LoopKernel | DotKernel): readonly Scalar[] =>
  kernel.kind === 'dot' ? [kernel.a, kernel.b] : []

/** All that a kernel computes: the above, what it reduces, and the values and positions of its stores. */
export const rootsOf = (kernel: LoopKernel | DotKernel): readonly Scalar[] => [
  ...operandsOf(kernel),
  ...loopRoots(kernel),
]

/** Throws an Error that names the kernel where a loop of it, or an index and what that is made of, does not fit in 32 bits. */
export const demandCountable = (kernel: Kernel): void => {
  if (kernel.kind === 'template') return
  const refuse = (why: string): never => {
    throw new Error(`kernel ${kernel.name}: ${why}`)
  }
  const axes = axesIn(kernel)
  for (const { extent } of axes)
    if (extent > LARGEST)
      refuse(`a loop of ${extent} iterations; loops count to ${LARGEST}: reduce or compute it in parts`)
  if (axes.some(({ extent }) => extent === 0)) return // makes no iteration; its indices have no values
  const fits = (ix: Ix): void => {
    if (ix.lo < -LARGEST - 1 || ix.hi > LARGEST)
      refuse(`an index from ${ix.lo} to ${ix.hi}; indices are 32-bit integers: compute it in parts`)
    for (const { atom } of ix.terms) if (atom.kind !== 'axis' && atom.kind !== 'value') fits(atom.of)
  }
  for (const s of linearize(rootsOf(kernel)))
    if (s.kind === 'load') fits(s.at)
    else if (s.kind === 'index' || s.kind === 'within') fits(s.ix)
}
