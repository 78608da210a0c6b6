/** Orders and segments, which the primitives of sorting take as operands, valid by construction. */
import fc from 'fast-check'
import { sizeOf } from '@adjoint/tensor/ir'
import { type Data, dims, positiveDims } from './arbitraries.ts'

/** An order of the elements along an axis in which each run of them is sorted. */
export const runsOf = (x: Data, axis: number, run: number, descending: boolean): Data => {
  const n = x.shape[axis]!
  const inner = sizeOf(x.shape.slice(axis + 1))
  const order = new Float64Array(x.data.length)
  for (let first = 0; first < order.length; first++) {
    const at = Math.floor(first / inner) % n
    if (at % run !== 0) continue
    const key = (i: number): number => x.data[first + (i - at) * inner]!
    const last = (i: number): number => Number(Number.isNaN(key(i)))
    Array.from({ length: Math.min(run, n - at) }, (_, i) => at + i)
      .sort((i, j) => last(i) - last(j) || (key(i) < key(j) ? -1 : key(i) > key(j) ? 1 : 0) * (descending ? -1 : 1))
      .forEach((i, to) => (order[first + to * inner] = i))
  }
  return { shape: x.shape, dtype: 'i32', data: order }
}
/** Positions, some outside of [0, n), and what a sort makes of them: their order, and how many are below each of 0 to n. */
export const segments = fc
  .tuple(positiveDims, dims, positiveDims, positiveDims)
  .chain(([n, count, pre, post]) =>
    fc.tuple(
      fc.constant({ n, count, pre, post }),
      fc.array(fc.integer({ min: -1, max: n }), { minLength: count, maxLength: count }),
    ),
  )
  .map(([extents, at]) => {
    const i32 = (xs: readonly number[]): Data => ({ shape: [xs.length], dtype: 'i32', data: Float64Array.from(xs) })
    const order = at.map((_, i) => i).sort((i, j) => at[i]! - at[j]!)
    const starts = Array.from({ length: extents.n + 1 }, (_, j) => at.filter((p) => p < j).length)
    return { ...extents, positions: i32(at), order: i32(order), starts: i32(starts) }
  })
