/**
 * Prints a dot as a register-blocked product: tiles of sums stay in registers while k runs (tile.ts). k is cut into blocks, and
 * within one, b is first copied into panels as wide as a tile that stay in the second-level cache (packing.ts) for many rows; so
 * is a where it does not lie plainly in memory. A few rows read a b that lies well in place. The rows of one tile take all the
 * columns of a block, so that what is stored goes along memory:
 *
 *     for each stretch of units (a batch, a block of columns, groups of rows)
 *       for each block of k                       sums of blocks are added up in scratch
 *         copy b [k][columns], copy a [rows][k]
 *         for the rows of each tile, for each panel: tile
 *           after the last block: the stores of these rows, or the passes over them that reduce them (passes.ts)
 *
 * A unit of work is a group of rows in a block of columns. Units that are run together share the copy of b; what an element's
 * sum is made of, and in what order, depends on k alone. Where rows are reduced, a block of columns is all of them.
 */
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import { rowsOfDot } from '../../../loops/rows-of-dot.ts'
import * as S from '../../../loops/scalar.ts'
import { planOf } from '../../linear/plan.ts'
import { block } from './block.ts'
import { type At, dotCode } from './dot-code.ts'
import type { DotChoice } from './dot-choice.ts'
import { dotShape } from './dot-shape.ts'
import { axisName, type Named, steps } from './frame.ts'
import { BYTES_OF_WORK, type Printed, pointersOf, SCRATCH } from './function.ts'
import { passesOver } from './passes.ts'
import { type Columns, type OverRows, packA, packB, packedRow, type Stretch } from './packing.ts'
import { contracted, innerName, innerText, tileName, tileText, transposeText } from './tile.ts'

