/**
 * The passes of one row over its columns: what is reduced, what is kept from pass to pass, and what is stored, four lanes to an
 * instruction. A row is one of a loop kernel, or of a product's sums (dot.ts).
 */
import { blocksOf, rounds } from '../../../loops/blocks.ts'
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import type { Scalar } from '../../../loops/scalar.ts'
import { cutsOf, type Pass, type Plan } from '../../linear/plan.ts'
import { accumulator, identityOf } from './accumulator.ts'
import { extremum, i32, select } from './arithmetic.ts'
import type { Emitter, Val } from './emitter.ts'
import { typeOf } from './operators.ts'
import type { Frame, Printer } from './printer.ts'

/** One vector (or one element) of an axis: where its lanes are, and how many count. */
export interface Slice {
  readonly place: (lane: number) => Ix
  readonly valid: number
}

/** Turns of one loop over the columns between the ends of partial sums, and what is done there. */
interface Blocking {
  readonly depth: number
  readonly every: number
  readonly end: () => void
}

/** Whether it is an element less the greatest of its row. */
export const isBelowGreatest = ({ reductions }: LoopKernel, x: Scalar): boolean => {
  if (x.kind !== 'binary' || x.op !== 'sub' || x.y.kind !== 'reduced') return false
  const { op, value, running } = reductions[x.y.reduction]!
  return op === 'max' && value === x.x && !running
}

/** Elements in a vector. */
export const LANES = 4

/** A kernel whose rows are printed, and where. */
export interface Rows {
  readonly e: Emitter
  readonly print: Printer
  readonly kernel: LoopKernel
  readonly plan: Plan
  /** Where each loop of the code stands. */
  readonly loops: Map<number, Val>
  /** A new loop axis. */
  readonly axis: (extent: number) => Axis
  /** What stands where neither the rows' lanes nor the columns' say: the axis itself, unless the code has it otherwise. */
  readonly place: (axis: Axis) => Ix
  /** The pointer to what is kept from pass to pass. */
  readonly scratch: number
}

export interface Passes {
  /** Goes over the slices of the axis that lanes span: `unroll` vectors a turn, then what remains. */
  readonly overVectors: (
    axis: Axis,
    unroll: number,
    run: (turns: number, body: (i: Val) => void) => void,
    atEnd: (tail: () => void) => void,
    body: (slices: readonly Slice[]) => void,
  ) => void
  /** All passes of the rows that these slices of the row axis are; of one row where lanes do not span it. */
  readonly row: (rowSlices: readonly (Slice | null)[]) => void
  /** Bytes that are kept from pass to pass. */
  readonly bytes: number
}

export const passesOver = ({ e, print, kernel, plan, loops, axis: fresh, place, scratch }: Rows): Passes => {
  const { rows, cols, reductions } = kernel
  const lanesOfRow = plan.vector === 'row' ? rows.at(-1)! : null
  const lanesOfCol = plan.vector === 'column' ? cols.at(-1)! : null
  const vector = lanesOfRow ?? lanesOfCol

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
    run: (turns: number, body: (i: Val) => void) => void,
    atEnd: (tail: () => void) => void,
    body: (slices: readonly Slice[]) => void,
  ): void => {
    const step = LANES * unroll
    const cuts = [0, ...cutsOf(kernel, axis), axis.extent]
    for (const [p, from] of cuts.slice(0, -1).entries()) {
      const length = cuts[p + 1]! - from
      const turn = fresh(Math.floor(length / step))
      const rest = length - turn.extent * step
      if (turn.extent > 0)
        run(turn.extent, (i) => {
          loops.set(turn.id, i)
          body(slicesFrom(I.offset(I.scale(I.ofAxis(turn), step), from), step))
        })
      if (rest > 0) atEnd(() => body(slicesFrom(I.constant(from + turn.extent * step), rest)))
    }
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
          : place(a),
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
    else if (axis === lanesOfCol)
      overVectors(
        axis,
        unroll,
        (turns, turn) => count(turns, here, turn),
        (tail) => tail(),
        body,
      )
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
    const rowStores = rowSlices.map((slice, row) => {
      const frame: Frame = {
        ...frameOf(slice, null, (r) => results[row]![r]!),
        ...(lanesOfCol === null ? {} : { vector: null }),
      }
      return print.prepared(frame, ofRow)
    })
    rowStores.forEach((write) => write())
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
      const turns = rowSlices.flatMap((rowSlice, row) =>
        colSlices.map((colSlice, c) => {
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
          const folds = pass.reductions.map((r, i) => {
            const reduction = reductions[r]!
            const acc = accumulators[i]![row]!
            const x = print.value(frame, reduction.value)
            const whole = colSlice === null || colSlice.valid === 4
            const fold = (): void =>
              acc.fold(c % strands, whole ? x : masking(colSlice.valid, x, identityOf(e, reduction)))
            if (!reduction.running) return fold
            fold()
            running.set(r, acc.running())
            return () => undefined
          })
          const keeps = pass.keeps.map((s) => ({ at: keptAt(s, row), value: print.value(frame, s) }))
          const write = print.prepared(frame, pass.stores)
          return () => {
            folds.forEach((fold) => fold())
            for (const { at, value } of keeps) print.spill(frame, scratch, at, value)
            write()
          }
        }),
      )
      turns.forEach((finish) => finish())
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

  return { overVectors, row: rowBody, bytes: 4 * slot * kept.length }
}
