/** Copies the operands of a dot, evaluated, into the order in which tiles read them. */
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import { access, shuffle } from './arithmetic.ts'
import type { Emitter, Val } from './emitter.ts'
import { code } from './instructions.ts'
import { liesAlongK } from '../../linear/operand.ts'
import type { Frame, Printer } from './printer.ts'

/** The rows of a tile: what stands side by side in packed a. */
export const MR = 2

/**
 * Steps of k in a block: between one packing of b and the next (a panel of 16 KiB, a third of a first-level cache), and
 * the additions that a sum takes before it is added to the others.
 */
export const KC = 256

/** Four columns: where each is, and how many exist. */
export interface Column {
  readonly at: (lane: number) => Ix
  readonly valid: number
}
/** Columns start, start + 1, ..., four to a vector. */
export const columnsFrom = (start: Ix, count: number): readonly Column[] =>
  Array.from({ length: Math.ceil(count / 4) }, (_, j) => ({
    at: (lane) => I.offset(start, 4 * j + lane),
    valid: Math.min(4, count - 4 * j),
  }))

/** A part of k. */
export interface Steps {
  readonly start: Ix
  readonly length: number
}

/** What the parts of a dot's print share. */
export interface Work {
  readonly e: Emitter
  readonly print: Printer
  readonly kernel: DotKernel
  readonly loops: Map<number, Val>
  /** A new loop axis. */
  readonly axis: (extent: number) => Axis
  /** One lane, or four along `vector`, with axes of the kernel where the function says, else where the batch stands. */
  readonly frame: (place: (axis: Axis, lane: number) => Ix | null, over?: Partial<Frame>) => Frame
}

/** Runs the body over `length` steps by `width`, with where each begins and how many of its steps exist. */
export const overSteps = (
  { e, axis, loops }: Work,
  length: number,
  width: number,
  body: (start: Ix, valid: number) => void,
): void => {
  const turns = Math.floor(length / width)
  const turn = axis(turns)
  e.loop(0, turns, (i) => {
    loops.set(turn.id, i)
    body(I.scale(I.ofAxis(turn), width), width)
  })
  if (length % width !== 0) body(I.constant(turns * width), length % width)
}

/** The transpose of a 4 x 4 matrix given by its rows. */
export const transposed = (e: Emitter, rows: readonly Val[]): readonly Val[] => {
  const pairs = (x: number, y: number): readonly Val[] => [
    shuffle(e, rows[x]!, rows[y]!, [0, 4, 1, 5]),
    shuffle(e, rows[x]!, rows[y]!, [2, 6, 3, 7]),
  ]
  const upper = pairs(0, 1)
  const lower = pairs(2, 3)
  return [0, 1].flatMap((half) => [
    shuffle(e, upper[half]!, lower[half]!, [0, 1, 4, 5]),
    shuffle(e, upper[half]!, lower[half]!, [2, 3, 6, 7]),
  ])
}

/** b into a panel [step][vector of columns]. */
export const packColumns = (work: Work, columns: readonly Column[], { start, length }: Steps, panel: Val): void => {
  const { e, print, kernel, frame } = work
  const { n, k, b } = kernel
  const row = 16 * columns.length
  const plain = frame(() => null)
  const to = (step: Ix): Val => e.op('iadd', panel, print.position(plain, I.scale(step, row)))
  if (liesAlongK(b, k, n)) {
    overSteps(work, length, 4, (step, valid) => {
      const base = to(step)
      columns.forEach((column, j) => {
        const vectors = [0, 1, 2, 3].map((l) => {
          const at = column.at(Math.min(l, column.valid - 1))
          const alongK = (x: Axis, lane: number): Ix | null =>
            x === k ? I.offset(I.add(start, step), lane) : x === n ? at : null
          return e.splat(print.value(frame(alongK, { vector: k, valid }), b))
        })
        transposed(e, vectors)
          .slice(0, valid)
          .forEach((v, l) => e.effect(access(code.v128Store, l * row + 16 * j), [base, v]))
      })
    })
    return
  }
  overSteps(work, length, 1, (step) => {
    const base = to(step)
    columns.forEach((column, j) => {
      const alongN = (x: Axis, lane: number): Ix | null =>
        x === n ? column.at(lane) : x === k ? I.add(start, step) : null
      const x = e.splat(print.value(frame(alongN, { vector: n, valid: column.valid }), b))
      e.effect(access(code.v128Store, 16 * j), [base, x])
    })
  })
}

/** a for one tile, from memory along k, into [step][row of the tile]. */
export const packAlongK = (work: Work, row: Ix, count: number, { start, length }: Steps, target: Val): void => {
  const { e, print, kernel, frame } = work
  const { m, k, a } = kernel
  const plain = frame(() => null)
  overSteps(work, length, 4, (step, valid) => {
    const base = e.op('iadd', target, print.position(plain, I.scale(step, 4 * MR)))
    const rowOf = (i: number): Val => {
      const at = I.offset(row, Math.min(i, count - 1))
      const alongK = (x: Axis, lane: number): Ix | null =>
        x === k ? I.offset(I.add(start, step), lane) : x === m ? at : null
      return e.splat(print.value(frame(alongK, { vector: k, valid }), a))
    }
    const [x, y] = [rowOf(0), rowOf(1)]
    e.effect(access(code.v128Store, 0), [base, shuffle(e, x, y, [0, 4, 1, 5])])
    if (valid > 2) e.effect(access(code.v128Store, 16), [base, shuffle(e, x, y, [2, 6, 3, 7])])
  })
}

/** a for the tiles of `count` rows, from memory along m, into [tile][step][row of the tile], `tileBytes` from tile to tile. */
export const packAlongM = (
  work: Work,
  row: Ix,
  count: number,
  { start, length }: Steps,
  target: Val,
  tileBytes: number,
): void => {
  const { e, print, kernel, frame } = work
  const { m, k, a } = kernel
  const plain = frame(() => null)
  overSteps(work, length, 1, (step) => {
    const base = e.op('iadd', target, print.position(plain, I.scale(step, 4 * MR)))
    for (const [v, column] of columnsFrom(row, count).entries()) {
      const alongM = (x: Axis, lane: number): Ix | null =>
        x === m ? column.at(lane) : x === k ? I.add(start, step) : null
      const x = e.splat(print.value(frame(alongM, { vector: m, valid: column.valid }), a))
      for (let half = 0; MR * half < column.valid; half++) {
        const tile = 2 * v + half
        e.effect(access(code.v128Store64Lane, tile * tileBytes, half), [base, x])
      }
    }
  })
}
