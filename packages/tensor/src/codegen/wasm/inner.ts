/** Dots of a few rows whose operands both lie along k: inner products with the lanes along k, four columns' sums at the end. */
import * as I from '../ix.ts'
import type { Axis, Ix } from '../ix.ts'
import { select } from './arithmetic.ts'
import type { Val } from './emitter.ts'
import { type Column, overSteps, transposed, type Work } from './pack.ts'

/** Every row of `columns`; `finish` takes the sums of four columns of a row. */
export const innerProducts = (
  work: Work,
  columns: readonly Column[],
  finish: (row: Ix, column: Column, sum: Val) => void,
): void => {
  const { e, print, kernel, frame } = work
  const { m, n, k } = kernel
  overSteps(work, m.extent, 1, (row) => {
    const zero = e.vector('f32', [0, 0, 0, 0])
    // [vector of columns][column]: lanes are steps of k
    const sums = columns.map(() =>
      [0, 1, 2, 3].map(() => {
        const sum = e.variable('f32', true)
        e.assign(sum, zero)
        return sum
      }),
    )
    overSteps(work, k.extent, 4, (step, valid) => {
      const exists = e.vector(
        'bool',
        [0, 1, 2, 3].map((l) => (l < valid ? 1 : 0)),
      )
      const at =
        (column: Ix | null): ((x: Axis, lane: number) => Ix | null) =>
        (x, lane) =>
          x === k ? I.offset(step, lane) : x === m ? row : x === n ? column : null
      const a = e.splat(print.value(frame(at(null), { vector: k, valid }), kernel.a))
      columns.forEach((column, j) => {
        for (let l = 0; l < column.valid; l++) {
          const b = print.value(frame(at(column.at(l)), { vector: k, valid }), kernel.b)
          const product = e.op('fmul', a, b)
          const sum = sums[j]![l]!
          e.assign(sum, e.op('fadd', e.read(sum), valid === 4 ? product : select(e, exists, product, zero)))
        }
      })
    })
    columns.forEach((column, j) => {
      const whole = transposed(
        e,
        sums[j]!.map((sum) => e.read(sum)),
      ).reduce((x, y) => e.op('fadd', x, y))
      finish(row, column, whole)
    })
  })
}
