/**
 * Prints a dot as a register-blocked product: tiles of sums stay in registers while k runs (tile.ts). Elements of b are first
 * copied, the columns of a tile side by side, into a panel that stays in cache for all rows of a block (so any scalar will do,
 * evaluated once); so are those of a where they do not lie plainly in memory. A few rows read a b that lies well in place. Long
 * k is cut into blocks, whose sums are made apart and added up in scratch. A unit of work is a block of rows and one of columns.
 */
import * as I from '../../../loops/ix.ts'
import type { Axis, Ix } from '../../../loops/ix.ts'
import type { DotKernel } from '../../../loops/kernel.ts'
import { liesAlongK, stridesOf } from '../../linear/operand.ts'
import { accessCost } from '../../linear/plan.ts'
import { block } from './block.ts'
import { axisName, type Frame, frameOf, laneOf, type Named, steps } from './frame.ts'
import { type Printed, pointersOf, SCRATCH } from './function.ts'
import { contracted, tileName, tileRows, tileText, tileVectors, transposeText } from './tile.ts'

/** Steps of k in a row: what is added up before it is added to the others. */
const KC = 256
/** Rows that share a packed panel; fewer where their packed a would leave the second-level cache. */
const MC = 256
const PACKED_A_BYTES = 1 << 19
/** Rows below which a copy of b that lies well already is not repaid. */
const REPAYS = 12
/** Units that keep any processor's cores busy. */
const ENOUGH_UNITS = 16
const LONG_K = 128
const FEW = 4

/** The same product transposed, where that makes the stores run along the lanes, or the packed operand the smaller. */
const oriented = (kernel: DotKernel, width: number): DotKernel => {
  const { m, n, k, a, b } = kernel
  const stores = kernel.stores.map((s) => s.at)
  const better = m.extent >= 4 && accessCost(stores, m, width) < accessCost(stores, n, width)
  const across = !liesAlongK(a, k, m, width) && !liesAlongK(b, k, n, width)
  const smaller = k.extent >= LONG_K && across && n.extent > FEW && n.extent < m.extent
  return n.extent === 1 || better || smaller ? { ...kernel, m: n, n: m, a: b, b: a } : kernel
}

/** Columns of a panel: where they begin, the vectors of a tile's row, and how many columns there are. */
interface Panel {
  readonly start: Ix
  readonly vectors: number
  readonly columns: number
}

