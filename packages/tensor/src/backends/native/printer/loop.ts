/** Prints a loop kernel: rows outermost, each pass over the columns a loop of its own, W lanes to an operation. */
import { withoutDivision } from '../../../loops/axes.ts'
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import { cutsOf, planOf } from '../../linear/plan.ts'
import { block } from './block.ts'
import { axisName, type Frame } from './frame.ts'
import { BYTES_OF_WORK, type Printed, pointersOf } from './function.ts'
import { passesOver } from './passes.ts'

/** Bytes of a buffer that is not in the second-level cache. */
const FAR = 1 << 20

/** Units that keep any processor's cores busy, and are work enough to be handed out one by one. */
const ENOUGH_UNITS = 64
const MOST_UNITS = 256

export const printLoop = (given: LoopKernel, width: number): Printed => {
  const kernel = withoutDivision(given)
  const { rows, reductions } = kernel
  const plan = planOf(kernel, width)
  const b = block(pointersOf(kernel))
  const ordered = kernel.stores.some((s) => s.mode === 'add')
  const lanesOfRow = plan.vector === 'row' ? rows.at(-1)! : null
  let nextAxis = -2

  // -- memory is asked for ahead: the second of several passes over a row leaves it idle, and the next row, or the one to store, far
  const far = (buffer: number): boolean => 4 * kernel.buffers[buffer]!.size >= FAR
  const lastRow = rows.at(-1)
  const ahead =
    plan.vector !== 'column' ||
    lastRow === undefined ||
    plan.passes.length < 2 ||
    plan.passes[1]!.reductions.length === 0
      ? []
      : S.linearize(plan.passes[0]!.reductions.map((r) => reductions[r]!.value)).flatMap((s) =>
          s.kind === 'load' && far(s.buffer) ? [s] : [],
        )
  const stored =
    ahead.length === 0 ? [] : plan.passes.slice(2).flatMap((pass) => pass.stores.filter((s) => far(s.buffer)))
  const prefetch = (frame: Frame): void => {
    const down = (a: Axis): Ix => (a === lastRow ? I.offset(I.ofAxis(a), 1) : I.ofAxis(a))
    for (const { buffer, at } of ahead)
      b.prefetch(
        frame,
        buffer,
        I.substitute(at, down, (x) => x),
        'read',
      )
    for (const { buffer, at } of stored) b.prefetch(frame, buffer, at, 'write')
  }

  const { overVectors, forEach, row, floats } = passesOver({
    ...{ code: b, kernel, plan, width, scratch: kernel.buffers.length, taken: 0, onSecond: prefetch },
    axis: (extent) => ({ id: nextAxis--, extent }),
  })

  // -- units of work
  const outer = rows.filter((a) => a !== lanesOfRow)
  const whole = lanesOfRow !== null && cutsOf(kernel, lanesOfRow).length === 0
  let counted = 0
  let product = 1
  if (!ordered) while (counted < outer.length && product < ENOUGH_UNITS) product *= outer[counted++]!.extent
  const ofUnit = outer.slice(0, counted)
  const turns = lanesOfRow === null ? 0 : Math.floor(lanesOfRow.extent / (width * plan.unroll))
  // a block of the vectors of the row axis as a unit, where the axes around it are few
  const shared = whole && !ordered && counted === outer.length && product < ENOUGH_UNITS && turns > 1
  const per = shared ? Math.ceil(turns / Math.min(turns, Math.ceil(MOST_UNITS / product))) : 1
  const blocks = shared ? Math.ceil(turns / per) : 1
  const units = ordered ? (outer.some((a) => a.extent === 0) || lanesOfRow?.extent === 0 ? 0 : 1) : product * blocks

  const overRow = (): void => {
    if (lanesOfRow === null) {
      row([null])
      return
    }
    const each = (turn: Axis, body: () => void): void => {
      if (!shared) {
        forEach(turn, body)
        return
      }
      const i = axisName(turn)
      b.open(`for (long ${i} = part * ${per}; ${i} < LESS((part + 1) * ${per}, ${turn.extent}); ${i}++)`, [turn])
      body()
      b.close()
    }
    overVectors(
      lanesOfRow,
      plan.unroll,
      each,
      (tail) => {
        b.open(shared ? `if (part == ${blocks - 1})` : '', [])
        tail()
        b.close()
      },
      row,
    )
  }
  const overRows = (depth: number): void => {
    const axis = outer[depth]
    if (axis === undefined) overRow()
    else forEach(axis, () => overRows(depth + 1))
  }
  if (units > 0) {
    b.open('for (long unit = lo; unit < hi; unit++)', ofUnit)
    if (shared) b.line(`const unsigned long part = (unsigned long)unit % ${blocks};`)
    let stride = blocks
    for (const a of [...ofUnit].reverse()) {
      if (a.extent > 1) b.line(`const long ${axisName(a)} = (unsigned long)unit / ${stride} % ${a.extent};`)
      stride *= a.extent
    }
    overRows(counted)
    b.close()
  }
  const roots = [...reductions.map((r) => r.value), ...kernel.stores.map((s) => s.value)]
  const iterations = [...rows, ...kernel.cols].reduce((n, a) => n * a.extent, 1)
  const scalars = S.linearize(roots)
  const moved = scalars.filter((s) => s.kind === 'load').length + kernel.stores.length
  const lanes = plan.vector === 'none' ? 1 : width
  const work = iterations * (scalars.length / lanes + (4 * moved) / BYTES_OF_WORK)
  return { prelude: [], body: b.text(), plain: false, units, work, turns: 16, scratchBytes: 4 * floats, kernel }
}
