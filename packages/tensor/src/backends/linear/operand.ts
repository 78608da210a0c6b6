/** The operands of a dot: how their elements lie. */
import type { DType } from '../../base/dtype.ts'
import type { Axis, Ix } from '../../loops/ix.ts'
import type { DotKernel } from '../../loops/kernel.ts'
import type { Scalar } from '../../loops/scalar.ts'
import { accessCost, accessesOf } from './plan.ts'

/** Whether an index names an axis, outside of the scalars it reads. */
export const mentions = (ix: Ix, axis: Axis): boolean =>
  ix.terms.some(({ atom }) =>
    atom.kind === 'axis' ? atom.axis === axis : atom.kind !== 'value' && mentions(atom.of, axis),
  )

/** How far apart the elements of a load are along axes that its index uses plainly. */
export interface Strides {
  readonly buffer: number
  readonly at: Ix
  readonly dtype: DType
  readonly along: (axis: Axis) => number
}
/** Null where the scalar is not a load of floats, or its index does more than multiply these axes. */
export const stridesOf = (s: Scalar, axes: readonly Axis[], kernel: DotKernel): Strides | null => {
  if (s.kind !== 'load' || s.dtype !== 'f32') return null
  const { dtype, write } = kernel.buffers[s.buffer]!
  if (write) return null
  const plain = s.at.terms.every(
    ({ atom }) => atom.kind === 'axis' || (atom.kind !== 'value' && axes.every((axis) => !mentions(atom.of, axis))),
  )
  const along = (axis: Axis): number =>
    s.at.terms.find(({ atom }) => atom.kind === 'axis' && atom.axis === axis)?.coef ?? 0
  return plain ? { buffer: s.buffer, at: s.at, dtype, along } : null
}

/** Whether the elements that a scalar loads lie along k rather than along the other axis. */
export const liesAlongK = (s: Scalar, k: Axis, other: Axis, lanes = 4): boolean => {
  const indices = accessesOf([s], [])
  return k.extent >= lanes && accessCost(indices, k, lanes) < accessCost(indices, other, lanes)
}
