/** Prints a loop kernel: rows outermost, each pass over the columns a loop of its own, four lanes to an instruction. */
import { withoutDivision } from '../../../loops/axes.ts'
import * as I from '../../../loops/ix.ts'
import type { Axis } from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import { planOf } from '../../linear/plan.ts'
import { loopUnits } from '../../linear/units.ts'
import { extremum, i32 } from './arithmetic.ts'
import { emitter, type Val } from './emitter.ts'
import type { WasmFunction } from './encode.ts'
import { isBelowGreatest, LANES, passesOver } from './passes.ts'
import { type Frame, printer } from './printer.ts'

/** A kernel as a function (lo, hi, pointers..., scratch) that runs units lo <= u < hi of its work. */
export interface Printed {
  readonly run: WasmFunction
  readonly units: number
  /** Operations on vectors, about. */
  readonly work: number
  /** Of each call that is under way. */
  readonly scratchBytes: number
}

export const printLoop = (given: LoopKernel): Printed => {
  const kernel = withoutDivision(given)
  const { rows } = kernel
  const plan = planOf(kernel, LANES, { interleaved: true })
  const buffers = kernel.buffers.length
  const e = emitter(buffers + 3)
  const loops = new Map<number, Val>()
  const scratch = buffers
  const print = printer(
    e,
    [
      ...kernel.buffers.map(({ dtype, read, write }, i) => ({ base: e.param(2 + i), dtype, changes: read && write })),
      { base: e.param(2 + scratch), dtype: 'f32', changes: true },
    ],
    loops,
    (x) => isBelowGreatest(kernel, x),
  )
  const lanesOfRow = plan.vector === 'row' ? rows.at(-1)! : null
  let nextAxis = -2
  const axis = (extent: number): Axis => ({ id: nextAxis--, extent })
  const { overVectors, row, bytes } = passesOver({ e, print, kernel, plan, loops, axis, place: I.ofAxis, scratch })

  const { units, axes, rest, blocks: parts, work } = loopUnits(kernel, plan, LANES)
  const unit = axis(units)
  const plain: Frame = { vector: null, valid: 1, place: I.ofAxis, reduced: () => i32(e, 0), kept: () => null }
  /** One digit of the unit's number. */
  const digit = (stride: number, extent: number): Val =>
    print.position(plain, I.mod(I.div(I.ofAxis(unit), stride), extent))

  const overRow = (): void => {
    if (lanesOfRow === null) {
      row([null])
      return
    }
    if (parts === null) {
      overVectors(
        lanesOfRow,
        plan.unroll,
        (turns, turn) => e.loop(0, turns, turn),
        (tail) => tail(),
        row,
      )
      return
    }
    const part = digit(1, parts.count)
    const first = e.op('imul', part, i32(e, parts.turns))
    const after = e.op('iadd', first, i32(e, parts.turns))
    overVectors(
      lanesOfRow,
      plan.unroll,
      (turns, turn) =>
        e.loop(first, turns % parts.turns === 0 ? after : extremum(e, 'minS', after, i32(e, turns)), turn),
      (tail) => e.when(e.op('ieq', part, i32(e, parts.count - 1)), tail),
      row,
    )
  }
  const overRows = (depth: number): void => {
    const axis = rest[depth]
    if (axis === undefined) overRow()
    else
      e.loop(0, axis.extent, (i) => {
        loops.set(axis.id, i)
        overRows(depth + 1)
      })
  }
  if (units > 0)
    e.loop(e.param(0), e.param(1), (u) => {
      loops.set(unit.id, u)
      let stride = parts?.count ?? 1
      for (const axis of [...axes].reverse()) {
        loops.set(axis.id, digit(stride, axis.extent))
        stride *= axis.extent
      }
      overRows(0)
    })
  return { run: e.finish(), units, work, scratchBytes: bytes }
}