/** `choice`: how the work is cut, as far as no bit depends on it; null as it is shipped. */
export const printDot = (given: DotKernel, width: number, choice: DotChoice | null = null): Printed => {
  const shape = dotShape(given, width, choice)
  const { kernel, rows, vectors, panel, panels, panelsOfBlock, columnBlocks, groups, groupRows, units } = shape
  const { kBlock, kBlocks, sumStride, sumsAt } = shape
  const { batch, m, n, k } = kernel
  const code = block(pointersOf(kernel))
  const dot = dotCode(code, kernel, width)
  const { axis, frame, plain, lane, over, only } = dot

  const group = axis(groups)
  const columnBlock = axis(columnBlocks)
  const firstRow = I.scale(I.ofAxis(group), groupRows)
  const firstColumn = I.scale(I.ofAxis(columnBlock), panelsOfBlock * panel)
  const inLastBlock = columnBlocks === 1 ? '' : `if (${axisName(columnBlock)} == ${columnBlocks - 1})`
  /** Of so many in all, those of this block of columns, which are `most` unless it is the last. */
  const ofBlock = (all: number, most: number): string =>
    columnBlocks === 1 ? String(all) : `LESS(${most}, ${all} - ${axisName(columnBlock)} * ${most})`
  const columns: Columns = {
    start: firstColumn,
    panels: panels === 0 ? '0' : ofBlock(panels, panelsOfBlock),
    rest: { condition: inLastBlock, columns: n.extent - panels * panel },
  }

  const overRows: OverRows = (by, body) => {
    const whole = Math.floor(m.extent / by)
    const ofGroup = groupRows / by
    const turn = axis(Math.max(2, Math.min(whole, shape.together * ofGroup)))
    const all = groups === 1 ? String(whole) : `LESS(some * ${ofGroup}, ${whole} - ${axisName(group)} * ${ofGroup})`
    if (whole === 1) only('', () => body(I.constant(0), by))
    if (whole > 1) over(turn, all, () => body(steps(turn, by, 0), by))
    if (m.extent % by === 0) return
    const rest = I.sub(I.constant(whole * by), firstRow)
    only(groups === 1 ? '' : `if (${axisName(group)} + some == ${groups})`, () => body(rest, m.extent % by))
  }

  const tiles = new Map<string, string>()
  /** Where the sum of a row of a tile, and of a column, is in scratch. */
  const sumAt = (local: Ix, down: Ix, column: Ix): Ix => {
    const ofTile = kBlocks > 1 ? I.scale(local, sumStride) : I.constant(0)
    return I.offset(I.add(I.add(ofTile, I.scale(down, sumStride)), column), sumsAt)
  }

  const runTile = (local: Ix, count: number, { start, length }: Stretch, more: string): void => {
    const row = I.add(firstRow, local)
    const at =
      (column: Ix): At =>
      (x) =>
        x === m ? row : x === k ? start : x === n ? column : null
    const { a, b } = shape
    const ofA =
      a !== null
        ? [`b${a.buffer} + ${code.index(frame(1, at(I.constant(0))), a.at)}`, a.along(m), a.along(k)]
        : [
            `s_f32 + ${code.index(plain, packedRow(shape, width, local, length))}`,
            shape.aAlongK ? length : 1,
            shape.aAlongK ? 1 : width,
          ]
    const call = (ofB: string, stepB: number, wide: number, columnsHere: number, sums: string): void => {
      if (shape.inner) {
        const name = innerName(columnsHere, length % width)
        tiles.set(name, innerText(columnsHere, length % width, width))
        code.line(`${name}(${[ofA[0], ofA[1], count, ofB, stepB, length, sums, sumStride, more].join(', ')});`)
        return
      }
      tiles.set(tileName(count, wide), tileText(count, wide))
      code.line(`${tileName(count, wide)}(${[...ofA, ofB, stepB, length, sums, sumStride, more].join(', ')});`)
    }
    const onPanel = (column: Ix, local: Ix, packed: Ix, wide: number, columnsHere: number): void => {
      const sums = `s_f32 + ${code.index(plain, sumAt(localRow, I.constant(0), local))}`
      if (b === null) call(`s_f32 + ${code.index(plain, packed)}`, wide * width, wide, columnsHere, sums)
      else {
        const from = `b${b.buffer} + ${code.index(frame(1, at(column)), b.at)}`
        call(from, shape.inner ? b.along(n) : b.along(k), wide, columnsHere, sums)
      }
    }
    const localRow = local
    if (panels > 0) {
      const p = axis(Math.max(2, panelsOfBlock))
      over(p, columns.panels, () =>
        onPanel(
          I.add(firstColumn, I.scale(I.ofAxis(p), panel)),
          I.scale(I.ofAxis(p), panel),
          I.offset(I.scale(I.ofAxis(p), shape.panelStride(length)), shape.bAt),
          vectors,
          panel,
        ),
      )
    }
    const rest = columns.rest.columns
    if (rest > 0)
      only(inLastBlock, () =>
        onPanel(
          I.constant(panels * panel),
          I.constant((panels - (columnBlocks - 1) * panelsOfBlock) * panel),
          I.constant(shape.bAt + panelsOfBlock * shape.panelStride(length)),
          Math.ceil(rest / width),
          rest,
        ),
      )
  }

  let keptFloats = 0
  /** What is made of a whole row of sums: the passes of a loop over columns that lie in scratch. */
  const reduceRow = (local: Ix, down: Ix): void => {
    const scratch = kernel.buffers.length + SCRATCH.indexOf('f32')
    const loop = rowsOfDot(kernel, S.load(scratch, sumAt(local, down, I.ofAxis(n)), 'f32'))
    const plan = planOf(loop, width, { vector: 'column' })
    const { row, floats } = passesOver({
      ...{ code, kernel: loop, plan, width, axis, scratch },
      ...{ taken: shape.floats, onSecond: () => undefined },
    })
    keptFloats = floats
    code.open('', [m])
    code.line(`const long ${axisName(m)} = ${code.index(plain, I.add(I.add(firstRow, local), down))};`)
    row([null])
    code.close()
  }

  /** What is made of the sums of a tile's rows, row by row. */
  const store = (local: Ix, count: number): void => {
    const storeRow = (down: Ix): void => {
      const row = I.add(I.add(firstRow, local), down)
      const of = (localColumn: Ix, column: Ix, valid: number): void => {
        const from = code.index(plain, sumAt(local, down, localColumn))
        const sum: Named = { ...code.variable('const vf', `load_f(s_f32 + ${from}, W)`), varies: true }
        const place: At = (x) => (x === n ? lane(column, valid) : x === m ? row : null)
        code.stores(
          frame(valid, place, () => sum),
          kernel.stores,
        )
      }
      const perBlock = panelsOfBlock * vectors
      const whole = Math.floor(n.extent / width)
      const v = axis(Math.max(2, Math.min(whole, perBlock + vectors)))
      const left = whole - (columnBlocks - 1) * perBlock
      const all =
        columnBlocks === 1 ? String(whole) : `(${axisName(columnBlock)} == ${columnBlocks - 1} ? ${left} : ${perBlock})`
      if (whole > 0) over(v, all, () => of(steps(v, width, 0), I.add(firstColumn, I.scale(I.ofAxis(v), width)), width))
      const tail = n.extent % width
      if (tail > 0) only(inLastBlock, () => of(I.constant(left * width), I.constant(whole * width), tail))
    }
    const i = axis(Math.max(2, count))
    const eachRow = (down: Ix): void => (kernel.reductions.length > 0 ? reduceRow(local, down) : storeRow(down))
    if (count === 1) only('', () => eachRow(I.constant(0)))
    else over(i, String(count), () => eachRow(I.ofAxis(i)))
  }

  const onBlock = (stretch: Stretch, more: string, isLast: boolean): void => {
    if (shape.b === null) packB(dot, shape, columns, stretch)
    if (shape.a === null) packA(dot, shape, firstRow, overRows, stretch)
    overRows(rows, (local, count) => {
      runTile(local, count, stretch, more)
      if (isLast) store(local, count)
    })
  }
  const onUnits = (): void => {
    const kTurn: Axis = axis(Math.max(2, kBlocks - 1))
    const done = (kBlocks - 1) * kBlock
    if (kBlocks > 1)
      over(kTurn, String(kBlocks - 1), () =>
        onBlock({ start: steps(kTurn, kBlock, 0), length: kBlock }, `${axisName(kTurn)} > 0`, false),
      )
    only('', () => onBlock({ start: I.constant(done), length: k.extent - done }, kBlocks > 1 ? '1' : '0', true))
  }

  if (units > 0) {
    code.open('for (long unit = lo; unit < hi;)', [...batch, columnBlock, group])
    let stride = 1
    for (const x of [group, columnBlock, ...[...batch].reverse()]) {
      code.line(`const long ${axisName(x)} = (unsigned long)unit / ${stride} % ${Math.max(1, x.extent)};`)
      stride *= Math.max(1, x.extent)
    }
    code.line(`const long some = LESS(LESS(${shape.together}, ${groups} - ${axisName(group)}), hi - unit);`)
    code.line('unit += some;')
    onUnits()
    code.close()
  }
  const prelude = units === 0 ? [] : [transposeText(width), ...[...tiles.values()].map(contracted)]
  const items = batch.reduce((count, x) => count * x.extent, 1)
  const bytes = 4 * (m.extent * k.extent + k.extent * n.extent + m.extent * n.extent)
  const work = items * ((m.extent * n.extent * k.extent) / width + bytes / BYTES_OF_WORK)
  return {
    prelude,
    body: code.text(),
    plain: true,
    units,
    work,
    turns: 2,
    scratchBytes: 4 * (shape.floats + keptFloats),
    kernel,
  }
}
