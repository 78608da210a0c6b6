/** Prints a loop kernel: rows outermost, each pass over the columns a loop of its own, W lanes to an operation. */
import { withoutDivision } from '../../../loops/axes.ts'
import { blocksOf, rounds } from '../../../loops/blocks.ts'
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { LoopKernel } from '../../../loops/kernel.ts'
import * as S from '../../../loops/scalar.ts'
import type { Scalar } from '../../../loops/scalar.ts'
import { cutsOf, type Pass, planOf } from '../../linear/plan.ts'
import { accumulator, identityOf } from './accumulator.ts'
import { block } from './block.ts'
import { axisName, type Frame, frameOf, laneOf, type Named, steps } from './frame.ts'
import { BYTES_OF_WORK, type Printed, pointersOf, SCRATCH } from './function.ts'
import { selectText } from './operators.ts'

/** One vector (or one element) of an axis: where it begins, and how many lanes count. */
interface Slice {
  readonly start: Ix
  readonly valid: number
}

/** Turns of one loop over the columns between the ends of partial sums, and what is done there. */
interface Blocking {
  readonly depth: number
  readonly every: number
  readonly end: () => void
}

/** Bytes of a buffer that is not in the second-level cache. */
const FAR = 1 << 20

/** Units that keep any processor's cores busy, and are work enough to be handed out one by one. */
const ENOUGH_UNITS = 64
const MOST_UNITS = 256

export const printLoop = (given: LoopKernel, width: number): Printed => {
  const kernel = withoutDivision(given)
  const { rows, cols, reductions } = kernel
  const plan = planOf(kernel, width)
  const b = block(pointersOf(kernel))
  const ordered = kernel.stores.some((s) => s.mode === 'add')
  const lanesOfRow = plan.vector === 'row' ? rows.at(-1)! : null
  const lanesOfCol = plan.vector === 'column' ? cols.at(-1)! : null
  let nextAxis = -2

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
    const [i, q] = [axisName(axis), axisName({ id: nextAxis--, extent: 0 })]
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
      const turn: Axis = { id: nextAxis--, extent: Math.floor(length / step) }
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
  const scratchOf = (s: Scalar): number => kernel.buffers.length + SCRATCH.indexOf(s.dtype)
  const keptAt = (s: Scalar, row: number, place: (a: Axis) => Ix, valid: number): Ix => {
    const first = I.offset(I.scale(column, wide), kept.indexOf(s) * slot + (plan.vector === 'row' ? width * row : 0))
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

  // -- memory is asked for ahead: the second of several passes over a row leaves it idle, and the next row, or the one to store, far
  const far = (buffer: number): boolean => 4 * kernel.buffers[buffer]!.size >= FAR
  const lastRow = rows.at(-1)
  const ahead =
    lanesOfCol === null || lastRow === undefined || plan.passes.length < 2 || plan.passes[1]!.reductions.length === 0
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
          if (p === 1) prefetch(frame)
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
      rowBody([null])
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
      rowBody,
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
  const iterations = rows.reduce((n, a) => n * a.extent, columns)
  const scalars = S.linearize(roots)
  const moved = scalars.filter((s) => s.kind === 'load').length + kernel.stores.length
  const lanes = plan.vector === 'none' ? 1 : width
  const work = iterations * (scalars.length / lanes + (4 * moved) / BYTES_OF_WORK)
  return { prelude: [], body: b.text(), units, work, turns: 16, scratchBytes: 4 * slot * kept.length, kernel }
}
