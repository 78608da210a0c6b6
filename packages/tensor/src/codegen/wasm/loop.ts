/** Prints a loop kernel: rows outermost, each pass over the columns a loop of its own, four lanes to an instruction. */
import type { DType } from '../../dtype.ts'
import * as I from '../ix.ts'
import type { Axis, Ix } from '../ix.ts'
import type { LoopKernel } from '../kernel.ts'
import { emptyReduction, type ReduceOp, type Scalar } from '../scalar.ts'
import { extract, select, shuffle } from './arithmetic.ts'
import { splitAxes } from './axes.ts'
import { type Emitter, emitter, type Val, type Variable } from './emitter.ts'
import type { WasmFunction } from './encode.ts'
import { binaryOps, reducer, typeOf } from './operators.ts'
import { cutsOf, type Pass, planOf } from './plan.ts'
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

const identityVal = (e: Emitter, op: ReduceOp, dtype: DType): Val => {
  const type = typeOf(dtype)
  return e.constant(type, type === 'i32' ? emptyReduction(op, dtype) | 0 : emptyReduction(op, dtype))
}

/** One lane's worth of a vector. */
const horizontal = (e: Emitter, x: Val, op: ReduceOp, dtype: DType): Val => {
  if (!x.lanes) return x
  const apply = binaryOps[reducer[op]]
  const pairs = apply(e, x, shuffle(e, x, x, [2, 3, 0, 1]), dtype)
  return extract(e, apply(e, pairs, shuffle(e, pairs, pairs, [1, 0, 3, 2]), dtype), 0)
}

export const printLoop = (given: LoopKernel): Printed => {
  const kernel = splitAxes(given)
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
      ...kernel.buffers.map(({ read, write }, i) => ({ base: e.param(2 + i), changes: read && write })),
      { base: e.param(2 + scratch), changes: true },
    ],
    loops,
  )
  const ordered = kernel.stores.some((s) => s.mode === 'add')
  const lanesOfRow = plan.vector === 'row' ? rows.at(-1)! : null
  const lanesOfCol = plan.vector === 'column' ? cols.at(-1)! : null
  const vector = lanesOfRow ?? lanesOfCol
  let nextAxis = -2

  /** Runs the body over the slices of the axis that lanes span: `unroll` vectors a turn, then what remains. */
  const overVectors = (
    axis: Axis,
    unroll: number,
    ranged: boolean,
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
      if (turns > 0)
        e.loop(split ? lo : 0, split ? hi : turns, (i) => {
          loops.set(turn.id, i)
          body(slicesFrom(I.offset(I.scale(I.ofAxis(turn), step), from), step))
        })
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

  const overColumns = (depth: number, unroll: number, body: (slices: readonly (Slice | null)[]) => void): void => {
    const axis = cols[depth]
    if (axis === undefined) body([null])
    else if (axis === lanesOfCol) overVectors(axis, unroll, false, body)
    else {
      e.loop(0, axis.extent, (i) => {
        loops.set(axis.id, i)
        overColumns(depth + 1, unroll, body)
      })
    }
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
    // [reduction of the pass][row slice][strand]
    const accumulators: readonly (readonly (readonly Variable[])[])[] = pass.reductions.map((r) => {
      const { op, dtype } = reductions[r]!
      return rowSlices.map(() =>
        Array.from({ length: strands }, () => {
          const acc = e.variable(typeOf(dtype), vector !== null)
          const start = identityVal(e, op, dtype)
          e.assign(acc, vector === null ? start : e.splat(start))
          return acc
        }),
      )
    })
    overColumns(0, pass.unroll, (colSlices) => {
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
            const { op, dtype, value, scan } = reductions[r]!
            const acc = accumulators[i]![row]![c % strands]!
            const x = print.value(frame, value)
            const masked =
              colSlice === null || colSlice.valid === 4 ? x : masking(colSlice.valid, x, identityVal(e, op, dtype))
            const next = binaryOps[reducer[op]](e, e.read(acc), masked, dtype)
            e.assign(acc, next)
            if (scan) running.set(r, e.read(acc))
          })
          for (const s of pass.keeps) print.spill(frame, scratch, keptAt(s, row), print.value(frame, s))
          print.stores(frame, pass.stores)
        })
      })
    })
    pass.reductions.forEach((r, i) => {
      const { op, dtype } = reductions[r]!
      accumulators[i]!.forEach((strand, row) => {
        const whole = strand.map((acc) => e.read(acc)).reduce((x, y) => binaryOps[reducer[op]](e, x, y, dtype))
        results[row]![r] = lanesOfCol === null ? whole : horizontal(e, whole, op, dtype)
      })
    })
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
    if (axis === lanesOfRow) return overVectors(axis, plan.unroll, ranged, rowBody)
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
