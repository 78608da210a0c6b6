/** Prints a loop kernel: rows outermost, each pass over the columns a loop of its own, four lanes to an instruction. */
import { blocksOf, rounds } from '../../../loops/blocks.ts'
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import type { Scalar } from '../../../loops/scalar.ts'
import { accumulator, identityOf } from './accumulator.ts'
import { extremum, i32, select } from './arithmetic.ts'
import { withoutDivision } from '../../../loops/axes.ts'
import { emitter, type Val } from './emitter.ts'
import type { WasmFunction } from './encode.ts'
import { typeOf } from './operators.ts'
import { cutsOf, type Pass, planOf } from '../../linear/plan.ts'
import { type Frame, printer } from './printer.ts'

/** A kernel as a function (lo, hi, pointers..., scratch) that runs units lo <= u < hi of its work. */
export interface Printed {
  readonly run: WasmFunction
  readonly units: number
  readonly scratchBytes: number
}

/** One vector (or one element) of an axis: where its lanes are, and how many count. */
interface Slice {
  readonly place: (lane: number) => Ix
  readonly valid: number
}

/** Turns of one loop over the columns between the ends of partial sums, and what is done there. */
interface Blocking {
  readonly depth: number
  readonly every: number
  readonly end: () => void
}

export const printLoop = (given: LoopKernel): Printed => {
  const kernel = withoutDivision(given)
  const { rows, cols, reductions } = kernel
  const plan = planOf(kernel)
  const buffers = kernel.buffers.length
  const e = emitter(buffers + 3)
  const lo = e.param(0)
  const hi = e.param(1)
  const loops = new Map<number, Val>()
  const scratch = buffers
  const print = printer(
    e,
    [
      ...kernel.buffers.map(({ dtype, read, write }, i) => ({ base: e.param(2 + i), dtype, changes: read && write })),
      { base: e.param(2 + scratch), dtype: 'f32', changes: true },
    ],
    loops,
  )
  const ordered = kernel.stores.some((s) => s.mode === 'add')
  const lanesOfRow = plan.vector === 'row' ? rows.at(-1)! : null
  const lanesOfCol = plan.vector === 'column' ? cols.at(-1)! : null
  const vector = lanesOfRow ?? lanesOfCol
  let nextAxis = -2

  /** Counts to `turns`; in blocks, where they end in this loop. */
  const count = (turns: number, blocks: Blocking | null, body: (i: Val) => void): void => {
    if (blocks === null) {
      e.loop(0, turns, body)
      return
    }
    const { every, end } = blocks
    e.loop(0, Math.ceil(turns / every), (block) => {
      const first = e.op('imul', block, i32(e, every))
      const after = e.op('iadd', first, i32(e, every))
      e.loop(first, turns % every === 0 ? after : extremum(e, 'minS', after, i32(e, turns)), body)
      end()
    })
  }

  /** Runs the body over the slices of the axis that lanes span: `unroll` vectors a turn, then what remains. */
  const overVectors = (
    axis: Axis,
    unroll: number,
    ranged: boolean,
    blocks: Blocking | null,
    body: (slices: readonly Slice[]) => void,
  ): number => {
    const step = 4 * unroll
    const cuts = [0, ...cutsOf(kernel, axis), axis.extent]
    // An axis in pieces is one unit of work; a whole one is as many as its loop has turns.
    const split = ranged && cuts.length === 2
    const units = split ? Math.max(1, Math.floor(axis.extent / step)) : 1
    for (const [p, from] of cuts.slice(0, -1).entries()) {
      const length = cuts[p + 1]! - from
      const turns = Math.floor(length / step)
      const turn: Axis = { id: nextAxis--, extent: turns }
      const run = (i: Val): void => {
        loops.set(turn.id, i)
        body(slicesFrom(I.offset(I.scale(I.ofAxis(turn), step), from), step))
      }
      if (turns > 0 && split) e.loop(lo, hi, run)
      else if (turns > 0) count(turns, blocks, run)
      const rest = length - turns * step
      const tail = (): void => body(slicesFrom(I.constant(from + turns * step), rest))
      if (rest > 0 && split) e.when(e.op('ieq', hi, e.constant('i32', units)), tail)
      else if (rest > 0) tail()
    }
    return units
  }
  const slicesFrom = (start: Ix, count: number): readonly Slice[] =>
    Array.from({ length: Math.ceil(count / 4) }, (_, j) => ({
      place: (lane) => I.offset(start, 4 * j + lane),
      valid: Math.min(4, count - 4 * j),
    }))

  const frameOf = (
    rowSlice: Slice | null,
    colSlice: Slice | null,
    reduced: (r: number) => Val,
    kept: (s: Scalar) => Val | null = () => null,
  ): Frame => ({
    vector,
    valid: (rowSlice ?? colSlice)?.valid ?? 4,
    place: (a, lane) =>
      a === lanesOfRow && rowSlice !== null
        ? rowSlice.place(lane)
        : a === lanesOfCol && colSlice !== null
          ? colSlice.place(lane)
          : I.ofAxis(a),
    reduced,
    kept,
  })

  // -- scratch: [kept value][column][vector of the row axis][lane]
  const kept = plan.passes.flatMap((p) => p.keeps)
  const wide = plan.vector === 'row' ? 4 * plan.unroll : 1
  const columns = cols.reduce((n, a) => n * a.extent, 1)
  const slot = Math.ceil((columns * wide) / 4) * 4 + 4
  const column = I.flatten(
    cols.map(I.ofAxis),
    cols.map((a) => a.extent),
  )
  const keptAt = (s: Scalar, row: number): Ix =>
    I.offset(I.scale(column, wide), kept.indexOf(s) * slot + (plan.vector === 'row' ? 4 * row : 0))

  const overColumns = (
    depth: number,
    unroll: number,
    blocks: Blocking | null,
    body: (slices: readonly (Slice | null)[]) => void,
  ): void => {
    const axis = cols[depth]
    const here = blocks?.depth === depth ? blocks : null
    if (axis === undefined) body([null])
    else if (axis === lanesOfCol) overVectors(axis, unroll, false, here, body)
    else
      count(axis.extent, here, (i) => {
        loops.set(axis.id, i)
        overColumns(depth + 1, unroll, blocks, body)
      })
  }

  const ofRow = kernel.stores.filter((s) => s.scope === 'row')
  const rowBody = (rowSlices: readonly (Slice | null)[]): void => {
    const results: Val[][] = rowSlices.map(() => [])
    // The row stores go before the pass that changes what the kernel loads, which is the one with nothing to reduce.
    const changing = plan.passes.findIndex((pass) => pass.reductions.length === 0)
    const reducing = changing === -1 ? plan.passes.length : changing
    plan.passes.slice(0, reducing).forEach((pass, p) => runPass(pass, p, rowSlices, results))
    rowSlices.forEach((slice, row) => {
      const frame: Frame = {
        ...frameOf(slice, null, (r) => results[row]![r]!),
        ...(lanesOfCol === null ? {} : { vector: null }),
      }
      print.stores(frame, ofRow)
    })
    plan.passes.slice(reducing).forEach((pass, p) => runPass(pass, reducing + p, rowSlices, results))
  }

  const runPass = (pass: Pass, p: number, rowSlices: readonly (Slice | null)[], results: Val[][]): void => {
    const strands = lanesOfCol === null ? 1 : Math.min(pass.unroll, Math.ceil(lanesOfCol.extent / 4))
    const [block] = blocksOf(cols.map((a) => (a === lanesOfCol ? Math.ceil(a.extent / (4 * pass.unroll)) : a.extent)))
    // [reduction of the pass][row slice]
    const accumulators = pass.reductions.map((r) => {
      const long = block !== undefined && rounds(reductions[r]!)
      const form = { lanes: vector !== null, across: lanesOfCol !== null, strands, long }
      return rowSlices.map(() => accumulator(e, reductions[r]!, form))
    })
    const putsBy = block !== undefined && pass.reductions.some((r) => rounds(reductions[r]!) && !reductions[r]!.running)
    const blocks: Blocking | null = putsBy
      ? { depth: block.loop, every: block.every, end: () => accumulators.flat().forEach((acc) => acc.putBy()) }
      : null
    overColumns(0, pass.unroll, blocks, (colSlices) => {
      rowSlices.forEach((rowSlice, row) => {
        colSlices.forEach((colSlice, c) => {
          const running = new Map<number, Val>()
          const frame = frameOf(
            rowSlice,
            colSlice,
            (r) => running.get(r) ?? results[row]![r]!,
            (s) => {
              const home = plan.passes.findIndex((q) => q.keeps.includes(s))
              return home >= 0 && home < p ? print.reload(frame, scratch, keptAt(s, row), typeOf(s.dtype)) : null
            },
          )
          pass.reductions.forEach((r, i) => {
            const reduction = reductions[r]!
            const acc = accumulators[i]![row]!
            const x = print.value(frame, reduction.value)
            const whole = colSlice === null || colSlice.valid === 4
            acc.fold(c % strands, whole ? x : masking(colSlice.valid, x, identityOf(e, reduction)))
            if (reduction.running) running.set(r, acc.running())
          })
          for (const s of pass.keeps) print.spill(frame, scratch, keptAt(s, row), print.value(frame, s))
          print.stores(frame, pass.stores)
        })
      })
    })
    pass.reductions.forEach((r, i) => accumulators[i]!.forEach((acc, row) => (results[row]![r] = acc.result())))
  }
  const masking = (valid: number, x: Val, neutral: Val): Val =>
    select(
      e,
      e.vector(
        'bool',
        [0, 1, 2, 3].map((l) => (l < valid ? 1 : 0)),
      ),
      e.splat(x),
      e.splat(neutral),
    )

  const overRows = (depth: number): number => {
    const axis = rows[depth]
    const ranged = depth === 0 && !ordered
    if (axis === undefined) {
      rowBody([null])
      return 1
    }
    if (axis === lanesOfRow) return overVectors(axis, plan.unroll, ranged, null, rowBody)
    e.loop(ranged ? lo : 0, ranged ? hi : axis.extent, (i) => {
      loops.set(axis.id, i)
      overRows(depth + 1)
    })
    return axis.extent
  }
  const empty = rows.some((a) => a.extent === 0)
  const units = empty ? 0 : overRows(0)
  return { run: e.finish(), units: ordered ? Math.min(1, units) : units, scratchBytes: 4 * slot * kept.length }
}
