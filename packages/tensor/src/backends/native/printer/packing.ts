/**
 * The operands of a dot in scratch, where tiles read them one element after the other. Any scalar will do, evaluated once an element.
 *
 *     b   [panel][step of k][column of the panel]
 *     a   [row][step of k] where it lies along k, else [group of W rows][step of k][row of the group]
 *
 * Loops go along the memory that is read: rows of it as long as the block, which the processor sees coming.
 */
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { DotShape } from './dot-shape.ts'
import type { DotCode } from './dot-code.ts'

/** Steps of k: where they begin, and how many. */
export interface Stretch {
  readonly start: Ix
  readonly length: number
}
/** Columns of a block: where they begin, its whole panels as text, and what is left behind them. */
export interface Columns {
  readonly start: Ix
  readonly panels: string
  readonly rest: { readonly condition: string; readonly columns: number }
}

/** Rows of a group that are side by side, `count` of them at the local row. */
export type OverRows = (by: number, body: (local: Ix, count: number) => void) => void

export const packA = (
  dot: DotCode,
  shape: DotShape,
  firstRow: Ix,
  overRows: OverRows,
  { start, length }: Stretch,
): void => {
  const { kernel, aAlongK, groupStride } = shape
  const { m, k } = kernel
  const { width, lane, put } = dot
  const at =
    (row: Ix, step: Ix) =>
    (x: Axis): Ix | null =>
      x === k ? step : x === m ? row : null
  if (aAlongK)
    overRows(1, (local) =>
      dot.inSteps(length, width, (from, valid) => {
        const step = lane(I.add(start, from), valid)
        const to = I.add(I.scale(local, length), lane(from, valid))
        put(valid, to, at(I.add(firstRow, local), step), kernel.a)
      }),
    )
  else {
    const step = dot.axis(length)
    dot.over(step, String(length), () =>
      overRows(width, (local, valid) => {
        const to = I.add(I.scale(I.div(local, width), groupStride(length)), lane(I.scale(I.ofAxis(step), width), valid))
        const here = I.add(start, I.ofAxis(step))
        put(valid, to, at(lane(I.add(firstRow, local), valid), here), kernel.a)
      }),
    )
  }
}

/** Where the element of a packed a is at which a tile begins; tiles lie within groups of W rows. */
export const packedRow = ({ aAlongK, groupStride }: DotShape, width: number, local: Ix, length: number): Ix =>
  aAlongK ? I.scale(local, length) : I.add(I.scale(I.div(local, width), groupStride(length)), I.mod(local, width))

export const packB = (dot: DotCode, shape: DotShape, columns: Columns, { start, length }: Stretch): void => {
  const { kernel, vectors, panel, bAlongK, bAt, panelStride } = shape
  const { n, k } = kernel
  const { code, width, lane, put, plain } = dot
  /** `body` for each vector of columns: its first, where it goes at step 0, and the floats from a step to the next. */
  const overVectors = (body: (first: Ix, to: Ix, perStep: number, valid: number) => void): void => {
    if (columns.panels !== '0') {
      const p = dot.axis(Math.max(2, shape.panelsOfBlock))
      const j = dot.axis(Math.max(2, vectors))
      dot.over(p, columns.panels, () =>
        dot.over(j, String(vectors), () => {
          const within = I.scale(I.ofAxis(j), width)
          const first = I.add(I.add(columns.start, I.scale(I.ofAxis(p), panel)), within)
          body(first, I.offset(I.add(I.scale(I.ofAxis(p), panelStride(length)), within), bAt), panel, width)
        }),
      )
    }
    const { condition, columns: rest } = columns.rest
    if (rest === 0) return
    dot.only(condition, () =>
      dot.inSteps(rest, width, (from, valid) => {
        const first = I.add(I.constant(shape.panels * panel), from)
        const to = I.add(I.constant(bAt + shape.panelsOfBlock * panelStride(length)), from)
        body(first, to, Math.ceil(rest / width) * width, valid)
      }),
    )
  }
  if (!bAlongK) {
    const step = dot.axis(length)
    dot.over(step, String(length), () =>
      overVectors((first, to, perStep, valid) =>
        put(
          valid,
          lane(I.add(to, I.scale(I.ofAxis(step), perStep)), valid),
          (x) => (x === k ? I.add(start, I.ofAxis(step)) : x === n ? lane(first, valid) : null),
          kernel.b,
        ),
      ),
    )
    return
  }
  overVectors((first, to, perStep, valid) =>
    dot.inSteps(length, width, (from, steps) => {
      const t = code.array('vf', 'W')
      const column = dot.axis(Math.max(2, valid))
      const at = lane(I.add(start, from), steps)
      dot.over(column, String(valid), () => {
        const here = dot.frame(steps, (x) => (x === k ? at : x === n ? I.add(first, I.ofAxis(column)) : null))
        code.line(`${t}[${code.index(plain, I.ofAxis(column))}] = ${code.value(here, kernel.b)};`)
      })
      code.line(`transpose(${t});`)
      const target = code.index(plain, I.add(to, I.scale(from, perStep)))
      code.line(`for (int l = 0; l < ${steps}; l++) store_f(s_f32 + ${target} + l * ${perStep}, ${t}[l], W);`)
    }),
  )
}
