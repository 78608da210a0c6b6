/**
 * One form for equal kernels: loops over neighbouring axes that every index treats as one are merged, axes are numbered
 * from the outside in, and equal scalars are one object. Backends then compile equal work once.
 */
import { type Axis, div, type Ix, mod, ofAxis, substitute } from '../loops/ix.ts'
import type { Kernel } from '../loops/kernel.ts'
import * as s from '../loops/scalar.ts'
import type { Scalar } from '../loops/scalar.ts'
import { indicesOf, loopRoots, rebuilt } from '../loops/substitute.ts'

const rootsOf = (kernel: Kernel): readonly Scalar[] =>
  kernel.kind === 'loop'
    ? loopRoots(kernel)
    : [kernel.a, kernel.b, ...kernel.stores.flatMap((store) => [store.value, s.index(store.at)])]

/** Whether `outer` and `inner` only ever occur as outer * inner.extent + inner. */
const mergeable = (ix: Ix, outer: Axis, inner: Axis): boolean => {
  let outerCoef = 0
  let innerCoef = 0
  for (const { coef, atom } of ix.terms) {
    if (atom.kind === 'axis') {
      if (atom.axis === outer) outerCoef = coef
      if (atom.axis === inner) innerCoef = coef
    } else if (atom.kind !== 'value' && !mergeable(atom.of, outer, inner)) return false
  }
  return outerCoef === innerCoef * inner.extent
}

/** Loops count in 32-bit integers. */
const COUNTED = 2 ** 31

const merge = (axes: readonly Axis[], indices: readonly Ix[], image: Map<Axis, Ix>): readonly Axis[] => {
  const merged: Axis[] = []
  let current = axes.filter((a) => a.extent !== 1)
  let ixs = indices
  while (current.length > 0) {
    const inner = current.at(-1)!
    const outer = current.at(-2)
    const fits = outer !== undefined && outer.extent * inner.extent < COUNTED
    if (outer === undefined || !fits || !ixs.every((ix) => mergeable(ix, outer, inner))) {
      merged.unshift(inner)
      current = current.slice(0, -1)
      continue
    }
    const whole: Axis = { id: inner.id, extent: outer.extent * inner.extent }
    const parts = new Map<Axis, Ix>([
      [outer, div(ofAxis(whole), inner.extent)],
      [inner, mod(ofAxis(whole), inner.extent)],
    ])
    const move = (ix: Ix): Ix =>
      substitute(
        ix,
        (a) => parts.get(a) ?? ofAxis(a),
        (x) => x,
      )
    for (const [a, ix] of image) image.set(a, move(ix))
    for (const [a, ix] of parts) if (!image.has(a)) image.set(a, ix)
    ixs = ixs.map(move)
    current = [...current.slice(0, -2), whole]
  }
  return merged
}

export const canonical = (kernel: Kernel): Kernel => {
  const image = new Map<Axis, Ix>()
  const indices = indicesOf(s.linearize(rootsOf(kernel)))
  const rows = merge(kernel.kind === 'loop' ? kernel.rows : kernel.batch, indices, image)
  const cols = kernel.kind === 'loop' ? merge(kernel.cols, indices, image) : []
  const order = kernel.kind === 'loop' ? [...rows, ...cols] : [...rows, kernel.m, kernel.n, kernel.k]
  const renamed = new Map(order.map((a, id) => [a, { id, extent: a.extent }] as const))
  const rename = (a: Axis): Ix => ofAxis(renamed.get(a) ?? a)
  const axisIx = (a: Axis): Ix => {
    const moved = image.get(a)
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
  const stores = kernel.stores.map((store) => ({ ...store, at: at(store.at), value: scalarOf(store.value) }))
  return kernel.kind === 'loop'
    ? {
        ...kernel,
        rows: rows.map((a) => renamed.get(a)!),
        cols: cols.map((a) => renamed.get(a)!),
        reductions: kernel.reductions.map((r) => ({ ...r, value: scalarOf(r.value) })),
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
