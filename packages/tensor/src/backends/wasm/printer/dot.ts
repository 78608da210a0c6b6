/**
 * Prints a dot as a register-blocked product: tiles of 2 rows x 16 columns stay in eight accumulators while k runs, each
 * step of k loading four vectors of b and spreading two elements of a. Elements of b are first copied, four vectors side
 * by side, into a panel that stays in cache for all rows (so any scalar will do, evaluated once); so are those of a
 * where they do not already lie along k. A few rows over a b that lies along k are inner products instead, with the lanes along k.
 *
 * Long k is cut into blocks, outermost, so that what is packed is used by all rows and columns at hand while it is in a cache:
 *
 *     for each block of rows:               256 of them
 *       for each block of columns:          as many panels as have room for their sums, and fewer where units would be few
 *         for each block of k:              256 steps
 *           pack a                          rows x steps
 *           for each panel of 16 columns:   pack b, steps x 16; for each two rows: a tile, added to the sums so far
 *
 * A block of rows and one of columns are a unit of work. Where rows of sums are reduced, a block has all columns, and once their sums are
 * whole, the passes of a loop over them (passes.ts).
 */
import { dtypes } from '../../../base/dtype.ts'
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import { rowsOfDot } from '../../../loops/rows-of-dot.ts'
import * as S from '../../../loops/scalar.ts'
import { access, extremum, i32 } from './arithmetic.ts'
import { emitter, type Val } from './emitter.ts'
import { innerProducts } from './inner.ts'
import { code } from './instructions.ts'
import type { Printed } from './loop.ts'
import { isBelowGreatest, LANES, passesOver } from './passes.ts'
import { type Column, columnsFrom, KC, MR, packAlongK, packAlongM, packColumns, type Steps, type Work } from './pack.ts'
import { liesAlongK, stridesOf } from '../../linear/operand.ts'
import { accessCost, planOf } from '../../linear/plan.ts'
import { columnBlocks } from '../../linear/units.ts'
import type { Candidate } from '../../tuner/candidate.ts'
import { choicesOf, type DotChoice, type Extents, shippedChoice } from './dot-choice.ts'
import { type Frame, type Pointer, printer } from './printer.ts'
import { accumulate, sumsOfTile } from './tile.ts'

/** Bytes of sums that wait in scratch for the next block of k, beside packed a in the same cache. */
const WAITING_BYTES = 1 << 19
/** Rows that repay packing them, or all of b for them, and blocks of whole rows that keep the threads of a process busy. */
const ROWS_REPAY = 32
const ENOUGH_BLOCKS = 16
/** Rows up to which inner products beat packing a b that lies along k. */
const FEW = 4
/** Columns that repay packing the rows of a block, once or once more. */
const COLUMNS_REPAY = 64
/** Columns of a turn of inner products. */
const INNER_COLUMNS = 8
/** Tiles packed at once from memory along m: a cache line of it. */
const GROUP = 8

/** Steps of k from which it is not felt that stores run against the lanes. */
const LONG_K = 128

/**
 * The same product transposed, where that makes the stores run along the lanes; or where the transposed product has the smaller
 * a, of which all rows of a block wait packed in scratch, and of b one panel. That is where k is long and neither operand lies
 * along it, as for the gradient of a matrix of weights: both are packed then, whichever is a. Rows that are reduced stay rows.
 */
const oriented = (kernel: DotKernel): DotKernel => {
  const { m, n, k, a, b } = kernel
  if (kernel.reductions.length > 0) return kernel
  const stores = kernel.stores.map((s) => s.at)
  const better = m.extent >= 4 && accessCost(stores, m) < accessCost(stores, n)
  const across = !liesAlongK(a, k, m) && !liesAlongK(b, k, n)
  const smaller = k.extent >= LONG_K && across && n.extent > FEW && n.extent < m.extent
  return n.extent === 1 || better || smaller ? { ...kernel, m: n, n: m, a: b, b: a } : kernel
}

const extentsOf = (kernel: DotKernel): Extents => {
  const { b, m, n, k } = kernel
  return { rows: m.extent, stored: stridesOf(b, [n, k], kernel)?.dtype ?? null, elements: n.extent * k.extent }
}

/** How the device may cut a product; the first is how it does unless it is told. */
export const dotChoices = (given: DotKernel): readonly Candidate<DotChoice>[] => choicesOf(extentsOf(oriented(given)))

