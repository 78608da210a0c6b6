/**
 * The passes of one row over its columns: what is reduced, what is kept from pass to pass, and what is stored, W lanes to an
 * operation. A row is one of a loop kernel, or of a product's sums (dot.ts).
 */
import { blocksOf, rounds } from '../../../loops/blocks.ts'
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import type { Scalar } from '../../../loops/scalar.ts'
import { cutsOf, type Pass, type Plan } from '../../linear/plan.ts'
import { accumulator, identityOf } from './accumulator.ts'
import type { Block } from './block.ts'
import { axisName, type Frame, frameOf, laneOf, type Named, steps } from './frame.ts'
import { SCRATCH } from './function.ts'
import { selectText } from './operators.ts'

/** One vector (or one element) of an axis: where it begins, and how many lanes count. */
export interface Slice {
  readonly start: Ix
  readonly valid: number
}

/** Turns of one loop over the columns between the ends of partial sums, and what is done there. */
interface Blocking {
  readonly depth: number
  readonly every: number
  readonly end: () => void
}

/** A kernel whose rows are printed, and where. */
export interface Rows {
  readonly code: Block
  readonly kernel: LoopKernel
  readonly plan: Plan
  readonly width: number
  /** A new axis of the code. */
  readonly axis: (extent: number) => Axis
  /** The pointer to scratch as floats (the other registers follow it), and the floats of it that are taken. */
  readonly scratch: number
  readonly taken: number
  /** Called at each vector of the pass after the first. */
  readonly onSecond: (frame: Frame) => void
}

export interface Passes {
  /** Goes over the slices of the axis that lanes span: `unroll` vectors a turn, then what remains. */
  readonly overVectors: (
    axis: Axis,
    unroll: number,
    run: (turn: Axis, body: () => void) => void,
    atEnd: (body: () => void) => void,
    body: (slices: readonly Slice[]) => void,
  ) => void
  readonly forEach: (axis: Axis, body: () => void) => void
  /** All passes of the rows that these slices of the row axis are; of one row where lanes do not span it. */
  readonly row: (rowSlices: readonly (Slice | null)[]) => void
  /** Floats of scratch that are kept from pass to pass. */
  readonly floats: number
}