export const printDot = (given: DotKernel, width: number): Printed => {
  const kernel = oriented(given, width)
  const { batch, m, n, k } = kernel
  const code = block(pointersOf(kernel))
  const scratch = kernel.buffers.length + SCRATCH.indexOf('f32')
  let nextAxis = -2
  const axis = (extent: number): Axis => ({ id: nextAxis--, extent })

  // -- the shape of the work
  const rowsOfTile = Math.min(tileRows(width), Math.max(1, m.extent))
  const vectors = tileVectors(rowsOfTile, width)
  const panelWidth = vectors * width
  const a = stridesOf(kernel.a, [m, k], kernel)
  const b = stridesOf(kernel.b, [n, k], kernel)
  const aAlongK = m.extent === 1 || liesAlongK(kernel.a, k, m, width)
  const aDirect =
    a?.dtype === 'f32' && a.along(k) > 0 && a.along(m) >= 0 && (a.along(k) === 1 || m.extent <= rowsOfTile)
  const bDirect = b?.dtype === 'f32' && b.along(n) === 1 && b.along(k) > 0 && m.extent < REPAYS
  const byCache = Math.floor(PACKED_A_BYTES / (4 * Math.max(1, k.extent)))
  const blockRows = aDirect ? MC : Math.min(MC, Math.max(width, byCache - (byCache % width)))
  const rowBlocks = Math.max(1, Math.ceil(m.extent / blockRows))
  const items = batch.reduce((count, x) => count * x.extent, 1)
  const panels = Math.floor(n.extent / panelWidth)
  const split = Math.max(1, Math.min(panels, Math.ceil(ENOUGH_UNITS / Math.max(1, items * rowBlocks))))
  const panelsOfBlock = Math.max(1, Math.ceil(panels / split))
  const columnBlocks = Math.max(1, Math.ceil(panels / panelsOfBlock))
  const units = m.extent === 0 || n.extent === 0 ? 0 : items * rowBlocks * columnBlocks
  const kBlocks = Math.max(1, Math.ceil(k.extent / KC))

  // -- scratch, in floats: packed a, the panel of b, sums
  const rowsHeld = Math.ceil(Math.min(blockRows, m.extent) / width) * width
  const aFloats = aDirect ? 0 : rowsHeld * k.extent + width
  const bFloats = bDirect ? 0 : (Math.min(KC, k.extent) + width) * panelWidth
  const sumFloats = (rowsHeld + rowsOfTile) * panelWidth
  const bAt = aFloats
  const sumsAt = aFloats + bFloats

  const rowBlock = axis(rowBlocks)
  const columnBlock = axis(columnBlocks)
  const firstRow = I.scale(I.ofAxis(rowBlock), blockRows)
  const nothing = (): Named => ({ text: 'splat_f(0.0f)', level: 0, varies: false })
  /** A frame whose axes stand where `place` says. */
  const frame = (valid: number, place: (x: Axis) => Ix | null, reduced: Frame['reduced'] = nothing): Frame =>
    frameOf(valid, (x) => place(x) ?? I.ofAxis(x), reduced)
  const plain = frame(1, () => null)
  const lane = (start: Ix, valid: number): Ix => I.add(start, I.ofAxis(laneOf(valid)))
  const put = (valid: number, at: Ix, place: (x: Axis) => Ix | null, value: DotKernel['a']): void => {
    const here = frame(valid, (x) => place(x))
    code.stores(here, [{ buffer: scratch, at, value, scope: 'full', mode: 'set' }])
  }
  const over = (x: Axis, end: string, body: () => void, from = '0'): void => {
    const i = axisName(x)
    code.open(`for (long ${i} = ${from}; ${i} < ${end}; ${i}++)`, [x])
    body()
    code.close()
  }
  const only = (condition: string, body: () => void): void => {
    code.open(condition, [])
    body()
    code.close()
  }
  /** Steps of `by` over a length that is known, what remains last. */
  const inSteps = (length: number, by: number, body: (start: Ix, count: number) => void): void => {
    const whole = Math.floor(length / by)
    const step = axis(whole)
    if (whole === 1) only('', () => body(I.constant(0), by))
    if (whole > 1) over(step, String(whole), () => body(steps(step, by, 0), by))
    if (length % by !== 0) only('', () => body(I.constant(whole * by), length % by))
  }
  /** Rows of this block, in groups: what remains of the last block apart, since its size is known. */
  const overRows = (by: number, body: (local: Ix, count: number) => void): void => {
    const whole = Math.floor(m.extent / by)
    const ofBlock = blockRows / by
    const group = axis(Math.min(whole, ofBlock))
    const first = `${axisName(rowBlock)} * ${ofBlock}`
    const at = rowBlocks === 1 ? String(whole) : `LESS(${ofBlock}, ${whole} - ${first})`
    if (whole === 1) only('', () => body(I.constant(0), by))
    if (whole > 1)
      over({ ...group, extent: Math.max(2, group.extent) }, at, () =>
        body(I.scale(I.ofAxis({ ...group, extent: Math.max(2, group.extent) }), by), by),
      )
    if (m.extent % by === 0) return
    const rest = (): void => body(I.constant((whole - (rowBlocks - 1) * ofBlock) * by), m.extent % by)
    only(rowBlocks === 1 ? '' : `if (${axisName(rowBlock)} == ${rowBlocks - 1})`, rest)
  }

  // -- packing
  /** a as [row][step of k] where it lies along k, else as [group of W rows][step of k][row of the group]. */
  const packA = (): void => {
    if (aAlongK)
      overRows(1, (local) =>
        inSteps(k.extent, width, (start, valid) => {
          const step = lane(start, valid)
          const row = I.add(firstRow, local)
          put(valid, I.add(I.scale(local, k.extent), step), (x) => (x === k ? step : x === m ? row : null), kernel.a)
        }),
      )
    else
      overRows(width, (local, valid) => {
        const step = axis(k.extent)
        const row = lane(I.add(firstRow, local), valid)
        over(step, String(k.extent), () => {
          const at = I.add(I.scale(local, k.extent), lane(I.scale(I.ofAxis(step), width), valid))
          put(valid, at, (x) => (x === k ? I.ofAxis(step) : x === m ? row : null), kernel.a)
        })
      })
  }
  /** Steps `start` to `start + length` of the columns of a panel, as [step][column]. */
  const packB = ({ start: column, vectors: count, columns }: Panel, start: Ix, length: number): void => {
    for (let j = 0; j < count; j++) {
      const valid = Math.min(width, columns - j * width)
      const first = I.offset(column, j * width)
      const to = (step: Ix): Ix => I.offset(I.scale(step, count * width), bAt + j * width)
      if (!liesAlongK(kernel.b, k, n, width)) {
        const step = axis(length)
        const at = I.add(start, I.ofAxis(step))
        over(step, String(length), () =>
          put(
            valid,
            lane(to(I.ofAxis(step)), valid),
            (x) => (x === k ? at : x === n ? lane(first, valid) : null),
            kernel.b,
          ),
        )
      } else
        inSteps(length, width, (step, rows) => {
          const t = code.array('vf', 'W')
          const row = axis(valid)
          const each = (l: Ix): void => {
            const at = lane(I.add(start, step), rows)
            const here = frame(rows, (x) => (x === k ? at : x === n ? I.add(first, l) : null))
            code.line(`${t}[${code.index(plain, l)}] = ${code.value(here, kernel.b)};`)
          }
          if (valid === 1) only('', () => each(I.constant(0)))
          else over(row, String(valid), () => each(I.ofAxis(row)))
          code.line(`transpose(${t});`)
          code.line(
            `for (int l = 0; l < ${rows}; l++) store_f(s_f32 + ${code.index(plain, to(step))} + l * ${count * width}, ${t}[l], W);`,
          )
        })
    }
  }

  // -- tiles
  const tiles = new Map<string, string>()
  const runTile = (panel: Panel, local: Ix, count: number, start: Ix, length: number, isLast: boolean): void => {
    const { start: column, vectors: wide, columns } = panel
    tiles.set(tileName(count, wide), tileText(count, wide))
    const row = I.add(firstRow, local)
    const corner = frame(1, (x) => (x === m ? row : x === k ? start : x === n ? column : null))
    const ofA = aDirect
      ? [`b${a.buffer} + ${code.index(corner, a.at)}`, a.along(m), a.along(k)]
      : aAlongK
        ? [`s_f32 + ${code.index(plain, I.add(I.scale(local, k.extent), start))}`, k.extent, 1]
        : [`s_f32 + ${code.index(plain, packedRow(local, start))}`, 1, width]
    const ofB = bDirect ? [`b${b.buffer} + ${code.index(corner, b.at)}`, b.along(k)] : [`s_f32 + ${bAt}`, wide * width]
    const sums = `s_f32 + ${code.index(plain, I.offset(I.scale(local, wide * width), sumsAt))}`
    const more = start.terms.length === 0 ? String(start.constant > 0 ? 1 : 0) : `${code.index(plain, start)} > 0`
    code.line(`${tileName(count, wide)}(${[...ofA, ...ofB, length, sums, more].join(', ')});`)
    if (!isLast) return
    const i = axis(count)
    const each = (down: Ix): void => {
      for (let j = 0; j < wide; j++) {
        const valid = Math.min(width, columns - j * width)
        const sum: Named = {
          ...code.variable(
            'const vf',
            `load_f(${sums} + ${code.index(plain, I.offset(I.scale(down, wide * width), j * width))}, W)`,
          ),
          varies: true,
        }
        const place = (x: Axis): Ix | null =>
          x === n ? lane(I.offset(column, j * width), valid) : x === m ? I.add(row, down) : null
        code.stores(
          frame(valid, place, () => sum),
          kernel.stores,
        )
      }
    }
    if (count === 1) only('', () => each(I.constant(0)))
    else over(i, String(count), () => each(I.ofAxis(i)))
  }
  /** Where the element (row, step) of a packed along m is: [group][step][row of the group]. */
  const packedRow = (local: Ix, start: Ix): Ix =>
    I.add(I.add(I.scale(I.div(local, width), width * k.extent), I.mod(local, width)), I.scale(start, width))

  const onPanel = (panel: Panel): void => {
    const onBlock = (start: Ix, length: number, isLast: boolean): void => {
      if (!bDirect) packB(panel, start, length)
      overRows(rowsOfTile, (local, count) => runTile(panel, local, count, start, length, isLast))
    }
    const kBlock = axis(kBlocks - 1)
    const done = (kBlocks - 1) * KC
    if (kBlocks === 2) only('', () => onBlock(I.constant(0), KC, false))
    if (kBlocks > 2) over(kBlock, String(kBlocks - 1), () => onBlock(steps(kBlock, KC, 0), KC, false))
    only('', () => onBlock(I.constant(done), k.extent - done, true))
  }
  const onUnit = (): void => {
    if (!aDirect) packA()
    const panel = axis(Math.max(2, panels))
    const from = `${axisName(columnBlock)} * ${panelsOfBlock}`
    if (panels > 0)
      over(
        panel,
        `LESS(${from} + ${panelsOfBlock}, ${panels})`,
        () => onPanel({ start: steps(panel, panelWidth, 0), vectors, columns: panelWidth }),
        from,
      )
    const rest = n.extent - panels * panelWidth
    if (rest > 0)
      only(`if (${axisName(columnBlock)} == ${columnBlocks - 1})`, () =>
        onPanel({ start: I.constant(panels * panelWidth), vectors: Math.ceil(rest / width), columns: rest }),
      )
  }

  if (units > 0) {
    code.open('for (long unit = lo; unit < hi; unit++)', [...batch, rowBlock, columnBlock])
    let stride = 1
    for (const x of [columnBlock, rowBlock, ...[...batch].reverse()]) {
      code.line(`const long ${axisName(x)} = (unsigned long)unit / ${stride} % ${Math.max(1, x.extent)};`)
      stride *= Math.max(1, x.extent)
    }
    onUnit()
    code.close()
  }
  const prelude = units === 0 ? [] : [transposeText(width), ...[...tiles.values()].map(contracted)]
  const work = (items * m.extent * n.extent * k.extent) / width
  return { prelude, body: code.text(), units, work, scratchBytes: 4 * (aFloats + bFloats + sumFloats), kernel }
}