/** `chosen`: how the work is cut, as far as no bit depends on it; null as it is shipped. `fused`: whether tiles multiply and add at once. */
export const printDot = (given: DotKernel, chosen: DotChoice | null = null, fused = false): Printed => {
  const kernel = oriented(given)
  const { batch, m, n, k, buffers } = kernel
  const choice = chosen ?? shippedChoice(extentsOf(kernel))
  const e = emitter(buffers.length + 3)
  const loops = new Map<number, Val>()
  const scratch = e.param(2 + buffers.length)
  const pointers = buffers.map(({ dtype, read, write }, i) => ({ base: e.param(2 + i), dtype, changes: read && write }))
  const print = printer(e, pointers, loops)
  let nextAxis = -2
  const axis = (extent: number): Axis => ({ id: nextAxis--, extent })

  // -- the shape of the work
  const a = stridesOf(kernel.a, [m, k], kernel)
  const b = stridesOf(kernel.b, [n, k], kernel)
  const aAlongK = m.extent === 1 || liesAlongK(kernel.a, k, m)
  const reduces = kernel.reductions.length > 0
  const inner = !reduces && m.extent <= FEW && aAlongK && liesAlongK(kernel.b, k, n)
  const aDirect =
    a?.dtype === 'f32' &&
    a.along(k) > 0 &&
    a.along(m) >= 0 &&
    (m.extent <= MR || (a.along(k) === 1 && (m.extent <= ROWS_REPAY || n.extent < COLUMNS_REPAY)))
  const bDirect = b !== null && b.along(n) === 1 && b.along(k) > 0 && m.extent < choice.copyFrom
  const nv = choice.vectors
  const items = batch.reduce((count, x) => count * x.extent, 1)
  const width = inner ? INNER_COLUMNS : 4 * nv
  const panels = Math.ceil(n.extent / width)
  // Blocks of whole rows: their sums wait in the cache, and there are enough of them.
  const whole = Math.min(WAITING_BYTES / (16 * nv * panels), (items * m.extent) / ENOUGH_BLOCKS)
  const most = reduces ? Math.max(ROWS_REPAY, MR * GROUP * Math.floor(whole / (MR * GROUP))) : choice.blockRows
  const blockRows = Math.min(choice.blockRows, most)
  const blocks = inner ? 1 : Math.max(1, Math.ceil(m.extent / blockRows))
  const pairs = Math.floor(m.extent / MR)
  const pairsOfBlock = blocks === 1 ? pairs : blockRows / MR
  const kBlocks = Math.max(1, Math.ceil(k.extent / KC))
  const depth = Math.min(KC, k.extent)

  // -- scratch, in bytes: packed a, the panel of b, sums that wait for the next block of k
  const rowsOfBlock = blocks === 1 ? m.extent + (m.extent % MR) : blockRows
  const waits = !inner && (kBlocks > 1 || reduces)
  const room = !waits || reduces ? panels : Math.max(1, Math.floor(WAITING_BYTES / (rowsOfBlock * nv * 16)))
  const mostBlocks = aDirect || inner ? Infinity : Math.max(1, Math.floor(n.extent / COLUMNS_REPAY))
  const wanted = Math.min(choice.enoughUnits, items * blocks * mostBlocks)
  const panelsOfBlock = reduces ? panels : Math.min(room, columnBlocks(panels, items * blocks, wanted).panels)
  const blocksOfN = Math.max(1, Math.ceil(panels / panelsOfBlock))
  const units = m.extent * n.extent > 0 ? items * blocks * blocksOfN : 0
  const aBytes = aDirect || inner ? 0 : rowsOfBlock * depth * 4 + 64
  const bBytes = bDirect || inner ? 0 : (depth + 4) * nv * 16
  // sums of a row side by side; a little more than a power of two, so that rows are in different sets of the cache
  const rowOfSums = panelsOfBlock * nv * 16 + 16
  const sumBytes = waits ? rowsOfBlock * rowOfSums : 0
  const panelAt = e.op('iadd', scratch, i32(e, aBytes))
  const sumsAt = e.op('iadd', panelAt, i32(e, bBytes))
  const keptAt = e.op('iadd', sumsAt, i32(e, sumBytes))

  const unit = axis(units)
  const pair = axis(pairs)
  const item = I.unflatten(
    I.div(I.ofAxis(unit), blocks * blocksOfN),
    batch.map((x) => x.extent),
  )
  const rowBlock = I.mod(I.div(I.ofAxis(unit), blocksOfN), blocks)
  const columnBlock = I.mod(I.ofAxis(unit), blocksOfN)
  const frame: Work['frame'] = (place, over = {}) => ({
    vector: null,
    valid: 4,
    place: (x, lane) => place(x, lane) ?? item[batch.indexOf(x)] ?? I.ofAxis(x),
    reduced: () => e.constant('f32', 0),
    kept: () => null,
    ...over,
  })
  const work: Work = { e, print, kernel, loops, axis, frame }
  const plain = frame(() => null)

  /** The stores of four columns of a row. */
  const finish = (row: Ix, column: Column, sum: Val): void => {
    const over: Partial<Frame> = { vector: n, valid: column.valid, reduced: () => sum }
    const at = frame((x, lane) => (x === n ? column.at(lane) : x === m ? row : null), over)
    print.stores(at, kernel.stores)
  }
  /** The panels of the unit's block of columns, each with its position in the block. */
  const overPanels = (body: (columns: readonly Column[], position: Val) => void): void => {
    const whole = Math.floor(n.extent / width)
    const panel = axis(whole)
    const part = print.position(plain, columnBlock)
    const start = e.op('imul', part, i32(e, panelsOfBlock))
    const after = e.op('iadd', start, i32(e, panelsOfBlock))
    const within = (i: Val): Val => e.op('isub', i, start)
    e.loop(start, blocksOfN > 1 ? extremum(e, 'minS', after, i32(e, whole)) : i32(e, whole), (i) => {
      loops.set(panel.id, i)
      body(columnsFrom(I.scale(I.ofAxis(panel), width), width), within(i))
    })
    if (n.extent % width === 0) return
    e.when(e.op('ieq', part, i32(e, blocksOfN - 1)), () =>
      body(columnsFrom(I.constant(whole * width), n.extent % width), within(i32(e, whole))),
    )
  }

  let keptBytes = 0
  /** What is made of the rows of the unit's block, whose sums are in scratch. */
  const reduceRows = (): void => {
    const [sums, kept] = [buffers.length, buffers.length + 1]
    const floats = (base: Val): Pointer => ({ base, dtype: 'f32', changes: true })
    const first = print.position(plain, I.scale(rowBlock, blockRows))
    const local = axis(rowsOfBlock)
    const at = I.add(I.scale(I.ofAxis(local), rowOfSums / 4), I.ofAxis(n))
    const loop = rowsOfDot(kernel, S.load(sums, at, 'f32'))
    const places = [...pointers, floats(sumsAt), floats(keptAt)]
    const ofRows = printer(e, places, loops, (x) => isBelowGreatest(loop, x))
    const place = (x: Axis): Ix => item[batch.indexOf(x)] ?? I.ofAxis(x)
    const passes = {
      e,
      print: ofRows,
      kernel: loop,
      plan: planOf(loop, LANES, { vector: 'column', interleaved: true }),
      loops,
      axis,
      place,
    }
    const { row, bytes } = passesOver({ ...passes, scratch: kept })
    keptBytes = bytes
    const after = e.op('isub', i32(e, m.extent), first)
    e.loop(i32(e, 0), blocks === 1 ? i32(e, m.extent) : extremum(e, 'minS', after, i32(e, blockRows)), (i) => {
      loops.set(local.id, i)
      loops.set(m.id, e.op('iadd', first, i))
      row([null])
    })
  }

  const blocked = (): void => {
    const first = print.position(plain, I.scale(rowBlock, pairsOfBlock))
    const after = e.op('iadd', first, i32(e, pairsOfBlock))
    const end = blocks > 1 ? extremum(e, 'minS', after, i32(e, pairs)) : i32(e, pairs)
    const within = (i: Val): Val => e.op('isub', i, first)
    /** Where the packed rows of a tile begin, given its position in the block. */
    const tileBytes = 4 * MR * depth
    const packed = (position: Val): Val => e.op('iadd', scratch, e.op('imul', position, i32(e, tileBytes)))
    type Visit = (row: Ix, count: number, position: Val) => void
    const overPairs = (from: Val, visit: Visit): void => {
      e.loop(from, end, (i) => {
        loops.set(pair.id, i)
        visit(I.scale(I.ofAxis(pair), MR), MR, within(i))
      })
      if (m.extent % MR === 0) return
      const odd = (): void => visit(I.constant(m.extent - 1), 1, within(i32(e, pairs)))
      // The last pair may end the block before.
      e.when(e.op('ieq', print.position(plain, rowBlock), i32(e, blocks - 1)), odd)
    }
    const packRows = (steps: Steps): void => {
      if (aAlongK) {
        overPairs(first, (row, count, position) => packAlongK(work, row, count, steps, packed(position)))
        return
      }
      const group = axis(pairs)
      const groups = e.op('ishrs', within(end), i32(e, Math.log2(GROUP)))
      e.loop(i32(e, 0), groups, (g) => {
        const position = e.op('imul', g, i32(e, GROUP))
        loops.set(group.id, e.op('iadd', first, position))
        packAlongM(work, I.scale(I.ofAxis(group), MR), MR * GROUP, steps, packed(position), tileBytes)
      })
      const rest = e.op('iadd', first, e.op('imul', groups, i32(e, GROUP)))
      overPairs(rest, (row, count, position) => packAlongM(work, row, count, steps, packed(position), tileBytes))
    }
    const runTile = (
      columns: readonly Column[],
      sumsAt: Val,
      row: Ix,
      count: number,
      position: Val,
      { start, length }: Steps,
    ): void => {
      const vectors = columns.length
      const waiting = e.op('iadd', sumsAt, e.op('imul', position, i32(e, MR * rowOfSums)))
      const sums = sumsOfTile(e, count, vectors)
      if (length > 0) {
        const corner = frame((x) => (x === m ? row : x === k ? start : x === n ? columns[0]!.at(0) : null))
        accumulate(
          e,
          {
            rows: count,
            vectors,
            length,
            fused,
            a: aDirect
              ? { from: print.address(corner, a.buffer, a.at), step: 4 * a.along(k) }
              : { from: { base: packed(position), offset: 0 }, step: 4 * MR },
            dtypeOfB: bDirect ? b.dtype : 'f32',
            rowOfA: aDirect ? 4 * a.along(m) : 4,
            b: bDirect
              ? { from: print.address(corner, b.buffer, b.at), step: dtypes[b.dtype].bytes * b.along(k) }
              : { from: { base: panelAt, offset: 0 }, step: 16 * vectors },
          },
          sums,
        )
      }
      const isLast = start.terms.length === 0 && start.constant + length === k.extent
      sums.forEach((ofRow, i) =>
        ofRow.forEach((sum, j) => {
          const at = i * rowOfSums + j * 16
          const others = (): Val => e.pinned(access(code.v128Load, at), [waiting], 'f32', true)
          const whole = kBlocks > 1 ? e.op('fadd', others(), e.read(sum)) : e.read(sum)
          if (isLast && !reduces) finish(I.offset(row, i), columns[j]!, whole)
          else e.effect(access(code.v128Store, at), [waiting, whole])
        }),
      )
    }

    const overSteps = (body: (steps: Steps) => void): void => {
      const done = (kBlocks - 1) * KC
      const blockOfK = axis(kBlocks) // the last one apart, since its tiles are finished
      e.loop(0, kBlocks - 1, (i) => {
        loops.set(blockOfK.id, i)
        body({ start: I.scale(I.ofAxis(blockOfK), KC), length: KC })
      })
      body({ start: I.constant(done), length: k.extent - done })
    }
    if (kBlocks > 1) e.effect(code.memoryFill, [sumsAt, i32(e, 0), i32(e, sumBytes)])
    overSteps((steps) => {
      if (!aDirect) packRows(steps)
      overPanels((columns, panel) => {
        if (!bDirect) packColumns(work, columns, steps, panelAt)
        const sumsOfIt = e.op('iadd', sumsAt, e.op('imul', panel, i32(e, 16 * nv)))
        overPairs(first, (row, count, position) => runTile(columns, sumsOfIt, row, count, position, steps))
      })
    })
    if (reduces) reduceRows()
  }

  if (units > 0)
    e.loop(e.param(0), e.param(1), (u) => {
      loops.set(unit.id, u)
      if (inner) overPanels((columns) => innerProducts(work, columns, finish))
      else blocked()
    })
  const scratchBytes = inner ? 0 : aBytes + bBytes + sumBytes + keptBytes
  return { run: e.finish(), units, work: (items * m.extent * n.extent * k.extent) / 4, scratchBytes }
}
