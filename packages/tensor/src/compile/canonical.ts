/**
 * One form for equal kernels: loops over neighbouring axes that every index treats as one are merged, axes are numbered
 * from the outside in, and equal scalars are one object. Backends then compile equal work once.
 *
 * The relu of x [2, 3] and that of z [6] are one kernel, whatever axes they were scheduled over:
 *
 *     over a7 < 2, a8 < 3   y[3 a7 + a8] = max(x[3 a7 + a8], 0)
 *     over a20 < 6          w[a20] = max(z[a20], 0)
 *     both                  over a0 < 6: buffer 1 [a0] = max(buffer 0 [a0], 0)
 */
import { merged } from '../loops/axes.ts'
import { type Axis, type Ix, ofAxis, substitute } from '../loops/ix.ts'
import type { DotKernel, Kernel, LoopKernel } from '../loops/kernel.ts'
import * as s from '../loops/scalar.ts'
import type { Scalar } from '../loops/scalar.ts'
import { indicesOf, loopRoots, rebuilt } from '../loops/substitute.ts'

const rootsOf = (kernel: LoopKernel | DotKernel): readonly Scalar[] => [
  ...(kernel.kind === 'dot' ? [kernel.a, kernel.b] : []),
  ...loopRoots(kernel),
]

export const canonical = (kernel: Kernel): Kernel => {
  if (kernel.kind === 'template') return kernel
  const indices = indicesOf(s.linearize(rootsOf(kernel)))
  const { axes: rows, image: ofRows } = merged(kernel.kind === 'loop' ? kernel.rows : kernel.batch, indices)
  const { axes: cols, image: ofCols } = merged(kernel.kind === 'loop' ? kernel.cols : [], indices)
  const order = kernel.kind === 'loop' ? [...rows, ...cols] : [...rows, kernel.m, kernel.n, kernel.k]
  const renamed = new Map(order.map((a, id) => [a, { id, extent: a.extent }] as const))
  const rename = (a: Axis): Ix => ofAxis(renamed.get(a) ?? a)
  const axisIx = (a: Axis): Ix => {
    const moved = ofRows.get(a) ?? ofCols.get(a)
    return moved === undefined ? rename(a) : substitute(moved, rename, (x) => x)
  }
  const pool = new Map<string, Scalar>()
  const made = new Map<Scalar, Scalar>()
  const scalarOf = (x: Scalar): Scalar => made.get(x)!
  const moved = new Map<string, Ix>()
  const at = (ix: Ix): Ix => {
    const known = moved.get(ix.key)
    if (known !== undefined) return known
    const next = substitute(ix, axisIx, scalarOf)
    moved.set(ix.key, next)
    return next
  }
  for (const x of s.linearize(rootsOf(kernel))) {
    const next = rebuilt(x, at, scalarOf)
    const key = keyOf(next)
    const known = pool.get(key) ?? next
    pool.set(key, known)
    made.set(x, known)
  }
  const reductions = kernel.reductions.map((r) => ({ ...r, value: scalarOf(r.value) }))
  const stores = kernel.stores.map((store) => ({ ...store, at: at(store.at), value: scalarOf(store.value) }))
  return kernel.kind === 'loop'
    ? {
        ...kernel,
        rows: rows.map((a) => renamed.get(a)!),
        cols: cols.map((a) => renamed.get(a)!),
        reductions,
        stores,
      }
    : {
        ...kernel,
        batch: rows.map((a) => renamed.get(a)!),
        m: renamed.get(kernel.m)!,
        n: renamed.get(kernel.n)!,
        k: renamed.get(kernel.k)!,
        a: scalarOf(kernel.a),
        b: scalarOf(kernel.b),
        reductions,
        stores,
      }
}

/** Equal for scalars that compute the same, given that their operands are already one object where equal. */
const keyOf = (x: Scalar): string => {
  switch (x.kind) {
    case 'const':
      return `c ${x.dtype} ${Object.is(x.value, -0) ? '-0' : x.value}`
    case 'reduced':
      return `r ${x.reduction}`
    case 'index':
      return `i ${x.ix.key}`
    case 'within':
      return `w ${x.ix.key} ${x.lo} ${x.hi}`
    case 'load':
      return `l ${x.buffer} ${x.at.key}`
    case 'unary':
      return `u ${x.op} ${x.x.id}`
    case 'cast':
      return `t ${x.dtype} ${x.x.id}`
    case 'binary':
      return `b ${x.op} ${x.x.id} ${x.y.id}`
    case 'select':
      return `s ${x.cond.id} ${x.x.id} ${x.y.id}`
  }
}