export const passesOver = ({ code: b, kernel, plan, width, axis: fresh, scratch, taken, onSecond }: Rows): Passes => {
  const { rows, cols, reductions } = kernel
  const lanesOfRow = plan.vector === 'row' ? rows.at(-1)! : null
  const lanesOfCol = plan.vector === 'column' ? cols.at(-1)! : null

  const slicesFrom = (start: Ix, n: number): readonly Slice[] =>
    Array.from({ length: Math.ceil(n / width) }, (_, j) => ({
      start: I.offset(start, width * j),
      valid: Math.min(width, n - width * j),
    }))
  const forEach = (axis: Axis, body: () => void): void => {
    if (axis.extent === 1) {
      body()
      return
    }
    const i = axisName(axis)
    b.open(`for (long ${i} = 0; ${i} < ${axis.extent}; ${i}++)`, [axis])
    body()
    b.close()
  }
  /** The same in blocks, where partial sums end in this loop. */
  const inBlocks = (axis: Axis, blocks: Blocking | null, body: () => void): void => {
    if (blocks === null) {
      forEach(axis, body)
      return
    }
    const { every, end } = blocks
    const [i, q] = [axisName(axis), axisName(fresh(0))]
    const last = axis.extent % every === 0 ? `${q} + ${every}` : `LESS(${q} + ${every}, ${axis.extent})`
    b.open(`for (long ${q} = 0; ${q} < ${axis.extent}; ${q} += ${every})`, [])
    b.open(`for (long ${i} = ${q}; ${i} < ${last}; ${i}++)`, [axis])
    body()
    b.close()
    end()
    b.close()
  }
  /** Runs the body over the slices of the axis that lanes span: `unroll` vectors a turn, then what remains. */
  const overVectors = (
    axis: Axis,
    unroll: number,
    run: (turn: Axis, body: () => void) => void,
    atEnd: (body: () => void) => void,
    body: (slices: readonly Slice[]) => void,
  ): void => {
    const step = width * unroll
    const cuts = [0, ...cutsOf(kernel, axis), axis.extent]
    for (const [p, from] of cuts.slice(0, -1).entries()) {
      const length = cuts[p + 1]! - from
      const turn = fresh(Math.floor(length / step))
      const rest = length - turn.extent * step
      if (turn.extent > 0) run(turn, () => body(slicesFrom(steps(turn, step, from), step)))
      if (rest > 0) atEnd(() => body(slicesFrom(I.constant(from + turn.extent * step), rest)))
    }
  }

  // -- what is kept from pass to pass, in scratch: [kept value][column][vector of the row axis][lane]
  const kept = plan.passes.flatMap((p) => p.keeps)
  const wide = plan.vector === 'row' ? width * plan.unroll : 1
  const columns = cols.reduce((n, a) => n * a.extent, 1)
  const slot = Math.ceil((columns * wide) / width) * width + width
  const column = I.flatten(
    cols.map(I.ofAxis),
    cols.map((a) => a.extent),
  )
  const scratchOf = (s: Scalar): number => scratch + SCRATCH.indexOf(s.dtype)
  const keptAt = (s: Scalar, row: number, place: (a: Axis) => Ix, valid: number): Ix => {
    const from = taken + kept.indexOf(s) * slot + (plan.vector === 'row' ? width * row : 0)
    const first = I.offset(I.scale(column, wide), from)
    const here = I.substitute(first, place, (x) => x)
    return plan.vector === 'row' ? I.add(here, I.ofAxis(laneOf(valid))) : here
  }

  /** `p`: the pass whose values these are; what earlier ones kept is not computed again. */
  const framed = (
    row: number,
    rowSlice: Slice | null,
    colSlice: Slice | null,
    p: number,
    reduced: (r: number) => Named,
  ): Frame => {
    const valid = (rowSlice ?? colSlice)?.valid ?? 1
    const on = (slice: Slice): Ix => I.add(slice.start, I.ofAxis(laneOf(valid)))
    const place = (a: Axis): Ix =>
      a === lanesOfRow && rowSlice !== null
        ? on(rowSlice)
        : a === lanesOfCol && colSlice !== null
          ? on(colSlice)
          : I.ofAxis(a)
    return frameOf(valid, place, reduced, (s) => {
      const home = plan.passes.findIndex((q) => q.keeps.includes(s))
      return home >= 0 && home < p ? S.load(scratchOf(s), keptAt(s, row, place, valid), s.dtype) : null
    })
  }

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
        (turn, inner) => inBlocks(turn, here, inner),
        (tail) => {
          b.open('', [])
          tail()
          b.close()
        },
        body,
      )
    else inBlocks(axis, here, () => overColumns(depth + 1, unroll, blocks, body))
  }

  const ofRow = kernel.stores.filter((s) => s.scope === 'row')
  const rowBody = (rowSlices: readonly (Slice | null)[]): void => {
    const results: Named[][] = rowSlices.map(() => [])
    // The row stores go before the pass that changes what the kernel loads, which is the one with nothing to reduce.
    const changing = plan.passes.findIndex((pass) => pass.reductions.length === 0)
    const reducing = changing === -1 ? plan.passes.length : changing
    plan.passes.slice(0, reducing).forEach((pass, p) => runPass(pass, p, rowSlices, results))
    rowSlices.forEach((slice, row) =>
      b.stores(
        framed(row, slice, null, 0, (r) => results[row]![r]!),
        ofRow,
      ),
    )
    plan.passes.slice(reducing).forEach((pass, p) => runPass(pass, reducing + p, rowSlices, results))
  }

  const runPass = (pass: Pass, p: number, rowSlices: readonly (Slice | null)[], results: Named[][]): void => {
    const strands = lanesOfCol === null ? 1 : Math.min(pass.unroll, Math.ceil(lanesOfCol.extent / width))
    const turns = cols.map((a) => (a === lanesOfCol ? Math.ceil(a.extent / (width * pass.unroll)) : a.extent))
    const [first] = blocksOf(turns)
    // [reduction of the pass][row slice]
    const accumulators = pass.reductions.map((r) => {
      const long = first !== undefined && rounds(reductions[r]!)
      const form = { across: lanesOfCol !== null, varies: lanesOfRow !== null, strands, long }
      return rowSlices.map(() => accumulator(b, reductions[r]!, form))
    })
    const putsBy = first !== undefined && pass.reductions.some((r) => rounds(reductions[r]!) && !reductions[r]!.running)
    const blocks: Blocking | null = putsBy
      ? { depth: first.loop, every: first.every, end: () => accumulators.flat().forEach((acc) => acc.putBy()) }
      : null
    overColumns(0, pass.unroll, blocks, (colSlices) => {
      rowSlices.forEach((rowSlice, row) => {
        colSlices.forEach((colSlice, c) => {
          const running = new Map<number, Named>()
          const frame = framed(row, rowSlice, colSlice, p, (r) => running.get(r) ?? results[row]![r]!)
          if (p === 1) onSecond(frame)
          pass.reductions.forEach((r, i) => {
            const reduction = reductions[r]!
            const acc = accumulators[i]![row]!
            const x = b.value(frame, reduction.value)
            const whole = colSlice === null || colSlice.valid === width
            acc.fold(
              c % strands,
              whole ? x : selectText(`first(${colSlice.valid})`, x, identityOf(reduction), reduction.dtype),
            )
            if (reduction.running) running.set(r, acc.running())
          })
          for (const s of pass.keeps)
            b.stores(frame, [
              {
                buffer: scratchOf(s),
                at: keptAt(s, row, I.ofAxis, frame.valid),
                value: s,
                scope: 'full',
                mode: 'set',
              },
            ])
          b.stores(frame, pass.stores)
        })
      })
    })
    pass.reductions.forEach((r, i) => accumulators[i]!.forEach((acc, row) => (results[row]![r] = acc.result())))
  }

  return { overVectors, forEach, row: rowBody, floats: slot * kept.length }
}
