/** Other axes put for the axes of a kernel: everything the kernel computes and touches, over the new ones. */
import type { Axis, Ix } from './ix.ts'
import { ofAxis, substitute } from './ix.ts'
import type { DotKernel, LoopKernel } from './kernel.ts'
import * as S from './scalar.ts'
import type { Scalar } from './scalar.ts'

/** What the reductions and stores of a kernel start from; indices of stores count, since they may read scalars. */
export const loopRoots = (kernel: Pick<LoopKernel | DotKernel, 'reductions' | 'stores'>): readonly Scalar[] => [
  ...kernel.reductions.map((r) => r.value),
  ...kernel.stores.flatMap((s) => [s.value, S.index(s.at)]),
]

/** The indices among scalars. */
export const indicesOf = (scalars: readonly Scalar[]): readonly Ix[] =>
  scalars.flatMap((s) => (s.kind === 'load' ? [s.at] : s.kind === 'index' || s.kind === 'within' ? [s.ix] : []))

/** One scalar over other indices and operands; what becomes constant is folded by the constructors. */
export const rebuilt = (s: Scalar, at: (ix: Ix) => Ix, of: (s: Scalar) => Scalar): Scalar => {
  switch (s.kind) {
    case 'const':
    case 'reduced':
      return s
    case 'index':
      return S.index(at(s.ix))
    case 'within':
      return S.within(at(s.ix), s.lo, s.hi)
    case 'load':
      return S.load(s.buffer, at(s.at), s.dtype)
    case 'unary':
      return S.unary(s.op, of(s.x))
    case 'cast':
      return S.cast(s.dtype, of(s.x))
    case 'binary':
      return S.binary(s.op, of(s.x), of(s.y))
    case 'select':
      return S.select(of(s.cond), of(s.x), of(s.y))
  }
}

/** The same kernel with axes put for axes; scalars stay shared as they were. */
export const withAxes = (kernel: LoopKernel, image: ReadonlyMap<Axis, Ix>): LoopKernel => {
  const made = new Map<Scalar, Scalar>()
  const of = (s: Scalar): Scalar => made.get(s)!
  const at = (ix: Ix): Ix => substitute(ix, (a) => image.get(a) ?? ofAxis(a), of)
  for (const s of S.linearize(loopRoots(kernel))) made.set(s, rebuilt(s, at, of))
  return {
    ...kernel,
    reductions: kernel.reductions.map((r) => ({ ...r, value: of(r.value) })),
    stores: kernel.stores.map((s) => ({ ...s, at: at(s.at), value: of(s.value) })),
  }
}

/** The same scalars over other axes, those that are `known` by another name. Sharing survives: one image a scalar. */
export const substituteAxes = (
  axis: (a: Axis) => Ix,
  known: (s: Scalar) => Scalar | null = () => null,
): ((roots: readonly Scalar[]) => readonly Scalar[]) => {
  const image = new Map<Scalar, Scalar>()
  const at = (s: Scalar): Scalar => image.get(s)!
  const ix = (x: Ix): Ix => substitute(x, axis, at)
  return (roots) => {
    for (const s of S.linearize(roots)) if (!image.has(s)) image.set(s, known(s) ?? rebuilt(s, ix, at))
    return roots.map(at)
  }
}
