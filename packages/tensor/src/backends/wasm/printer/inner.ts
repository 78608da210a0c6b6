/** Dots of a few rows whose operands both lie along k: inner products with the lanes along k, four columns' sums at the end. */
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import { select } from './arithmetic.ts'
import type { Val, Variable } from './emitter.ts'
import { type Column, KC, overSteps, transposed, type Work } from './pack.ts'

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
    const zeros = (): readonly (readonly Variable[])[] =>
      columns.map(() =>
        [0, 1, 2, 3].map(() => {
          const sum = e.variable('f32', true)
          e.assign(sum, zero)
          return sum
        }),
      )
    const increase = (sum: Variable, by: Val): void => e.assign(sum, e.op('fadd', e.read(sum), by))
    const addSteps = (sums: readonly (readonly Variable[])[], start: Ix, length: number): void =>
      overSteps(work, length, 4, (step, valid) => {
        const exists = e.vector(
          'bool',
          [0, 1, 2, 3].map((l) => (l < valid ? 1 : 0)),
        )
        const first = I.add(start, step)
        const at =
          (column: Ix | null): ((x: Axis, lane: number) => Ix | null) =>
          (x, lane) =>
            x === k ? I.offset(first, lane) : x === m ? row : x === n ? column : null
        const a = e.splat(print.value(frame(at(null), { vector: k, valid }), kernel.a))
        columns.forEach((column, j) => {
          for (let l = 0; l < column.valid; l++) {
            const b = print.value(frame(at(column.at(l)), { vector: k, valid }), kernel.b)
            const product = e.op('fmul', a, b)
            increase(sums[j]![l]!, valid === 4 ? product : select(e, exists, product, zero))
          }
        })
      })
    const sums = zeros()
    if (k.extent <= KC) addSteps(sums, I.constant(0), k.extent)
    else
      overSteps(work, k.extent, KC, (start, length) => {
        const block = zeros()
        addSteps(block, start, length)
        sums.forEach((column, j) => column.forEach((sum, l) => increase(sum, e.read(block[j]![l]!))))
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
