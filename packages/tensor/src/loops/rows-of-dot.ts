/**
 * What a dot does with its sums, as a loop over its rows: printers that have a whole row of sums in memory print it as they print
 * any other.
 */
import { ofAxis } from './ix.ts'
import type { DotKernel, LoopKernel } from './kernel.ts'
import { reduced, type Scalar } from './scalar.ts'
import { substituteAxes } from './substitute.ts'

/** `sum`: what stands for the sum of a row and a column. */
export const rowsOfDot = ({ name, buffers, batch, m, n, ...kernel }: DotKernel, sum: Scalar): LoopKernel => {
  const moved = substituteAxes(ofAxis, (s) =>
    s.kind !== 'reduced' ? null : s.reduction === 0 ? sum : reduced(s.reduction - 1, s.dtype),
  )
  const of = (s: Scalar): Scalar => moved([s])[0]!
  return {
    kind: 'loop',
    name,
    buffers,
    rows: [...batch, m],
    cols: [n],
    reductions: kernel.reductions.map((r) => ({ ...r, value: of(r.value) })),
    stores: kernel.stores.map((s) => ({ ...s, value: of(s.value) })),
  }
}
